"""Ten thousand feeds on a simulated clock: a day with an outage of six hours, through the parts that decide.

Real are the agenda, the lanes and the slots; simulated are the clock, how long a feed takes, and what the
database would remember.
"""

import heapq
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise, takewhile
from statistics import quantiles
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from engine import due
from engine.due import Last
from engine.executors.lanes import Lanes
from engine.scheduler.agenda import Agenda
from engine.scheduler.plans import Planned

START = datetime(2022, 3, 12, 18, tzinfo=UTC)  # clocks change in New York within this day
DOWN, UP = START + timedelta(hours=8), START + timedelta(hours=14)
END = START + timedelta(hours=24)
FEEDS, HOSTS, THREADS = 10_000, 1_600, 48
CAUGHT_UP = UP + timedelta(hours=1)
# Of twenty feeds: how often each kind comes.
SCHEDULES = (
    {"every": "1h"},
    {"every": "2h", "jitter": "30m", "catchUp": "none"},
    *([{"every": "6h"}] * 6),
    *([{"every": "12h"}] * 7),
    *([{"cron": "30 2 * * *", "jitter": "1h"}] * 2),
    {"cron": "15 */4 * * *", "jitter": "20m"},
    {"cron": "0 5 * * *", "jitter": "2h", "catchUp": "none"},
    {"cron": "40 22 * * 1-6", "jitter": "1h", "timezone": "America/Los_Angeles"},
)
ZONES = [ZoneInfo(name) for name in ("America/New_York", "America/Chicago", "America/Halifax", "Europe/Berlin")]


def chance(*of: object) -> float:
    """The same for the same, 0 to 1."""
    return crc32(repr(of).encode()) / 2**32


def plan(number: int) -> Planned:
    name = f"dealer-{number // 10}/feed-{number % 10}"
    table = due.timetable(name, SCHEDULES[number % len(SCHEDULES)], ZONES[number % 7 % 4])
    lane = f"host-{int(chance(name) * HOSTS)}"
    return Planned(name, ZONES[0], True, table, lane, is_shared=False, timeout=None)


class Day:
    """The loop of a scheduler, jumping from event to event."""

    def __init__(self, plans: dict[str, Planned]) -> None:
        self.plans = plans
        self.last = {name: Last(START) for name in plans}  # what the database holds
        self.begun: list[tuple[str, datetime, datetime]] = []  # feed, slot, when
        self.done: dict[str, list[datetime]] = {name: [] for name in plans}
        self.most, self.most_of_one = 0, 0

    @cached_property
    def slots(self) -> dict[str, list[datetime]]:
        """Every time of each feed within the day."""
        tables = {name: each.table for name, each in self.plans.items() if each.table is not None}
        return {name: list(takewhile(lambda at: at < END, due.times(each, START))) for name, each in tables.items()}

    def between(self, name: str, start: datetime, end: datetime) -> list[datetime]:
        return [slot for slot in self.slots[name] if start < slot < end]

    def serve(self, now: datetime, until: datetime) -> None:
        """A process that is started, and at the end killed with all that it runs."""
        agenda, lanes = Agenda(), Lanes(THREADS, 1)
        agenda.follow(self.plans, self.last, now)
        running: list[tuple[datetime, str, datetime]] = []
        busy: Counter[str] = Counter()
        while now < until:
            while running and running[0][0] <= now:
                _, name, slot = heapq.heappop(running)
                self.last[name] = Last(slot)
                self.done[name].append(slot)
                busy[self.plans[name].lane] -= 1
                lanes.leave(self.plans[name])
                agenda.ended(name, self.last[name], now)
            for each in agenda.due(now):
                lanes.add(each)
            while (taken := lanes.take()) is not None:
                table, name = taken.table, taken.feed
                assert table is not None
                slot = due.due(table, self.last[name], now, agenda.seen(name))
                assert slot is not None
                self.last[name] = Last(slot, has_ended=False)
                self.begun.append((name, slot, now))
                busy[taken.lane] += 1
                self.most_of_one = max(self.most_of_one, busy[taken.lane])
                seconds = 1 + 9 * chance(name, slot)  # and one host in a hundred hangs, till its deadline ends that
                seconds = 600 if chance(taken.lane) < 0.01 else seconds
                heapq.heappush(running, (now + timedelta(seconds=seconds), name, slot))
            self.most = max(self.most, lanes.busy)
            now = min(each for each in (agenda.next(), running[0][0] if running else None, until) if each is not None)


