"""Records of a file with a header: fields, blanks, faults, keys."""

from dataclasses import replace
from typing import Any

import pytest

from engine.deferred import Reference, Template
from engine.errors import DefinitionError, DeliveryRefused
from engine.model import (
    Const,
    Context,
    Fault,
    Field,
    FirstOf,
    FromField,
    Join,
    KeyHash,
    KeyParts,
    StateCase,
    StateRule,
    Sum,
    Text,
    ValueMap,
)
from tests.mapping.feeds import CONTEXT, activity, batch, column, feed, opened, path, single, stream

NUMBER = column("number", "Number")


def value(field: Field, cell: str, **decode: Any) -> Any:
    """The field as it stands in an activity; the code of its fault where it has one."""
    made = single(
        feed(stream(NUMBER, field, activities=[activity("number", values=[field.name])]), **decode),
        ["1", cell],
        ["Number", field.source[0][0]],
    )
    return made.faults[0].code if made.faults else made.records[0].activities[0].fields[field.name]


@pytest.mark.parametrize(
    ("field", "cell", "wanted"),
    [
        (column("a"), "x ", "x "),
        (column("a", transforms=(("trim", {}),)), " x ", "x"),
        (column("a", transforms=(("trim", {}), ("upper", {}))), " x ", "X"),
        (column("a", transforms=(("digits", {}),)), "abc", None),
        (column("a", transforms=(("isBlank", {}),), type="boolean"), " ", True),
        (column("a", transforms=(("isBlank", {}),), type="boolean"), "x", False),
        (column("a", transforms=(("isBlank", {}), ("not", {})), type="boolean"), "x", True),
        (column("a"), "   ", None),
        (column("a", null_values=("N/A",)), " N/A ", None),
        (column("a", null_values=("N/A",)), "n/a", "n/a"),
        (column("a", null_values=("N/A",)), "", None),
        (column("a", type="money", null_values=("-",)), "-", None),
        (column("a", type="money"), "$1,284.55", "1284.55"),
        (column("a", type="money"), "much", "money.unreadable"),
        (column("a", type="money", on_error="blank"), "much", None),
        (column("a", type="money", on_error="warn"), " much ", "much"),
        (column("a", type="money", default="0.00"), "", "0.00"),
        (column("a", type="integer", required=True), "", "field.required"),
        (column("a", type="integer", required=True, on_error="blank"), "x", "field.required"),
        (column("a", type="list", transforms=(("split", {"by": ";"}),)), "x;y", ["x", "y"]),
        (column("a", pattern=r"^\d{5}$"), "04401", "04401"),
        (column("a", pattern=r"^\d{5}$"), "4401", "pattern.mismatch"),
        (column("a", type="vin", on_error="warn"), " 1zz rv30 ", "1ZZRV30"),
    ],
)
def test_a_cell_becomes_a_value(field: Field, cell: str, wanted: Any) -> None:
    assert value(field, cell) == wanted


def test_null_texts_of_the_feed_hold_for_every_field_and_type() -> None:
    for type_ in ("string", "money", "date", "phone", "integer"):
        assert value(column("a", type=type_), " N/A ", nullValues=["", "N/A"]) is None


STATUS = ValueMap({"done": "closed"}, ((1, 5, "estimate"), (6, 16, "open"), (17, 17, "closed")), "quarantine")


@pytest.mark.parametrize(
    ("cell", "otherwise", "wanted"),
    [
        ("1", "quarantine", "estimate"),
        ("5", "quarantine", "estimate"),
        ("6", "quarantine", "open"),
        ("16", "quarantine", "open"),
        ("17", "quarantine", "closed"),
        ("done", "quarantine", "closed"),
        ("0", "quarantine", "map.unknown"),
        ("18", "quarantine", "map.unknown"),
        ("5.5", "quarantine", "map.unknown"),
        ("Done", "blank", None),
        ("x", Const("other"), "other"),
        ("", "quarantine", None),
    ],
)
def test_a_map_leaves_no_value_out(cell: str, otherwise: Any, wanted: Any) -> None:
    assert value(column("a", map=replace(STATUS, otherwise=otherwise)), cell) == wanted


def made(*fields: Field, row: list[str], header: list[str], values: list[str]) -> Any:
    result = single(feed(stream(NUMBER, *fields, activities=[activity("number", values=values)])), row, header)
    assert not result.faults, result.faults
    return result.records[0].activities[0].fields


def test_fields_are_made_of_fields_whatever_their_order() -> None:
    found = made(
        Field("cash", FromField("amount"), transforms=(("isBlank", {"zero": True}),), type="boolean"),
        Field("copy", FromField("amount")),
        Field("name", FirstOf(("nick", "first"))),
        Field("unit", Join(("make", "model"), (), " ")),
        Field("both", Join((), ("first", "amount"), "/")),
        Field("title", Text(Template(("Order ", Reference(("field", "number")), " of ", Reference(("run", "date")))))),
        Field("untitled", Text(Template(("Order ", Reference(("field", "nick")))))),
        Field("file", Context(Reference(("file", "groups", "day"))), type="date", options={"formats": ["%Y%m%d"]}),
        Field("fixed", Const("x")),
        column("amount", type="money"),
        column("first"),
        column("nick"),
        row=["1", "0", "Robin", "", "Example", " "],
        header=["Number", "amount", "first", "nick", "make", "model"],
        values=["cash", "copy", "name", "unit", "both", "title", "untitled", "file", "fixed"],
    )
    assert found == {
        "cash": True,
        "copy": "0.00",
        "name": "Robin",
        "unit": "Example",
        "both": "Robin/0.00",
        "title": "Order 1 of 2022-01-31",
        "untitled": None,
        "file": "2022-01-31",
        "fixed": "x",
    }


