"""The first element of a list."""

from engine.model import Value


def transform(value: Value) -> Value:
    """None for an empty list; what is no list is its own first element."""
    if not isinstance(value, list):
        return value
    return value[0] if value else None