@pytest.fixture(scope="module")
def day() -> Day:
    made = Day({each.feed: each for each in map(plan, range(FEEDS))})
    made.serve(START, DOWN)
    made.serve(UP, END)
    return made


def is_slow(each: Planned) -> bool:
    """Of a host that hangs: its feeds wait for each other, as they should, and for nobody else."""
    return chance(each.lane) < 0.01


def test_no_feed_runs_a_slot_twice(day: Day) -> None:
    for name, done in day.done.items():
        assert all(one < other for one, other in pairwise(done)), name
        assert set(done) <= set(day.slots[name]), name


def test_no_run_is_missed_but_by_the_outage(day: Day) -> None:
    """Every slot outside of it; within it the newest, where the feed catches up."""
    caught = skipped = 0
    for name, each in day.plans.items():
        if is_slow(each):
            continue
        done = set(day.done[name])
        before = day.between(name, START, DOWN - timedelta(minutes=2))
        after = day.between(name, CAUGHT_UP, END - timedelta(minutes=2))
        assert done.issuperset(before), name
        assert done.issuperset(after), name
        missed = day.between(name, DOWN, UP)
        assert each.table is not None
        if not each.table.catches_up:
            early = [slot for slot in missed if UP - slot > due.PATIENCE]
            assert not done.intersection(early), name
            skipped += bool(early)
        elif missed:
            made_up = [slot for slot in day.done[name] if slot >= missed[-1]]
            assert made_up, name
            assert not done.intersection(missed[:-1]), name
            caught += missed[-1] in done
    print(f"{caught} feeds caught up once, {skipped} waited for their next time")
    assert caught > 1_000
    assert skipped > 100


def test_what_was_cut_short_is_begun_again_or_followed_by_a_newer_one(day: Day) -> None:
    cut = [(name, slot) for name, slot, when in day.begun if when < DOWN and slot not in day.done[name]]
    again = Counter((name, slot) for name, slot, _ in day.begun)
    print(f"{len(cut)} were cut short, {sum(count > 1 for count in again.values())} begun again in their own slot")
    assert cut
    assert max(again.values()) <= 2
    for name, slot in cut:
        table = day.plans[name].table
        assert table is not None
        assert not table.catches_up or any(each >= slot for each in day.done[name])


def test_there_are_never_more_at_once_than_allowed(day: Day) -> None:
    rate = Counter(when.replace(second=0, microsecond=0) for _, _, when in day.begun)
    print(f"at most {day.most} at a time, {max(rate.values())} begun in one minute")
    assert day.most == THREADS
    assert day.most_of_one == 1


def test_feeds_begin_in_time_beside_hosts_that_hang(day: Day) -> None:
    late = [
        (when - slot).total_seconds()
        for name, slot, when in day.begun
        if not (DOWN <= slot < CAUGHT_UP or when >= UP > slot or is_slow(day.plans[name]))
    ]
    cuts = quantiles(late, n=100)
    caught = max(when for name, slot, when in day.begun if slot < UP and not is_slow(day.plans[name]))
    print(f"{len(day.begun)} runs; late by p50 {cuts[49]:.1f} s, p99 {cuts[98]:.1f} s; caught up after {caught - UP}")
    assert cuts[49] < 1
    assert cuts[98] < 30
    assert caught < CAUGHT_UP
