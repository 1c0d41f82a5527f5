"""Which feeds are to be run for what waits for them in the inbox: one cheap question over all, now and then.

Keeps nothing that matters: what waits is on disk, and whoever begins anew finds it there.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from engine.errors import DefinitionError
from engine.intake.inbox import Inbox
from engine.scheduler.following import Following
from engine.visits.waiting import wakes

_ASK_EACH = 1.0  # seconds between two questions
_SHARE = 20  # of the time between two, one is spent with asking
_WHOLE_EACH = 60.0  # seconds after which it is asked again though nothing has stirred


class Waking:
    def __init__(self, inbox: Inbox, following: Following) -> None:
        self._inbox, self._following = inbox, following
        self._stirred = -1
        self._asked = self._next = float("-inf")
        self._found: Mapping[str, datetime] = {}

    def look(self, now: float) -> Mapping[str, datetime] | None:
        """When each feed is to be run for what waits for it; None where that is as before. `now` is monotonic."""
        if now < self._next:
            return None
        self._next = now + _ASK_EACH
        stirred = self._inbox.stirred()
        if stirred == self._stirred and now - self._asked < _WHOLE_EACH:
            return None
        self._found = dict(self._moments())
        self._stirred, self._asked = stirred, now
        return self._found

    def took(self, seconds: float) -> None:
        """What the last look has cost: where much waits, it is asked less often."""
        self._next = max(self._next, self._asked + seconds * _SHARE)

    def ended(self, feed: str) -> None:
        """A run of it has ended: less may wait for it now."""
        if feed in self._found:
            self.again()

    def again(self) -> None:
        """Ask at the next look, whatever has stirred."""
        self._stirred = -1

    def _moments(self) -> Iterator[tuple[str, datetime]]:
        waits = self._inbox.waits()
        for name in sorted({feed for feed, _ in waits}):
            plan = self._following.plans.get(name)
            if plan is None or not plan.is_enabled:
                continue
            try:
                moment = wakes(self._following.feed(name), waits)
            except DefinitionError:
                continue  # its turn says so, when its schedule brings one
            if moment is not None:
                yield name, moment
