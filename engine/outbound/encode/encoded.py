"""What encoders share: what they give, names of fields inside fields, and text that can be written as UTF-8. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.model import Value

Fields = Mapping[str, Value]

# What stands in the place of a character that a format cannot hold: seen by whoever reads it, and no reason to keep
# a lead back.
MARK = "\N{REPLACEMENT CHARACTER}"
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes to send, their media type, and how the name of a file with them ends (".csv")."""

    body: bytes
    media: str
    suffix: str


def whole(text: str) -> str:
    """The text with a mark for every half of a surrogate pair, which is no character and has no UTF-8."""
    return _HALVES.sub(MARK, text)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no map, by its dotted name; lists as they are."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def written(value: Any) -> str:
    """A value as text: canonical values are, but for whole numbers and what is true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else whole(str(value))
