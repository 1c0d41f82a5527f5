"""Projects whose feeds have schedules, and worlds whose clock is moved by hand."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.language.secrets import Secrets
from engine.store import leases
from engine.world import World, open_world
from tests.cli.conftest import both, shell  # noqa: F401  (fixtures)
from tests.cli.shell import Shell

OWNER = leases.this_process()  # one for all threads of a process, as leases want it
BEGIN = datetime(2022, 6, 1, 12, tzinfo=UTC)
PATIENCE = 60.0  # seconds: a bound for what takes a moment, on the slowest machine


class Clock:
    """Stands still unless it is moved, or somebody sleeps."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - BEGIN).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Log:
    """What was noted, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []
        self._changed = threading.Condition()

    def note(self, event: str, details: Mapping[str, object]) -> None:
        with self._changed:
            self.lines.append((event, dict(details)))
            self._changed.notify_all()

    def of(self, event: str, feed: str | None = None) -> list[dict[str, object]]:
        return [each for name, each in self.lines if name == event and feed in (None, each.get("feed"))]

    def wait(self, is_there: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_there, PATIENCE), self.lines


@pytest.fixture
def log() -> Log:
    return Log()


@contextmanager
def opened(project: Shell, log: Log) -> Iterator[World]:
    """A world of its own, as each process has one."""
    secrets = Secrets({"FEEDS_SECRET_ACME_PASSWORD": "canary-swordfish"}, None)
    made = open_world(project.database, Path(project.environment["FEEDS_STATE_DIR"]), secrets)
    try:
        yield replace(made, note=log.note, owner=OWNER)
    finally:
        made.engine.dispose()
