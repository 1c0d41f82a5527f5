"""Many feeds in one place, and several processes that run them by their schedules: schedulers and workers.

    with studio.scene(setup, fleet.files(50, 2)) as scene:
        feeds = fleet.project(scene, 50, "4s")
        with fleet.running(scene, ("scheduler", "worker")) as ships:
            ships[0].kill()

Each process is forked from this one after its imports, so it is cheap, and each dies as processes do.
"""

import ctypes
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from engine import runner
from engine.executors.local import Local
from engine.executors.procrastinate import Queued
from engine.executors.worker import Worker
from engine.language.project import Loader, load
from engine.model import Feed
from engine.scheduler.following import Following
from engine.world import SystemClock
from tests.faults import oracle
from tests.faults.oracle import Picture
from tests.faults.processes import in_child
from tests.faults.quiet import check_left
from tests.faults.scene import PROJECT, Scene, plain

PATIENCE = 300.0  # seconds: a bound for what takes some, on the slowest machine
_SILENCE = 3.0  # seconds after which a worker counts as dead
_HEADER = "Customer,First,Last,Email,Phone,Deal,Sold,Amount,VIN,Kind,Handed,After\n"
_DEALER = (
    "version: 1\nkind: dealer\nname: sample-motors\ntitle: Sample Motors\ntimezone: America/New_York\nregion: US\n"
)
_MOST_RUNS = 3
_OF_ONE_DEALER = 500  # feeds: more would be too long a file
_PARENT_DIES = 1  # PR_SET_PDEATHSIG


def files(feeds: int, each: int) -> dict[str, str]:
    """So many files of each feed: two new deals, and one of the file before with another amount."""
    return {f"f{feed:04}-{number}_SALES.csv": _file(feed, number) for feed in range(feeds) for number in range(each)}


def _file(feed: int, number: int) -> str:
    rows = [(number * 2, 100), (number * 2 + 1, 200), *([(number * 2 - 1, 250)] if number else [])]
    return _HEADER + "".join(
        f"C{feed}-{row},Robin,Vale,robin{feed}.{row}@example.com,,D{feed}-{row},01/02/2026,{amount}.00,,sale,,\n"
        for row, amount in rows
    )


def project(scene: Scene, feeds: int, every: str) -> list[Feed]:
    """Definitions on disk, beside the scene: each feed takes its own files of the one folder."""
    home = scene.home / "feeds"
    shutil.copytree(PROJECT, home)
    path = home / "vendors" / "sample" / "sales.yaml"
    written = path.read_text().replace("/srv/sample", str(scene.place))
    path.write_text(written.replace("decode:", f"schedule: {{every: {every}}}\ndecode:", 1))
    (home / "dealers" / "sample-motors.yaml").unlink()
    for first in range(0, feeds, _OF_ONE_DEALER):
        entries = (
            f"  - {{uses: sample/sales, name: f{n:04}, override: {{transport: {{filename: '^f{n:04}-'}}}}}}\n"
            for n in range(first, min(first + _OF_ONE_DEALER, feeds))
        )
        dealer = _DEALER.replace("sample-motors", f"sample-motors-{first}")
        (home / "dealers" / f"sample-motors-{first}.yaml").write_text(dealer + "feeds:\n" + "".join(entries))
    found = load(home)
    assert not found.findings, found.findings
    return [found.feeds[name] for name in found.made]


# --- undisturbed, and afterwards -----------------------------------------------------------------


def undisturbed(scene: Scene, feeds: Sequence[Feed]) -> Picture:
    """What all files come to when nothing happens."""

    def once() -> Picture:
        runner.run_feeds(feeds, scene.world(), feeds)
        return oracle.picture(scene)

    return dict(in_child(once))


def check(scene: Scene, feeds: Sequence[Feed], expected: Picture) -> None:
    """Right now nothing may be broken; and when all feeds have run until nothing is left, all is as undisturbed."""

    def checked() -> None:
        oracle.check_any_moment(scene)
        world = scene.world()
        for _ in range(_MOST_RUNS):
            report = runner.run_feeds(feeds, world, feeds)
            outcomes = {each.outcome for each in report.feeds}
            assert outcomes <= {"ok", "empty"}, [each.issues for each in report.feeds if each.issues]
            if not any(each.deliveries for each in report.feeds):
                oracle.check_quiet(scene, expected)
                check_left(scene)
                return
        raise AssertionError(f"still not quiet after {_MOST_RUNS} runs")

    in_child(checked)


# --- the processes ------------------------------------------------------------------------------


class Ship:
    """A process of ours that is killed, stopped for a while, and started again. Nothing else is."""

    def __init__(self, scene: Scene, role: str, following: Following) -> None:
        self._scene, self.role, self._following = scene, role, following
        self.start()

    def start(self) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL)
                _sail(self._scene, self.role, self._following)
            finally:
                os._exit(0)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def freeze(self, seconds: float) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        """In order, or by force when it takes too long."""
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            assert time.monotonic() < until, f"the {self.role} does not end"
            time.sleep(0.02)


def _sail(scene: Scene, role: str, following: Following) -> None:
    world = replace(scene.world(), clock=SystemClock())
    makers: Mapping[str, Callable[[], Any]] = {
        "local": lambda: Local(world, following, lambda: world.secrets, threads=4, per_login=1),
        "scheduler": lambda: Queued(world, following, silence=_SILENCE),
        "worker": lambda: Worker(world, following, lambda: world.secrets, 4, beat_each=_SILENCE / 6),
    }
    made = makers[role]()
    signal.signal(signal.SIGTERM, lambda *_: made.stop())
    made.run()


@contextmanager
def running(scene: Scene, roles: Sequence[str]) -> Iterator[list[Ship]]:
    """The processes, until the block ends; then they end in order, or at once where it failed."""
    if scene.setup.store == "postgresql":
        with psycopg.connect(plain(scene.url), autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS feeds_queue CASCADE")  # of a scene before this one
    following = Following(Loader(scene.home / "feeds").load, lambda event, details: None)
    following.look()  # once, before they are forked: reading thousands of feeds takes longer than some of them live
    ships = [Ship(scene, role, following) for role in roles]
    try:
        yield ships
        for ship in list(ships):
            ship.end()
            ships.remove(ship)
    finally:
        for ship in ships:
            ship.kill()


def left(scene: Scene) -> int:
    """Files that lie on the server still."""
    return sum(1 for path in scene.place.iterdir() if path.is_file())


def sail_until(scene: Scene, count: int, seconds: float = PATIENCE) -> bool:
    """Wait until no more than so many files are left; whether that came within the time."""
    until = time.monotonic() + seconds
    while left(scene) > count:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
