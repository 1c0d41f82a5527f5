"""Elements of a list that is sent again: which of them stay, and what of each."""

from typing import Any

import pytest

from engine.model import Field, Path
from engine.store.changes import paired


def jobs(**more: Any) -> Field:
    return Field("jobs", Path(("jobs",)), type="list", by="id", **more)


BEFORE = [{"id": "1", "who": "T7", "text": "pads"}, {"id": "2", "text": "wipers"}]


@pytest.mark.parametrize(
    ("field", "sent", "stands"),
    [
        (jobs(), [{"id": "2"}, {"id": "1"}], [{"id": "2"}, {"id": "1"}]),
        (jobs(keep=("who",)), [{"id": "1", "who": None}], [{"id": "1", "who": "T7"}]),
        (jobs(keep=("who",)), [{"id": "1", "who": "T8"}, {"id": "3"}], [{"id": "1", "who": "T8"}, {"id": "3"}]),
        (jobs(partial=True), [{"id": "2", "who": "T8"}], [BEFORE[0], {"id": "2", "text": "wipers", "who": "T8"}]),
        (jobs(partial=True), [{"id": "1", "text": None}], BEFORE),
        (
            jobs(partial=True),
            [{"id": "3"}, {"id": "1", "who": "T9"}],
            [{**BEFORE[0], "who": "T9"}, BEFORE[1], {"id": "3"}],
        ),
        (jobs(partial=True), [], BEFORE),
        (jobs(partial=True), [{"text": "of no job"}], [*BEFORE, {"text": "of no job"}]),
    ],
)
def test_an_element_is_laid_over_what_is_stored_of_it(field: Field, sent: list[Any], stands: list[Any]) -> None:
    assert paired(field, sent, BEFORE) == stands
    assert paired(field, paired(field, sent, BEFORE), BEFORE) == stands, "and once more it is the same"


def test_lists_inside_an_element_go_by_their_own_rule() -> None:
    notes = Field("notes", Path(("notes",)), type="list", by="id", partial=True)
    before = [{"id": "1", "notes": [{"id": "n1", "text": "a"}]}]
    sent = [{"id": "1", "notes": [{"id": "n2", "text": "b"}]}]
    (job,) = paired(jobs(partial=True, fields={"notes": notes}), sent, before)
    assert job["notes"] == [{"id": "n1", "text": "a"}, {"id": "n2", "text": "b"}]
    (job,) = paired(jobs(partial=True), sent, before)
    assert job["notes"] == sent[0]["notes"]
