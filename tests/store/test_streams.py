"""Records of several shapes in one source: waiting, elements, states and versions, on both databases."""

import json
from typing import Any

from tests.store.shop import Shop, counts


def lead(order: str = "O1", at: str = "2026-03-02T10:00:00Z", **more: Any) -> str:
    name = {"first": "Robin", "last": "Vale", "email": "robin@example.com"}
    return json.dumps({"event": "lead", "order": order, "at": at, "name": name, **more})


def visit(event: str = "visit.made", at: str = "2026-03-02T11:00:00Z", **more: Any) -> str:
    return json.dumps({"event": event, "order": "O1", "visit": "V1", "at": at, "start": "2026-03-05T09:00:00Z", **more})


def test_each_record_goes_to_the_stream_whose_condition_holds(glass: Shop) -> None:
    report = glass.run("a.jsonl", lead(), visit(), json.dumps({"event": "chat"}))
    assert counts(report) == {"read": 3, "inserted": 2, "filtered": 1}
    assert {k: a["state"] for k, a in glass.activities().items()} == {"O1": "open", "V1": "booked"}


def test_an_event_without_a_person_takes_the_contact_of_its_lead(glass: Shop) -> None:
    glass.run("a.jsonl", lead())
    glass.run("b.jsonl", visit())
    done = glass.activities()
    assert done["V1"]["contact"] == done["O1"]["contact"]
    assert done["V1"]["match"] == "of lead"


def test_what_comes_before_its_lead_waits_and_is_released_with_it(glass: Shop) -> None:
    report = glass.run("a.jsonl", visit())
    assert counts(report) == {"read": 1, "inserted": 1}
    assert report.tally.held == 1
    assert glass.activities()["V1"]["state"] == "held"
    glass.run("b.jsonl", lead())
    done = glass.activities()
    assert done["V1"]["state"] == "booked"
    assert done["V1"]["contact"] == done["O1"]["contact"]


def test_a_waiting_one_takes_later_versions_and_is_released_with_the_last(glass: Shop) -> None:
    glass.run("a.jsonl", visit())
    glass.run("b.jsonl", visit("visit.done", "2026-03-06T11:00:00Z"))
    assert glass.activities()["V1"]["state"] == "held"
    glass.run("c.jsonl", lead())
    assert glass.activities()["V1"]["state"] == "completed"


def test_an_older_version_never_overwrites_a_newer_one(glass: Shop) -> None:
    glass.run("a.jsonl", lead(note="new", at="2026-03-03T10:00:00Z"))
    report = glass.run("b.jsonl", lead(note="old", at="2026-03-01T10:00:00Z"))
    assert counts(report) == {"read": 1, "unchanged": 1}
    assert "record.older" in {issue.code for issue in report.issues}
    assert glass.activities()["O1"]["note"] == "new"


def test_a_source_that_repeats_ids_updates_in_the_order_of_its_records(glass: Shop) -> None:
    report = glass.run("a.jsonl", lead(note="one"), lead(note="two", at="2026-03-02T10:00:01Z"))
    assert counts(report) == {"read": 2, "inserted": 1, "updated": 1}
    assert glass.activities()["O1"]["note"] == "two"


def test_an_update_only_activity_makes_nothing_up(glass: Shop) -> None:
    void = json.dumps({"event": "void", "order": "O1"})
    assert counts(glass.run("a.jsonl", void)) == {"read": 1, "unchanged": 1}
    assert glass.activities() == {}
    glass.run("b.jsonl", lead(note="kept"))
    assert counts(glass.run("c.jsonl", void)) == {"read": 1, "updated": 1}
    assert glass.activities()["O1"]["state"] == "voided"
    assert glass.activities()["O1"]["note"] == "kept"


def test_an_element_that_is_gone_changes_state_and_comes_back(glass: Shop) -> None:
    both = [{"id": "1"}, {"id": "2"}]
    glass.run("a.jsonl", lead(jobs=both))
    glass.run("b.jsonl", lead(jobs=both[:1], at="2026-03-03T10:00:00Z"))
    assert glass.activities()["O1|2"]["state"] == "withdrawn"
    assert glass.activities()["O1|1"]["state"] == "open"
    glass.run("c.jsonl", lead(jobs=both, at="2026-03-04T10:00:00Z"))
    assert glass.activities()["O1|2"]["state"] == "open"


def test_an_element_keeps_what_a_blank_would_take_away(glass: Shop) -> None:
    glass.run("a.jsonl", lead(jobs=[{"id": "1", "technician": "T7"}, {"id": "2"}]))
    glass.run("b.jsonl", lead(jobs=[{"id": "2", "technician": "T8"}, {"id": "1"}], at="2026-03-03T10:00:00Z"))
    assert glass.activities()["O1"]["jobs"] == [{"id": "2", "technician": "T8"}, {"id": "1", "technician": "T7"}]


def test_a_date_set_at_the_first_import_never_moves(glass: Shop) -> None:
    glass.run("a.jsonl", lead())
    assert glass.activities()["O1"]["due"] == "2026-04-01"
    glass.clock.sleep(5 * 86_400)
    glass.run("b.jsonl", lead(note="again", at="2026-03-06T10:00:00Z"))
    assert glass.activities()["O1"]["due"] == "2026-04-01"
    assert glass.activities()["O1"]["note"] == "again"


def test_an_absent_path_keeps_and_a_null_clears(glass: Shop) -> None:
    glass.run("a.jsonl", lead(note="kept"))
    glass.run("b.jsonl", lead(at="2026-03-03T10:00:00Z"))
    assert glass.activities()["O1"]["note"] == "kept"
    glass.run("c.jsonl", lead(note=None, at="2026-03-04T10:00:00Z"))
    assert "note" not in glass.activities()["O1"]


def test_a_state_that_the_map_does_not_know_is_kept_back(glass: Shop) -> None:
    report = glass.run("a.jsonl", lead(), visit("visit.lost"))
    assert counts(report) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert [code for code, _, _ in glass.quarantined()] == ["state.unknown"]


def test_a_bad_element_is_kept_back_alone_and_takes_no_other_away(glass: Shop) -> None:
    glass.run("a.jsonl", lead(jobs=[{"id": "1"}, {"id": "2"}]))
    report = glass.run("b.jsonl", lead(jobs=[{"id": "1"}, {"id": ""}], at="2026-03-03T10:00:00Z"))
    assert counts(report) == {"read": 1, "updated": 1}
    assert report.tally.elements_quarantined == 1
    assert [code for code, _, _ in glass.quarantined()] == ["element.field.required"]
    assert glass.activities()["O1|2"]["state"] == "open"
