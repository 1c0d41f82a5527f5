"""The opposite of yes or no."""

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.boolean import reader

_read = reader()


def transform(value: Value) -> bool:
    """True for a blank: nothing that says yes. Raises RecordError ("boolean.unreadable") for other words."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, list | dict):
        raise RecordError("boolean.unreadable", "expected yes or no, found a list or an object")
    return not _read(value)
