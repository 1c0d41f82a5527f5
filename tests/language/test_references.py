"""References: read once, kept or filled, moved and printed in the dealer's calendar."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.deferred import Reference, SecretRef, Template
from engine.errors import RecordError
from engine.language import references
from engine.language.references import BadReference, fill, parsed

NEW_YORK = ZoneInfo("America/New_York")
CONTEXT = {
    "run": {"date": "2022-01-31", "now": "2022-01-31T14:00:00.000000Z"},
    "window": {"from": "2022-03-12T14:00:00.000000Z"},
    "file": {"name": "ACME_IDS_20220131_SL.csv", "groups": {"day": "20220131"}},
    "field": {"number": 70012, "blank": None, "paid": True, "tags": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("5 $ and 6 $", "5 $ and 6 $"),
        ("${secret.NAME}", SecretRef("NAME")),
        ("${run.date}", Template((Reference(("run", "date")),))),
        ("${run.date+30d}", Template((Reference(("run", "date"), days=30),))),
        ("${run.date-6mo}", Template((Reference(("run", "date"), months=-6),))),
        ("${run.now+90s}", Template((Reference(("run", "now"), seconds=90),))),
        ("${run.now-2h:%H:%M}", Template((Reference(("run", "now"), seconds=-7200, format="%H:%M"),))),
        ("${window.from:%Y-%m-%d}", Template((Reference(("window", "from"), format="%Y-%m-%d"),))),
        ("a ${file.groups.day} b", Template(("a ", Reference(("file", "groups", "day")), " b"))),
        ("Bearer ${secret.X}", Template(("Bearer ", Reference(("secret", "X"))))),
        ("$${run.date}", "${run.date}"),
        ("a$${x} ${run.now}", Template(("a${x} ", Reference(("run", "now"))))),
    ],
)
def test_a_text_is_read_into_its_parts(text: str, value: Any) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize(
    ("text", "offset", "said"),
    [
        ("${run.date", 0, "never closed"),
        ("ab ${}", 3, "no reference"),
        ("${ run.date }", 0, "no reference"),
        ("${run..date}", 0, "no reference"),
        ("${run.date+30}", 0, "unit"),
        ("${run.date+3 days}", 0, "unit"),
        ("x ${run.date+2h}", 2, "is a day"),
        ("${run.date*2}", 0, "no reference"),
        ("${len(run.date)}", 0, "no reference"),
        ("${run.date:}", 0, "no reference"),
    ],
)
def test_what_is_no_reference_is_refused_at_its_place(text: str, offset: int, said: str) -> None:
    with pytest.raises(BadReference, match=said) as caught:
        parsed(text)
    assert caught.value.offset == offset


def test_what_is_known_is_put_in_once() -> None:
    def known(reference: Reference) -> Any:
        if reference.path[0] == "params":
            return {"a": "${run.now}", "n": 3, "b": True, "list": ["x", "y"]}[reference.path[1]]
        raise references.Unfilled

    assert parsed("${params.a}", known) == "${run.now}"
    assert parsed("<${params.a}>", known) == "<${run.now}>"
    assert parsed("${params.n}", known) == 3
    assert parsed("${params.b} ${params.list}", known) == "true x,y"
    assert parsed("${run.date+${params.n}}", known) == Template((Reference(("run", "date"), days=3),))
    assert parsed("${params.n}/${run.now}", known) == Template(("3/", Reference(("run", "now"))))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${run.date}", "2022-01-31"),
        ("${run.date+1d}", "2022-02-01"),
        ("${run.date+1mo}", "2022-02-28"),  # the last day of a shorter month
        ("${run.date+25mo}", "2024-02-29"),
        ("${run.date-2mo}", "2021-11-30"),
        ("${run.date+30d:%m/%d/%Y}", "03/02/2022"),
        ("${run.now:%Y-%m-%d %H:%M}", "2022-01-31 09:00"),  # printed in the dealer's zone
        ("${run.now+2h}", "2022-01-31T16:00:00.000000Z"),
        # Over the change of clocks a day later is the same time of day, 24 hours later is not.
        ("${window.from:%H:%M}", "09:00"),
        ("${window.from+1d:%d %H:%M}", "13 09:00"),
        ("${window.from+24h:%d %H:%M}", "13 10:00"),
        ("${window.from+1d}", "2022-03-13T13:00:00.000000Z"),
        ("${file.groups.day}", "20220131"),
        ("${field.number}", 70012),
        ("${field.paid}", True),
        ("${field.tags}", ["a", "b"]),
        ("${field.blank}", None),
        ("${field.gone}", None),
        ("${nothing.at.all}", None),
        ("Repair order ${field.number}", "Repair order 70012"),
        ("${field.number}${field.blank}!", "70012!"),
        ("${field.paid}/${field.tags}", "true/a,b"),
        ("plain", "plain"),
    ],
)
def test_references_are_filled_from_the_context(text: str, value: Any) -> None:
    assert fill(parsed(text), CONTEXT, NEW_YORK) == value


def test_maps_and_lists_are_filled_and_other_values_left() -> None:
    settings = {"query": {"since": parsed("${run.date}")}, "list": [parsed("${field.number}"), 5], "none": None}
    filled = fill(settings, CONTEXT, NEW_YORK)
    assert filled == {"query": {"since": "2022-01-31"}, "list": [70012, 5], "none": None}


def test_a_reference_alone_is_filled_too() -> None:
    assert fill(Reference(("run", "date"), days=1), CONTEXT, NEW_YORK) == "2022-02-01"


@pytest.mark.parametrize("text", ["${field.number+1d}", "${file.name:%Y}", "${field.paid:%Y}"])
def test_what_is_no_date_is_not_moved(text: str) -> None:
    with pytest.raises(RecordError) as caught:
        fill(parsed(text), CONTEXT, NEW_YORK)
    assert caught.value.code == "reference.unreadable"
    assert "ACME" not in str(caught.value)


def test_what_is_filled_is_not_read_for_references_again() -> None:
    assert fill(parsed("${field.x}"), {"field": {"x": "${run.now}"}}, NEW_YORK) == "${run.now}"


@pytest.mark.parametrize("text", ["${run.date+30d:%Y}", "Bearer ${secret.X}", "a ${window.from-6mo} b"])
def test_a_template_is_written_as_it_was_read(text: str) -> None:
    assert references.written(parsed(text)) == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("${window.from:%Y-%m-%dT%H:%M:%SZ}", "Z}"),
        ("since ${window.from:%Y-%m-%dT%H:%M:%S}Z", "Z"),
        ("${run.now:%H:%M:%S.000Z}", "Z}"),
        ("${run.now:%H}${run.now-1h:%M}Z!", "Z!"),
        ("${run.now:%H:%M+00:00}", "+00:00}"),
        ("${run.now:%H:%M UTC}", "UTC}"),
    ],
)
def test_a_local_time_that_is_said_to_be_utc_is_found_at_that_word(text: str, word: str) -> None:
    ((reference, offset),) = references.local_as_utc(parsed(text))
    assert text[text.index(f":{reference.format}") + 1 + offset :] == word


@pytest.mark.parametrize(
    "text",
    [
        *("${window.from}", "${window.from}Z", "${run.now:%H:%M:%S%z}", "${run.now:%H:%M %Z}", "${run.now:%H} Zoo"),
        *("${window.from:%Y-%m-%dT00:00:00Z}", "${run.date:%Y-%m-%d}Z", "${run.now:%H:%M} ${file.name}Z"),
    ],
)
def test_what_says_no_zone_that_it_has_not_got_is_left_in_peace(text: str) -> None:
    assert list(references.local_as_utc(parsed(text))) == []
