"""What holds for any file: rows read back, raws tile the file, memory stays flat, messages hold no data."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings

from engine.decode import decode
from engine.decode.source import CHUNK
from engine.errors import DecodeError

ROOT = Path(__file__).parents[2]
CSV = {"format": "csv"}
# Text that can stand in a cell: no NUL, which is a fault, and no lone surrogate, which no encoding has.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ['"', "\r\n", "\n", ",", '"",', "é€😀", " "]
)
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


def written(rows: list[list[str]], end: str) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    return buffer.getvalue()


@anywhere
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=20),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]),
    batch=st.integers(1, 7),
)
@example(rows=[["\u2028", "\x0b\x1c", "\x85"]], end="\n", encoding="utf-8", batch=1)
def test_what_csv_wrote_reads_back_and_raws_tile_the_file(
    tmp_path: Path, rows: list[list[str]], end: str, encoding: str, batch: int
) -> None:
    text = written(rows, end)
    path = tmp_path / "in.csv"
    path.write_bytes(text.encode(encoding))
    batches = list(decode(path, CSV, batch).batches)
    kept = [row for row in rows if row != ["a", "b", "c"]]
    faulty = {fault.line for part in batches for fault in part.faults}
    pairs = [(row, line) for part in batches for row, line in zip(part.rows, part.lines, strict=True)]
    assert [row for row, line in pairs if line not in faulty] == kept
    raws = [raw for part in batches for raw in part.raws]
    assert text.removeprefix(f'"a","b","c"{end}') == "".join(raws)
    number = 2
    for raw, (_, line) in zip(raws, pairs, strict=True):
        assert line == number
        number += len(list(io.StringIO(raw, newline="")))
    assert all(len(part.rows) == batch for part in batches[:-1])


@anywhere
@given(data=st.binary(max_size=300) | st.text('a,"\n\r\0 é', max_size=60).map(str.encode))
@pytest.mark.parametrize("format_", ["csv", "json", "jsonl", "lines", "xml", "form", "xlsx"])
def test_any_bytes_end_in_rows_or_a_decode_error(tmp_path: Path, format_: str, data: bytes) -> None:
    path = tmp_path / "in"
    path.write_bytes(data)
    try:
        for batch in decode(path, {"format": format_}).batches:
            assert len(batch.rows) == len(batch.lines) == len(batch.raws) > 0
            assert [fault.line for fault in batch.faults] == [batch.lines[fault.index] for fault in batch.faults]
    except DecodeError as error:
        assert error.code.partition(".")[2]


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CELLS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(CELLS, inner, max_size=4),
    max_leaves=15,
)


@anywhere
@given(value=st.dictionaries(CELLS, JSONS, max_size=4), plain=st.booleans())
def test_what_json_wrote_reads_back_exactly(tmp_path: Path, value: dict[str, Any], plain: bool) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(value, ensure_ascii=plain), encoding="utf-8")
    (batch,) = decode(path, {"format": "json"}).batches
    assert batch.rows == [value]
    path.write_text(f"{json.dumps(value, ensure_ascii=plain)}\n" * 3, encoding="utf-8")
    (batch,) = decode(path, {"format": "jsonl"}).batches
    assert batch.rows == [value] * 3 and not batch.faults


@anywhere
@given(key=CELLS, other=CELLS, plain=st.booleans(), where=st.integers(0, 2))
def test_a_key_that_stands_twice_is_always_found(tmp_path: Path, key: str, other: str, plain: bool, where: int) -> None:
    pair = json.dumps(key, ensure_ascii=plain) + ":" + json.dumps(other, ensure_ascii=not plain)
    again = json.dumps(key, ensure_ascii=not plain) + ":1"
    inner = "{" + pair + "," + again + "}"
    path = tmp_path / "in.json"
    path.write_text([inner, f'{{"x": [{inner}]}}', f"[1, {inner}]"][where], encoding="utf-8")
    with pytest.raises(DecodeError) as refusal:
        decode(path, {"format": "json"})
    assert refusal.value.code == "json.duplicateKey"


def test_rows_come_while_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n" + "1,2\n" * 200_000 + '3,"4\n')
    batches = iter(decode(path, CSV).batches)
    assert len(next(batches).rows) == 5000
    with pytest.raises(DecodeError, match="quote") as refusal:
        list(batches)
    assert refusal.value.line == 200_002


# Peak memory of a fresh process that reads a file, in MiB above what its imports need.
MEASURE = """
import resource, sys
from pathlib import Path
from engine.decode import decode
from engine.decode.source import CHUNK
from engine.errors import DecodeError
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before = peak()
rows, codes = 0, []
try:
    for batch in decode(Path(sys.argv[1]), {"format": sys.argv[2]}).batches:
        rows += len(batch.rows)
        codes += [fault.code for fault in batch.faults]
except DecodeError as error:
    codes.append(error.code)
