"""Which feeds are due, the one that waits longest first. In memory; asks neither a clock nor a database.

A feed that was handed out is not due again until it is said what became of it.
"""

import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine import due
from engine.due import Last
from engine.scheduler.plans import Planned

_AGAIN = timedelta(minutes=1)  # after this a feed that could not be run is looked at again; then after twice as long
_LONGEST = timedelta(hours=1)


class Agenda:
    def __init__(self) -> None:
        self._plans: dict[str, Planned] = {}
        self._last: dict[str, Last] = {}
        self._woken: dict[str, datetime] = {}  # when something that waits for them is due
        self._tries: dict[str, int] = {}
        self._out: dict[str, datetime] = {}  # those handed out, and when
        self._at: dict[str, datetime] = {}  # what of the heap counts
        self._heap: list[tuple[datetime, str]] = []

    def follow(self, plans: Mapping[str, Planned], last: Mapping[str, Last], now: datetime) -> None:
        """These are the feeds from now on. `last` is told of those that are new here; the others are known."""
        for name in self._plans.keys() - plans.keys():
            for part in (self._last, self._tries, self._at, self._woken):
                part.pop(name, None)
        self._last |= {name: each for name, each in last.items() if name not in self._last and name in plans}
        changed = [name for name, plan in plans.items() if self._plans.get(name) is not plan]
        self._plans = dict(plans)
        for name in changed:
            self._set(name, now)

    def wake(self, moments: Mapping[str, datetime], now: datetime) -> None:
        """At these times feeds are due whatever their schedules say; those put off stay so."""
        woken = {name: at for name, at in moments.items() if name in self._plans}
        changed = [name for name in self._woken.keys() | woken.keys() if self._woken.get(name) != woken.get(name)]
        self._woken = woken
        for name in changed:
            if name not in self._tries:
                self._set(name, now)

    def lacks(self, plans: Mapping[str, Planned]) -> list[str]:
        """The feeds of whose slots nothing has been told here."""
        return [name for name in plans if name not in self._last]

    def due(self, now: datetime) -> list[Planned]:
        """Hand out the feeds whose time has come, in the order of their times."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._at.get(name) == at:
                del self._at[name]
                self._out[name] = now
                found.append(self._plans[name])
        return found

    def seen(self, feed: str) -> datetime | None:
        """When it was handed out, while it is."""
        return self._out.get(feed)

    def next(self) -> datetime | None:
        """When the next feed is due, or a little before."""
        return self._heap[0][0] if self._heap else None

    def ended(self, feed: str, last: Last, now: datetime) -> None:
        """It was run: `last` is how its slots stand now. What still waits for it is told anew."""
        for part in (self._out, self._tries, self._woken):
            part.pop(feed, None)
        if feed in self._plans:
            self._last[feed] = last
            self._set(feed, now)

    def put_off(self, feed: str, now: datetime, is_patient: bool = False) -> None:
        """It could not be run. Looked at again soon, and each time later unless whoever waits `is_patient`."""
        self._out.pop(feed, None)
        tries = 0 if is_patient else self._tries.get(feed, 0)
        if feed in self._plans and self._plans[feed].is_enabled:
            self._tries[feed] = tries + 1
            self._push(feed, now + min(_AGAIN * 2**tries, _LONGEST))

    def _set(self, feed: str, now: datetime) -> None:
        table, last = self._plans[feed].table, self._last.get(feed)
        self._at.pop(feed, None)
        if feed in self._out:
            return
        slot = due.wakes(table, last, now) if table is not None and last is not None else None
        woken = self._woken.get(feed)
        at = slot if woken is None else woken if slot is None else min(slot, woken)
        if at is not None:
            self._push(feed, at)

    def _push(self, feed: str, at: datetime) -> None:
        self._at[feed] = at
        heapq.heappush(self._heap, (at, feed))
