"""Both ways to run what is due: threads in the scheduler's own process, and workers that take jobs from a queue."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.executors.local import Local
from engine.executors.procrastinate import Queued
from engine.executors.worker import Worker
from engine.language.project import Loader
from engine.scheduler.following import Following
from engine.world import World
from tests.cli.shell import DEALER, Shell
from tests.scheduler.conftest import PATIENCE, Log, log, opened  # noqa: F401  (a fixture)

SILENCE = 2.0  # seconds, in tests: a worker that says nothing for so long counts as dead


@contextmanager
def beside(work: Local | Queued | Worker) -> Iterator[None]:
    """Runs on a thread; at the end it has to stop."""
    thread = threading.Thread(target=work.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        work.stop()
        thread.join(PATIENCE)
    assert not thread.is_alive()


class Executor:
    """One that runs the feeds of a project, in this process."""

    def __init__(self, name: str, shell: Shell, told: Log) -> None:
        self.name, self.shell, self.log = name, shell, told

    @contextmanager
    def running(self, worker_folder: str = "feeds") -> Iterator[World]:
        """A scheduler, with a worker where it has one."""
        with ExitStack() as stack:
            world = stack.enter_context(opened(self.shell, self.log))
            if self.name == "local":
                stack.enter_context(beside(Local(world, self.following(), lambda: world.secrets, 4, 1)))
            else:
                stack.enter_context(beside(Queued(world, self.following(), silence=SILENCE)))
                stack.enter_context(self.worker(worker_folder))
            yield world

    @contextmanager
    def worker(self, folder: str = "feeds") -> Iterator[World]:
        with opened(self.shell, self.log) as world:
            worker = Worker(world, self.following(folder), lambda: world.secrets, 4, beat_each=SILENCE / 4)
            with beside(worker):
                yield world

    def following(self, folder: str = "feeds") -> Following:
        return Following(Loader(self.shell.home / folder).load, self.log.note)


@pytest.fixture(params=["local", "queue"])
def executor(request: pytest.FixtureRequest, make: Callable[[str], Executor]) -> Executor:
    return make(request.param)


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, log: Log) -> Callable[[str], Executor]:  # noqa: F811
    """Local on SQLite, the queue on PostgreSQL; two feeds that run each second, each with a folder of its own."""

    def made(name: str) -> Executor:
        url = request.getfixturevalue("sqlite_url" if name == "local" else "postgres_url")
        shell = Shell(tmp_path, url)
        shell.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {every: 1s}\nfields:")
        (shell.home / "other").mkdir()
        shell.write("feeds/dealers/acme.yaml", two(shell))
        return Executor(name, shell, log)

    return made


def two(shell: Shell) -> str:
    other = "  - {uses: shop/sales, name: other, override: {transport: {directory: OTHER}}}\n"
    return DEALER + other.replace("OTHER", str(shell.home / "other"))
