"""Records of documents: paths, joins, streams, gates, states, elements."""

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.deferred import Reference, Template
from engine.errors import DefinitionError, DeliveryRefused
from engine.model import (
    After,
    Batch,
    ContactSpec,
    Fault,
    Field,
    FromField,
    KeyParts,
    RecordJoin,
    StateCase,
    StateRule,
    ValueMap,
    VehicleSpec,
)
from tests.mapping.feeds import CONTEXT, activity, batch, column, feed, mapped, opened, path, single, stream

ID = path("id", required=True)


def gated(condition: str, record: dict[str, Any], *fields: Field) -> str:
    """Whether a record passes an `if`, or its fault."""
    made = single(feed(stream(ID, *fields, activities=[activity("id")], condition=condition)), {"id": "1", **record})
    if made.faults:
        return made.faults[0].code
    return "taken" if made.records else "filtered"


A, B = path("a"), path("b")
AMOUNT, PAID = path("amount", type="money"), path("paid", type="boolean")
START = path("start", type="dateTime")
TAGS = path("tags", type="list")


@pytest.mark.parametrize(
    ("condition", "record", "wanted"),
    [
        ("a == 'x'", {"a": "x"}, "taken"),
        ("a == 'x'", {"a": "y"}, "filtered"),
        ("a == 'x'", {}, "filtered"),
        ("a != 'x'", {"a": "y"}, "taken"),
        ("a != 'x'", {}, "filtered"),  # a blank is not unlike
        ("!(a == 'x')", {}, "filtered"),
        ("a == b", {}, "filtered"),  # two blanks are not alike either
        ("a == b", {"a": "x", "b": "x"}, "taken"),
        ("a == `null`", {}, "taken"),
        ("a != `null`", {"a": "x"}, "taken"),
        ("!a", {}, "taken"),
        ("a", {"a": ""}, "filtered"),
        ("a && b", {"a": "x", "b": "y"}, "taken"),
        ("a == 'x' || b == 'y'", {"b": "y"}, "taken"),
        ("a == 'x' || b == 'y'", {"b": "z"}, "filtered"),
        ("amount > `100`", {"amount": "100.01"}, "taken"),
        ("amount > `100`", {"amount": "99.99"}, "filtered"),
        ("amount == `0.1`", {"amount": 0.1}, "taken"),
        ("amount > 'x'", {"amount": "1"}, "filtered"),
        ("a == `5`", {"a": "5"}, "filtered"),
        ("a != `5`", {"a": "5"}, "filtered"),
        ("paid", {"paid": "false"}, "filtered"),
        ("paid == `true`", {"paid": "yes"}, "taken"),
        ("paid != `1`", {"paid": "yes"}, "filtered"),
        ("start > run.now", {"start": "2099-01-05T08:00:00-06:00"}, "taken"),
        ("start > run.now", {"start": "2022-01-31T08:59:59-05:00"}, "filtered"),
        ("starts_with(a, 'appointment.')", {"a": "appointment.created"}, "taken"),
        ("starts_with(a, 'appointment.')", {}, "filtered"),
        ("starts_with(a, 'x') || b == 'y'", {"b": "y"}, "taken"),
        ("contains(dealer.features, 'crm')", {}, "taken"),
        ("contains(dealer.features, 'gold')", {}, "filtered"),
        ("file.groups.day == '20220131'", {}, "taken"),
        ("params.limit", {}, "filtered"),
        ("contains(tags, 'x')", {"tags": ["y", "x"]}, "taken"),
        ("tags[?@ != 'x']", {"tags": ["x"]}, "filtered"),
        ("length(keys(@)) > `5`", {}, "taken"),
        ("a == 'x' && amount > `1`", {"a": "y", "amount": "much"}, "filtered"),  # let go before the amount is read
        ("a == 'x' && amount > `1`", {"a": "x", "amount": "much"}, "money.unreadable"),
    ],
)
def test_gates(condition: str, record: dict[str, Any], wanted: str) -> None:
    assert gated(condition, record, A, B, AMOUNT, PAID, START, TAGS) == wanted


def test_a_record_is_let_go_before_its_other_fields_can_fault() -> None:
    fields = (path("event"), path("day", type="date", required=True))
    made = single(feed(stream(*fields, activities=[activity("day")], condition="event == 'sold'")), {"event": "other"})
    assert (made.filtered, made.faults) == ([0], [])


