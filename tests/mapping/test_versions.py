"""A record of an older version of the other side than the definition requires: versions are numbers, not text."""

from typing import Any

import pytest

from engine.model import Minimum, Stream
from tests.mapping.feeds import activity, feed, path, single, stream

ID = path("id", required=True)


def of(*minima: Minimum, **more: Any) -> Stream:
    return stream(ID, minima=minima, activities=[activity("id", **more)])


@pytest.mark.parametrize(
    ("found", "needed", "code"),
    [
        ("3.6.0.13", "3.6.0.13", None),
        ("3.6.0.9", "3.6.0.13", "version.tooOld"),  # as text it would be the greater one
        ("3.6.0.100", "3.6.0.56", None),  # and this the lesser
        ("3.6.0", "3.6.0.13", "version.tooOld"),
        ("3.10", "3.9.9", None),
        (" 4 ", "3.6.0.44", None),
        (4, "3.6.0.44", None),
        ("", "3.6.0.44", "version.missing"),
        (None, "3.6.0.44", "version.missing"),
        ("latest", "3.6.0.44", "version.unreadable"),
        (3.6, "3.6.0.44", "version.unreadable"),
        (["3.6.0.50"], "3.6.0.44", "version.unreadable"),
    ],
)
def test_a_record_of_an_older_version_is_refused(found: Any, needed: str, code: str | None) -> None:
    made = single(feed(of(Minimum("till", "about.till", needed))), {"id": "1", "about": {"till": found}})
    assert [fault.code for fault in made.faults] == ([] if code is None else [code])
    assert len(made.records) == (code is None)
    for fault in made.faults:
        assert fault.message.startswith(f"till {needed} or newer is needed"), fault.message


def test_every_product_has_its_own_minimum_and_the_first_that_fails_is_told() -> None:
    both = of(Minimum("setup", "setup", "3.6.0.13"), Minimum("till", "till", "3.6.0.44"))
    for said, told in {
        ("3.6.0.13", "3.6.0.44"): "",
        ("3.6.0.44", "3.6.0.13"): "till 3.6.0.44 or newer is needed, found 3.6.0.13",
        ("3.6.0.9", "3.6.0.9"): "setup 3.6.0.13 or newer is needed, found 3.6.0.9",
    }.items():
        made = single(feed(both), {"id": "1", "setup": said[0], "till": said[1]})
        assert "".join(fault.message for fault in made.faults) == told


@pytest.mark.parametrize("more", [{}, {"each": "parts", "fields": {"id": ID}}, {"condition": "id != 'x'"}])
def test_an_activity_with_a_minimum_of_its_own_is_left_out_and_the_record_goes_on(more: dict[str, Any]) -> None:
    newer = activity("id", minima=(Minimum("till", "till", "3.6.0.56"),), type="note", **more)
    both = feed(stream(ID, path("parts", type="list"), activities=[activity("id"), newer]))
    record = {"id": "1", "parts": [{"id": "p"}]}
    new, old = (single(both, {**record, "till": version}) for version in ("3.6.0.56", "3.6.0.55"))
    assert [len(made.records[0].activities) for made in (new, old)] == [2, 1]
    assert [warning.message for warning in old.warnings] == ["till 3.6.0.56 or newer is needed, found 3.6.0.55"]
    assert not new.warnings


def test_a_record_that_the_stream_does_not_take_is_not_asked_for_its_version() -> None:
    other = stream(ID, condition="id == 'x'", minima=(Minimum("till", "till", "2"),), activities=[activity("id")])
    assert single(feed(other), {"id": "1"}).filtered == [0]
