"""Group G: our disk is full at sixteen points, eight of the archive and eight of SQLite's file.

Most are real: the kernel lets no file of the process grow any more. The run says where there is no
room, no file leaves the server for it, and with room again all goes on.
"""

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from engine.errors import FeedError
from engine.world import World
from tests.faults import oracle, quiet
from tests.faults.faulty import Fuse, put_disk
from tests.faults.oracle import Picture
from tests.faults.processes import in_child
from tests.faults.scene import FILES, Scene, Setup, Studio
from transports import file
from transports.base import Fetched, Files, RemoteFile, Settings, Tools

SETUP = Setup("file", "delete", "sqlite")
TWO = {name: FILES[name] for name in ("02_SALES.csv", "03_SALES.csv")}
SIZE = len(TWO["02_SALES.csv"])
POINTS = 8
Note = Callable[[str, int, int], None]


@pytest.fixture(scope="module")
def expected(studio: Studio) -> Picture:
    return quiet.undisturbed(studio, SETUP, TWO)


def room_for(size: int) -> None:
    """No file of this process grows beyond so many bytes; -1 lifts it."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else hard, hard))


def told(scene: Scene, world: World) -> str:
    """What the run with too little room says, in its report or as the one error that the shell tells."""
    try:
        (feed,) = scene.run(world).feeds
    except FeedError as error:
        return str(error)
    assert feed.outcome == "failed", (feed.outcome, feed.issues)
    assert "engine.fault" not in [issue.code for issue in feed.issues], feed.issues
    return " ".join(issue.message for issue in feed.issues if issue.severity == "error")


def recovered(scene: Scene, world: World, expected: Picture) -> None:
    oracle.check_any_moment(scene)
    for _ in range(3):
        (feed,) = scene.run(world).feeds
        assert feed.outcome in ("empty", "partial", "refused"), feed
    oracle.check_quiet(scene, expected)


# --- the archive ------------------------------------------------------------------------------


class _Narrow:
    """The far side; while a file is fetched there is room for so many bytes of it."""

    def __init__(self, far: Files, room: int) -> None:
        self._far = far
        self._room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._far, name)

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        room_for(self._room)
        try:
            return self._far.fetch(file, target)
        finally:
            room_for(-1)


def narrow(room: int) -> Callable[[Scene], Callable[[], None]]:
    """Real: the kernel refuses the byte after so many."""

    def put(scene: Scene) -> Callable[[], None]:
        connect = file.connect

        @contextmanager
        def narrowed(settings: Settings, tools: Tools) -> Iterator[Files]:
            with connect(settings, tools) as far:
                yield _Narrow(far, room)  # type: ignore[misc]

        file.connect = narrowed  # type: ignore[assignment]
        return lambda: setattr(file, "connect", connect)

    return put


def refused(call: str) -> Callable[[Scene], Callable[[], None]]:
    """Injected: what needs room, but writes no bytes of a file."""

    def put(scene: Scene) -> Callable[[], None]:
        if call != "mkdir":
            (scene.home / "state" / "archive").mkdir(mode=0o700, parents=True)  # so that its first is a file's
        fuse = Fuse(1, for_good=True, only=(call,))
        put_disk(scene, fuse, errno.ENOSPC)
        return fuse.mend

    return put


ARCHIVE = [
    pytest.param(narrow(0), id="first byte"),
    pytest.param(narrow(1), id="second byte"),
    pytest.param(narrow(SIZE // 2), id="half"),
    pytest.param(narrow(SIZE - 1), id="last byte"),
    pytest.param(refused("mkdir"), id="its folder"),
    pytest.param(refused("open"), id="the new file"),
    pytest.param(refused("fsync"), id="fsync"),
    pytest.param(refused("replace"), id="its name"),
]


@pytest.mark.parametrize("put", ARCHIVE)
def test_a_full_archive_is_told_and_leaves_the_file_on_the_server(
    studio: Studio, expected: Picture, put: Callable[[Scene], Callable[[], None]], counted: Note
) -> None:
    def work() -> str:
        world = scene.world()
        mend = put(scene)
        text = told(scene, world)
        assert all(list(scene.place.glob(f"*{name}")) for name in TWO), "a file has left the server"
        mend()
        recovered(scene, world, expected)
        return text

    with studio.scene(SETUP, TWO) as scene:
        text = in_child(work)
        assert str(scene.home / "state") in text
        assert "make room" in text
    counted("group G, disk full: archive", 1, 1)


# --- the database -----------------------------------------------------------------------------


def sizes(engine: Engine, log: Path) -> list[int]:
    """The size of SQLite's log at the begin of each writing transaction from now on."""
    found: list[int] = []

    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("writes"):
            found.append(log.stat().st_size)

    event.listen(engine, "begin", begin)
    return found


def full_from(engine: Engine, number: int, log: Path) -> list[int]:
    """From the `number`-th writing transaction on, SQLite's log has no room for another page."""
    begun = [0]

    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("writes"):
            begun[0] += 1
            if begun[0] == number:
                room_for(log.stat().st_size)

    event.listen(engine, "begin", begin)
    return begun


def empty_run(scene: Scene, world: World) -> None:
    """One before there is any file, so that SQLite's log is longer than anything else that is written."""
    scene.place.rename(scene.home / "later")
    scene.place.mkdir()
    scene.run(world)
    scene.place.rmdir()
    (scene.home / "later").rename(scene.place)


@pytest.mark.parametrize("point", range(POINTS))
def test_a_full_database_is_told_and_leaves_what_it_has_not_stored(
    studio: Studio, expected: Picture, point: int, counted: Note
) -> None:
    def transactions() -> list[int]:
        """The numbers of those that write something: one that finds nothing to forget needs no room."""
        world, log = scene.world(), scene.home / "feeds.db-wal"
        empty_run(scene, world)
        begun = sizes(world.engine, log)
        scene.run(world)
        ended = [*begun[1:], log.stat().st_size]
        return [number for number, pair in enumerate(zip(begun, ended, strict=True), 1) if pair[0] < pair[1]]

    def work(number: int) -> str:
        world = scene.world()
        empty_run(scene, world)
        begun = full_from(world.engine, number, scene.home / "feeds.db-wal")
        text = told(scene, world)
        assert begun[0] >= number
        room_for(-1)
        recovered(scene, replace(world), expected)
        return text

    with studio.scene(SETUP, TWO) as scene:
        numbers = in_child(transactions)
    with studio.scene(SETUP, TWO) as scene:
        text = in_child(lambda: work(numbers[point * (len(numbers) - 1) // (POINTS - 1)]))
        assert str(scene.home / "feeds.db") in text
    counted("group G, disk full: SQLite", 1, 1)
