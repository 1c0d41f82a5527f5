"""Delimiter, quote and header of a table, told from its first lines. Never reads a file."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.errors import DecodeError
from engine.model import Value

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", "\x1f": "a unit separator", "^": "^"}
_EVEN = 0.7  # of the rows have as many cells as the header: a delimiter that gives less is none
_FULL = 0.6  # of the cells of a header have a name
_VALUE = re.compile(
    r"[-+($]*\d[\d.,:/%)\s-]*|\S+@\S+\.\S+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\+?[\d\s().-]{7,}|true|false|N/A", re.I
)
_CUT = "unexpected end of data"


class Layout(NamedTuple):
    """The `decode:` block of a table, why its keys are so, and the lines from the first to the header's."""

    settings: Mapping[str, Value]
    why: Mapping[str, str]
    head: tuple[str, ...]
    notes: tuple[str, ...] = ()


class _Parsed(NamedTuple):
    rows: list[list[str]]
    ends: list[int]  # lines read at the end of each row


class _Candidate(NamedTuple):
    share: float
    width: int
    delimiter: str
    quote: str
    parsed: _Parsed


def delimited(lines: Sequence[str]) -> Layout | None:
    """The layout of delimited text; None where no delimiter gives rows of one width.

    Raises DecodeError ("sample.noHeader") where no row can be a header.
    """
    candidates = [
        found
        for delimiter in _DELIMITERS
        for quote in _quotes(lines, delimiter)
        if (found := _candidate(lines, delimiter, quote)) is not None
    ]
    if not candidates:
        return None
    best = max(candidates, key=lambda each: (each.share >= _EVEN, each.width > 1, each.width, each.share))
    if best.share < _EVEN or best.width < 2:  # noqa: PLR2004 - one column is no table
        return None
    settings: dict[str, Value] = {"format": "csv"}
    why = {}
    if best.delimiter != ",":
        settings["delimiter"] = best.delimiter
    why["delimiter"] = f"{_DELIMITERS[best.delimiter]} gives rows of {best.width} cells"
    if best.quote != '"':
        settings["quote"] = best.quote or "none"
        why["quote"] = "quotes inside the cells follow no rule" if not best.quote else "cells stand in apostrophes"
    header, more, reasons, notes = _header(best.parsed.rows)
    above = best.parsed.ends[header] if "columns" in more else (best.parsed.ends[header - 1] if header else 0)
    if above:
        more["skipRows"] = above
    head = tuple(line.rstrip("\r\n") for line in lines[: best.parsed.ends[header]])
    return Layout({**settings, **more}, {**why, **reasons}, head, notes)


def of_cells(rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> Layout:
    """The layout of a sheet, whose rows are cells already; `numbers` are those that Excel shows."""
    if max(sum(bool(cell.strip()) for cell in row) for row in rows) < 2:  # noqa: PLR2004 - one column is no table
        raise narrow()
    header, more, reasons, notes = _header(rows)
    if "columns" in more:
        more["skipRows"] = numbers[header]
    elif header:
        more["skipRows"] = numbers[header] - 1
    return Layout(more, reasons, (), notes)


def narrow() -> DecodeError:
    """What to say of a text without columns."""
    return DecodeError(
        "sample.oneColumn",
        "found one column: no comma, semicolon, tab or bar parts the lines alike, and no columns stand below each "
        "other; is it the right file? (for lines without a structure, write the definition by hand: "
        "`decode: {format: lines}`)",
    )


def _quotes(lines: Sequence[str], delimiter: str) -> tuple[str, ...]:
    text = "".join(lines)
    starts = sum(f"{delimiter}'" in line or line.startswith("'") for line in lines)
    if starts > len(lines) / 2 and text.count("'") > text.count('"'):
        return ("'", "")
    return ('"', "")


def _candidate(lines: Sequence[str], delimiter: str, quote: str) -> _Candidate | None:
    if not any(delimiter in line for line in lines):
        return None
    parsed = _parsed(lines, delimiter, quote)
    if parsed is None:
        return None
    widths = Counter(len(row) for row in parsed.rows if any(cell.strip() for cell in row))
    if not widths:
        return None
    width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
    return _Candidate(count / widths.total(), width, delimiter, quote, parsed)


def _parsed(lines: Sequence[str], delimiter: str, quote: str) -> _Parsed | None:
    """The rows as the decoder reads them; None where this quote does not fit. The last one may be cut."""
    rows: list[list[str]] = []
    ends: list[int] = []
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error as error:
        if str(error) != _CUT or not rows:
            return None
    return _Parsed(rows, ends)


def _header(
    rows: Sequence[Sequence[str]],
) -> tuple[int, dict[str, Value], dict[str, str], tuple[str, ...]]:
    """The index of the header, keys of `decode` where its names cannot be taken as they are, why, and notes."""
    width = Counter(len(row) for row in rows if any(cell.strip() for cell in row)).most_common(1)[0][0]
    index = next((at for at, row in enumerate(rows) if _is_full(row, width)), None)
    if index is None or any(_VALUE.fullmatch(cell.strip()) for cell in rows[index]):
        raise DecodeError(
            "sample.noHeader",
            "the first row holds values where names of columns are expected; put a line of names above it "
            "(and say `header: false` with `columns:` in the definition, if the files come without)",
        )
    why = {"skipRows": f"{index} rows stand above the header"} if index else {}
    if any("\0" in cell for cell in rows[index]):
        raise DecodeError("header.nul", "the header holds NULs; expected text (is it UTF-16, or packed?)")
    names = [unicodedata.normalize("NFC", cell.replace("\ufeff", "").strip()) for cell in rows[index]]
    while len(names) > 1 and not names[-1] and _is_empty(rows[index + 1 :], len(names)):
        names.pop()
    # A header that is narrower than the rows is taken by places; one name too many at its end is not.
    is_narrow = len(names) < width and not _is_empty(rows[index + 1 :], width)
    if all(names) and len(set(names)) == len(names) and not is_narrow and len(rows[index]) >= width:
        return index, {}, why, ()
    made = _named([*names, *[""] * (width - len(names))])
    repeated = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    reason = f"the header has {repeated[0]!r} twice" if repeated else "the header has a column without a name"
    why |= {
        "header": f"{reason}, which a header may not: its line is skipped",
        "columns": "named after their places",
        "skipRows": "the lines up to the header and with it",
    }
    note = f"{reason}; columns are taken by their place, so a file with other columns would not be noticed"
    return index, {"header": False, "columns": made}, why, (note,)


def _is_full(row: Sequence[str], width: int) -> bool:
    named = sum(bool(cell.strip()) for cell in row)
    return abs(len(row) - width) <= 1 and named >= max(2, _FULL * len(row))


def _is_empty(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether no row has anything at this place, counted from 1."""
    return not any(row[place - 1].strip() for row in rows if len(row) >= place)


def _named(names: Sequence[str]) -> list[str]:
    """Names that are all there and all different."""
    made: list[str] = []
    for place, name in enumerate(names, 1):
        wanted = base = name or f"Column {place}"
        number = 2
        while wanted in made or (wanted != name and wanted in names):
            wanted = f"{base} {number}"
            number += 1
        made.append(wanted)
    return made
