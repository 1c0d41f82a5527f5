"""Raw values as text, and text transforms over lists. Reads no options and knows no field."""

from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value


def text_of(value: Value, code: str, expected: str) -> str:
    """A raw scalar as the text it would have in a file; the text itself for text.

    A JSON number keeps its shortest exact form (12.3, never 12.300000000000001). Raises
    RecordError with `code` for a list or an object.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "something else"
    raise RecordError(code, f"expected {expected}, found {kind}")


def over(transform: Callable[..., Value]) -> Callable[..., Value]:
    """A text transform that also takes numbers, and each element of a list."""

    def transformed(value: Value, **arguments: Value) -> Value:
        if isinstance(value, list):
            return [None if item is None else transformed(item, **arguments) for item in value]
        return transform(text_of(value, "transform.unsuitable", "text"), **arguments)

    return transformed


def shown(value: Value) -> str:
    """A value for a message: only what has no letters, for what has may be a name in the wrong column."""
    if not isinstance(value, str):
        return "no text"
    if any(character.isalpha() or character == "@" for character in value):
        return "text with letters"
    return repr(value[:40])
