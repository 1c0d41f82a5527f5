"""Headers and rows of cells, the same for csv, fixedWidth and xlsx. Never sees text or bytes.

A header is told by place in messages, never by name: a file without a header has a person's
data in its first line.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from engine.decode.source import size
from engine.decode.text import BEGINNING, Records, character_faults
from engine.errors import DecodeError
from engine.model import Batch, Fault, Value

FIELD = 4 << 20  # the most that `maxFieldBytes` may be; csv holds four bytes for each character


class Header(NamedTuple):
    """`names` without trailing empty ones; rows have between len(names) and `widest` cells."""

    names: tuple[str, ...]
    widest: int
    as_sent: list[str]  # the cells of `names`; [] where the names come from the definition
    notes: tuple[tuple[str, str], ...]


def declared(columns: list[str]) -> Header:
    """The header of a file that has none: the definition names its columns."""
    return Header(tuple(columns), len(columns), [], ())


def found(cells: list[str]) -> Header:
    """The header as the file has it: names stripped, NFC, without stray byte order marks.

    Raises DecodeError: `header.blank` (a name in the middle is empty), `header.duplicate`,
    `header.nul`. Empty names at the end are a delimiter too many, and noted.
    """
    if any("\0" in cell for cell in cells):
        raise DecodeError("header.nul", "the header holds NULs; expected text (is it UTF-16, or packed?)")
    names = [unicodedata.normalize("NFC", cell.replace("\ufeff", "").strip()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names or "" in names:
        place = names.index("") + 1 if names else 1
        raise DecodeError("header.blank", f"column {place} of the header has no name; expected a name for each column")
    if len(set(names)) < len(names):
        first, second = _twins(names)
        raise DecodeError("header.duplicate", f"columns {first} and {second} of the header have the same name")
    return Header(tuple(names), len(cells), cells[: len(names)], _notes(cells, names))


def headed(parts: Iterator[Records]) -> tuple[Header, Iterator[Records]]:
    """The first record with text as the header, and what follows it. Raises DecodeError: `file.empty`."""
    for rows, lines, raws, long in parts:
        for index, row in enumerate(rows):
            if not is_blank(row):
                rest = Records(rows[index + 1 :], lines[index + 1 :], raws[index + 1 :], long)
                return found(row), chain((rest,), parts)
    raise DecodeError("file.empty", "expected a header, found no line with text")


def checked(records: Iterator[Records], header: Header, settings: Mapping[str, Value]) -> Iterator[Batch]:
    """Check rows in bulk; those that cannot be used are faults of their batch."""
    width = len(header.names)
    longest = min(size(settings.get("maxFieldBytes", 1 << 20)), FIELD)
    for rows, lines, raws, long in records:
        if header.widest > width:
            _trim(rows, width)
        faults: dict[int, Fault] = {}
        if width == 1 or set(map(len, rows)) != {width}:
            rows, lines, raws = _without_blanks(rows, lines, raws)
            faults |= _uneven(rows, lines, width)
        if not rows:
            continue
        if header.as_sent and rows.count(header.as_sent):
            faults |= _repeated(rows, lines, header)
        faults |= character_faults(raws, lines)
        # A character has at most four bytes: only a record this long can have such a field.
        if long or max(map(len, raws)) * 4 > longest:
            faults |= _long(rows, lines, raws, long, longest)
        yield Batch(rows, lines, raws, [faults[index] for index in sorted(faults)])


def is_blank(row: list[str]) -> bool:
    """Whether the line has no cell, or one that is only blanks where a quoted one would have no length."""
    return not row or (len(row) == 1 and row[0].isspace())


def _without_blanks(
    rows: list[list[str]], lines: list[int], raws: list[str]
) -> tuple[list[list[str]], list[int], list[str]]:
    """Blank lines are no records. A record that is too long has no cells either, but text."""
    kept = [index for index, row in enumerate(rows) if not is_blank(row) or not raws[index].isspace()]
    return [rows[index] for index in kept], [lines[index] for index in kept], [raws[index] for index in kept]


def _twins(names: list[str]) -> tuple[int, int]:
    second = next(index for index, name in enumerate(names) if name in names[:index])
    return names.index(names[second]) + 1, second + 1


def _notes(cells: list[str], names: list[str]) -> tuple[tuple[str, str], ...]:
    notes = []
    changed = sum(cell != name for cell, name in zip(cells, names, strict=False))
    if changed:
        notes.append(("header.cleaned", f"{changed} names of the header had blanks around them or were not NFC"))
    if len(cells) > len(names):
        notes.append(("header.trailing", f"the header ends with {len(cells) - len(names)} empty names"))
    return tuple(notes)


def _trim(rows: list[list[str]], width: int) -> None:
    """Take away empty cells under empty names; anything else there makes the row too wide."""
    for row in rows:
        if len(row) > width and not any(row[width:]):
            del row[width:]


def _uneven(rows: list[list[str]], lines: list[int], width: int) -> dict[int, Fault]:
    return {
        index: Fault(index, lines[index], "row.width", f"expected {width} cells, found {len(row)}")
        for index, row in enumerate(rows)
        if len(row) != width
    }


def _repeated(rows: list[list[str]], lines: list[int], header: Header) -> dict[int, Fault]:
    return {
        index: Fault(index, lines[index], "row.header", "the header stands here again")
        for index, row in enumerate(rows)
        if row == header.as_sent
    }


def _long(
    rows: list[list[str]], lines: list[int], raws: list[str], long: frozenset[int], longest: int
) -> dict[int, Fault]:
    """Faults of records over a cap, and only the beginning of each kept in `raws`."""
    faults = {}
    for index, raw in enumerate(raws):
        is_long = lines[index] in long or (
            len(raw) * 4 > longest and any(len(cell.encode()) > longest for cell in rows[index])
        )
        if is_long:
            message = f"a field is longer than {longest} bytes (decode.maxFieldBytes); its beginning is kept"
            faults[index] = Fault(index, lines[index], "row.tooLong", message)
            rows[index], raws[index] = [], raw[:BEGINNING]
    return faults
