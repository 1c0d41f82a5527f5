"""Tables: exact for machines, harmless for people."""

# A row of a table of cases is read as one line.
# ruff: noqa: E501

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EncodeError
from engine.outbound.encode import encode, encode_many
from tests.encode.hostile import strings

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True), min_size=1, max_size=4, unique=True)
MACHINES = {"format": "csv", "for": "machines"}
PEOPLE = {"format": "csv"}


def rows(body: bytes, delimiter: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(encoding), newline=""), delimiter=delimiter))


def calculates(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula, by its rules: what it begins with, blanks aside."""
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", cell, re.ASCII):
        return False
    return cell[:1] in tuple("\t\r\n") or cell.replace("\0", " ").lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20")


@settings(max_examples=50, deadline=None)
@given(NAMES.flatmap(lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXT)), min_size=1, max_size=4)))
def test_a_table_for_machines_is_read_back_exactly(items: list[dict[str, str]]) -> None:
    read = rows(encode_many(items, MACHINES).body)
    names = list(items[0])
    assert read == [names, *([each[name] for name in names] for each in items)]


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4), st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_for_people_is_a_formula_whatever_delimiter_the_spreadsheet_goes_by(cells: list[str], by: str) -> None:
    fields = {f"c{number}": cell for number, cell in enumerate(cells)}
    body = encode(fields, PEOPLE).body
    found = [cell for row in rows(body, by, "utf-8-sig") for cell in row]
    assert not any(map(calculates, found))


def test_no_hostile_string_is_a_formula_and_all_are_still_read() -> None:
    for text in strings():
        whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
        (_, (cell,)) = rows(encode({"a": text}, PEOPLE).body, encoding="utf-8-sig")
        assert cell == (f"'{whole}" if calculates(whole) else whole)
        assert rows(encode({"a": text}, MACHINES).body) == [["a"], [whole]]


@pytest.mark.parametrize("number", ["-5.00", "+15555550101", "0", "48250.00", "-0.5"])
def test_a_number_stays_one_for_people(number: str) -> None:
    assert rows(encode({"a": number}, PEOPLE).body, encoding="utf-8-sig") == [["a"], [number]]


def test_a_header_is_no_formula_either() -> None:
    assert b"'=a" in encode({"=a": "1"}, PEOPLE).body


TABLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "names of fields inside others": ([{"a": {"b": {"c": 1}, "d": True}, "e": None}], {}, "a.b.c,a.d,e\r\n1,true,\r\n"),
    "another delimiter": ([{"a": "x;y", "b": "z"}], {"delimiter": ";"}, 'a;b\r\n"x;y";z\r\n'),
    "without a header": ([{"a": "1"}, {"a": "2"}], {"header": False}, "1\r\n2\r\n"),
    "what is missing here and there": ([{"a": "1"}, {"b": "2", "a": None}], {}, "a,b\r\n1,\r\n,2\r\n"),
    "columns in their order": ([{"a": "1", "b": "2"}, {"b": "3"}], {"columns": ["b", "c", "a"]}, "b,c,a\r\n2,,1\r\n3,,\r\n"),
    "nothing but the header": ([], {"columns": ["a"]}, "a\r\n"),
    "one blank cell": ([{"a": ""}], {}, 'a\r\n""\r\n'),
}  # fmt: skip


@pytest.mark.parametrize(("items", "how", "expected"), TABLES.values(), ids=TABLES)
def test_tables(items: list[dict[str, Any]], how: dict[str, Any], expected: str) -> None:
    assert encode_many(items, {**MACHINES, **how}).body.decode() == expected


def test_for_people_unless_said() -> None:
    assert encode({"a": "x", "b": "=1"}, PEOPLE).body.decode() == '\ufeff"a","b"\r\n"x","\'=1"\r\n'


@pytest.mark.parametrize(
    ("fields", "how", "code", "field"),
    [
        ({"a": {"b": ["Robin"]}}, {}, "encode.nested", "a.b"),
        ({"a": "1", "b": "Robin"}, {"columns": ["a"]}, "encode.columns", "b"),
    ],
)
def test_what_has_no_place_in_a_table_is_refused_by_its_name(
    fields: dict[str, Any], how: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(EncodeError) as raised:
        encode(fields, {**MACHINES, **how})
    assert (raised.value.code, raised.value.field) == (code, field)
    assert "Robin" not in str(raised.value)
