"""One turn of a due feed: its slot taken under its lease, the run, and what came of it noted.

Decides nothing about when: it asks once more whether the feed is still due, by its schedule or for what
waits for it, since another scheduler, or a person, may have been faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine import due
from engine.due import Last
from engine.errors import LeaseHeld, RunOverdue
from engine.model import Feed
from engine.runner import run_feeds
from engine.scheduler.plans import Planned
from engine.store import slots
from engine.store.leases import Lease
from engine.visits.leasing import leased
from engine.visits.listening import endpoints
from engine.visits.waiting import wakes
from engine.world import Clock, Progress, World, stamp


@dataclass(frozen=True, slots=True)
class Turn:
    """How the feed's slots stand afterwards; None: it could not be run, as `reason` says.

    `is_patient`: nothing is wrong with it, it only has to wait.
    """

    last: Last | None
    reason: str = ""
    is_patient: bool = False


def turn(plan: Planned, seen: datetime | None, feed: Feed, beside: Sequence[Feed], world: World) -> Turn:
    """Run the feed for the slot that is due, as it was `seen` to be. Raises StoreError.

    Killed at any moment: before the slot is noted nothing has happened; after it, the slot was begun and
    has not ended, and whoever comes next begins it again. A far side that cannot be reached leaves it so too.
    """
    try:
        with leased(feed, world) as lease:
            now = world.clock.now()
            last = slots.last(world.engine, feed.id)
            slot = due.due(plan.table, last, now, seen) if plan.table is not None and last is not None else None
            if slot is None:
                return _woken(plan, feed, beside, world, lease, last)
            slots.begin(world.engine, lease, feed.id, stamp(slot), stamp(now))
            world.note("feed.begun", {"feed": feed.id, "slot": stamp(slot), "late": _seconds(now, slot)})
            report = run_feeds([feed], timed(world, plan.timeout), beside, lease=lease)
            (found,) = report.feeds
            if found.unreachable:
                return Turn(None, "its far side cannot be reached, or refuses the login")
            ended = stamp(world.clock.now())
            slots.end(world.engine, lease, feed.id, stamp(slot), ended, found.outcome, report.run)
            return Turn(Last(slot))
    except LeaseHeld as error:
        return Turn(None, str(error), is_patient=True)


def _woken(plan: Planned, feed: Feed, beside: Sequence[Feed], world: World, lease: Lease, last: Last | None) -> Turn:
    """Run a feed for what waits for it, if something does. That is no slot: its schedule stands as before."""
    now = world.clock.now()
    moment = wakes(feed, world.inbox.waits(feed.id, endpoints(feed)))
    if moment is None or moment > now:
        return Turn(last)
    world.note("feed.woken", {"feed": feed.id, "late": _seconds(now, moment)})
    (found,) = run_feeds([feed], timed(world, plan.timeout), beside, lease=lease, is_woken=True).feeds
    if found.outcome == "failed":
        return Turn(None, "it was woken, and what waits for it could not be taken up")
    return Turn(last or Last(now))


def _seconds(now: datetime, slot: datetime) -> float:
    return round((now - slot).total_seconds(), 1)


class _Deadline:
    """A clock that nobody sleeps by past a moment."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock, self._seconds = clock, seconds
        self._end = clock.monotonic() + seconds

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(max(0.0, min(seconds, self._end - self._clock.monotonic())))
        self.check()

    def check(self) -> None:
        if self._clock.monotonic() >= self._end:
            raise RunOverdue(f"the run was ended after {self._seconds} s, its `schedule.timeout`; the next one goes on")


def timed(world: World, timeout: int | None) -> World:
    """The world of a run that ends after so many seconds: where it waits, fetches or reads on, it is stopped."""
    if timeout is None:
        return world
    deadline = _Deadline(world.clock, timeout)

    def progress(step: Progress) -> None:
        deadline.check()
        world.progress(step)

    return replace(world, clock=deadline, progress=progress)
