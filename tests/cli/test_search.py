"""Activities found by type, time, contact and conditions on their fields, alike on both databases."""

from typing import Any

import pytest

from tests.cli.shell import FEED, Shell, sale

ROWS = [
    sale(
        "A",
        Amount="$1,284.50",
        Term="180",
        Cash="no",
        Note='it\'s a "gift"',
        At="2024-05-01T10:00:00+0000",
        Date="2024-05-01",
    ),
    sale("B", Amount="89.00", Term="9", Cash="yes", Note="70012", At="2024-05-02T23:30:00+0000", Date="2024-05-02"),
    sale(
        "C",
        Amount="-12.00",
        Term="",
        Cash="yes",
        Note="50%_off",
        At="",
        Date="2024-05-03",
        First="Kim",
        Last="Ames",
        Phone="",
    ),
    sale("D", Amount="", Term="24", Cash="", Note="", At="2024-05-04T00:00:00.5+0000", Date="2024-06-01"),
]


@pytest.fixture(scope="module")
def filled(read_only: Shell) -> Shell:
    shell = read_only
    shell.edit("feeds/vendors/shop/sales.yaml", "%H:%M:%S%z", "%H:%M:%S%z', '%Y-%m-%dT%H:%M:%S.%f%z")
    rows = [{name: f'"{value.replace(chr(34), chr(34) * 2)}"' for name, value in row.items()} for row in ROWS]
    report = shell.imported(*rows)
    assert report["feeds"][0]["inserted"] == 4, report["feeds"][0]["issues"]
    return shell


def keys(shell: Shell, *arguments: str) -> list[str]:
    done = shell.feeds("activities", "search", *arguments, "--format", "jsonl")
    assert done.code == 0, done.talk
    return [each["key"] for each in done.lines()]


CONDITIONS = [
    ("fields.amount > 500", "A"),
    ("fields.amount > 89", "A"),
    ("fields.amount >= 89", "AB"),
    ("fields.amount == 89", "B"),
    ("fields.amount == 89.000", "B"),
    ("fields.amount < 0", "C"),
    ("fields.amount == -12", "C"),
    ("fields.amount != 89", "AC"),
    ("fields.amount == null", "D"),
    ("fields.amount != null", "ABC"),
    ("fields.amount > '500'", "A"),
    ("fields.amount > `500`", "A"),
    ("fields.term > 20", "AD"),
    ("fields.term < 20", "B"),
    ("fields.cash", "BC"),
    ("fields.cash == true", "BC"),
    ("fields.cash == yes", "BC"),
    ("fields.cash != true", "A"),
    ("not fields.cash", "AD"),
    ("!fields.cash && fields.amount > 1", "A"),
    ("fields.note == 70012", "B"),
    ("fields.note == '70012'", "B"),
    ('fields.note == "it\'s a \\"gift\\""', "A"),
    ("fields.note contains 'GIFT'", "A"),
    ("fields.note contains '%_'", "C"),
    ("fields.note contains '_'", "C"),
    ("fields.note == '' or fields.term == 9", "B"),
    ("fields.at == 2024-05-02", "B"),
    ("fields.at > 2024-05-01", "BD"),
    ("fields.at >= '2024-05-02T23:30:00.000000Z'", "BD"),
    ("occurred >= 2024-05-03", "CD"),
    ("occurred == 2024-05-03", "C"),
    ("state == recorded", "ABCD"),
    ("state == 'voided'", ""),
    ("type == sale and key == 'A'", "A"),
    ("fields.amount > 500 or fields.term == 24", "AD"),
    ("fields.amount > 50 and (fields.cash or fields.term > 100)", "AB"),
    ("fields.amount > 50 and fields.cash or fields.term == 24", "BD"),
    ("fields.note == 'x'' or 1=1 --'", None),
]


@pytest.mark.parametrize(("condition", "found"), CONDITIONS)
def test_a_condition_finds(filled: Shell, condition: str, found: str | None) -> None:
    if found is None:
        assert filled.feeds("activities", "search", "--where", condition).code == 2
    else:
        assert "".join(sorted(keys(filled, "--where", condition))) == found


