"""The scheduler in one process: due feeds run on threads, side by side, until it is told to stop.

Everything that must survive is in the database; killed at any moment, the next one goes on. A thread is
never killed: what hangs is ended by its own deadline, and holds up no lane but its own.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from engine.errors import FeedError
from engine.executors.lanes import Lanes
from engine.executors.turn import Turn, turn
from engine.language.secrets import Secrets
from engine.runner import sweep
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.store import slots
from engine.visits.ending import fault
from engine.world import World, stamp

_LOOK_EACH = 2.0  # seconds between two looks at the definitions
_SWEEP_EACH = 3_600.0  # seconds between two sweeps of what is kept for a while


@dataclass(frozen=True, slots=True)
class _Ended:
    plan: Planned
    turn: Turn


@dataclass(frozen=True, slots=True)
class _Asked:
    """To stop: once, and what runs is finished; again, and it is left to the next process."""


class Local:
    """`secrets` is asked before each run, so that a new value counts at once."""

    def __init__(
        self, world: World, following: Following, secrets: Callable[[], Secrets], threads: int, per_login: int
    ) -> None:
        self._world, self._following, self._secrets = world, following, secrets
        self._agenda, self._lanes = Agenda(), Lanes(threads, per_login)
        self._heard: queue.SimpleQueue[_Ended | _Asked] = queue.SimpleQueue()
        self._followed: Mapping[str, Planned] | None = None
        self._asked = 0
        self._looked = self._swept = -_SWEEP_EACH
        self._sweeper = threading.Thread()

    def stop(self) -> None:
        """Finish what runs, begin nothing; asked again, end at once. May be called from a signal."""
        self._heard.put(_Asked())

    def run(self) -> int:
        """Until it is stopped; how many feeds were left at work."""
        while self._asked == 0 or (self._lanes.busy and self._asked == 1):
            if not self._asked:
                self._tick()
            self._hear()
        return self._lanes.busy

    def _tick(self) -> None:
        """Look at the definitions now and then, and begin what is due."""
        monotonic = self._world.clock.monotonic()
        if monotonic - self._looked >= _LOOK_EACH:
            self._looked = monotonic
            self._attempt(self._look)
        self._attempt(self._begin)
        if monotonic - self._swept >= _SWEEP_EACH and not self._sweeper.is_alive():
            self._swept = monotonic
            self._sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
            self._sweeper.start()

    def _attempt(self, work: Callable[[], None]) -> None:
        """What cannot be done now, with the database away or a folder, is tried again at the next tick."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  (whatever it is, the feeds that run go on)
            reason = str(error) if isinstance(error, FeedError) else f"{type(error).__name__} at {fault(error)[0]}"
            self._world.note("scheduler.hindered", {"level": "error", "reason": reason})

    def _look(self) -> None:
        self._following.look()
        plans = self._following.plans
        if self._followed is not plans:
            now = self._world.clock.now()
            fresh = self._agenda.lacks(plans)
            if fresh:
                slots.met(self._world.engine, fresh, stamp(now))
            self._agenda.follow(plans, slots.known(self._world.engine) if fresh else {}, now)
            self._followed = plans

    def _begin(self) -> None:
        now = self._world.clock.now()
        for due in self._agenda.due(now):
            self._lanes.add(due)
        if not self._lanes.has_room:
            return
        paused = slots.paused(self._world.engine, stamp(now))
        while (plan := self._lanes.take()) is not None:
            current = self._following.plans.get(plan.feed)
            if plan.feed in paused or current is None or current.table is None:
                self._end(plan, Turn(None, is_patient=True), now)
            else:
                self._start(plan, current, now)

    def _start(self, plan: Planned, current: Planned, now: datetime) -> None:
        """`current` is what the feed has become while it waited; it leaves the lane that it came by."""
        try:
            feed, beside = self._following.feed(plan.feed), self._following.beside(current)
            seen, world = self._agenda.seen(plan.feed), replace(self._world, secrets=self._secrets())
        except Exception as error:  # noqa: BLE001  (a feed that cannot be made must not stop the others)
            self._end(plan, self._failed(plan, error), now)
            return

        def run() -> None:
            try:
                found = turn(current, seen, feed, beside, world)
            except Exception as error:  # noqa: BLE001  (the same for one that cannot be run)
                found = self._failed(plan, error)
            self._heard.put(_Ended(plan, found))

        threading.Thread(target=run, name=plan.feed, daemon=True).start()

    def _failed(self, plan: Planned, error: Exception) -> Turn:
        if isinstance(error, FeedError):
            return Turn(None, str(error))
        where, issue = fault(error)
        note = {"level": "error", "feed": plan.feed, "error": type(error).__name__, "where": where}
        self._world.note("feed.broken", note)
        return Turn(None, issue.message)

    def _hear(self) -> None:
        """Wait until a run has ended, the next feed is due, or it is time to look."""
        coming, wait = self._agenda.next(), _LOOK_EACH
        if coming is not None and not self._asked:
            wait = min(wait, max(0.0, (coming - self._world.clock.now()).total_seconds()))
        try:
            heard = self._heard.get(timeout=wait)
        except queue.Empty:
            return
        if isinstance(heard, _Ended):
            self._end(heard.plan, heard.turn, self._world.clock.now())
        else:
            self._asked += 1
            self._world.note("scheduler.stopping", {"running": self._lanes.busy})

    def _end(self, plan: Planned, found: Turn, now: datetime) -> None:
        self._lanes.leave(plan)
        if found.last is not None:
            self._agenda.ended(plan.feed, found.last, now)
            return
        self._agenda.put_off(plan.feed, now, found.is_patient)
        if found.reason:
            self._world.note("feed.putOff", {"level": "warning", "feed": plan.feed, "reason": found.reason})

    def _sweep(self) -> None:
        try:
            sweep(self._world)
        except Exception as error:  # noqa: BLE001  (what is kept too long harms nobody; the next sweep comes)
            self._world.note(
                "sweep.failed", {"level": "error", "error": type(error).__name__, "where": fault(error)[0]}
            )
