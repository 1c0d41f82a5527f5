"""A sheet of an Excel workbook, cells as a person sees them. Never runs a formula and never follows a link.

calamine holds the sheet in memory, and room for every cell between its first and its last: how
far that is, and what the file unpacks to, is measured before it is opened.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import IO, Any

import orjson
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from engine.decode.source import DAMAGED, WHOLE, Bytes, Source, capped, content, members, opened
from engine.decode.table import checked, declared, headed
from engine.decode.text import Records, batches
from engine.errors import DecodeError
from engine.model import Decoded, Value

CELLS = 8_000_000  # between the first and the last; calamine keeps 32 bytes for each

_OLE = b"\xd0\xcf\x11\xe0"  # the container of old .xls files and of encrypted ones
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PART = 1000  # rows converted at a time
_EXACT = 2**53  # integers are exact in a float up to here
# A cell with something in it: its address is not the end of the element.
_CELL = re.compile(rb' r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*(?<!/)>')
_LONGEST_CELL = 256  # bytes of a cell's start tag, so that none is missed between two chunks


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """Rows of the sheet named `sheet`, or of the first one; the first row with text is the header.

    Empty rows are not records. Raises DecodeError: `xlsx.encrypted`, `xlsx.unreadable`,
    `xlsx.sheet`, `xlsx.tooLarge`, `zip.bomb`, and what `table.found` raises.
    """
    source = opened(path, settings, WHOLE, container=True)
    sheet = _sheet(_safe(source), settings.get("sheet"))
    parts = _records(sheet, settings.get("skipRows", 0))
    if settings.get("header", True):
        header, parts = headed(parts)
    else:
        header = declared(settings["columns"])
    return Decoded(header.names, checked(batches(parts, batch), header, settings), notes=header.notes)


def _safe(source: Source) -> bytes:
    """The workbook, once it is known to be one that can be opened in bounded memory."""
    data = content(source)
    if not data.strip():
        raise DecodeError("file.empty", "the file holds nothing; expected a workbook")
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise DecodeError("xlsx.encrypted", "the workbook is encrypted; expected one without a password")
        raise DecodeError("xlsx.unreadable", "this is an old .xls workbook; expected .xlsx")
    if not data.startswith(b"PK"):
        raise DecodeError("xlsx.unreadable", "this is no Excel workbook; is it a table in HTML or text named .xlsx?")
    parts = members(io.BytesIO(data))
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise DecodeError("xlsx.unreadable", "this is no Excel workbook: it has no xl/workbook.xml")
    left = source.limit
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for part in parts:
            try:
                with archive.open(part) as stream:
                    is_sheet = part.filename.startswith("xl/worksheets/")
                    left -= _measured(stream, len(data), left, is_sheet)
            except DAMAGED as error:
                raise DecodeError("xlsx.unreadable", "the workbook is damaged; it has to be sent again") from error
    return data


def _measured(stream: IO[bytes], packed: int, limit: int, is_sheet: bool) -> int:
    """How many bytes a part unpacks to. Raises DecodeError when its cells lie too far apart."""
    size, last, columns = 0, 0, set[bytes]()
    before = b""
    for chunk in capped(stream, packed, limit):
        size += len(chunk)
        if is_sheet:
            for letters, digits in _CELL.findall(before + chunk):
                columns.add(letters)
                last = max(last, int(digits))
            before = chunk[-_LONGEST_CELL:]
    widest = max(map(_number, columns), default=0)
    if last * widest > CELLS:
        message = f"cells reach to row {last} and column {widest}; expected at most {CELLS} cells in that area"
        raise DecodeError("xlsx.tooLarge", message)
    return size


def _number(letters: bytes) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _sheet(data: bytes, name: str | None) -> CalamineSheet:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        if name is None and visible:
            return workbook.get_sheet_by_name(visible[0])
        if name in workbook.sheet_names:
            return workbook.get_sheet_by_name(str(name))
    except CalamineError as error:
        raise DecodeError("xlsx.unreadable", "the workbook cannot be opened: it is damaged") from error
    raise DecodeError("xlsx.sheet", f"expected the sheet {name!r}, found {len(visible)} other visible sheets")


def _records(sheet: CalamineSheet, skip_rows: int) -> Iterator[Records]:
    """Rows with something in them, as text; `lines` are the numbers Excel shows."""
    rows = islice(enumerate(sheet.iter_rows(), 1), skip_rows, None)
    while part := list(islice(rows, _PART)):
        texts = [
            (line, cells)
            for line, row in part
            if any(cells := [cell if cell.__class__ is str else _text(cell) for cell in row])
        ]
        yield Records(
            [cells for _, cells in texts],
            [line for line, _ in texts],
            [orjson.dumps(cells).decode() for _, cells in texts],
        )


def _text(cell: Any) -> str:
    """What Excel shows for a value: no `.0`, no exponent, at most 15 digits of a fraction; dates as ISO 8601."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < _EXACT:
            return str(int(cell))
        return format(Decimal(repr(cell) if cell.is_integer() else format(cell, ".15g")), "f")
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell)
