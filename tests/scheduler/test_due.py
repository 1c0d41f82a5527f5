"""When a feed is due: once for each of its times, whatever clocks, restarts and outages do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest

from engine import due
from engine.due import Last, Timetable

NOON = datetime(2022, 6, 1, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
# The day on which clocks go forward, and the one on which they go back. In Havana and Santiago they do so at midnight.
SWITCHES = {
    "America/New_York": (date(2022, 3, 13), date(2022, 11, 6)),
    "America/St_Johns": (date(2022, 3, 13), date(2022, 11, 6)),
    "Europe/Berlin": (date(2022, 3, 27), date(2022, 10, 30)),
    "America/Havana": (date(2022, 3, 13), date(2022, 11, 6)),
    "America/Santiago": (date(2022, 9, 11), date(2022, 4, 3)),
    "Australia/Adelaide": (date(2022, 10, 2), date(2022, 4, 3)),
}
LINES = ("30 1 * * *", "0,30 0,2,3,23 * * *", "*/20 * * * *", "15 */2 * * *")


def table(schedule: dict[str, str], zone: ZoneInfo = NEW_YORK, feed: str = "acme/sales") -> Timetable:
    made = due.timetable(feed, schedule, zone)
    assert made is not None
    return made


def between(made: Timetable, start: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment <= end, due.times(made, start)))


# --- clocks that change ---------------------------------------------------------------------


def numbers(part: str, end: int) -> set[int]:
    found: set[int] = set()
    for each in part.split(","):
        first, _, step = each.partition("/")
        found |= set(range(end)[:: int(step or 1)]) if first == "*" else {int(first)}
    return found


def by_debians_rule(line: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The same found another way: minute by minute, and by what a wall clock shows."""
    minutes, hours = line.split()[:2]
    if "*" in (minutes[0], hours[0]):
        every = (start + timedelta(minutes=n) for n in range(1, int((end - start).total_seconds()) // 60 + 1))
        shown = ((moment, moment.astimezone(zone)) for moment in every)
        return [at for at, wall in shown if wall.minute in numbers(minutes, 60) and wall.hour in numbers(hours, 24)]
    found = {moment for wall in walls(line, start, end) if start < (moment := first_real(wall, zone)) <= end}
    return sorted(found)


def walls(line: str, start: datetime, end: datetime) -> Iterator[datetime]:
    minutes, hours = line.split()[:2]
    for day in range(-1, (end - start).days + 2):
        for hour in numbers(hours, 24):
            for minute in numbers(minutes, 60):
                yield datetime(start.year, start.month, start.day, hour, minute) + timedelta(days=day)  # noqa: DTZ001  (a clock on a wall)


def first_real(wall: datetime, zone: ZoneInfo) -> datetime:
    """When this is first shown; what is never shown is the moment right after the gap."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    while moment.astimezone(zone).replace(tzinfo=None) != wall:
        wall += timedelta(minutes=1)
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
    return moment


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", SWITCHES)
def test_no_time_is_doubled_or_left_out_when_clocks_change(name: str, line: str) -> None:
    zone = ZoneInfo(name)
    for day in SWITCHES[name]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        start, end = midnight - timedelta(days=1), midnight + timedelta(days=2)
        expected = by_debians_rule(line, zone, start, end)
        assert between(table({"cron": line}, zone), start, end) == expected
        # Wherever a process begins to count, also within the hour that comes twice, the next time is the same.
        for minute in range(0, 60 * 48, 37):
            now = start + timedelta(minutes=minute)
            following = next(moment for moment in expected if moment > now)
            assert next(due.times(table({"cron": line}, zone), now)) == following
            before = max((moment for moment in expected if moment <= now), default=None)
            assert due.newest(table({"cron": line}, zone), start, now) == before


@pytest.mark.parametrize(
    ("line", "day", "shown"),
    [
        ("30 1 * * *", date(2022, 11, 6), ["01:30 EDT"]),  # 01:30 comes twice
        ("30 2 * * *", date(2022, 3, 13), ["03:00 EDT"]),  # 02:30 does not come
        ("0,30 2 * * *", date(2022, 3, 13), ["03:00 EDT"]),  # two times that fall together are one
        ("*/30 1 * * *", date(2022, 11, 6), ["01:00 EDT", "01:30 EDT", "01:00 EST", "01:30 EST"]),
    ],
)
def test_a_night_in_new_york(line: str, day: date, shown: list[str]) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)
    found = between(table({"cron": line}), start, start.replace(hour=12))
    assert [f"{moment.astimezone(NEW_YORK):%H:%M %Z}" for moment in found] == shown


# --- what spreads feeds ---------------------------------------------------------------------


def test_ten_thousand_hourly_feeds_do_not_begin_together() -> None:
    minutes = [0] * 60
    for number in range(10_000):
        first = next(due.times(table({"every": "1h"}, feed=f"dealer-{number}/sales"), NOON))
        minutes[int((first - NOON).total_seconds()) // 60 % 60] += 1
    assert max(minutes) < 240
    assert min(minutes) > 100


@pytest.mark.parametrize("schedule", [{"every": "1h", "jitter": "5m"}, {"cron": "0 * * * *", "jitter": "5m"}])
def test_jitter_bounds_how_much_later_a_feed_begins(schedule: dict[str, str]) -> None:
    made = [table(schedule, feed=f"dealer-{number}/sales") for number in range(99)]
    late = [(next(due.times(each, NOON - timedelta(seconds=1))) - NOON).total_seconds() for each in made]
    assert 0 <= min(late) < 100
    assert 200 < max(late) < 300


def test_a_feed_has_the_same_times_in_every_process() -> None:
    found = islice(due.times(table({"every": "1h"}), NOON), 2)
    assert [f"{moment:%H:%M:%S}" for moment in found] == ["12:22:15", "13:22:15"]


# --- what is due ----------------------------------------------------------------------------

FIVE = {"cron": "0 5 * * *", "timezone": "UTC"}
ONCE, NONE = FIVE | {"catchUp": "once"}, FIVE | {"catchUp": "none"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2022-06-{text}+00:00")


@pytest.mark.parametrize(
    ("schedule", "slot", "has_ended", "now", "found", "wakes"),
    [
        pytest.param(ONCE, "01T05:00", True, "02T04:59:59", None, "02T05:00", id="not yet"),
        pytest.param(ONCE, "01T05:00", True, "02T05:00", "02T05:00", "02T05:00", id="on the minute"),
        pytest.param(ONCE, "02T05:00", True, "02T05:00:01", None, "03T05:00", id="no slot twice"),
        pytest.param(ONCE, "01T05:00", True, "09T12:00", "09T05:00", "09T05:00", id="once, whatever was missed"),
        pytest.param(NONE, "01T05:00", True, "09T12:00", None, "10T05:00", id="what was missed is left"),
        pytest.param(NONE, "01T05:00", True, "09T05:04", "09T05:00", "09T05:00", id="a restart is no outage"),
        pytest.param(ONCE, "02T05:00", False, "02T05:01", "02T05:00", "02T05:00", id="cut short: again"),
        pytest.param(ONCE, "02T05:00", False, "04T05:01", "04T05:00", "04T05:00", id="cut short: in a newer slot"),
        pytest.param(NONE, "02T05:00", False, "02T07:00", None, "03T05:00", id="cut short, and left"),
        pytest.param(ONCE, "02T05:00", True, "02T04:30", None, "03T05:00", id="the clock was put back"),
        pytest.param(ONCE, "20T05:00", True, "02T06:00", None, "03T05:00", id="a slot from a wrong clock"),
    ],
)
def test_what_is_due(
    schedule: dict[str, str], slot: str, has_ended: bool, now: str, found: str | None, wakes: str
) -> None:
    made, last = table(schedule), Last(at(slot), has_ended)
    assert due.due(made, last, at(now)) == (None if found is None else at(found))
    assert due.wakes(made, last, at(now)) == at(wakes)


@pytest.mark.parametrize(
    ("schedule", "days"),
    [({"every": "7m"}, 1), ({"cron": "*/7 * * * *"}, 1), ({"cron": "1 5 * * 1", "jitter": "2h"}, 15)],
)
def test_a_feed_that_is_asked_again_and_again_runs_each_of_its_times_once(schedule: dict[str, str], days: int) -> None:
    made, last, run, now = table(schedule), Last(NOON), [], NOON
    while now < NOON + timedelta(days=days):
        now += timedelta(seconds=97 * days)
        slot = due.due(made, last, now)
        if slot is not None:
            run.append(slot)
            last = Last(slot)
    assert run == between(made, NOON, now)
    assert len(run) > 1


def test_a_feed_without_a_schedule_has_no_times() -> None:
    assert due.timetable("acme/hooks", {}, NEW_YORK) is None


def test_a_line_that_ends_wakes_nobody_for_ever() -> None:
    made = table({"cron": "0 5 29 2 *", "timezone": "UTC"})
    assert due.wakes(made, Last(NOON), NOON) == datetime(2024, 2, 29, 5, tzinfo=UTC)
