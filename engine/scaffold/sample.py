"""A sample file as columns of values, with the `decode:` block that reads it: by content first, never by a statistic.

Everything goes through the decoders that will read the feed's files, so what is refused there is
refused here, in the same words. Of a long file the first rows are looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.decode import decode
from engine.decode.source import Source, chunks, members, opened
from engine.decode.text import Text, blocks, readable
from engine.errors import DecodeError
from engine.model import Batch, Decoded, Value
from engine.scaffold import documents, fixed, tables
from engine.scaffold.columns import Column

ROWS = 5_000  # rows that are looked at
_LINES = 400  # lines that decide about delimiter and header
_CHARACTERS = 1 << 20
_WIDEST = 1_000  # columns
_HALF = 2
_FEW_CONTROLS = 0.002  # of the characters: text has none, a binary file that decodes has many
_CONTROLS = dict.fromkeys([*range(9), *range(14, 26), *range(27, 31), 127])
_MARKS = {"utf-8": 3, "utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}


@dataclass(frozen=True, slots=True)
class Sample:
    """What a file holds. `why` explains keys of `decode`; `rows` are good ones, `bad` those a run would keep back.

    `head` are the lines above the records of a table, with their header; `path` leads to the
    records of a document; `has_text` says whether a small file of this format can be written as
    UTF-8 text.
    """

    file: Path
    decode: Mapping[str, Value]
    why: Mapping[str, str]
    columns: tuple[Column, ...]
    rows: int
    bad: int
    is_whole: bool  # all rows were looked at
    head: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    has_text: bool = True
    is_lone: bool = False  # the document is its only record


def read(file: Path) -> Sample:
    """Read a sample. Raises DecodeError with what is wrong with it, and OSError where it cannot be opened."""
    if file.is_dir():
        raise DecodeError("sample.folder", f"{file} is a folder; expected one file of the kind that will come")
    if not file.stat().st_size:
        raise DecodeError("file.empty", "the file is empty; expected a sample with a few records")
    if _is_workbook(file):
        return _table(file, {"format": "xlsx"}, {"format": "it is an Excel workbook"}, None)
    source = opened(file, {})
    start = next(chunks(source), b"")
    why = (
        {"format": ""}
        if source.packing == "none"
        else {"format": f"packed with {source.packing}, which is seen by itself"}
    )
    if _begins(start, b"<") and not _begins(start, b"<html", b"<!doctype html"):
        return _document(file, {"format": "xml"}, why)
    text, settings, reasons = _readable(source, start)
    why |= reasons
    if _begins(start, b"{", b"["):
        form = "jsonl" if _is_lines(text) else "json"
        return _document(file, {"format": form, **settings}, why)
    return _table(file, settings, why, text)


def _is_workbook(file: Path) -> bool:
    with file.open("rb") as stream:
        magic = stream.read(4)
        if magic == b"\xd0\xcf\x11\xe0":  # an old workbook, or an encrypted one: the decoder says which
            return True
        if not magic.startswith(b"PK\x03\x04"):
            return False
        return any(member.filename == "xl/workbook.xml" for member in members(stream))


def _begins(start: bytes, *beginnings: bytes) -> bool:
    """Whether the text begins so, whatever its encoding and after blanks and marks."""
    plain = start[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    return plain.startswith(beginnings)


def _readable(source: Source, start: bytes) -> tuple[Text, dict[str, Value], dict[str, str]]:
    """The text, by the engine's own ladder; UTF-16 without a mark shows by its NULs."""
    settings: dict[str, Value] = {}
    why: dict[str, str] = {}
    wide = _wide(start)
    if wide:
        settings["encoding"] = [wide]
        why["encoding"] = "every other byte is 0: UTF-16 without a byte order mark"
    text = readable(source, settings)
    if text.encoding == "windows-1252":
        settings["encoding"] = ["utf-8", "windows-1252"]
        why["encoding"] = "it is no UTF-8, and reads as windows-1252; look at its accented letters"
    elif text.skip and text.encoding != "utf-8":
        why["format"] = "; ".join(filter(None, [why.get("format", ""), f"its byte order mark says {text.encoding}"]))
    beginning = "".join(_lines(text))
    if len(beginning) - len(beginning.translate(_CONTROLS)) > len(beginning) * _FEW_CONTROLS:
        message = "the file is binary; expected csv, xlsx, json, jsonl, xml or text in columns, plain, .gz or .zip"
        raise DecodeError("sample.binary", message)
    return text, settings, why


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: in Latin text, one of every two bytes is 0."""
    part = start[:400]
    if part.startswith((b"\xff\xfe", b"\xfe\xff")) or not part:
        return ""
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if part[offset::2].count(0) > 0.8 * len(part[offset::2]) and not part[1 - offset :: 2].count(0):
            return encoding
    return ""


def _lines(text: Text) -> list[str]:
    """The first lines, with their ends."""
    found: list[str] = []
    weight = 0
    for block in blocks(text):
        for line in block.lines:
            found.append(line)
            weight += len(line)
            if len(found) >= _LINES or weight > _CHARACTERS:
                return found
    return found


def _is_lines(text: Text) -> bool:
    """Whether each of the first lines is an object by itself, and there is more than one."""
    lines = [line.strip() for line in _lines(text) if line.strip()]
    return len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines[:_HALF])


def _first(decoded: Decoded) -> tuple[Batch, bool]:
    """The first batch, and whether it is all there is."""
    batches = list(islice(decoded.batches, 1))
    if not batches:
        raise DecodeError("file.empty", "the file has a header and no record; expected a sample with a few records")
    return batches[0], len(batches[0].rows) < ROWS


# --- rows under a header --------------------------------------------------------------------


def _table(file: Path, settings: Mapping[str, Value], why: Mapping[str, str], text: Text | None) -> Sample:
    if text is None:
        layout = tables.of_cells(*_cells(file))
        made = {**settings, **layout.settings}
    else:
        lines = _lines(text)
        found = tables.delimited(lines)
        layout = found if found is not None else fixed.columns(lines)
        made = {**layout.settings, **settings}
        made = {"format": layout.settings["format"], **made}
    decoded = decode(file, made, ROWS)
    names = decoded.header or ()
    if len(names) > _WIDEST:
        raise DecodeError("sample.wide", f"expected at most {_WIDEST} columns, found {len(names)}")
    batch, is_whole = _first(decoded)
    rows = _good(batch)
    columns = tuple(Column("column", name, name, tuple(row[place] for row in rows)) for place, name in enumerate(names))
    has_text = text is not None and "encoding" not in _forced(why)
    return Sample(
        file, made, {**why, **layout.why}, columns, len(rows), len(batch.faults), is_whole, layout.head,
        notes=layout.notes, has_text=has_text,
    )  # fmt: skip


def _forced(why: Mapping[str, str]) -> Iterator[str]:
    """Keys of `decode` that a test written in UTF-8 cannot be read with."""
    return (key for key, reason in why.items() if key == "encoding" and "UTF-16" in reason)


def _cells(file: Path) -> tuple[list[list[str]], list[int]]:
    """The first rows of the first sheet, as if it had no header, and their numbers."""
    # As many columns as a sheet may have: rows come out narrower, as faults, with their cells.
    decoded = decode(file, {"format": "xlsx", "header": False, "columns": [""] * 16_384}, _LINES)
    batch = next(decoded.batches, None)
    if batch is None:
        raise DecodeError("file.empty", "the first sheet is empty; expected a header and a few rows")
    return [list(row) for row in batch.rows], batch.lines


def _good(batch: Batch) -> list[Value]:
    bad = {fault.index for fault in batch.faults}
    good = [row for index, row in enumerate(batch.rows) if index not in bad]
    if not good:
        code = batch.faults[0].code if batch.faults else "file.empty"
        reason = batch.faults[0].message if batch.faults else "there is none"
        raise DecodeError(code, f"no record of the file can be used: {reason}")
    return good


# --- documents ------------------------------------------------------------------------------


def _document(file: Path, settings: Mapping[str, Value], why: Mapping[str, str]) -> Sample:
    decoded = decode(file, settings, ROWS)
    batch, is_whole = _first(decoded)
    rows: Sequence[Value] = _good(batch)
    path: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    whole = decoded.whole
    is_lone = False
    if whole:
        document = rows[0]
        path, rows = documents.records(document)
        is_lone = not path and isinstance(document, dict)
        is_whole = len(rows) <= ROWS
        rows = rows[:ROWS]
    records = [row for row in rows if isinstance(row, dict)]
    if not records:
        raise DecodeError(
            "sample.noRecords", "the document holds no list of objects; expected records with named values"
        )
    paths, lists = documents.paths(records)
    if not paths:
        raise DecodeError("sample.noRecords", "the records of the document have no values")
    if len(paths) > _WIDEST:
        raise DecodeError("sample.wide", f"expected at most {_WIDEST} values in a record, found {len(paths)}")
    notes = tuple(f"left out: {'.'.join(keys)}, a list; `type: list` takes it in" for keys in lists)
    columns = tuple(
        Column("path", documents.expression(keys), documents.title(keys, paths),
               tuple(documents.value(record, keys) for record in records), keys)
        for keys in paths
    )  # fmt: skip
    bad = (len(batch.faults) if not whole else 0) + len(rows) - len(records)
    has_text = "encoding" not in _forced(why)
    return Sample(
        file, dict(settings), dict(why), columns, len(records), bad, is_whole,
        path=path, notes=notes, has_text=has_text, is_lone=is_lone,
    )  # fmt: skip
