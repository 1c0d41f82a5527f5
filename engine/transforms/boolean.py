"""Yes and no."""

from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value

_WORDS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


def reader() -> Callable[[Value], bool]:
    """true, yes, y, 1 and false, no, n, 0 in any case; JSON's true, false, 1 and 0. Nothing else."""
    return _read


def _read(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    found = _WORDS.get(word)
    if found is None:
        raise RecordError("boolean.unreadable", "expected true, yes, y, 1 or false, no, n, 0")
    return found
