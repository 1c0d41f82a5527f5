"""What is due next, and who may begin: the parts of the loop that hold no thread and no clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine import due
from engine.due import Last
from engine.executors.lanes import Lanes
from engine.scheduler.agenda import Agenda
from engine.scheduler.plans import Planned

NOON = datetime(2022, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def plan(feed: str, lane: str = "", cron: str = "0 * * * *") -> Planned:
    zone = ZoneInfo("UTC")
    table = due.timetable(feed, {"cron": cron}, zone) if cron else None
    return Planned(feed, zone, True, table, lane or feed, is_shared=False, timeout=None)


def agenda(*plans: Planned, last: Last | None = None) -> Agenda:
    made = Agenda()
    made.follow({each.feed: each for each in plans}, {each.feed: last or Last(NOON) for each in plans}, NOON)
    return made


def test_feeds_are_handed_out_in_the_order_of_their_times_and_once() -> None:
    made = agenda(plan("late", cron="30 * * * *"), plan("early", cron="5 * * * *"), plan("never", cron=""))
    assert made.next() == NOON + 5 * MINUTE
    assert [each.feed for each in made.due(NOON + 40 * MINUTE)] == ["early", "late"]
    assert made.due(NOON + 90 * MINUTE) == []
    made.ended("early", Last(NOON + 5 * MINUTE), NOON + 41 * MINUTE)
    assert made.next() == NOON + 65 * MINUTE


def test_what_cannot_be_run_is_looked_at_later_and_later() -> None:
    made, now, waits = agenda(plan("a")), NOON + 60 * MINUTE, []
    for _ in range(8):
        assert made.due(now)
        made.put_off("a", now)
        coming = made.next()
        assert coming is not None
        waits.append((coming - now) / MINUTE)
        now = coming
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    made.due(now)
    made.ended("a", Last(now), now)
    made.due(now + 60 * MINUTE)
    made.put_off("a", now + 60 * MINUTE)
    assert made.next() == now + 61 * MINUTE


def test_who_only_waits_is_looked_at_each_minute() -> None:
    made, now = agenda(plan("a")), NOON + 60 * MINUTE
    for _ in range(5):
        assert made.due(now)
        made.put_off("a", now, is_patient=True)
        now += MINUTE
        assert made.next() == now


def test_a_changed_time_counts_at_once_also_for_a_feed_that_runs() -> None:
    made, changed = agenda(plan("a"), plan("b")), {"a": plan("a", cron="10 * * * *"), "b": plan("b", cron="10 * * * *")}
    made.follow(changed, {}, NOON)
    assert [each.feed for each in made.due(NOON + 10 * MINUTE)] == ["a", "b"]
    made.follow({"a": plan("a", cron="20 * * * *")}, {}, NOON + 11 * MINUTE)
    assert made.due(NOON + 60 * MINUTE) == []  # a is at work, b is gone
    made.ended("a", Last(NOON + 10 * MINUTE), NOON + 12 * MINUTE)
    made.ended("b", Last(NOON + 10 * MINUTE), NOON + 12 * MINUTE)
    assert [each.feed for each in made.due(NOON + 60 * MINUTE)] == ["a"]


def test_lanes_have_their_turn_whatever_waits_in_another() -> None:
    lanes = Lanes(most=3, most_of_one=2)
    crowd, single = [plan(f"a{number}", "crowd") for number in range(9)], plan("b", "single")
    for each in (*crowd, single):
        lanes.add(each)
    assert [lanes.take() for _ in range(4)] == [crowd[0], single, crowd[1], None]
    lanes.leave(single)
    assert lanes.take() is None  # two of the crowd are at work
    lanes.leave(crowd[0])
    assert lanes.take() == crowd[2]
    assert lanes.busy == 2
