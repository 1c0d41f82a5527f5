"""Records become contacts, vehicles and activities: compiled once for a delivery, run per batch.

Never reads a file, a database or the network.
"""

from engine.mapping.plan import FeedMapping, Kept, compile_mapping
from engine.mapping.records import Portion

__all__ = ["FeedMapping", "Kept", "Portion", "compile_mapping"]
