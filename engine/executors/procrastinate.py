"""The scheduler of many machines: what is due is put into a queue in PostgreSQL, and workers run it.

Decides as the local one does, with the same agenda; runs nothing itself. All that must survive is in the
ledger: killed at any moment, the next one goes on, and several beside each other put each slot once.
"""

import queue as queues
import threading
from collections.abc import Callable, Mapping
from zlib import crc32

from engine import due
from engine.executors.rounds import LOOK_EACH, SWEEP_EACH, Rounds, followed
from engine.runner import sweep
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.store import queue, slots
from engine.store.queue import Wanted
from engine.world import World, stamp

SILENCE = 30.0  # seconds after which a worker that says nothing counts as dead
_WATCH_EACH = 1.0  # seconds between two looks at what has become of jobs


class Queued:
    """Jobs are lanes: one job is all due feeds that log in at one place as one user, `per_login` beside each other."""

    def __init__(self, world: World, following: Following, per_login: int = 1, silence: float = SILENCE) -> None:
        self._world, self._following = world, following
        self._per_login, self._silence = per_login, silence
        self._agenda = Agenda()
        self._followed: Mapping[str, Planned] | None = None
        self._waiting: set[str] = set()  # due, and in no job yet
        self._out: dict[str, int] = {}  # the job that each of the others is in
        self._asked: queues.SimpleQueue[None] = queues.SimpleQueue()
        self._rounds = Rounds(
            world,
            (LOOK_EACH, self._look),
            (_WATCH_EACH, self._watch),
            (silence / 3, self._sweep_jobs),
            (SWEEP_EACH, self._sweep_kept),
        )

    def stop(self) -> None:
        """Put no more. May be called from a signal."""
        self._asked.put(None)

    def beside(self, seconds: float, work: Callable[[], None]) -> None:
        """Do this as well, each so many seconds; it must not take long."""
        self._rounds.add(seconds, work)

    def run(self) -> int:
        """Until it is stopped; nothing is ever left at work in this process."""
        queue.prepare(self._world.engine)
        while True:
            self._rounds.turn()
            self._rounds.attempt(self._put)
            try:
                self._asked.get(timeout=self._wait())
            except queues.Empty:
                continue
            return 0

    def _wait(self) -> float:
        """Until the next feed is due, or it is time to look."""
        longest = _WATCH_EACH if self._out or self._waiting else LOOK_EACH
        coming = self._agenda.next()
        if coming is None:
            return longest
        return min(longest, max(0.0, (coming - self._world.clock.now()).total_seconds()))

    def _look(self) -> None:
        self._following.look()
        if self._followed is not self._following.plans:
            followed(self._agenda, self._following.plans, self._world)
            self._followed = self._following.plans

    def _put(self) -> None:
        """Queue what is due. A feed that cannot be queued yet, behind a job that waits in its lane, stays due."""
        now = self._world.clock.now()
        self._waiting.update(plan.feed for plan in self._agenda.due(now))
        if not self._waiting:
            return
        names = sorted(self._waiting)
        paused, lasts = slots.paused(self._world.engine, stamp(now)), slots.known(self._world.engine, names)
        wanted = []
        for name in names:
            plan, last = self._following.plans.get(name), lasts.get(name)
            if plan is None or plan.table is None or last is None or name in paused:
                self._waiting.discard(name)
                self._agenda.put_off(name, now, is_patient=True)
                continue
            slot = due.due(plan.table, last, now, self._agenda.seen(name))
            if slot is None:  # another scheduler was faster, or it was missed and is not made up
                self._waiting.discard(name)
                self._agenda.ended(name, last, now)
            else:
                wanted.append(Wanted(name, stamp(slot), last, self._lock(plan)))
        self._out |= queue.put(self._world.engine, wanted, stamp(now))
        self._waiting.difference_update(self._out)

    def _lock(self, plan: Planned) -> str:
        """Its lane, or its part of it: a feed is always in the same."""
        part = crc32(plan.feed.encode()) % self._per_login
        return f"{plan.lane} #{part}" if part else plan.lane

    def _watch(self) -> None:
        """Learn what has become of what was queued."""
        if not self._out:
            return
        live = queue.live(self._world.engine)  # before the slots: a job that ends in between has noted its slots
        lasts = slots.known(self._world.engine, sorted(self._out))
        now = self._world.clock.now()
        for name, job in list(self._out.items()):
            last = lasts.get(name)
            if last is not None and last.has_ended:
                self._agenda.ended(name, last, now)
            elif job not in live:  # it could not be run, and the worker has said why
                self._agenda.put_off(name, now)
            else:
                continue
            del self._out[name]

    def _sweep_jobs(self) -> None:
        """What was with a worker that is dead is queued again at once."""
        names = queue.swept(self._world.engine, self._silence)
        if names:
            self._world.note("jobs.abandoned", {"level": "warning", "feeds": len(names)})
        for name in self._out.keys() & set(names):
            del self._out[name]
            self._waiting.add(name)

    def _sweep_kept(self) -> None:
        threading.Thread(target=self._rounds.attempt, args=(lambda: sweep(self._world),), daemon=True).start()
