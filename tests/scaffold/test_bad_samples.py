"""Samples that cannot be used: said in a sentence that names the file, and nothing is written."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from tests.cli.shell import Shell


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return out.getvalue()


NOISE = bytes((number * 73 + number // 7) % 256 for number in range(3000))
BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \n\n", "nothing but blanks"),
    "noise": (NOISE, "the file is binary"),
    "controls": (b"a,b\n" + bytes(range(1, 9)) * 40 + b",2\n", "the file is binary"),
    "nothing fits": (b"a,b\nx\x8fy,\x81z\n", "not text in utf-8 (byte 5) or in windows-1252 (byte 5)"),
    "no header": (b"1,2024-05-01,Robin\n2,2024-05-02,Sam\n", "names of columns are expected"),
    "one column": (b"name\nRobin\nSam\n", "found one column"),
    "only a header": (b"a,b\n", "no record"),
    "an open quote": (b'a,b\n1,"2\n3,4\n', "a quote that is not closed"),
    "html": (b"<html><body>Please log in</body></html>", "found one column"),
    "a DTD": (b'<!DOCTYPE x [<!ENTITY a "b">]><x><y>1</y></x>', "DTD"),
    "half an XML": (b"<x><y>", "not XML"),
    "half a JSON": (b'{"a": [1', "not JSON"),
    "a list of numbers": (b"[1, 2, 3]", "no list of objects"),
    "a NUL in the header": (b"a\0b,c\n1,2\n", "the file is binary"),
    "a bomb": (gzip.compress(b"a,b\n" + b"0,0\n" * 5_000_000), "unpack to more than"),
    "a cut gzip": (gzip.compress(os.urandom(4000))[:1000], "cut short"),
    "two in a zip": (archive(a=b"a,b\n1,2\n", b=b"a,b\n1,2\n"), "expected one file in the archive, found 2"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old .xls"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_sample_is_told_and_leaves_nothing(name: str, tmp_path: Path, sqlite_url: str) -> None:
    shell = Shell(tmp_path, sqlite_url)
    content, message = BAD[name]
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    before = {each: each.read_bytes() for each in (tmp_path / "feeds").rglob("*") if each.is_file()}
    done = shell.feeds("new", "acme/till", "--from", str(path))
    assert done.code == 1, done
    assert message in done.talk
    assert str(path) in done.talk
    assert "fault in the engine" not in done.talk
    assert {each: each.read_bytes() for each in (tmp_path / "feeds").rglob("*") if each.is_file()} == before


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path, sqlite_url: str) -> None:
    shell = Shell(tmp_path, sqlite_url)
    assert "No such file" in shell.feeds("new", "acme/till", "--from", str(tmp_path / "none.csv")).talk
    assert "is a folder" in shell.feeds("new", "acme/till", "--from", str(tmp_path)).talk
