"""Bytes to records. Never sees a feed, a database or a transport.

A decoder is one module with a function `decode(path, settings, batch)`, one line in DECODERS and
one schema in `schemas/decoders/`. It is lazy, holds a batch in memory (or the document, where a
format is read as a whole), and tells of records that cannot be used as faults; only what spoils
the whole delivery is raised, as DecodeError.
"""

from collections.abc import Callable, Mapping

from engine.decode import csv, fixed, form, json, jsonl, lines, xlsx, xml
from engine.decode.source import Bytes
from engine.model import Decoded, Value

DECODERS: dict[str, Callable[[Bytes, Mapping[str, Value], int], Decoded]] = {
    "csv": csv.decode,
    "json": json.decode,
    "jsonl": jsonl.decode,
    "lines": lines.decode,
    "xml": xml.decode,
    "form": form.decode,
    "fixedWidth": fixed.decode,
    "xlsx": xlsx.decode,
}


def decode(path: Bytes, settings: Mapping[str, Value], batch: int = 5000) -> Decoded:
    """Decode a delivery as its definition's `decode:` block says, `batch` rows at a time.

    `nullValues` are left to the mapping. Raises DecodeError, here or while the batches are read.
    """
    return DECODERS[settings["format"]](path, settings, batch)
