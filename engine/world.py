"""All that a run needs from outside itself: time, the store, the archive, secrets, whom to tell.

Holds them and nothing else: what is decided with them is decided elsewhere.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from engine import tracing
from engine.intake import inbox
from engine.intake.archive import Archive
from engine.intake.inbox import Inbox
from engine.language.secrets import Secrets
from engine.log import situated
from engine.store import database, leases, shape
from engine.store.journal import Journal
from engine.tracing import Spans
from transports import connect_sender
from transports.base import Reply, Sender, SendTools, Sent, Settings


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, with its zone."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one feed is: bytes fetched and records read of the delivery in hand."""

    feed: str
    delivery: str
    fetched: int
    read: int


@dataclass(frozen=True, slots=True)
class World:
    engine: database.Engine
    journal: Journal
    archive: Archive
    inbox: Inbox
    secrets: Secrets
    clock: Clock
    owner: leases.Owner
    progress: Callable[[Progress], None] = lambda progress: None
    note: Callable[[str, Mapping[str, object]], None] = lambda event, details: None
    span: Spans = tracing.nothing
    chunk_rows: int = 2_000_000  # a delivery of more records is committed in parts of this size
    batch_rows: int = 5_000  # records that are decoded, mapped and written together
    keep_days: int = 7  # a sealed copy, after the last change of its deliveries
    chance: Callable[[], float] = random.random  # 0 to 1, for the jitter of waits
    answer: Callable[[Sent], Reply] | None = None  # in place of APIs and their network, in tests of definitions
    # Who carries out what goes out; somebody else's in tests of definitions.
    way_out: Callable[[str, Settings, SendTools], AbstractContextManager[Sender]] = connect_sender
    fresh_tag: str = field(default="local")  # names this installation in claims, once, on an empty database

    @contextmanager
    def step(self, stage: str, **facts: object) -> Iterator[None]:
        """A part of a run: the log's lines say in which they were written, and a trace has a span for it.

        An error that leaves it remembers the innermost one: `stage`.
        """
        with situated(stage=stage, **facts), self.span(stage, facts):
            try:
                yield
            except Exception as error:
                error.__dict__.setdefault("stage", stage)
                raise


def open_world(
    database_url: str, state_dir: Path, secrets: Secrets, clock: Clock | None = None, fresh_tag: str = "local"
) -> World:
    """Connect; an empty database gets its tables, one of another version is a StoreError."""
    engine = database.connect(database_url)
    shape.prepare(engine)
    return World(
        engine,
        Journal(engine),
        Archive(state_dir / "archive"),
        inbox.inbox(engine, state_dir),
        secrets,
        clock or SystemClock(),
        leases.this_process(),
        fresh_tag=fresh_tag,
    )


def stamp(moment: datetime) -> str:
    """A moment as the store writes it: UTC, fixed width."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
