"""JSON lines: one object a line. Never stops at a bad line: it is a fault, with its line."""

from collections.abc import Mapping

import orjson

from engine.decode.json import document, is_exact
from engine.decode.source import Bytes, opened
from engine.decode.text import Records, batches, blocks, line_records, long_faults, readable
from engine.errors import DecodeError
from engine.model import Batch, Decoded, Fault, Value


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """Objects; the faults have the codes of `json.document`, and `json.notObject`, `row.tooLong`."""
    text = readable(opened(path, settings), settings)
    records = batches(line_records(blocks(text, settings.get("skipRows", 0))), batch)
    return Decoded(None, map(_parsed, records), encoding=text.encoding, notes=text.notes)


def _parsed(records: Records) -> Batch:
    """A good batch is parsed and checked as a whole; only one with a doubt in it line by line."""
    try:
        rows = list(map(orjson.loads, records.raws))
        if set(map(type, rows)) == {dict} and is_exact("".join(records.raws).encode(), rows):
            return Batch(rows, records.lines, records.raws, [])
    except (orjson.JSONDecodeError, DecodeError):
        pass
    return Batch(*_one_by_one(records))


def _one_by_one(records: Records) -> tuple[list[Value], list[int], list[str], list[Fault]]:
    rows: list[Value] = []
    faults = long_faults(records.lines, records.long)
    for index, (line, raw) in enumerate(zip(records.lines, records.raws, strict=True)):
        row: Value = None
        try:
            row = document(raw.encode())
            if not isinstance(row, dict):
                faults.setdefault(index, Fault(index, line, "json.notObject", "expected an object, found a list"))
        except DecodeError as error:
            faults.setdefault(index, Fault(index, line, error.code, str(error)))
        rows.append(row)
    return rows, records.lines, records.raws, [faults[index] for index in sorted(faults)]
