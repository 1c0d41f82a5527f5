"""Exact decimal numbers."""

import re
from collections.abc import Callable
from decimal import Decimal

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.scalars import text_of

_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?", re.ASCII)
_LONGEST = 30  # digits


def reader() -> Callable[[Value], str]:
    """The shortest decimal text: "1,234.50" is "1234.5", "-0.0" is "0". A comma only groups thousands."""
    return _read


def _read(value: Value) -> str:
    text = text_of(value, "decimal.unreadable", "a number").strip()
    if isinstance(value, float) and "e" in text:
        text = format(Decimal(text), "f")
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]) or len(text) > _LONGEST or isinstance(value, bool):
        raise RecordError("decimal.unreadable", "expected a decimal number such as 1234.5")
    whole = match[2].replace(",", "").lstrip("0") or "0"
    fraction = (match[3] or "").rstrip("0")
    number = f"{whole}.{fraction}" if fraction else whole
    return f"-{number}" if match[1] == "-" and number != "0" else number
