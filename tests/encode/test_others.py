"""JSON, forms and texts, and what all encoders share."""

# A row of a table of cases is read as one line.
# ruff: noqa: E501

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EncodeError
from engine.outbound.encode import ENCODERS, MANY, encode, encode_many
from tests.encode.hostile import strings

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=10,
)
JSON, FORM, WORDS = {"format": "json"}, {"format": "form"}, {"format": "text"}


# --- JSON -----------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_json_is_read_back_as_it_was_and_in_its_order(fields: dict[str, Any]) -> None:
    body = encode(fields, JSON).body
    assert json.loads(body) == fields
    assert list(json.loads(body)) == list(fields)
    assert encode(fields, JSON).body == body


@settings(max_examples=50, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: format(number, "f")))
def test_an_amount_is_a_text_or_a_number_of_the_same_digits(amount: str) -> None:
    assert encode({"a": amount}, JSON).body.decode() == f'{{"a":"{amount}"}}'
    written = encode({"a": amount}, {**JSON, "numbers": ["a"]}).body.decode()
    assert written == f'{{"a":{amount}}}'
    assert str(json.loads(written, parse_float=Decimal, parse_int=Decimal)["a"]) == str(Decimal(amount))


def test_numbers_are_named_as_fields_are_and_through_lists() -> None:
    fields = {"zip": "00501", "total": "48250.00", "lines": [{"price": "1.50", "qty": 2}, {"price": None}]}
    written = encode(fields, {**JSON, "numbers": ["total", "lines.price"]}).body.decode()
    assert written == '{"zip":"00501","total":48250.00,"lines":[{"price":1.50,"qty":2},{"price":null}]}'


@pytest.mark.parametrize("value", ["Robin", "", "1,50", "00501", "1e5", "+5", ".5", "5.", "٣", "NaN", "1\n"])
def test_what_is_to_be_a_number_and_is_none_is_refused(value: str) -> None:
    with pytest.raises(EncodeError) as raised:
        encode({"a": {"b": value}}, {**JSON, "numbers": ["a.b"]})
    assert (raised.value.code, raised.value.field) == ("encode.number", "a.b")
    assert value != "Robin" or value not in str(raised.value)


def test_several_items_are_a_list() -> None:
    assert encode_many([{"a": 1}, {"a": 2}], JSON).body == b'[{"a":1},{"a":2}]'
    assert encode_many([], JSON).body == b"[]"


# --- forms ----------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), st.lists(TEXT, max_size=3)))
def test_a_form_is_read_back_as_it_was(fields: dict[str, list[str]]) -> None:
    body = encode(fields, FORM).body.decode("ascii")
    pairs = [(name, value) for name, values in fields.items() for value in values]
    assert parse_qsl(body, keep_blank_values=True, strict_parsing=bool(pairs), max_num_fields=99) == pairs


FORMS: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = {
    "a text message": (
        {"To": "+15555550121", "Body": "8:00 AM & more", "MediaUrl": ["https://a.example/1", "https://a.example/2"]},
        {},
        [
            *(("To", "+15555550121"), ("Body", "8:00 AM & more")),
            *(("MediaUrl", "https://a.example/1"), ("MediaUrl", "https://a.example/2")),
        ],
    ),
    "what has no value, and what is blank": ({"a": None, "b": "", "c": False, "d": 0}, {}, [("b", ""), ("c", "false"), ("d", "0")]),
    "one inside another": ({"a": {"b": {"c": "1"}}}, {}, [("a.b.c", "1")]),
    "one inside another, in brackets": ({"a": {"b": {"c": "1"}}}, {"nested": "brackets"}, [("a[b][c]", "1")]),
    "lines": ({"l": [{"n": 1}, {"n": 2}]}, {"nested": "brackets"}, [("l[0][n]", "1"), ("l[1][n]", "2")]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "how", "pairs"), FORMS.values(), ids=FORMS)
def test_forms(fields: dict[str, Any], how: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    encoded = encode(fields, {**FORM, **how})
    assert parse_qsl(encoded.body.decode(), keep_blank_values=True) == pairs
    assert encoded.media == "application/x-www-form-urlencoded"


# --- texts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"text": "Zoë\n"}, {"text": "Zoë\n", "to": "x"}, {"a": {"b": "Zoë\n"}}, {"a": "Zoë\n", "b": None}]
)
def test_a_text_is_the_field_of_that_name_or_the_only_one(fields: dict[str, Any]) -> None:
    encoded = encode(fields, WORDS)
    assert (encoded.body, encoded.media) == ("Zoë\n".encode(), "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    "fields", [{}, {"a": "Robin", "b": "Vale"}, {"text": None}, {"text": ["Robin"]}, {"a": ["Robin"]}]
)
def test_no_text_or_more_than_one_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(EncodeError) as raised:
        encode(fields, WORDS)
    assert raised.value.code == "encode.text"
    assert "Robin" not in str(raised.value)


# --- all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "form", "csv", "text"])
def test_every_hostile_string_is_written(kind: str) -> None:
    for text in strings():
        body = encode({"text": text}, {"format": kind, "for": "machines"}).body
        assert "\ud83d" not in body.decode("utf-8")


@pytest.mark.parametrize("kind", sorted(set(ENCODERS) - set(MANY)))
def test_a_format_of_one_item_refuses_several(kind: str) -> None:
    with pytest.raises(EncodeError) as raised:
        encode_many([{"a": "1"}, {"a": "2"}], {"format": kind})
    assert raised.value.code == "encode.single"