def test_a_record_goes_to_the_first_stream_that_takes_it_and_is_filtered_once() -> None:
    event = path("event")
    leads = stream(event, ID, activities=[activity("id")], condition="event == 'lead'", name="leads")
    voids = stream(event, ID, activities=[activity("id")], condition="event == 'void'", name="voids")
    rest = stream(event, ID, activities=[activity("id")], condition="event != 'noise'", name="rest")
    rows = [{"event": event, "id": event} for event in ("void", "lead", "noise", "other")] + [{"event": "lead"}]
    made = mapped(feed(leads, voids, rest), rows)
    assert [[record.index for record in part.records] for part in made] == [[1], [0], [3]]
    assert [part.filtered for part in made] == [[], [], [2]]
    assert [[fault.code for fault in part.faults] for part in made] == [["field.required"], [], []]


def test_absent_paths_keep_blank_ones_clear() -> None:
    fields = (
        ID,
        path("a"),
        path("b", "customer.b"),
        path("c", "x[0]"),
        path("d", "p", "q"),
        Field("e", FromField("a")),
    )
    spec = activity("id", values=["a", "b", "c", "d", "e"])

    def found(record: dict[str, Any]) -> dict[str, Any]:
        return single(feed(stream(*fields, activities=[spec])), {"id": 1, **record}).records[0].activities[0].fields

    assert found({}) == {"c": None}
    assert found({"a": None, "customer": {"b": ""}, "q": None}) == {
        "a": None,
        "b": None,
        "c": None,
        "d": None,
        "e": None,
    }
    assert found({"a": "x", "customer": {"b": "y"}, "x": ["z"], "q": "w"}) == {
        "a": "x",
        "b": "y",
        "c": "z",
        "d": "w",
        "e": "x",
    }


def test_typed_values_of_json_are_exact() -> None:
    fields = (
        path("id"),
        path("amount", type="money"),
        path("ok", type="boolean"),
        path("n", type="integer"),
        path("s"),
    )
    spec = activity("id", values=["amount", "ok", "n", "s"])
    made = single(
        feed(stream(*fields, activities=[spec])), {"id": 7, "amount": 12.3, "ok": True, "n": 3, "s": {"not": "text"}}
    )
    assert made.faults[0].code == "string.unreadable"
    made = single(feed(stream(*fields, activities=[spec])), {"id": 7, "amount": 12.3, "ok": False, "n": 3.0, "s": 4.50})
    assert made.records[0].activities[0].keys == ("7",)
    assert made.records[0].activities[0].fields == {"amount": "12.30", "ok": False, "n": 3, "s": "4.5"}


@pytest.mark.parametrize("record", ["text", 5, None, ["list"]])
def test_a_record_that_is_no_object_is_quarantined(record: Any) -> None:
    made = mapped(feed(stream(ID, activities=[activity("id")])), [[record]], whole=True)[0]
    assert [fault.code for fault in made.faults] == ["record.unreadable"]


# --- states -------------------------------------------------------------------------------------

CASES = StateRule(
    (StateCase("deletedAt", "voided"), StateCase("status == 'Invoice'", "closed"), StateCase(None, "open"))
)
MAPPED = StateRule(source="status", map=ValueMap({"done": "closed"}, ((1, 5, "estimate"),), "quarantine"))


@pytest.mark.parametrize(
    ("rule", "record", "wanted"),
    [
        (CASES, {"deletedAt": "2022-01-01", "status": None}, "voided"),
        (CASES, {"status": "Invoice"}, "closed"),
        (CASES, {"status": "Quote"}, "open"),
        (CASES, {"status": ""}, "state.unknown"),
        (StateRule(CASES.cases[:2]), {"status": "Quote"}, "state.unknown"),
        (MAPPED, {"status": 5}, "estimate"),
        (MAPPED, {"status": "done"}, "closed"),
        (MAPPED, {"status": "6"}, "state.unknown"),
        (MAPPED, {}, "state.unknown"),
    ],
)
def test_states_are_never_guessed(rule: StateRule, record: dict[str, Any], wanted: str) -> None:
    fields = (ID, path("deletedAt"), path("status"))
    made = single(feed(stream(*fields, activities=[activity("id", state=rule)])), {"id": "1", **record})
    assert (made.faults[0].code if made.faults else made.records[0].activities[0].state) == wanted


