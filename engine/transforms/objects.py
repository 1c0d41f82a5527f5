"""Objects."""

from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.lists import bounded


def reader() -> Callable[[Value], dict[str, Value]]:
    """The object as it was sent. Raises RecordError ("object.unreadable") for anything else."""
    return _read


def _read(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise RecordError("object.unreadable", "expected an object")
    bounded(value)
    return value
