"""A table with commas. For people no cell is a formula, whoever wrote what is in it; for machines each is exact."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.errors import EncodeError
from engine.outbound.encode.encoded import Encoded, Fields, leaves, written

# What makes a spreadsheet calculate, also after blanks and in the wide forms of East Asian keyboards. A plain number
# does no harm and stays one.
_FORMULA = re.compile("[\\s\\x00]*[=+@\\-\uff1d\uff0b\uff20\uff0d]|[\\t\\r\\n]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DEFUSED = "'"  # what spreadsheets take for "this is text"


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """The header and one row."""
    return encode_many([fields], settings)


def encode_many(items: Sequence[Fields], settings: Mapping[str, Any]) -> Encoded:
    """The header and a row for each item; `columns`, or every field in the order in which they are first seen.

    Raises EncodeError: "encode.nested" for a list, "encode.columns" for a field that `columns` leaves out.
    """
    rows = [_cells(item) for item in items]
    columns = tuple(settings.get("columns") or dict.fromkeys(name for row in rows for name in row))
    is_for_people = settings.get("for", "people") == "people"
    lines = io.StringIO(newline="")
    # In quotes also a spreadsheet that goes by another delimiter finds no second cell in one.
    writer = csv.writer(
        lines,
        delimiter=settings.get("delimiter", ","),
        quoting=csv.QUOTE_ALL if is_for_people else csv.QUOTE_MINIMAL,
    )
    if settings.get("header", True):
        writer.writerow(_row(columns, is_for_people))
    for row in rows:
        _check(row, columns)
        writer.writerow(_row((row.get(name, "") for name in columns), is_for_people))
    mark = "\N{BYTE ORDER MARK}" if is_for_people else ""  # else spreadsheets take UTF-8 for something older
    return Encoded((mark + lines.getvalue()).encode("utf-8"), "text/csv; charset=utf-8", ".csv")


def _cells(fields: Fields) -> dict[str, str]:
    cells = {}
    for name, value in leaves(fields):
        if isinstance(value, list | tuple):
            raise EncodeError("encode.nested", f"{name} is a list, and a cell holds one value", name)
        cells[name] = written(value)
    return cells


def _check(row: Mapping[str, str], columns: Sequence[str]) -> None:
    for name in row:
        if name not in columns:
            raise EncodeError("encode.columns", f"{name} has no column: name it in `columns`", name)


def _row(cells: Iterable[str], is_for_people: bool) -> list[str]:
    return [_defused(cell) if is_for_people else cell for cell in cells]


def _defused(cell: str) -> str:
    is_formula = _FORMULA.match(cell) is not None and _PLAIN_NUMBER.fullmatch(cell) is None
    return _DEFUSED + cell if is_formula else cell
