"""Fields to bytes. Never sees a feed, a database or a transport.

An encoder is one module with a function `encode(fields, settings)`, one line in ENCODERS and one schema in
`schemas/encoders/`. `fields` holds canonical values, where a dotted name has become a map in a map; `settings` are the
export's `encode:` block. What cannot be written raises EncodeError, which names the field and never its value. None is
what has no value: left out of a form, a text and ADF, null in JSON, an empty cell in a table. The same fields give the
same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import EncodeError
from engine.outbound.encode import adf, csv, form, json, text
from engine.outbound.encode.encoded import Encoded, Fields

ENCODERS: dict[str, Callable[[Fields, Mapping[str, Any]], Encoded]] = {
    "adf": adf.encode,
    "csv": csv.encode,
    "form": form.encode,
    "json": json.encode,
    "text": text.encode,
}
# Formats that hold several items in one document: a table, a list, prospects.
MANY: dict[str, Callable[[Sequence[Fields], Mapping[str, Any]], Encoded]] = {
    "adf": adf.encode_many,
    "csv": csv.encode_many,
    "json": json.encode_many,
}

__all__ = ["ENCODERS", "MANY", "Encoded", "encode", "encode_many"]


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """One item as its export's `encode:` block says."""
    return ENCODERS[settings["format"]](fields, settings)


def encode_many(items: Sequence[Fields], settings: Mapping[str, Any]) -> Encoded:
    """Several items in one document, in this order. Raises EncodeError ("encode.single") where the format holds one."""
    kind = settings["format"]
    if kind not in MANY:
        raise EncodeError("encode.single", f"the format {kind} holds one item: expected {', '.join(sorted(MANY))}")
    return MANY[kind](items, settings)
