"""Who may begin now: so many feeds in all, and few that log in at one place as one user. Starts nothing."""

from collections import Counter, deque

from engine.scheduler.plans import Planned


class Lanes:
    """Feeds that wait, by their lane: each lane has its turn, so that a slow or long one delays no other."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._waiting: dict[str, deque[Planned]] = {}
        self._busy: Counter[str] = Counter()
        self._turns: deque[str] = deque()  # lanes where somebody waits and may begin

    @property
    def busy(self) -> int:
        return self._busy.total()

    @property
    def has_room(self) -> bool:
        """Whether somebody waits who may begin."""
        return bool(self._turns) and self.busy < self._most

    def add(self, plan: Planned) -> None:
        line = self._waiting.setdefault(plan.lane, deque())
        line.append(plan)
        if len(line) == 1 and self._busy[plan.lane] < self._most_of_one:
            self._turns.append(plan.lane)

    def take(self) -> Planned | None:
        """The next that may begin; None while there is none, or no room for it."""
        if not self.has_room:
            return None
        lane = self._turns.popleft()
        line = self._waiting[lane]
        plan = line.popleft()
        self._busy[lane] += 1
        if not line:
            del self._waiting[lane]
        elif self._busy[lane] < self._most_of_one:
            self._turns.append(lane)
        return plan

    def leave(self, plan: Planned) -> None:
        """One that was taken has ended."""
        was_full = self._busy[plan.lane] >= self._most_of_one
        self._busy[plan.lane] -= 1
        if not self._busy[plan.lane]:
            del self._busy[plan.lane]
        if was_full and plan.lane in self._waiting:
            self._turns.append(plan.lane)
