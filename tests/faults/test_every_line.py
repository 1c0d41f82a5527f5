"""A run may die before any line of the product that it executes.

With SQLite and a folder, all that outlives a process is in files. So one run is traced, and before
each line its files are kept as they are, where they differ from those before the last one: that is
what SIGKILL leaves. Each such state is recovered from. That the two are the same is tested by the
lines that are killed in earnest, which is the only way on a server and on PostgreSQL.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from hashlib import blake2b
from pathlib import Path

import pytest

from tests.faults import quiet
from tests.faults.lines import HANDS, PRODUCT, traced
from tests.faults.processes import die, in_child, killed_in_child
from tests.faults.scene import FILES, Scene, Setup, Studio

FOLDER = Setup("file", "delete", "sqlite", chunked=True)
SERVER = Setup("sftp", "delete", "postgresql", chunked=True)
SHARES = 8  # of the work, for test processes that run side by side
# A delivery that is committed in parts and one that is refused: nearly all the lines, in half the time.
SHORT = {name: FILES[name] for name in ("02_SALES.csv", "03_SALES.csv")}
Count = Callable[[str, int], AbstractContextManager[None]]


class States:
    """The states that a scene's files go through, each kept once."""

    def __init__(self, scene: Scene, home: Path) -> None:
        self.scene = scene
        self.home = home
        self.lines: list[int] = []  # executed for the first time in each state
        self._last = b""
        self._stood: list[tuple[int, int, int]] = []
        database = scene.home / "feeds.db"
        self._telling = [str(path) for path in (database, f"{database}-wal", scene.home / "state/archive", scene.place)]

    def at_line(self, _: int = 0) -> None:
        """Before a line that was not executed before: look at every byte."""
        self._keep()
        self.lines[-1] += 1

    def at_any(self) -> None:
        """Before any other line: look at the bytes where the database or a folder of files has changed."""
        stands = [_stand(path) for path in self._telling]
        if stands != self._stood:
            self._stood = stands
            self._keep()

    def _keep(self) -> None:
        content = self._content()
        if content != self._last:
            target = self.home / str(len(self.lines))
            for name, folder in self._folders().items():
                shutil.copytree(folder, target / name)
            self.lines.append(0)
            self._last = content

    def bring_back(self, number: int) -> None:
        for name, folder in self._folders().items():
            shutil.rmtree(folder)
            shutil.copytree(self.home / str(number) / name, folder)

    def _folders(self) -> dict[str, Path]:
        return {"home": self.scene.home, "place": self.scene.place}

    def _paths(self) -> list[Path]:
        """SQLite's shared memory is left out: whoever opens it first makes it anew."""
        found = [path for folder in self._folders().values() for path in folder.rglob("*")]
        return sorted(path for path in found if path.suffix != ".db-shm" and path.name != "log.jsonl")

    def _content(self) -> bytes:
        whole = blake2b(digest_size=16)
        for path in self._paths():
            whole.update(bytes(path))
            if path.is_file():
                whole.update(path.read_bytes())
        return whole.digest()


def _stand(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116  tens of thousands of times
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(2))
def test_each_line_leaves_a_state_that_the_next_run_recovers_from(
    studio: Studio, tmp_path: Path, share: int, counting: Count
) -> None:
    expected = quiet.undisturbed(studio, FOLDER)
    with studio.scene(FOLDER) as scene:
        states = States(scene, studio.folder("states"))

        def watched() -> list[int]:
            traced(scene.run, states.at_line, at_any=states.at_any)
            states.at_any()
            return states.lines

        lines = in_child(watched)
        mine = range(share, len(lines), 2)
        with (
            counting("every line, SQLite and a folder: lines", sum(lines[share::2])),
            counting("every line, SQLite and a folder: states of the disk", len(mine)),
        ):
            for number in mine:
                states.bring_back(number)
                quiet.restart_and_check(scene, expected)


def killed_lines(
    studio: Studio,
    setup: Setup,
    rooms: tuple[str, ...],
    numbers: Callable[[int], range],
    counting: Callable[[int], AbstractContextManager[None]],
    files: Mapping[str, str] | None = None,
) -> None:
    """Kill a process before each of these lines, and recover."""
    expected = quiet.undisturbed(studio, setup, files)
    with studio.scene(setup, files) as scene:
        whole: int = in_child(lambda: traced(scene.run, lambda number: None, rooms))
    killed = 0
    with counting(len(numbers(whole))):
        for last in numbers(whole):
            with studio.scene(setup, files) as scene:
                dying = partial(traced, scene.run, lambda n, last=last: die() if n == last else None, rooms)  # type: ignore[misc]
                killed += killed_in_child(dying)
                quiet.restart_and_check(scene, expected)
        # A server that answers at another moment may spare a run its last few lines.
        assert killed >= 0.95 * len(numbers(whole))


@pytest.mark.parametrize(
    "every",
    [
        pytest.param(100, id="sampled", marks=pytest.mark.timeout(600)),
        pytest.param(1, id="all", marks=[pytest.mark.nightly, pytest.mark.timeout(0)]),
    ],
)
def test_a_process_killed_at_a_line_leaves_nothing_that_its_files_did_not_show(
    studio: Studio, every: int, counting: Count
) -> None:
    told = partial(counting, "lines killed in earnest, SQLite and a folder")
    killed_lines(studio, FOLDER, PRODUCT, lambda whole: range(every // 2 + 1, whole + 1, every), told)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    "every",
    [
        pytest.param(5, id="fifth", marks=pytest.mark.timeout(600)),
        pytest.param(1, id="all", marks=[pytest.mark.nightly, pytest.mark.timeout(0)]),
    ],
)
def test_a_process_killed_at_a_line_on_a_server_and_postgresql_is_recovered_from(
    studio: Studio, every: int, share: int, counting: Count
) -> None:
    rooms, files = (HANDS, SHORT) if every > 1 else (PRODUCT, FILES)
    numbers = lambda whole: range(1 + share * every, whole + 1, every * SHARES)  # noqa: E731
    told = partial(counting, "lines killed in earnest, PostgreSQL and SFTP")
    killed_lines(studio, SERVER, rooms, numbers, told, files)