# --- elements -----------------------------------------------------------------------------------

APPOINTMENTS = activity(
    "appointmentId",
    KeyParts(("id", "start")),
    each="appointments",
    fields={
        field.name: field
        for field in (path("appointmentId", "id"), path("start", type="dateTime"), path("note"), path("who", "orderOf"))
    },
    values=["start", "note", "shop"],
    condition="start > run.now",
    state=StateRule((StateCase(None, "cancelled"),)),
    occurred="start",
    on_none="ignore",
)
VOID = stream(ID, path("shop"), path("appointments", type="list"), activities=[activity("id"), APPOINTMENTS])


def test_each_element_is_an_activity_of_its_own() -> None:
    elements = [
        {"id": "A-1", "start": "2099-01-05T08:00:00-06:00", "note": ""},
        {"id": "A-2", "start": "2020-01-05T08:00:00-06:00"},
        {"id": "A-3", "start": "soon"},
        {"start": "2099-01-05T08:00:00-06:00"},
    ]
    made = single(feed(VOID), {"id": "E-1", "shop": "main", "appointments": elements})
    order, first, last = made.records[0].activities
    assert (order.spec, order.keys) == (0, ("E-1",))
    assert (first.spec, first.keys[0], first.state) == (1, "A-1", "cancelled")
    assert first.fields == {"start": "2099-01-05T14:00:00.000000Z", "note": None, "shop": "main"}
    assert last.keys == ("2:E-1|2099-01-05T14:00:00.000000Z",)
    assert [(warning.code, warning.field) for warning in made.warnings] == [
        ("element.dateTime.unreadable", "appointments[2].start")
    ]
    assert made.faults == []


def test_a_condition_of_an_element_sees_its_own_fields_first() -> None:
    spec = activity("id", each="parts", fields={"note": path("note")}, condition="note == 'x'", values=["note"])
    feeds = feed(stream(ID, path("note"), path("parts", type="list"), activities=[spec], condition="note == 'y'"))
    made = single(feeds, {"id": "1", "note": "y", "parts": [{"note": "x"}, {"note": "y"}, {}]})
    assert [found.fields for found in made.records[0].activities] == [{"note": "x"}]


@pytest.mark.parametrize("record", [{}, {"appointments": None}, {"appointments": []}])
def test_no_elements_no_activities(record: dict[str, Any]) -> None:
    made = single(feed(VOID), {"id": "E-1", **record})
    assert [found.spec for found in made.records[0].activities] == [0]


def test_lists_stay_typed_with_what_is_absent_left_out() -> None:
    lines = path("lines", type="list", fields={"kind": path("kind"), "total": path("total", type="money")})
    fields = {field.name: field for field in (path("id", required=True), lines, Field("again", FromField("id")))}
    jobs = path("jobs", type="list", fields=fields)
    spec = activity("id", values=["jobs"])
    made = single(
        feed(stream(ID, jobs, activities=[spec])),
        {"id": 1, "jobs": [{"id": "J1", "lines": {"kind": "part", "total": "$5"}}, {"id": "J2", "lines": None}]},
    )
    assert made.records[0].activities[0].fields["jobs"] == [
        {"id": "J1", "lines": [{"kind": "part", "total": "5.00"}], "again": "J1"},
        {"id": "J2", "lines": None, "again": "J2"},
    ]
    bad = single(
        feed(stream(ID, jobs, activities=[spec])), {"id": 1, "jobs": [{"id": "J1", "lines": [{"total": "x"}]}]}
    )
    assert [(fault.code, fault.field) for fault in bad.faults] == [("money.unreadable", "total")]
    assert (
        single(feed(stream(ID, jobs, activities=[spec])), {"id": 1, "jobs": ["x"]}).faults[0].code == "each.unreadable"
    )


# --- what it is about ---------------------------------------------------------------------------


def contact(record: dict[str, Any], *fields: Field, **more: Any) -> Any:
    spec = ContactSpec(tuple((name.split("_")[0], name) for name in [field.name for field in fields]), **more)
    return (
        single(feed(stream(ID, *fields, contact=spec, activities=[activity("id")])), {"id": 1, **record})
        .records[0]
        .contact
    )


