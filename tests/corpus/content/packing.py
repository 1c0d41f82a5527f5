"""C11: gzip and zip that are cut, damaged, nested, encrypted or bombs; workbooks and their oddities."""

import datetime as dt
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import openpyxl

TABLE = b"a,b\n1,2\n3,4\n"
CSV = {"format": "csv"}
MB = 1 << 20
HOSTILE = {"up": "../../etc/x.csv", "absolute": "/etc/x.csv", "drive": "C:\\x.csv", "line": "a\nb.csv"}
EMPTY_ROW = b'<row r="%d" spans="1:3" ht="15"/>'
EMPTY_CELL = b'<row r="%d"><c r="Z%d" s="1"/></row>'  # 400,000 of 26 columns would be too many cells
FAR_CELL = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    yield from gzipped()
    yield from zipped()
    yield from workbooks()


def zipfile_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, (2022, 1, 28, 0, 0, 0))
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def gzipped() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    packed = gzip.compress(TABLE, mtime=0)
    yield "gzip", lambda: packed, CSV
    yield "gzip-declared", lambda: packed, {**CSV, "compression": "gzip"}
    yield "gzip-declared-but-plain", lambda: TABLE, {**CSV, "compression": "gzip"}
    yield "gzip-declared-but-zip", lambda: zipfile_of(("a.csv", TABLE)), {**CSV, "compression": "gzip"}
    yield "gzip-not-wanted", lambda: packed, {**CSV, "compression": "none"}
    yield "gzip-two-parts", lambda: packed + gzip.compress(b"5,6\n", mtime=0), CSV
    yield "gzip-padded", lambda: packed + b"\0" * 100, CSV
    yield "gzip-and-rubbish", lambda: packed + b"rubbish", CSV
    for left in (1, 4, 8, 12, 20):
        yield f"gzip-cut-{left}", lambda left=left: packed[:-left], CSV  # type: ignore[misc]
    yield "gzip-header-only", lambda: packed[:10], CSV
    yield "gzip-wrong-checksum", lambda: packed[:-8] + b"\0\0\0\0" + packed[-4:], CSV
    yield "gzip-bit-flipped", lambda: packed[:14] + bytes([packed[14] ^ 0xFF]) + packed[15:], CSV
    yield "gzip-bomb", lambda: gzip.compress(b"1,2\n" * (6 * MB), 6, mtime=0), CSV
    yield "gzip-bomb-of-nuls", lambda: gzip.compress(bytes(24 * MB), 6, mtime=0), CSV
    yield "gzip-nested", lambda: gzip.compress(packed, mtime=0), CSV
    yield "gzip-of-nothing", lambda: gzip.compress(b"", mtime=0), CSV
    yield "gzip-json", lambda: gzip.compress(b'{"a": 1}', mtime=0), {"format": "json"}


