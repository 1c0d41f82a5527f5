"""Keys of activities and vehicles: printed from the parts that are present, never from a blank.

A key is text that another delivery of the same record prints again, letter for letter.
"""

from collections.abc import Iterable
from hashlib import blake2b

from engine.model import Value

_DIGEST = 12  # bytes: a collision among ten million keys of a feed is less likely than one in 10^14


def text_of(value: Value) -> str:
    """A canonical value as text; a list or an object by its parts."""
    if value.__class__ is str:
        return str(value)
    if value is None:
        return ""
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(text_of(part) for part in value)
    if isinstance(value, dict):
        return ",".join(f"{name}={text_of(part)}" for name, part in value.items())
    return str(value)


def escaped(value: Value) -> str:
    """A part of a key; `|` and the backslash before it keep parts apart."""
    text = value if value.__class__ is str else text_of(value)
    if "|" in text or "\\" in text:
        return text.replace("\\", "\\\\").replace("|", "\\|")
    return str(text)


def digest(values: Iterable[Value]) -> str:
    """Hex of a hash over values of which some may be blank; a blank differs from every text."""
    parts = ["\x00" if value is None else text_of(value) for value in values]
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=_DIGEST).hexdigest()
