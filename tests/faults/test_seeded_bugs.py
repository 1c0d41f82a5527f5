"""The suite is tested itself: twelve bugs, each put into a copy of the product, are each caught by a test named for it.

A bug is a file under `bugs/`: what it is, which lines of which module become which, and the tests
that must fail then. A bug whose lines are not there any more fails here: the product has moved on,
and the bug must move with it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COPIED = ("engine", "transports")  # what a bug may stand in
BESIDE = ("feeds", "schemas", "tests", "pyproject.toml", "Makefile", "README.md")
PASSED, FAILED = 0, 1  # pytest's exit codes; the others are of its own troubles
MOST_SECONDS = 110
Note = Callable[[str, int, int], None]


class Bug(NamedTuple):
    name: str
    file: str
    find: str
    replace: str
    caught_by: tuple[str, ...]

    def put(self, home: Path) -> None:
        path = home / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.find) == 1, f"{self.name}: its lines are in {self.file} {text.count(self.find)} times"
        path.write_text(text.replace(self.find, self.replace), encoding="utf-8")


def bug(path: Path) -> Bug:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Bug(path.stem, said["file"], said["find"], said["replace"], tuple(said["caughtBy"]))


BUGS = [bug(path) for path in sorted((Path(__file__).parent / "bugs").glob("*.yaml"))]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The checkout, with a copy of its own of what a bug may stand in."""
    home = tmp_path / "copy"
    home.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, home / name)
    for name in BESIDE:
        (home / name).symlink_to(ROOT / name)
    yield home
    shutil.rmtree(home)


def outcome(home: Path, tests: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    """What these tests say of that copy, in a process that imports nothing from here."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=line"]
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", *options, *tests]
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
    )


def test_there_are_twelve() -> None:
    assert len(BUGS) == 12


@pytest.mark.parametrize("seeded", BUGS, ids=lambda seeded: seeded.name)
def test_a_seeded_bug_is_caught(seeded: Bug, copy: Path, counted: Note) -> None:
    seeded.put(copy)
    done = outcome(copy, seeded.caught_by)
    assert done.returncode == FAILED, f"{seeded.name} was not caught:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
    counted("seeded bugs caught", 1, 1)


def test_without_a_bug_the_same_tests_pass(copy: Path) -> None:
    done = outcome(copy, tuple(dict.fromkeys(chain.from_iterable(seeded.caught_by for seeded in BUGS))))
    assert done.returncode == PASSED, f"{done.stdout[-3000:]}{done.stderr[-1000:]}"
