"""Records become contacts, vehicles and activities: compiled once for a delivery, run per batch.

Never reads a file, a database or the network.
"""

from engine.mapping.plan import FeedMapping, compile_mapping
from engine.mapping.records import Portion

__all__ = ["FeedMapping", "Portion", "compile_mapping"]
