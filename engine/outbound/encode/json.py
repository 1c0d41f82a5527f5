"""JSON, compact and in the order of the fields. Never rounds a number: an amount is written digit by digit."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import EncodeError
from engine.model import Value
from engine.outbound.encode.encoded import Encoded, Fields, whole

# The digits of a canonical decimal are those of a number in JSON (RFC 8259, 6), but for zeros in front.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """One object. The fields that `numbers` names are written without quotes; "encode.number" where one is none."""
    return _encoded(_writer(settings)(fields, ""))


def encode_many(items: Sequence[Fields], settings: Mapping[str, Any]) -> Encoded:
    """A list of objects."""
    write = _writer(settings)
    return _encoded(f"[{','.join(write(item, '') for item in items)}]")


def _encoded(text: str) -> Encoded:
    return Encoded(text.encode("utf-8"), "application/json", ".json")


def _writer(settings: Mapping[str, Any]) -> Callable[[Value, str], str]:
    numbers = frozenset(settings.get("numbers", ()))

    def write(value: Value, name: str) -> str:
        if isinstance(value, Mapping):
            inner = (f"{_text(key)}:{write(each, f'{name}.{key}' if name else key)}" for key, each in value.items())
            return f"{{{','.join(inner)}}}"
        if isinstance(value, list | tuple):
            return f"[{','.join(write(each, name) for each in value)}]"  # an element goes by the name of its list
        if isinstance(value, str) and name in numbers:
            return _number(value, name)
        return _text(value) if isinstance(value, str) else json.dumps(value)

    return write


def _number(value: str, name: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise EncodeError("encode.number", f"{name} is to be written as a number, and holds none", name)
    return value


def _text(value: str) -> str:
    return json.dumps(whole(value), ensure_ascii=False)
