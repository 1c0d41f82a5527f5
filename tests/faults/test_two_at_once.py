"""Two processes at one feed: the second waits its turn, and one that was stopped past its lease writes nothing more.

The first is stopped in earnest (SIGSTOP) at a named point. Its lease is then made to look as if it
were of another host and had run out, the second process takes the feed over, and the first wakes up.
"""

import os
import pickle
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from engine import runner
from engine.model import FeedReport
from engine.store.database import writing
from tests.faults import kills, quiet
from tests.faults.kills import KILLS
from tests.faults.oracle import Picture
from tests.faults.processes import in_child
from tests.faults.scene import Scene, Setup, Studio

DELIVERY = "02_SALES.csv"
PATIENCE = 1.0  # seconds for the second to come through; it cannot where the first holds the database's locks
IN_TRANSACTION = ("K10", "K11", "K12")
LATE = ("K3", "K4", "K5", "K6", "K7", "K8", "K9")  # before its rows: another has stored them by the time it wakes
ON_POSTGRESQL = ("K3", "K5", "K8", "K9", "K10", "K12", "K14")
Note = Callable[[str, int, int], None]


class Forked:
    """A process of our own that says at the end what its work returned."""

    def __init__(self, work: Callable[[], Any]) -> None:
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.write(writer, pickle.dumps(work()))
            finally:
                os._exit(0)
        os.close(writer)
        self._reader = reader

    def is_over(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return True
            time.sleep(0.01)
        return False

    def stopped(self) -> None:
        """Wait until it has stopped itself."""
        status = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert status is not None
        assert status.si_code == os.CLD_STOPPED, "it came to its end, and was to be stopped"

    def goes_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def result(self) -> Any:
        with os.fdopen(self._reader, "rb") as pipe:
            said = pipe.read()
        os.waitpid(self.pid, 0)
        assert said, "it ended without a word"
        return pickle.loads(said)  # noqa: S301  our own child


def stopping(scene: Scene, point: str) -> FeedReport:
    """A run that stops itself at that point, once, and goes on when it is let."""
    stops = 1

    def stop() -> None:
        nonlocal stops
        if stops:
            stops -= 1
            os.kill(os.getpid(), signal.SIGSTOP)

    kills.die = stop  # type: ignore[assignment]
    (report,) = scene.run(KILLS[point](scene, scene.world(), DELIVERY)).feeds
    return report


def taking_over(scene: Scene) -> FeedReport:
    """A run on what looks like another host, after the lease of the first has run out."""
    world = scene.world()
    with writing(world.engine) as connection:
        connection.execute(
            text("UPDATE leases SET host = 'elsewhere.example', expires_at = '2000' WHERE pid IS NOT NULL")
        )
    (report,) = scene.run(world).feeds
    return report


@pytest.fixture(scope="module")
def expected(studio: Studio) -> Picture:
    return quiet.undisturbed(studio, Setup())


CASES = [("sqlite", point) for point in KILLS] + [("postgresql", point) for point in KILLS]


@pytest.mark.parametrize(
    ("store", "point"),
    [
        pytest.param(store, point, marks=() if store == "sqlite" or point in ON_POSTGRESQL else pytest.mark.nightly)
        for store, point in CASES
    ],
)
def test_one_that_was_stopped_past_its_lease_writes_nothing_that_counts(
    studio: Studio, expected: Picture, store: str, point: str, counted: Note
) -> None:
    with studio.scene(Setup("file", "delete", store)) as scene:
        first = Forked(lambda: stopping(scene, point))
        first.stopped()
        second = Forked(lambda: taking_over(scene))
        came_through = second.is_over(PATIENCE if point in IN_TRANSACTION else 30)
        first.goes_on()
        late, other = first.result(), second.result()
        assert came_through or point in IN_TRANSACTION, "it waited for one that has no lease any more"
        assert other.outcome != "failed", other.issues
        if point in LATE:
            assert late.outcome == "failed", late
        quiet.restart_and_check(scene, expected)
    counted("two at one feed: stopped past its lease", 1, 1)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_feed_that_is_being_run_is_not_run_a_second_time(studio: Studio, expected: Picture, store: str) -> None:
    with studio.scene(Setup("file", "delete", store)) as scene:
        first = Forked(lambda: stopping(scene, "K9"))
        first.stopped()
        (second,) = in_child(lambda: scene.run().feeds)
        assert (second.outcome, second.deliveries) == ("locked", [])
        first.goes_on()
        assert first.result().outcome == "refused"
        quiet.restart_and_check(scene, expected)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_feed_is_not_run_twice_by_the_threads_of_one_process(studio: Studio, store: str) -> None:
    def both() -> tuple[str, str, int]:
        world = scene.world()
        with runner.leased(scene.feed, world):
            (during,) = scene.run(world).feeds
        (after,) = scene.run(world).feeds
        return during.outcome, after.outcome, len(world.owner.held)

    with studio.scene(Setup("file", "delete", store)) as scene:
        assert in_child(both) == ("locked", "refused", 0)