def zipped() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    one = zipfile_of(("sales.csv", TABLE))
    yield "zip", lambda: one, CSV
    yield "zip-stored", lambda: zipfile_of(("a.csv", TABLE), method=zipfile.ZIP_STORED), CSV
    yield "zip-bzip2", lambda: zipfile_of(("a.csv", TABLE), method=zipfile.ZIP_BZIP2), CSV
    yield "zip-lzma", lambda: zipfile_of(("a.csv", TABLE), method=zipfile.ZIP_LZMA), CSV
    yield "zip-empty", lambda: zipfile_of(), CSV
    yield "zip-folder-and-file", lambda: zipfile_of(("out/", b""), ("out/a.csv", TABLE)), CSV
    two = (("sales.csv", TABLE), ("service.csv", b"c\n1\n"))
    yield "zip-of-two", lambda: zipfile_of(*two), CSV
    yield "zip-of-two-named", lambda: zipfile_of(*two), {**CSV, "member": "sales*"}
    yield "zip-of-two-both-fit", lambda: zipfile_of(*two), {**CSV, "member": "*.csv"}
    yield "zip-of-two-none-fits", lambda: zipfile_of(*two), {**CSV, "member": "*.txt"}
    yield "zip-macos", lambda: zipfile_of(("a.csv", TABLE), ("__MACOSX/._a.csv", b"x")), CSV
    for name, hostile in HOSTILE.items():
        yield f"zip-slip-{name}", lambda hostile=hostile: zipfile_of((hostile, TABLE)), CSV  # type: ignore[misc]
    yield "zip-nested", lambda: zipfile_of(("a.zip", one)), CSV
    yield "zip-of-gzip", lambda: zipfile_of(("a.csv.gz", gzip.compress(TABLE, mtime=0))), CSV
    yield "zip-cut", lambda: one[:-30], CSV
    yield "zip-cut-in-half", lambda: one[: len(one) // 2], CSV
    yield "zip-encrypted", lambda: encrypted(one), CSV
    yield "zip-wrong-checksum-in-front", lambda: one[:14] + b"\0\0\0\0" + one[18:], CSV  # the one at the end counts
    at = one.index(b"PK\x01\x02") + 16
    yield "zip-wrong-checksum", lambda: one[:at] + b"\0\0\0\0" + one[at + 4 :], CSV
    yield "zip-bomb", lambda: zipfile_of(("a.csv", bytes(24 * MB))), CSV
    yield "zip-many-members", lambda: zipfile_of(*((f"{n:05}-{'x' * 60}.csv", b"") for n in range(12_000))), CSV
    yield "zip-prefixed", lambda: b"MZ" + one, CSV
    yield "zip-json", lambda: zipfile_of(("a.json", b"[1]")), {"format": "json"}


def encrypted(archive: bytes) -> bytes:
    """The same archive with the flag of encryption set, in both places where it stands."""
    changed = bytearray(archive)
    changed[6] |= 1
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def workbooks() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    form = {"format": "xlsx"}
    rows = [["No", "Name", "Sold"], [1, "Ann", dt.date(2022, 1, 28)], [2, "Bo", None]]
    yield "xlsx", lambda: workbook(rows), form
    yield "xlsx-values", lambda: workbook(odd_values()), form
    yield "xlsx-empty", lambda: workbook([]), form
    yield "xlsx-header-only", lambda: workbook(rows[:1]), form
    yield "xlsx-empty-rows-between", lambda: workbook([[], *rows[:1], [], [None, ""], *rows[1:], []]), form
    yield "xlsx-preamble", lambda: workbook([["Report"], *rows]), {**form, "skipRows": 1}
    yield "xlsx-beyond-the-header", lambda: workbook([*rows, [3, "Cy", None, "x"]]), form
    yield "xlsx-duplicate-header", lambda: workbook([["No", "No"], [1, 2]]), form
    yield "xlsx-no-such-sheet", lambda: workbook(rows), {**form, "sheet": "Service"}
    yield "xlsx-named-sheet", lambda: workbook(rows), {**form, "sheet": "Sheet"}
    yield "xlsx-a-million-empty-rows", lambda: with_rows(workbook(rows), 1_000_000, EMPTY_ROW), form
    yield "xlsx-formatted-empty-cells", lambda: with_rows(workbook(rows), 400_000, EMPTY_CELL), form
    yield "xlsx-far-cell", lambda: with_rows(workbook(rows), 1, FAR_CELL), form
    yield "xlsx-bomb", lambda: with_rows(workbook(rows), 1, b"<!--" + b" " * (20 * MB) + b"-->"), form
    yield "xlsx-cut", lambda: workbook(rows)[:2000], form
    yield "xlsx-html", lambda: b"<html><table><tr><td>No</td></tr></table></html>", form
    yield "xlsx-old-xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), form
    yield "xlsx-encrypted", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), form
    yield "xlsx-is-a-zip-of-csv", lambda: zipfile_of(("a.csv", TABLE)), form
    yield "xlsx-entity-bomb", lambda: with_rows(workbook(rows), 1, b"<row><c><v>&lol;</v></c></row>"), form


def odd_values() -> list[list[Any]]:
    zoneless = dt.datetime(2022, 1, 28, 14, 5)  # noqa: DTZ001  Excel knows no zone
    values = (5550100123, 1e16, 0.1 + 0.2, 1e-7, True, zoneless, dt.time(9, 30), "007", " x ")
    return [["value"], *([value] for value in values)]


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def with_rows(book: bytes, count: int, row: bytes) -> bytes:
    """The workbook with `count` more rows of plain XML at the end of its sheet, numbered from 10."""
    slots = row.count(b"%d")
    more = b"".join(row % ((number,) * slots) for number in range(10, count + 10)) if slots else row * count
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = old.read(part)
            if part.startswith("xl/worksheets/sheet"):
                content = content.replace(b"</sheetData>", more + b"</sheetData>")
            new.writestr(part, content)
    return buffer.getvalue()