@pytest.mark.parametrize(
    ("condition", "column", "message"),
    [
        ("fields.amuont > 5", 0, "did you mean fields.amount?"),
        ("amount > 5", 0, "did you mean fields.amount?"),
        ("fields.amount > lots", 16, "expected a number"),
        ("fields.amount > NaN", 16, "expected a number"),
        ("fields.amount >", 15, "expected a number, 'text'"),
        ("fields.amount", 13, "expected a comparison"),
        ("fields.cash > true", 14, "is true or false"),
        ("(fields.amount > 5", 18, "expected `)`"),
        ("fields.amount > 5 fields.term > 3", 18, "expected `and`, `or` or the end"),
        ("fields.amount > 5; DROP TABLE activities", 17, "cannot be read"),
        ("fields.note == 'open", 15, "cannot be read"),
        ("fields.amount > null", 16, "null is only == or !="),
        ("!" * 60 + "fields.cash", 50, "nested too deeply"),
        ("", 0, "expected a name"),
    ],
)
def test_a_condition_that_is_wrong_says_where(shell: Shell, condition: str, column: int, message: str) -> None:
    shell.feeds("db", "upgrade")
    done = shell.feeds("activities", "search", "--where", condition)
    assert done.code == 2
    assert message in done.talk
    lines = done.talk.splitlines()
    assert lines[-1] == "  " + " " * column + "^"
    assert done.out == ""


def test_a_name_that_two_types_hold_differently_asks_for_the_type(shell: Shell) -> None:
    other = {"name: sale": "name: visit", "term:   {label: Term, type: integer": "term:   {label: Term, type: string"}
    text = (shell.home / "feeds/activities/sale.yaml").read_text(encoding="utf-8")
    for old, new in other.items():
        assert old in text
        text = text.replace(old, new)
    shell.write("feeds/activities/visit.yaml", text)
    done = shell.feeds("activities", "search", "--where", "fields.term > 5")
    assert done.code == 2
    assert "--type" in done.talk
    assert shell.feeds("activities", "search", "--type", "sale", "--where", "fields.term > 5").code == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), "DCBA"),
        (("--since", "2024-05-02"), "DCB"),
        (("--until", "2024-05-02"), "BA"),
        (("--since", "2024-05-02", "--until", "2024-05-02"), "B"),
        (("--type", "sale"), "DCBA"),
        (("--state", "voided"), ""),
        (("--dealer", "acme"), "DCBA"),
        (("--dealer", "other"), ""),
        (("--feed", FEED), "DCBA"),
        (("--limit", "2"), "DC"),
        (("--contact", "1"), "DBA"),
        (("--since", "1d"), ""),
    ],
)
def test_filters_narrow_and_the_newest_come_first(filled: Shell, arguments: tuple[str, ...], found: str) -> None:
    assert "".join(keys(filled, *arguments)) == found


def test_an_activity_is_printed_with_person_details_and_lineage(filled: Shell) -> None:
    found = {each["key"]: each for each in filled.feeds("activities", "search", "--format", "jsonl").lines()}
    first: dict[str, Any] = found["A"]
    assert list(first) == [
        *("id", "dealer", "feed", "type", "key", "occurred", "state", "contact", "vehicle", "fields", "source"),
    ]
    assert (first["dealer"], first["feed"], first["type"], first["state"]) == ("acme", FEED, "sale", "recorded")
    assert first["occurred"] == "2024-05-01"
    assert first["vehicle"] is None
    assert first["contact"]["firstName"] == "Robin"
    assert first["contact"]["email"] == "robin.vale@example.com"
    assert first["contact"]["phone"] == "+12025550101"
    assert first["fields"] == {
        **{"amount": "1284.50", "term": 180, "cash": False, "due": None, "at": "2024-05-01T10:00:00Z"},
        "note": 'it\'s a "gift"',
    }
    source = {"delivery": "sales.csv", "line": 2, "run": 1}
    assert {name: first["source"][name] for name in source} == source
    assert found["D"]["fields"]["at"] == "2024-05-04T00:00:00.500000Z"


def test_every_declared_field_is_there_and_null_where_it_has_no_value(filled: Shell) -> None:
    (last,) = (each for each in filled.feeds("activities", "search", "--format", "json").json() if each["key"] == "D")
    assert set(last["fields"]) == {"amount", "term", "cash", "due", "at", "note"}
    assert last["fields"]["amount"] is None


def test_a_search_for_people_shows_labels_and_says_when_there_is_more(shell: Shell) -> None:
    shell.imported(*(sale(f"N{number:03}", Customer="C1") for number in range(101)))
    done = shell.feeds("activities", "search")
    assert len(done.out.splitlines()) == 101  # and the headings
    assert "Sale" in done.out
    assert "newest 100" in done.talk
    assert len(shell.feeds("activities", "search", "--format", "jsonl").lines()) == 101


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--type", "sales"), "did you mean sale?"),
        (("--since", "yesterday"), "expected 2022-01-28"),
        (("--since", "2024-13-01"), "month must be in 1..12"),
        (("--limit", "0"), "0"),
    ],
)
def test_a_wrong_filter_is_a_usage_error(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    done = shell.feeds("activities", "search", *arguments)
    assert done.code == 2
    assert message in done.talk
