"""Whoever calls is found by what they say, and the timeline says where each fact comes from."""

import pytest

from tests.cli.shell import FEED, Shell, sale

PEOPLE = [
    sale("1", First="Ségolène", Last="Lémery", Email="S.Lemery@Example.com", Phone="(306) 555-0133", Company=""),
    sale("2", First="Robin", Last="O'Neil", Email="robin@example.com", Phone="+44 20 7946 0018", Company=""),
    sale("3", First="Lee", Last="van der Berg", Email="", Phone="", Company="Wanderbird GmbH"),
    sale("4", First="", Last="", Email="office@example.com", Phone="", Company="100% Glass"),
]


@pytest.fixture(scope="module")
def known(read_only: Shell) -> Shell:
    """The town, for tests that change nothing."""
    assert read_only.imported(*PEOPLE)["feeds"][0]["inserted"] == 4
    return read_only


@pytest.fixture
def town(both: Shell) -> Shell:
    assert both.imported(*PEOPLE)["feeds"][0]["inserted"] == 4
    return both


def found(shell: Shell, text: str, *more: str) -> list[str]:
    done = shell.feeds("contacts", "find", text, *more, "--format", "jsonl")
    assert done.code == 0, done.talk
    return sorted(str(each["externalIds"]["shop"]) for each in done.lines())


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("lemery", ["C1"]),
        ("LÉMERY", ["C1"]),
        ("segolene", ["C1"]),
        ("Lémery Ségolène", ["C1"]),
        ("lem", ["C1"]),
        ("emery", []),
        ("oneil", ["C2"]),
        ("O\u2019Neil", ["C2"]),
        ("robin oneil", ["C2"]),
        ("robin lemery", []),
        ("berg", ["C3"]),
        ("wanderbird", ["C3"]),
        ("100% glass", ["C4"]),
        ("%", []),
        ("_", []),
        ("s.lemery@example.com", ["C1"]),
        ("S.LEMERY@EXAMPLE.COM", ["C1"]),
        ("306-555-0133", ["C1"]),
        ("3065550133", ["C1"]),
        ("+1 (306) 555 0133", ["C1"]),
        ("001 306 555 0133", ["C1"]),
        ("555.0133", ["C1"]),
        ("0133", ["C1"]),
        ("020 7946 0018", ["C2"]),
        ("133", []),
        ("C3", ["C3"]),
        ("C9", []),
        ("", ["C1", "C2", "C3", "C4"]),
        ("  ", ["C1", "C2", "C3", "C4"]),
    ],
)
def test_a_contact_is_found_by(known: Shell, text: str, who: list[str]) -> None:
    assert found(known, text) == who


def test_finding_is_narrowed_by_dealer_and_limit(known: Shell) -> None:
    assert found(known, "", "--dealer", "other") == []
    assert len(found(known, "", "--limit", "2")) == 2


def test_a_contact_is_printed_with_all_its_keys_and_sources(town: Shell) -> None:
    town.imported(sale("5", Customer="C1", First="", Last="", Email="second@example.com", Phone=""), name="later.csv")
    (contact,) = town.feeds("contacts", "find", "lemery", "--format", "jsonl").lines()
    assert contact == {
        "id": contact["id"],
        "dealer": "acme",
        "firstName": "Ségolène",
        "lastName": "Lémery",
        "company": "",
        "emails": ["second@example.com", "s.lemery@example.com"],
        "phones": ["+13065550133"],
        "externalIds": {"shop": "C1"},
        "address": {"city": "Bangor"},
        "consent": {},
        "sources": contact["sources"],
    }
    assert {"feed": FEED, "delivery": "sales.csv", "line": 2} in contact["sources"]
    assert {"feed": FEED, "delivery": "later.csv", "line": 2} in contact["sources"]


def test_a_contact_that_was_merged_into_another_is_not_found(town: Shell) -> None:
    with town.store() as connection:
        connection.exec_driver_sql("UPDATE contacts SET merged_into = 2 WHERE id = 1")
    assert found(town, "lemery") == []


def test_the_timeline_shows_details_changes_and_where_they_come_from(town: Shell) -> None:
    later = {**PEOPLE[0], "Amount": "1300.00", "Date": "2024-05-09"}
    assert town.imported(later, name="later.csv")["feeds"][0]["updated"] == 1
    done = town.feeds("contacts", "show", "1")
    assert done.code == 0
    for text in ("Ségolène Lémery", "+13065550133", "Sale", "Sale Date", "Amount: 1300.00", "1284.55 -> 1300.00"):
        assert text in done.out, text
    assert "later.csv:2" in done.out
    assert "found by externalId" in done.out
    whole = town.feeds("contacts", "show", "1", "--format", "json").json()
    (activity,) = whole["timeline"]
    (change,) = activity["changes"]
    assert (change["delivery"], change["line"]) == ("later.csv", 2)
    assert change["changes"]["fields.amount"] == ["1284.55", "1300.00"]
    assert change["changes"]["occurred"] == ["2024-05-01", "2024-05-09"]
    assert whole["provenance"]["lastName"] == {"feed": FEED, "delivery": "sales.csv", "line": 2}


def test_what_does_not_apply_is_shown_so_and_kept(shell: Shell) -> None:
    shell.imported(sale("1", Cash="yes", Term="12"))
    out = shell.feeds("contacts", "show", "1").out
    assert "Cash: Yes" in out
    assert "Term: 12 months  (does not apply)" in out


def test_two_that_may_be_one_are_pointed_out(shell: Shell) -> None:
    shell.imported(sale("1"), sale("2", First="Kim", Last="Ames", Phone=""))
    out = shell.feeds("contacts", "show", "2").out
    assert "contact 1 (by email+name)" in out


def test_nobody_is_an_error_for_show_and_an_empty_answer_for_find(shell: Shell) -> None:
    assert shell.feeds("contacts", "show", "7").code == 1
    done = shell.feeds("contacts", "find", "nobody")
    assert (done.code, done.out) == (0, "")
    assert "nobody found" in done.talk
