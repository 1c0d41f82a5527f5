"""Lists, and the bound on values that have parts."""

from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value

MOST_PARTS = 50_000
_LEAST, _MOST = -(2**63), 2**64 - 1  # of a whole number that can be written and read again exactly


def reader() -> Callable[[Value], list[Value]]:
    """The list; one value alone is a list of one (as XML has it). Nulls in it are left out."""
    return _read


def bounded(value: Value) -> Value:
    """The value, when it has at most 50,000 parts, counted as they would be written out.

    An expression may name one part many times over: what is small in memory can be huge in print.
    Raises RecordError ("value.large"), also for a whole number of more than 64 bits in it.
    """
    left = MOST_PARTS
    waiting = [value]
    while waiting:
        part = waiting.pop()
        left -= 1
        if left < 0:
            raise RecordError("value.large", f"expected a value of at most {MOST_PARTS} parts")
        if isinstance(part, int) and not _LEAST <= part <= _MOST:
            raise RecordError("value.large", "expected whole numbers of at most 64 bits in it: map that one by itself")
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return value


def _read(value: Value) -> list[Value]:
    parts = value if isinstance(value, list) else [value]
    return [part for part in bounded(parts) if part is not None]
