"""Whether there is no value."""

import re

from engine.model import Value

_ZERO = re.compile(r"\(?\s*[-+]?\s*\$?\s*0*(?:\.0*)?\s*\)?")
_NOT_ZERO = frozenset("123456789")


def transform(value: Value, zero: bool = False) -> bool:
    """True for None, blank text, an empty list or object; with `zero`, for a numeric zero too.

    D-IDS-1: an amount financed of 0.00 means that nothing was financed.
    """
    if value.__class__ is str and value[:1] in _NOT_ZERO and value:
        return False  # nearly every amount, at once
    if value is None or value in ("", [], {}) or (isinstance(value, str) and value.isspace()):
        return True
    if not zero or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return value == 0
    return isinstance(value, str) and "0" in value and _ZERO.fullmatch(value.strip()) is not None
