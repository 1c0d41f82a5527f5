"""Text as it was sent."""

from collections.abc import Callable

from engine.model import Value
from engine.transforms.scalars import text_of


def reader() -> Callable[[Value], str]:
    """Numbers and booleans of JSON become the text they were written as; nothing is trimmed."""
    return _read


def _read(value: Value) -> str:
    return text_of(value, "string.unreadable", "text")