PEOPLE = (
    path("name"),
    path("firstName"),
    path("lastName"),
    path("email", type="email", on_error="warn"),
    path("emails", type="list"),
    path("phone", type="phone", on_error="warn"),
    path("phones_cell", type="phone"),
    path("externalId", type="integer"),
    path("company"),
    path("allowText", type="boolean"),
)


def test_a_contact_has_what_is_not_blank() -> None:
    found = contact(
        {
            "firstName": "Robin",
            "lastName": " ",
            "email": "Robin@Example.com",
            "emails": ["robin@example.com", "R2@example.com"],
            "phone": "(555) 555-0101",
            "phones_cell": "555-555-0102",
            "externalId": 77,
            "allowText": False,
        },
        *PEOPLE,
    )
    assert found.external_id == "77"
    assert found.emails == ("robin@example.com", "r2@example.com")
    assert found.phones == ("+15555550101", "+15555550102")
    assert (found.first, found.last, found.company) == ("Robin", "", "")
    assert found.fields == {
        "firstName": "Robin",
        "email": "robin@example.com",
        "emails": ["robin@example.com", "R2@example.com"],
        "phone": "+15555550101",
        "phones": "+15555550102",
        "externalId": 77,
        "allowText": False,
    }


def test_a_raw_text_that_a_warning_kept_finds_no_one() -> None:
    found = contact({"email": "robin at example", "phone": "ask Robin", "company": "Example RV Co"}, *PEOPLE)
    assert (found.emails, found.phones) == ((), ())
    assert found.fields["phone"] == "ask Robin"


def test_without_anything_that_tells_a_person_there_is_no_contact() -> None:
    assert contact({"allowText": True, "phone": "none"}, *PEOPLE) is None


@pytest.mark.parametrize(
    ("name", "first", "last", "suffix"),
    [
        ("Robin Vale", "Robin", "Vale", None),
        ("Vale, Robin", "Robin", "Vale", None),
        ("Mary Ann Vale Jr.", "Mary Ann", "Vale", "Jr."),
        ("Vale Jr., Robin", "Robin", "Vale", "Jr."),
        ("Vale, Jr.", "", "Vale", "Jr."),
        ("de la Vale, Robin", "Robin", "de la Vale", None),
        ("Vale", "", "Vale", None),
    ],
)
def test_a_name_in_one_column(name: str, first: str, last: str, suffix: str | None) -> None:
    found = contact({"name": name}, *PEOPLE)
    assert (found.first, found.last, found.fields.get("suffix")) == (first, last, suffix)


def test_names_that_stand_on_their_own_come_before_the_one_column() -> None:
    found = contact({"name": "Robin Vale", "lastName": "Ito"}, *PEOPLE)
    assert (found.first, found.last) == ("", "Ito")


def test_a_contact_may_be_that_of_another_activity() -> None:
    order = path("orderId")
    spec = ContactSpec((), source=After("lead", ("orderId",)))
    feeds = feed(stream(ID, order, contact=spec, activities=[activity("id")]))
    record = single(feeds, {"id": 1, "orderId": "E|1"}).records[0]
    assert (record.contact, record.contact_from) == (None, ("lead", "E\\|1"))
    assert single(feeds, {"id": 1}).records[0].contact_from is None


def test_what_an_activity_waits_for_must_be_told() -> None:
    def feeds(on_missing: str) -> Any:
        spec = activity("id", after=After("lead", ("orderId",), on_missing))
        return feed(stream(ID, path("orderId"), activities=[spec]))

    assert single(feeds("hold"), {"id": 1, "orderId": "E1"}).records[0].activities[0].after == ("lead", "E1")
    assert single(feeds("hold"), {"id": 1}).faults[0].code == "after.blank"
    assert single(feeds("ignore"), {"id": 1}).records[0].activities[0].after is None


