"""What a process that goes on does again and again beside its work. Starts no feed."""

from collections.abc import Callable, Mapping
from typing import Protocol

from engine.errors import FeedError
from engine.executors.turn import Turn
from engine.runner import sweep
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned
from engine.store import slots
from engine.visits import abandoned
from engine.visits.ending import fault
from engine.world import World, stamp

LOOK_EACH = 2.0  # seconds between two looks at the definitions
SWEEP_EACH = 3_600.0  # seconds between two sweeps of what is kept for a while


class Executor(Protocol):
    """A process that goes on until it is told to stop."""

    def stop(self) -> None:
        """Begin nothing more. May be called from a signal."""

    def beside(self, seconds: float, work: Callable[[], None]) -> None:
        """Do this as well, each so many seconds; it must not take long."""

    def run(self) -> int:
        """Until it is stopped; how much was left at work."""


class Rounds:
    """Pieces of work that come round, each so many seconds after it was begun last.

    What cannot be done now, with the database away or a folder, is noted and tried again in the next round.
    """

    def __init__(self, world: World, *pieces: tuple[float, Callable[[], None]]) -> None:
        self._world = world
        self._pieces = list(pieces)
        self._at = [float("-inf")] * len(pieces)

    def add(self, seconds: float, work: Callable[[], None]) -> None:
        self._pieces.append((seconds, work))
        self._at.append(float("-inf"))

    def turn(self) -> None:
        now = self._world.clock.monotonic()
        for number, (seconds, work) in enumerate(self._pieces):
            if now - self._at[number] >= seconds:
                self._at[number] = now
                self.attempt(work)

    def attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  (whatever it is, the feeds that run go on)
            reason = str(error) if isinstance(error, FeedError) else f"{type(error).__name__} at {fault(error)[0]}"
            self._world.note("scheduler.hindered", {"level": "error", "reason": reason})


def followed(agenda: Agenda, plans: Mapping[str, Planned], world: World) -> None:
    """Let the agenda have these feeds; those that no scheduler has met begin with their next time."""
    now = world.clock.now()
    fresh = agenda.lacks(plans)
    if fresh:
        slots.met(world.engine, fresh, stamp(now))
    agenda.follow(plans, slots.known(world.engine, fresh) if fresh else {}, now)


def failed(feed: str, error: Exception, world: World) -> Turn:
    """A turn that could not be taken at all."""
    if isinstance(error, FeedError):
        return Turn(None, str(error))
    where, issue = fault(error)
    world.note("feed.broken", {"level": "error", "feed": feed, "error": type(error).__name__, "where": where})
    return Turn(None, issue.message)


def put_off(feed: str, found: Turn, world: World) -> None:
    """Say so, where something is wrong with it."""
    if found.last is None and found.reason:
        world.note("feed.putOff", {"level": "warning", "feed": feed, "reason": found.reason})


def tidied(world: World, following: Following) -> None:
    """Forget what was kept for a while, and end what waits for feeds that are gone."""
    sweep(world)
    if (project := following.project) is not None:
        abandoned.end(world, project)
