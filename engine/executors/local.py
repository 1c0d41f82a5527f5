"""The scheduler in one process: due feeds run on threads, side by side, until it is told to stop.

Everything that must survive is in the database; killed at any moment, the next one goes on. A thread is
never killed: what hangs is ended by its own deadline, and holds up no lane but its own.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from engine.executors import outgoing
from engine.executors.lanes import Lanes
from engine.executors.outgoing import Outgoing
from engine.executors.rounds import LOOK_EACH, SWEEP_EACH, Rounds, failed, followed, put_off, tidied
from engine.executors.turn import Turn, turn
from engine.language.secrets import Secrets
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.scheduler.waking import Waking
from engine.store import slots
from engine.world import World, stamp

_WAKE_EACH = 1.0  # seconds between two looks at what waits for feeds


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
        self._waking = Waking(world.inbox, following)
        self._outgoing = Outgoing(world, lambda: following.project, secrets)
        self._rounds = Rounds(
            world,
            (LOOK_EACH, self._look),
            (0.0, self._wake),
            (outgoing.LOOK_EACH, self._outgoing.look),
            (SWEEP_EACH, self._sweep),
        )

    def stop(self) -> None:
        """Finish what runs, begin nothing; asked again, end at once. May be called from a signal."""
        self._heard.put(_Asked())

    def beside(self, seconds: float, work: Callable[[], None]) -> None:
        """Do this as well, each so many seconds; it must not take long."""
        self._rounds.add(seconds, work)

    def run(self) -> int:
        """Until it is stopped; how many feeds were left at work."""
        while self._asked == 0 or (self._lanes.busy and self._asked == 1):
            if not self._asked:
                self._rounds.turn()
                self._rounds.attempt(self._begin)
            self._hear()
        if self._asked == 1:
            self._outgoing.finish()
        return self._lanes.busy

    def _look(self) -> None:
        self._following.look()
        if self._followed is not self._following.plans:
            followed(self._agenda, self._following.plans, self._world)
            self._followed = self._following.plans
            self._waking.again()

    def _wake(self) -> None:
        """Take up which feeds have requests waiting."""
        clock = self._world.clock
        began = clock.monotonic()
        moments = self._waking.look(began)
        if moments is not None:
            self._agenda.wake(moments, clock.now())
            self._waking.took(clock.monotonic() - began)

    def _begin(self) -> None:
        now = self._world.clock.now()
        for due in self._agenda.due(now):
            self._lanes.add(due)
        if not self._lanes.has_room:
            return
        paused = slots.paused(self._world.engine, stamp(now))
        while (plan := self._lanes.take()) is not None:
            current = self._following.plans.get(plan.feed)
            if plan.feed in paused or current is None or not current.is_enabled:
                self._end(plan, Turn(None, is_patient=True), now)
            else:
                self._start(plan, current, now)

    def _start(self, plan: Planned, current: Planned, now: datetime) -> None:
        """`current` is what the feed has become while it waited; it leaves the lane that it came by."""
        try:
            feed, beside = self._following.feed(plan.feed), self._following.beside(current)
            seen, world = self._agenda.seen(plan.feed), replace(self._world, secrets=self._secrets())
        except Exception as error:  # noqa: BLE001  (a feed that cannot be made must not stop the others)
            self._end(plan, failed(plan.feed, error, self._world), now)
            return

        def run() -> None:
            try:
                found = turn(current, seen, feed, beside, world)
            except Exception as error:  # noqa: BLE001  (the same for one that cannot be run)
                found = failed(plan.feed, error, self._world)
            self._heard.put(_Ended(plan, found))

        threading.Thread(target=run, name=plan.feed, daemon=True).start()

    def _hear(self) -> None:
        """Wait until a run has ended, the next feed is due, or it is time to look."""
        coming, wait = self._agenda.next(), _WAKE_EACH
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
        self._waking.ended(plan.feed)
        if found.last is not None:
            self._agenda.ended(plan.feed, found.last, now)
            return
        self._agenda.put_off(plan.feed, now, found.is_patient)
        put_off(plan.feed, found, self._world)

    def _sweep(self) -> None:
        swept = partial(tidied, self._world, self._following)
        threading.Thread(target=self._rounds.attempt, args=(swept,), daemon=True).start()