def test_a_vehicle_has_the_keys_that_are_present() -> None:
    fields = (path("vin"), path("plate"), path("plateState"), path("odometer", type="integer"))
    spec = VehicleSpec(tuple((field.name, field.name) for field in fields), match=(("vin",), ("plate", "plateState")))
    feeds = feed(stream(ID, *fields, vehicle=spec, activities=[activity("id")]))
    found = (
        single(feeds, {"id": 1, "vin": "V1", "plate": "TST|1", "plateState": "ME", "odometer": 0}).records[0].vehicle
    )
    assert found.keys == ("vin=V1", "plate=TST\\|1|plateState=ME")
    assert found.fields == {"vin": "V1", "plate": "TST|1", "plateState": "ME", "odometer": 0}
    assert single(feeds, {"id": 1, "plate": "T"}).records[0].vehicle.keys == ()
    assert single(feeds, {"id": 1}).records[0].vehicle is None


# --- time, versions, lapses ---------------------------------------------------------------------


def test_a_date_that_is_absent_or_blank_leaves_the_activity_undated() -> None:
    feeds = feed(stream(ID, START, activities=[activity("id", occurred="start")]))
    assert single(feeds, {"id": 1}).records[0].activities[0].occurred is None
    assert single(feeds, {"id": 1, "start": ""}).records[0].activities[0].occurred is None
    assert single(feeds, {"id": 1, "start": "2022-01-28T09:00:00-05:00"}).records[0].activities[0].occurred == (
        "2022-01-28T14:00:00.000000Z"
    )


def test_a_version_is_text() -> None:
    feeds = feed(stream(ID, path("n", type="integer"), activities=[activity("id")], version="n"))
    assert [single(feeds, {"id": 1, "n": n}).records[0].version for n in (12, None)] == ["12", None]


def test_an_activity_with_a_condition_is_made_where_it_holds() -> None:
    specs = [activity("id", condition="a == 'x'", occurred="start"), activity("id", type="other")]
    feeds = feed(stream(ID, A, START, activities=specs))
    record = {"id": 1, "start": "2022-01-28T09:00:00-05:00"}
    assert [made.spec for made in single(feeds, {**record, "a": "x"}).records[0].activities] == [0, 1]
    assert [made.spec for made in single(feeds, {**record, "a": "y", "start": ""}).records[0].activities] == [1]
    assert [made.spec for made in single(feeds, record).records[0].activities] == [1]


def test_a_record_that_no_longer_passes_falls_to_the_state_that_is_declared() -> None:
    fields = (ID, A, replace(START, required=True), path("amount", type="money"))
    specs = [activity("id", occurred="start", values=["amount"])]
    feeds = feed(stream(*fields, activities=specs, condition="a == 'x'", lapsed="voided"))
    made = mapped(feeds, [{"id": "1", "a": "y", "amount": "much"}, {"a": "y"}, {"id": "3", "a": "x", "start": None}])[0]
    (record,) = made.records
    assert record.lapsed
    assert (record.activities[0].keys, record.activities[0].state, record.activities[0].fields) == (
        ("1",),
        "voided",
        {},
    )
    assert made.filtered == [1]
    assert [fault.index for fault in made.faults] == [2]


def test_a_record_outside_what_was_asked_for_is_told() -> None:
    feeds = feed(stream(ID, START, activities=[activity("id")], check="start >= window.from"))
    context = {**CONTEXT, "window": {"from": "2022-01-01T00:00:00.000000Z"}}
    rows = [{"id": 1, "start": "2021-12-31T00:00:00Z"}, {"id": 2, "start": "2022-01-02T00:00:00Z"}, {"id": 3}]
    (made,) = mapped(feeds, rows, context=context)
    assert [(warning.index, warning.code) for warning in made.warnings] == [(0, "record.unasked")]
    assert len(made.records) == 3


# --- whole documents ----------------------------------------------------------------------------

DOCUMENT = {
    "Invoices": [{"ID": 2, "ContactID": "C1", "ItemID": "9"}, {"ID": 1, "ContactID": "C9", "ItemID": 9}],
    "Contacts": {"Item": [{"ID": "C1", "Name": "Robin"}]},
    "ServiceItems": {"Item": {"ID": 9, "VIN": "V9"}},
    "Empty": None,
}
CUSTOMER = RecordJoin("customer", "Contacts.Item", "ID", "ContactID")
UNIT = RecordJoin("unit", "ServiceItems.Item", "ID", "ItemID")