print(rows, ",".join(codes), (peak() - before) // 1024)
"""


def measured(path: Path, name: str = "csv") -> tuple[int, str, int]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), name], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    rows, codes, peak = done.stdout.rstrip("\n").split(" ")
    return int(rows), codes, int(peak)


def test_memory_is_flat_over_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    line = ",".join(f"value{number}" for number in range(10)) + "\n"
    with path.open("w") as file:
        file.write(line.replace("value", "column"))
        file.writelines(line * 10_000 for _ in range(30))
    rows, codes, peak = measured(path)
    assert (rows, codes) == (300_000, "")
    assert peak < 40


@pytest.mark.parametrize("shape", ["plain", "quoted", "many lines", "unclosed"])
def test_a_field_of_64_megabytes_costs_its_row_and_little_memory(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "in.csv"
    opening = "" if shape == "plain" else '"'
    piece = ("x" * 1023 + "\n" if shape == "many lines" else "x" * 1024) * 1024
    with path.open("w") as file:
        file.write(f"a,b\n1,2\n3,{opening}")
        file.writelines(piece for _ in range(64))
        file.write(('"' if shape in ("quoted", "many lines") else "") + "\n4,5\n")
    rows, codes, peak = measured(path)
    assert (rows, codes) == ((0, "csv.unclosedQuote") if shape == "unclosed" else (3, "row.tooLong"))
    assert peak < 100


def test_a_bomb_is_refused_after_a_few_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        for _ in range(60):
            member.write(b"1,2\n" * (1 << 18))
    _, code, peak = measured(path)
    assert code == "zip.bomb" and peak < 40
    with gzip.open(path, "wb") as file:
        file.writelines(b"1,2\n" * (1 << 18) for _ in range(60))
    _, code, peak = measured(path)
    assert code == "zip.bomb" and peak < 40


def test_the_cap_on_bytes_is_the_definitions(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    for limit in ("4KiB", "4004B"):
        options = {"format": "csv", "maxBytes": limit}
        if limit == "4KiB":
            assert sum(len(batch.rows) for batch in decode(path, options).batches) == 1000
        else:
            path.write_text(path.read_text() + "1")
            with pytest.raises(DecodeError) as refusal:
                decode(path, options)
            assert refusal.value.code == "file.tooLarge"


@pytest.mark.parametrize("place", [0, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
@pytest.mark.parametrize("bad", [b"\xff", b"\xc3 ", b"\xe2\x82"])
def test_the_first_byte_that_is_no_text_is_named(tmp_path: Path, place: int, bad: bytes) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"a" * place + bad)
    with pytest.raises(DecodeError, match=rf"utf-8 \(byte {place}\)"):
        decode(path, {"format": "csv", "encoding": ["utf-8"]})


CANARY = "canary-Ann-555-0100"


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        ("csv", f'a,b\n1,"{CANARY}\n'),
        ("csv", f'a,b\n1,"{CANARY}"x\n'),
        ("csv", f"{CANARY},{CANARY}\n1,2\n"),
        ("csv", f"{CANARY},,b\n1,2\n"),
        ("csv", f"a,b\n{CANARY}\n{CANARY}\0,1\n"),
        ("json", f'{{"a": "{CANARY}", "{CANARY}": 1, "{CANARY}": 2}}'),
        ("json", f'{{"a": "{CANARY}", {CANARY}}}'),
        ("jsonl", f'{{"{CANARY}": 1, "{CANARY}": 2}}\n{CANARY}\n["{CANARY}"]\n'),
        ("xml", f"<r><a>{CANARY}</b></r>"),
        ("form", f"{CANARY}"),
        ("form", f"a={CANARY}%ff"),
    ],
)
def test_no_message_holds_what_the_file_holds(tmp_path: Path, format_: str, data: str) -> None:
    path = tmp_path / "in"
    path.write_bytes(data.encode())
    told: list[str] = []
    try:
        decoded = decode(path, {"format": format_})
        told += [message for _, message in decoded.notes]
        told += [f"{fault.message}{fault.value}" for batch in decoded.batches for fault in batch.faults]
    except DecodeError as error:
        told.append(str(error))
    assert told
    assert CANARY not in "".join(told)


def workbook(path: Path, cells: dict[str, Any]) -> Path:
    book = openpyxl.Workbook()
    for place, value in cells.items():
        book.active[place] = value
    book.save(path)
    return path


def test_excel_cells_are_what_a_person_sees(tmp_path: Path) -> None:
    seen = [
        (5550100123, "5550100123"),
        (1, "1"),
        (1.5, "1.5"),
        (Decimal("48250.10"), "48250.1"),
        (0.1 + 0.2, "0.3"),
        (1e16, "10000000000000000"),
        (1e-7, "0.0000001"),
        (True, "TRUE"),
        (date(2022, 1, 28), "2022-01-28"),
        (datetime(2022, 1, 28, 14, 0, 5), "2022-01-28T14:00:05"),  # noqa: DTZ001  Excel knows no zone
        (time(9, 30), "09:30:00"),
        (timedelta(hours=30), "30:00:00"),
        (" text\n", " text\n"),
    ]
    cells: dict[str, Any] = {"A1": "name", "B1": "value"}
    for line, (value, _) in enumerate(seen, 2):
        cells |= {f"A{line}": f"n{line}", f"B{line}": value}
    (batch,) = decode(workbook(tmp_path / "in.xlsx", cells), {"format": "xlsx"}).batches
    assert [row[1] for row in batch.rows] == [text for _, text in seen]
    assert not batch.faults


def test_excel_rows_keep_their_numbers_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    path = workbook(tmp_path / "in.xlsx", {"B3": "a", "C3": "b", "B5": 1, "C9": "x", "D9": "beyond"})
    (batch,) = decode(path, {"format": "xlsx"}).batches
    assert batch.rows == [["1", ""], ["", "x", "beyond"]]
    assert batch.lines == [5, 9]
    assert [fault.code for fault in batch.faults] == ["row.width"]


def test_excel_cells_that_lie_too_far_apart_are_refused_before_room_is_made_for_them(tmp_path: Path) -> None:
    path = workbook(tmp_path / "in.xlsx", {"A1": "a", "XFD1048576": 1})
    _, code, peak = measured(path, "xlsx")
    assert code == "xlsx.tooLarge" and peak < 60
