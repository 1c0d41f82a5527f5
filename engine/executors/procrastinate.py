"""The scheduler of many machines: what is due is put into a queue in PostgreSQL, and workers run it.

Decides as the local one does, with the same agenda; runs nothing itself. All that must survive is in the
ledger: killed at any moment, the next one goes on, and several beside each other put each slot once.
"""

import queue as queues
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from zlib import crc32

from engine import due
from engine.due import Last
from engine.executors.rounds import LOOK_EACH, SWEEP_EACH, Rounds, followed, tidied
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.scheduler.waking import Waking
from engine.store import queue, slots
from engine.store.queue import Wanted
from engine.world import World, stamp

SILENCE = 30.0  # seconds after which a worker that says nothing counts as dead
_WATCH_EACH = 1.0  # seconds between two looks at what has become of jobs
_NOT_YET = timedelta(days=1)


class Queued:
    """Jobs are lanes: one job is all due feeds that log in at one place as one user, `per_login` beside each other."""

    def __init__(self, world: World, following: Following, per_login: int = 1, silence: float = SILENCE) -> None:
        queue.prepare(world.engine)
        self._world, self._following = world, following
        self._per_login, self._silence = per_login, silence
        self._agenda = Agenda()
        self._followed: Mapping[str, Planned] | None = None
        self._waiting: set[str] = set()  # due, and in no job yet
        self._out: dict[str, int] = {}  # the job that each of the others is in
        self._woken: set[str] = set()  # those among them that are not run for a slot
        self._waking, self._moments = Waking(world.inbox, following), dict[str, datetime]()
        self._asked: queues.SimpleQueue[None] = queues.SimpleQueue()
        self._rounds = Rounds(
            world,
            (LOOK_EACH, self._look),
            (_WATCH_EACH, self._watch),
            (0.0, self._wake),
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
        coming = self._agenda.next()
        if coming is None:
            return _WATCH_EACH
        return min(_WATCH_EACH, max(0.0, (coming - self._world.clock.now()).total_seconds()))

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
            self._moments = dict(moments)
            self._agenda.wake(moments, clock.now())
            self._waking.took(clock.monotonic() - began)

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
            if plan is None or not plan.is_enabled or name in paused:
                self._waiting.discard(name)
                self._agenda.put_off(name, now, is_patient=True)
                continue
            seen = self._agenda.seen(name)
            slot = due.due(plan.table, last, now, seen) if plan.table is not None and last is not None else None
            if slot is not None or self._moments.get(name, now + _NOT_YET) <= now:
                wanted.append(Wanted(name, stamp(slot) if slot else None, last, self._lock(plan)))
            else:  # another scheduler was faster, or it was missed and is not made up
                self._waiting.discard(name)
                self._over(name, last, now)
        put = queue.put(self._world.engine, wanted, stamp(now))
        self._out |= put
        self._woken |= {each.feed for each in wanted if each.slot is None and each.feed in put}
        self._waiting.difference_update(put)

    def _lock(self, plan: Planned) -> str:
        """Its lane, or its part of it: a feed is always in the same."""
        part = crc32(plan.feed.encode()) % self._per_login
        return f"{plan.lane} #{part}" if part else plan.lane

    def _watch(self) -> None:
        """Learn what has become of what was queued."""
        if not self._out:
            return
        jobs = queue.standing(self._world.engine)  # before the slots: whoever ends a job has noted its slots
        lasts = slots.known(self._world.engine, sorted(self._out))
        now = self._world.clock.now()
        for name, job in list(self._out.items()):
            last, is_live, is_woken = lasts.get(name), job in jobs.live, name in self._woken
            if is_live and (is_woken or last is None or not last.has_ended):
                continue
            del self._out[name]
            self._woken.discard(name)
            in_vain = jobs.put_off.get(job, {}).get(name)
            was_run = in_vain is None if is_woken else last is not None and last.has_ended
            if was_run:
                self._over(name, last, now)
            else:  # the worker has said why
                self._agenda.put_off(name, now, bool(in_vain))

    def _over(self, name: str, last: Last | None, now: datetime) -> None:
        self._moments.pop(name, None)
        self._waking.ended(name)
        self._agenda.ended(name, last or Last(now), now)

    def _sweep_jobs(self) -> None:
        """What was with a worker that is dead is queued again at once."""
        names = queue.swept(self._world.engine, self._silence)
        if names:
            self._world.note("jobs.abandoned", {"level": "warning", "feeds": len(names)})
        for name in self._out.keys() & set(names):
            del self._out[name]
            self._woken.discard(name)
            self._waiting.add(name)

    def _sweep_kept(self) -> None:
        swept = partial(tidied, self._world, self._following)
        threading.Thread(target=self._rounds.attempt, args=(swept,), daemon=True).start()
