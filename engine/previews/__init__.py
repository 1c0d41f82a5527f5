"""What a feed makes of a file, or of a page of an API: how it is read, what its rows become, how fields are filled.

Decodes and maps, and nothing more: no row is stored, nothing on the far side touched, no cursor moved.
"""

from engine.previews.live import preview_live
from engine.previews.made import FILTERED, MOST, QUARANTINED, REFUSED, STORED, Preview, Refusal, Row, preview_sample

__all__ = [
    "FILTERED",
    "MOST",
    "QUARANTINED",
    "REFUSED",
    "STORED",
    "Preview",
    "Refusal",
    "Row",
    "preview_live",
    "preview_sample",
]
