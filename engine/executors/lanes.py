"""Who may begin now: so many feeds in all, and few that log in at one place as one user. Starts nothing."""

from collections import deque

from engine.scheduler.plans import Planned


class Lanes:
    """Feeds that wait, by their lane: each lane has its turn, so that a slow or long one delays no other."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._waiting: dict[str, deque[Planned]] = {}
        self._busy: dict[str, int] = {}
        self.busy = 0  # of all of them
        self._turns: deque[str] = deque()  # lanes where somebody waits and may begin

    @property
    def has_room(self) -> bool:
        """Whether somebody waits who may begin."""
        return bool(self._turns) and self.busy < self._most

    def add(self, plan: Planned) -> None:
        line = self._waiting.setdefault(plan.lane, deque())
        line.append(plan)
        if len(line) == 1 and self._busy.get(plan.lane, 0) < self._most_of_one:
            self._turns.append(plan.lane)

    def take(self) -> Planned | None:
        """The next that may begin; None while there is none, or no room for it."""
        if not self.has_room:
            return None
        lane = self._turns.popleft()
        line = self._waiting[lane]
        plan = line.popleft()
        busy = self._busy[lane] = self._busy.get(lane, 0) + 1
        self.busy += 1
        if not line:
            del self._waiting[lane]
        elif busy < self._most_of_one:
            self._turns.append(lane)
        return plan

    def leave(self, plan: Planned) -> None:
        """One that was taken has ended."""
        busy = self._busy.pop(plan.lane)
        self.busy -= 1
        if busy > 1:
            self._busy[plan.lane] = busy - 1
        if busy >= self._most_of_one and plan.lane in self._waiting:
            self._turns.append(plan.lane)
