"""Whole numbers as people and spreadsheets write them."""

import re
from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.scalars import text_of

_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.0*)?", re.ASCII)
_LONGEST = 18  # digits: what a 64-bit column holds


def reader() -> Callable[[Value], int]:
    """ "1,234" and "180.00" are whole; "1,23", "1.5" and "1e3" are not. At most 18 digits."""
    return _read


def _read(value: Value) -> int:
    if value.__class__ is str and value.isdigit() and value.isascii() and len(value) <= _LONGEST:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    text = text_of(value, "integer.unreadable", "a whole number").strip()
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise RecordError("integer.unreadable", "expected a whole number")
    digits = match[2].replace(",", "").lstrip("0")
    if len(digits) > _LONGEST:
        raise RecordError("integer.unreadable", f"expected a whole number of at most {_LONGEST} digits")
    number = int(digits or "0")
    return -number if match[1] == "-" else number
