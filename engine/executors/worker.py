"""A worker: takes jobs out of the queue and runs their feeds on threads, until it is told to stop.

Decides nothing about when: a turn asks once more whether its feed is due. Procrastinate's tables and
queries are used, its own worker is not: that one ends with its connection to the database, and a job whose
end it could not note would be at work for ever.
"""

import queue as queues
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from engine.errors import StoreError
from engine.executors import outgoing
from engine.executors.outgoing import Outgoing
from engine.executors.rounds import LOOK_EACH, Rounds, failed, put_off
from engine.executors.turn import Turn, turn
from engine.language.secrets import Secrets
from engine.model import Feed
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.store import queue
from engine.store.queue import Job
from engine.world import World

BEAT_EACH = 10.0  # seconds between two signs of life
_TAKE_EACH = 0.5  # seconds between two looks into an empty queue


class _Work(NamedTuple):
    """One feed of a job, as its definition is when the job is taken."""

    plan: Planned
    seen: datetime | None
    feed: Feed
    beside: Sequence[Feed]


@dataclass(frozen=True, slots=True)
class _Ended:
    """`put_off` are the feeds that could not be run, and whether they only have to wait; None: it was cut short."""

    job: Job
    put_off: Mapping[str, bool] | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """To stop: once, and the feeds that run are finished; again, and they are left to others."""


class Worker:
    """`secrets` is asked before each job, so that a new value counts at once."""

    def __init__(
        self,
        world: World,
        following: Following,
        secrets: Callable[[], Secrets],
        concurrency: int,
        beat_each: float = BEAT_EACH,
    ) -> None:
        queue.prepare(world.engine)
        self._world, self._following, self._secrets = world, following, secrets
        self._concurrency = concurrency
        self._number: int | None = None  # as the queue knows us
        self._running: set[int] = set()
        self._over: dict[int, Mapping[str, bool]] = {}  # jobs whose end the queue has not heard of yet
        self._heard: queues.SimpleQueue[_Ended | _Asked] = queues.SimpleQueue()
        self._asked = 0
        self._outgoing = Outgoing(world, lambda: following.project, secrets)
        self._rounds = Rounds(world, (beat_each, self._beat), (LOOK_EACH, self._look), (outgoing.LOOK_EACH, self._send))

    def stop(self) -> None:
        """Finish the feeds that run, begin none; asked again, end at once. May be called from a signal."""
        self._heard.put(_Asked())

    def beside(self, seconds: float, work: Callable[[], None]) -> None:
        """Do this as well, each so many seconds; it must not take long."""
        self._rounds.add(seconds, work)

    def run(self) -> int:
        """Until it is stopped; how many jobs were left at work."""
        while self._asked == 0 or (self._running and self._asked == 1):
            self._rounds.turn()
            self._rounds.attempt(self._finish)
            if not self._asked:
                self._rounds.attempt(self._take)
            self._hear()
        if self._asked == 1:
            self._outgoing.finish()
        self._rounds.attempt(self._leave)
        return len(self._running)

    def _look(self) -> None:
        self._following.look()

    def _send(self) -> None:
        if not self._asked:
            self._outgoing.look()

    def _beat(self) -> None:
        if self._number is None or not queue.beat(self._world.engine, self._number):
            self._number = queue.register(self._world.engine)

    def _finish(self) -> None:
        if self._over:
            queue.finish(self._world.engine, self._over)
            self._over.clear()

    def _leave(self) -> None:
        self._finish()
        if self._number is not None:
            queue.leave(self._world.engine, self._number)

    def _take(self) -> None:
        while self._number is not None and len(self._running) < self._concurrency:
            try:
                job = queue.take(self._world.engine, self._number)
            except StoreError:
                self._beat()  # held up for long, we may have been taken for dead
                raise
            if job is None:
                return
            self._running.add(job.number)
            self._start(job)

    def _start(self, job: Job) -> None:
        if not job.feeds.keys() <= self._following.plans.keys():
            self._rounds.attempt(self._look)  # the scheduler may have seen a new feed before we did
        work = [each for name, slot in job.feeds.items() if (each := self._work(name, slot)) is not None]
        world = replace(self._world, secrets=self._secrets())

        def run() -> None:
            not_run = dict.fromkeys(job.feeds.keys() - {each.plan.feed for each in work}, False)
            for each in work:
                if self._asked:
                    self._heard.put(_Ended(job, None))
                    return
                found = _taken(each, world)
                if found.last is None:
                    not_run[each.plan.feed] = found.is_patient
                    put_off(each.plan.feed, found, world)
            self._heard.put(_Ended(job, not_run))

        threading.Thread(target=run, name=f"job {job.number}", daemon=True).start()

    def _work(self, name: str, slot: str | None) -> _Work | None:
        """None for a feed that is not to be run any more, or cannot be."""
        plan = self._following.plans.get(name)
        if plan is None:
            return None
        try:
            feed, beside = self._following.feed(name), self._following.beside(plan)
        except Exception as error:  # noqa: BLE001  (the same for one that cannot be made)
            put_off(name, failed(name, error, self._world), self._world)
            return None
        # It was due in time, however long the job has waited: as of its slot.
        return _Work(plan, None if slot is None else datetime.fromisoformat(slot), feed, beside)

    def _hear(self) -> None:
        """Wait until jobs have ended, or it is time to look for another."""
        wait = _TAKE_EACH
        with suppress(queues.Empty):
            while True:
                self._mark(self._heard.get(timeout=wait))
                wait = 0.0

    def _mark(self, heard: _Ended | _Asked) -> None:
        if isinstance(heard, _Asked):
            self._asked += 1
            self._world.note("worker.stopping", {"running": len(self._running)})
            return
        self._running.discard(heard.job.number)
        if heard.put_off is not None:
            self._over[heard.job.number] = heard.put_off
        # One that was cut short counts as abandoned as soon as we are gone, and what is left of it is put again.


def _taken(work: _Work, world: World) -> Turn:
    try:
        return turn(work.plan, work.seen, work.feed, work.beside, world)
    except Exception as error:  # noqa: BLE001  (one that cannot be run must not stop the others)
        return failed(work.plan.feed, error, world)