def test_records_are_selected_and_joined_within_their_document() -> None:
    invoices = stream(
        path("id", "ID"),
        path("name", "customer.Name"),
        path("vin", "unit.VIN"),
        path="Invoices",
        joins=(CUSTOMER, UNIT),
        activities=[activity("id", values=["name", "vin"])],
        name="invoices",
    )
    contacts = stream(path("id", "ID"), path="Contacts.Item", activities=[activity("id")], name="contacts")
    mapping = opened(feed(invoices, contacts), whole=True)
    first, second = mapping.portions(batch([DOCUMENT]))
    assert (first.streams, second.streams) == ((0,), (1,))
    assert first.lines == [1, 2]
    assert json.loads(first.raws[0]) == {
        "ID": 2,
        "ContactID": "C1",
        "ItemID": "9",
        "customer": {"ID": "C1", "Name": "Robin"},
        "unit": {"ID": 9, "VIN": "V9"},
    }
    assert first.raws[0] == json.dumps(json.loads(first.raws[0]), sort_keys=True, separators=(",", ":"))
    ((_, made),) = mapping.map(first, range(2), CONTEXT)
    assert [record.activities[0].fields for record in made.records] == [{"name": "Robin", "vin": "V9"}, {"vin": "V9"}]


def test_an_orphan_is_quarantined_where_the_join_is_required() -> None:
    join = replace(CUSTOMER, required=True)
    mapping = opened(
        feed(stream(path("id", "ID"), path="Invoices", joins=(join,), activities=[activity("id")])), whole=True
    )
    (portion,) = mapping.portions(batch([DOCUMENT]))
    assert [(fault.index, fault.line, fault.code) for fault in portion.faults] == [(1, 2, "join.missing")]
    ((_, made),) = mapping.map(portion, range(2), CONTEXT)
    assert [record.index for record in made.records] == [0]


@pytest.mark.parametrize(
    ("path_", "count"), [("Invoices", 2), ("Contacts.Item", 1), ("ServiceItems.Item", 1), ("Empty", 0), (None, 1)]
)
def test_one_object_is_a_list_of_one_and_an_empty_section_is_fine(path_: str | None, count: int) -> None:
    mapping = opened(feed(stream(path("id", "ID"), path=path_, activities=[activity("id")])), whole=True)
    assert len(mapping.portions(batch([DOCUMENT]))[0].rows) == count


def test_a_path_that_is_not_there_is_refused_with_the_keys_that_are() -> None:
    mapping = opened(feed(stream(path("id", "ID"), path="data", activities=[activity("id")])), whole=True)
    with pytest.raises(DeliveryRefused) as caught:
        mapping.portions(batch([DOCUMENT]))
    assert caught.value.code == "path.missing"
    assert "'Contacts', 'Empty', 'Invoices'" in str(caught.value)


def test_rows_that_the_decoder_could_not_read_are_left_out() -> None:
    mapping = opened(feed(stream(ID, activities=[activity("id")])))
    broken = Batch([{"id": 1}, None], [1, 2], ["{}", "{"], [Fault(1, 2, "json.syntax", "not JSON")])
    (portion,) = mapping.portions(broken)
    ((_, made),) = mapping.map(portion, range(2), CONTEXT)
    assert ([record.index for record in made.records], made.faults) == ([0], [])


def test_paths_that_were_never_filled_are_told() -> None:
    fields = (ID, path("a"), path("b", "customer.b", "b"), path("c"))
    mapping = opened(feed(stream(*fields, activities=[activity("id")], condition="id != '3'", name="leads")))
    assert mapping.never_filled == ()
    for rows in ([{"id": "1", "b": "x"}], [{"id": "2", "c": None}, {"id": "3", "a": "x"}]):
        (portion,) = mapping.portions(batch(rows))
        mapping.map(portion, range(len(rows)), CONTEXT)
    assert mapping.never_filled == ("leads.a: a", "leads.c: c")


def test_a_template_of_fields_is_filled_for_each_record() -> None:
    spec = activity("id", set={"title": Template(("Order ", Reference(("field", "id"))))})
    rows = [{"id": "1"}, {"id": "2"}]
    (made,) = mapped(feed(stream(ID, activities=[spec])), rows)
    assert [record.activities[0].fields["title"] for record in made.records] == ["Order 1", "Order 2"]


def test_columns_in_documents_are_the_authors_error() -> None:
    with pytest.raises(DefinitionError):
        opened(feed(stream(column("a"))))
