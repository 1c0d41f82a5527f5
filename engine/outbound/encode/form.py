"""name=value pairs, as a web form sends them. What has no value is left out; a blank text is sent as a blank."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from engine.model import Value
from engine.outbound.encode.encoded import Encoded, Fields, whole, written


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """The pairs in the order of the fields, in UTF-8; a list of values repeats its name."""
    is_bracketed = settings.get("nested", "dots") == "brackets"
    pairs = [
        (whole(name), written(value))
        for key, value in fields.items()
        for name, value in _pairs(value, key, is_bracketed)
    ]
    return Encoded(urlencode(pairs).encode("ascii"), "application/x-www-form-urlencoded", ".txt")


def _pairs(value: Value, name: str, is_bracketed: bool) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(inner, _below(name, key, is_bracketed), is_bracketed)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            # What is no plain value needs a number, or nobody could tell which belong together.
            is_plain = not isinstance(each, Mapping | list | tuple)
            yield from _pairs(each, name if is_plain else _below(name, str(index), is_bracketed), is_bracketed)
    elif value is not None:
        yield name, value


def _below(name: str, key: str, is_bracketed: bool) -> str:
    return f"{name}[{key}]" if is_bracketed else f"{name}.{key}"
