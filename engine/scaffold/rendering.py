"""A small file in the format of a sample, as text: what stands in a definition's first test. Writes no file."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine.model import Value
from engine.scaffold.sample import Sample

_SKIPPED = "(a line above the header)"


def rendered(sample: Sample, rows: Sequence[Sequence[Value]]) -> str:
    """The rows in the sample's format, UTF-8, with what stands above them."""
    form = sample.decode["format"]
    if form == "csv":
        return _csv(sample, rows)
    if form == "fixedWidth":
        return _fixed(sample, rows)
    records = [_record(sample, row) for row in rows]
    if form == "jsonl":
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return _json(sample, records) if form == "json" else _xml(sample, records)


def _csv(sample: Sample, rows: Sequence[Sequence[Value]]) -> str:
    decode = sample.decode
    delimiter, quote = str(decode.get("delimiter", ",")), str(decode.get("quote", '"'))
    lines: list[Sequence[Value]] = [] if "columns" in decode else [[column.place for column in sample.columns]]
    lines += rows
    above = f"{_SKIPPED}\n" * int(decode.get("skipRows", 0))
    if quote == "none":
        return above + "".join(delimiter.join(map(str, line)) + "\n" for line in lines)
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator="\n").writerows(lines)
    return above + out.getvalue()


def _fixed(sample: Sample, rows: Sequence[Sequence[Value]]) -> str:
    columns = sample.decode["columns"]
    header = [column["name"] for column in columns]
    above = [""] * (sample.decode["skipRows"] - 1)
    lines = [_spaced(columns, row) for row in (header, *rows)]
    return "".join(f"{line}\n" for line in [*above, *lines])


def _spaced(columns: Sequence[dict[str, Any]], row: Sequence[Value]) -> str:
    line = ""
    for column, cell in zip(columns, row, strict=True):
        line = line.ljust(column["start"] - 1) + str(cell)[: column["width"]]
    return line


def _record(sample: Sample, row: Sequence[Value]) -> dict[str, Value]:
    record: dict[str, Value] = {}
    for column, cell in zip(sample.columns, row, strict=True):
        inner = record
        for key in column.keys[:-1]:
            inner = inner.setdefault(key, {})
        inner[column.keys[-1]] = cell
    return record


def _json(sample: Sample, records: Sequence[Value]) -> str:
    if sample.is_lone:
        return json.dumps(records[0], ensure_ascii=False) + "\n"
    before = "".join("{" + json.dumps(key, ensure_ascii=False) + ": " for key in sample.path)
    inner = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return f"{before}[\n{inner}\n]{'}' * len(sample.path)}\n"


def _xml(sample: Sample, records: Sequence[dict[str, Value]]) -> str:
    if sample.is_lone:
        return _element("document", records[0]) + "\n"
    *outer, name = sample.path
    before = "".join(f"<{each}>" for each in outer)
    after = "".join(f"</{each}>" for each in reversed(outer))
    inner = "".join(_element(name, record) + "\n" for record in records)
    return f"<document>{before}\n{inner}{after}</document>\n"


def _element(name: str, value: Value) -> str:
    """An element of this value, as the decoder would make the value of it."""
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>" if value not in (None, "") else f"<{name}/>"
    attributes = "".join(
        f" {key[1:]}={quoteattr(str(inner))}"
        for key, inner in value.items()
        if key.startswith("@") and inner is not None
    )
    content = "".join(
        escape(str(inner or "")) if key == "#text" else _element(key, inner)
        for key, inner in value.items()
        if not key.startswith("@")
    )
    return f"<{name}{attributes}>{content}</{name}>"
