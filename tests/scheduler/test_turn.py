"""One turn of a due feed, on both databases: its slot, its lease, and what is left when it is cut short."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.due import Last
from engine.executors.turn import Turn, turn
from engine.language.project import load
from engine.scheduler.plans import planned
from engine.store import slots
from engine.visits.leasing import leased
from engine.world import World, stamp
from tests.cli.shell import FEED, Shell, sale
from tests.scheduler.conftest import BEGIN, Clock, Log, opened

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(both: Shell, log: Log, clock: Clock) -> Iterator[World]:
    both.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {cron: '0 * * * *', timeout: 30s}\nfields:")
    with opened(both, log) as made:
        slots.met(made.engine, [FEED], stamp(BEGIN))
        yield replace(made, clock=clock)


def taken(shell: Shell, world: World, seen: datetime | None = None) -> Turn:
    project = load(shell.home / "feeds")
    return turn(planned(FEED, project.made[FEED]), seen, project.feeds[FEED], (), world)


def test_a_feed_runs_once_in_its_slot(both: Shell, world: World, clock: Clock, log: Log) -> None:
    both.put("sales.csv", sale("1"))
    assert taken(both, world) == Turn(Last(BEGIN))  # not yet: it was first seen now
    clock.sleep(3_600)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))
    clock.sleep(60)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))
    assert [each["slot"] for each in log.of("feed.begun")] == [stamp(BEGIN + HOUR)]
    (row,) = both.rows("SELECT * FROM slots")
    assert (row.outcome, row.run_id, row.ended_at) == ("ok", 1, stamp(BEGIN + HOUR))


def test_a_turn_that_was_cut_short_is_taken_again(both: Shell, world: World, clock: Clock) -> None:
    clock.sleep(3_600)
    with leased(load(both.home / "feeds").feeds[FEED], world) as lease:
        slots.begin(world.engine, lease, FEED, stamp(BEGIN + HOUR), stamp(clock.now()))
    assert slots.last(world.engine, FEED) == Last(BEGIN + HOUR, has_ended=False)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))
    assert slots.last(world.engine, FEED) == Last(BEGIN + HOUR)


def test_a_feed_that_somebody_runs_by_hand_waits(both: Shell, world: World, clock: Clock, log: Log) -> None:
    clock.sleep(3_600)
    with leased(load(both.home / "feeds").feeds[FEED], world):
        found = taken(both, world)
    assert found.last is None
    assert found.is_patient
    assert slots.last(world.engine, FEED) == Last(BEGIN)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))


def test_a_far_side_that_cannot_be_reached_is_tried_again_in_the_same_slot(
    both: Shell, world: World, clock: Clock
) -> None:
    clock.sleep(3_600)
    (both.home / "in").rename(both.home / "away")
    found = taken(both, world)
    assert found.last is None
    assert not found.is_patient
    (both.home / "away").rename(both.home / "in")
    clock.sleep(60)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))


def test_a_run_past_its_timeout_is_ended(both: Shell, world: World, clock: Clock) -> None:
    both.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 5m")
    both.put("sales.csv", sale("1"))
    clock.sleep(3_600)
    assert taken(both, world) == Turn(Last(BEGIN + HOUR))
    assert clock.now() == BEGIN + HOUR + timedelta(seconds=30)
    (row,) = both.rows("SELECT code, message FROM issues")
    assert row.code == "engine.runOverdue"
    assert "30 s" in row.message


def test_what_was_seen_to_be_due_is_not_late_for_having_waited(both: Shell, world: World, clock: Clock) -> None:
    both.edit("feeds/vendors/shop/sales.yaml", "timeout: 30s", "catchUp: none")
    clock.sleep(3_600)
    seen = clock.now()
    clock.sleep(1_800)
    assert taken(both, world) == Turn(Last(BEGIN))
    assert taken(both, world, seen) == Turn(Last(BEGIN + HOUR))