@pytest.mark.parametrize("condition", [None, "!day"])
def test_a_field_that_tolerates_faults_does_not_excuse_what_it_is_made_of(condition: str | None) -> None:
    fields = (Field("day", FromField("sold"), type="date", on_error="blank"), column("sold", type="date"))
    feeds = feed(stream(NUMBER, *fields, activities=[activity("number")], condition=condition))
    made = single(feeds, ["1", "soon"], ["Number", "sold"])
    assert [(fault.code, fault.field) for fault in made.faults] == [("date.unreadable", "sold")]


def test_what_is_made_of_a_damaged_field_is_no_fault_of_its_own() -> None:
    fields = (
        column("amount", type="money"),
        Field("copy", FromField("amount")),
        Field("any", FirstOf(("copy", "amount"))),
    )
    spec = activity("number", values=["any"])
    made = single(feed(stream(NUMBER, *fields, activities=[spec])), ["1", "1,50"], ["Number", "amount"])
    assert [fault.message for fault in made.faults] == ["expected an amount such as 1,284.55, found '1,50'"]


def test_a_circle_of_fields_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError):
        opened(feed(stream(Field("a", FromField("b")), Field("b", FromField("a")))), [])


def test_a_path_in_a_file_of_columns_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError):
        opened(feed(stream(path("a"))), ["a"])


def test_a_dotted_header_is_a_name_not_a_path() -> None:
    assert value(column("a", "Amount.Financed"), "5") == "5"


def refusal(header: list[str], *fields: Field) -> str:
    with pytest.raises(DeliveryRefused) as caught:
        opened(feed(stream(*fields)), header)
    return f"{caught.value.code}: {caught.value}"


SOLD = column("soldDate", "SoldDate", "Contract Signing Date")
UNIT = Field("unit", Join(("mfg",), (), " "))


def test_all_missing_columns_are_named_with_what_is_near() -> None:
    found = refusal(["SOLD DATE", "Term"], SOLD, column("vin", "VIN"), column("x", optional=True), UNIT, column("Term"))
    assert found.startswith("column.missing")
    for part in ("'SoldDate' or 'Contract Signing Date' for soldDate", "near: 'SOLD DATE'", "'VIN'", "'mfg'", "'Term'"):
        assert part in found
    assert "'x'" not in found


def test_a_first_record_in_place_of_a_header_is_not_shown() -> None:
    found = refusal(["Robin", "Vale", "robin@example.com"], SOLD)
    assert "does the file begin with a header" in found
    assert "robin" not in found.lower()


def test_two_columns_for_one_field_are_refused() -> None:
    with pytest.raises(DeliveryRefused) as caught:
        opened(feed(stream(column("phone", "Phone", "Home.Phone"))), ["Phone", "Home.Phone"])
    assert caught.value.code == "column.ambiguous"


def test_columns_that_nobody_reads_are_told_unless_declared() -> None:
    mapping = opened(feed(stream(column("a", "A", "B"), unused=("C",))), ["B", "C", "D"])
    assert mapping.unread == ("D",)


def test_a_missing_optional_column_keeps_what_is_stored_and_a_blank_clears_it() -> None:
    fields = (NUMBER, column("a", optional=True), column("b", optional=True))
    specs = [activity("number", values=["a", "b"])]
    made = single(feed(stream(*fields, activities=specs)), ["1", ""], ["Number", "b"])
    assert made.records[0].activities[0].fields == {"b": None}


def test_a_damaged_record_is_told_whole_and_the_others_go_on() -> None:
    fields = (
        NUMBER,
        column("day", type="date", required=True),
        column("amount", type="money"),
        column("term", type="integer"),
    )
    mapping = opened(
        feed(stream(*fields, activities=[activity("number", values=["amount"])])), ["Number", "day", "amount", "term"]
    )
    (portion,) = mapping.portions(
        batch([["1", "2022-01-28", "1.00", "1"], ["2", "soon", "1,50", "x"], ["3", "", "1.00", "1"]])
    )
    ((_, made),) = mapping.map(portion, range(3), CONTEXT)
    assert [record.index for record in made.records] == [0]
    first, second = made.faults
    assert (first.index, first.line, first.code, first.field, first.value) == (1, 3, "date.unreadable", "day", "soon")
    assert "amount: money.unreadable" in first.message
    assert "term: integer.unreadable" in first.message
    assert second == Fault(2, 4, "field.required", "day is required and blank", "day", "")


def test_a_warning_names_the_field_and_keeps_the_value() -> None:
    fields = (NUMBER, column("vin", "VIN", type="vin", on_error="warn"), column("mail", type="email", on_error="blank"))
    made = single(
        feed(stream(*fields, activities=[activity("number", values=["vin", "mail"])])),
        ["1", "1zzrv30c5p1000202", "robin at example"],
        ["Number", "VIN", "mail"],
    )
    assert made.records[0].activities[0].fields == {"vin": "1ZZRV30C5P1000202", "mail": None}
    assert [(warning.code, warning.field, warning.value) for warning in made.warnings] == [
        ("vin.checkDigit", "vin", "1zzrv30c5p1000202"),
        ("email.unreadable", "mail", "robin at example"),
    ]


def test_a_record_that_does_not_go_on_has_no_warnings() -> None:
    fields = (NUMBER, column("vin", type="vin", on_error="warn"), column("day", type="date"))
    made = single(feed(stream(*fields, activities=[activity("number")])), ["1", "x", "x"], ["Number", "vin", "day"])
    assert [fault.code for fault in made.faults] == ["date.unreadable"]
    assert made.warnings == []


KEYS = (KeyParts(("deal",)), KeyParts(("vin", "day")), KeyHash(("customer", "day", "vin")))


def keys(deal: str, vin: str, day: str, customer: str) -> Any:
    fields = (column("deal"), column("vin"), column("day", type="date"), column("customer"))
    made = single(
        feed(stream(*fields, activities=[activity(*KEYS)])),
        [deal, vin, day, customer],
        ["deal", "vin", "day", "customer"],
    )
    return made.faults[0].code if made.faults else made.records[0].activities[0].keys


def test_keys_are_all_alternatives_that_are_present_strongest_first() -> None:
    whole = keys("D1", "V1", "2022-01-28", "C1")
    assert whole[:2] == ("D1", "2:V1|2022-01-28")
    assert keys("", "V1", "2022-01-28", "C1") == whole[1:]
    assert keys("", "V1", "", "C1")[0].startswith("3:")
    assert keys("", "V1", "", "C1") != keys("", "V1", "", "C2") != keys("", "V2", "", "C1")
    assert keys("", "", "", "") == "key.missing"


def test_a_blank_in_a_hash_differs_from_its_neighbour() -> None:
    assert keys("", "x", "", "") != keys("", "", "", "x")


def test_key_parts_cannot_run_into_each_other() -> None:
    both = [KeyParts(("a", "b"))]
    fields = (column("a"), column("b"))
    found = {
        single(feed(stream(*fields, activities=[activity(*both)])), row, ["a", "b"]).records[0].activities[0].keys[0]
        for row in (["x|y", "z"], ["x", "y|z"], ["x\\", "y|z"], ["x\\|y", "z"])
    }
    assert len(found) == 4
    assert "x\\|y|z" in found


@pytest.mark.parametrize("cell", ["", "soon"])
def test_an_activity_is_never_dated_now(cell: str) -> None:
    """Nor by a text that is no date; only where the date is required is the record kept back."""
    day = column("day", type="date", on_error="warn")
    specs = [activity("number", occurred="day")]
    found = single(feed(stream(NUMBER, day, activities=specs)), ["1", cell], ["Number", "day"])
    assert found.records[0].activities[0].occurred is None
    required = replace(day, required=True, on_error="quarantine")
    found = single(feed(stream(NUMBER, required, activities=specs)), ["1", cell], ["Number", "day"])
    assert [fault.code for fault in found.faults] == ["field.required" if not cell else "date.unreadable"]


def test_a_constant_state_and_set_fields() -> None:
    template = Template((Reference(("run", "date"), days=30),))
    spec = activity("number", state=StateRule((StateCase(None, "recorded"),)), set={"dueDate": template, "by": "us"})
    found = single(feed(stream(NUMBER, activities=[spec])), ["1"], ["Number"]).records[0].activities[0]
    assert (found.state, found.fields) == ("recorded", {"dueDate": "2022-03-02", "by": "us"})


@pytest.mark.parametrize("name", ["x'", 'x"', "x\\", "x\n y", "__import__('os')", "}{", "%s", "a\u2028", "def"])
def test_hostile_names_of_fields_columns_types_and_states_are_only_names(name: str) -> None:
    spec = activity(
        name, values=[name], type=name, occurred=None, set={name + "2": name}, state=StateRule((StateCase(None, name),))
    )
    fields = (column(name), Field(name + "3", FirstOf((name,)), required=True))
    found = single(feed(stream(*fields, activities=[spec])), [name], [name]).records[0].activities[0]
    assert found.keys == (name.replace("\\", "\\\\"),)
    assert found.fields == {name: name, name + "2": name}
    assert found.state == name


def test_sums_are_exact() -> None:
    fields = (
        path("number"),
        path("lines", type="list", fields={"total": path("total", type="money")}),
        Field("total", Sum("lines", "total"), type="money"),
    )
    made = single(
        feed(stream(*fields, activities=[activity("number", values=["total"])])),
        {"number": "1", "lines": [{"total": 0.1}, {"total": "0.20"}, {"total": None}]},
    )
    assert made.records[0].activities[0].fields == {"total": "0.30"}
