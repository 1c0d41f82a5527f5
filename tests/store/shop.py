"""A dealer with one feed from a local folder: put a file, run, look at what is stored."""

import weakref
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from engine import runner
from engine.language import project
from engine.language.secrets import Secrets
from engine.model import FeedReport
from engine.store.database import reading
from engine.world import World, open_world

_DEALER = """version: 1
kind: dealer
name: {name}
title: A dealer
timezone: America/New_York
feeds:
"""


class Moved:
    """A clock that stands until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 15, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Shop:
    """`definitions` are feeds by their path below vendors/, each used by the dealer."""

    def __init__(self, home: Path, database: str, definitions: dict[str, str], activities: dict[str, str]) -> None:
        self.home = home
        self.clock = Moved()
        self.drop = home / "drop"
        self.drop.mkdir(parents=True)
        feeds = home / "feeds"
        for path, text in definitions.items():
            self._write(feeds / "vendors" / f"{path}.yaml", text)
        for name, text in activities.items():
            self._write(feeds / "activities" / f"{name}.yaml", text)
        uses = "".join(f"  - uses: {path}\n" for path in definitions)
        self._write(feeds / "dealers" / "shop.yaml", _DEALER.format(name="shop") + uses)
        self.world: World = replace(open_world(database, home / "var", Secrets({})), clock=self.clock)
        weakref.finalize(self, self.world.engine.dispose)  # no connection outlives the test that made it

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("DROP", str(self.drop)))

    def put(self, name: str, *lines: str) -> None:
        (self.drop / name).write_text("\n".join(lines) + "\n")

    @property
    def feeds(self) -> dict[str, Any]:
        made = project.load(self.home / "feeds", None)
        assert not [f for f in made.findings if f.severity == "error"], made.findings
        return dict(made.feeds)

    def run(self, name: str = "", *lines: str, world: World | None = None, dry_run: bool = False) -> FeedReport:
        """Put a file, if one is given, run every feed and give the report of the first."""
        if name:
            self.put(name, *lines)
        self.clock.sleep(60)
        feeds = list(self.feeds.values())
        return runner.run_feeds(feeds, world or self.world, feeds, dry_run).feeds[0]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with reading(self.world.engine) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def contacts(self) -> list[dict[str, Any]]:
        rows = self.rows("SELECT id, fields FROM contacts ORDER BY id")
        return [{"id": number, **plain(fields)} for number, fields in rows]

    def activities(self) -> dict[str, dict[str, Any]]:
        rows = self.rows(
            "SELECT key, state, occurred, contact_id, vehicle_id, fields, match FROM activities ORDER BY id"
        )
        names = ("state", "occurred", "contact", "vehicle")
        return {row[0]: {**dict(zip(names, row[1:5], strict=True)), "match": row[6], **plain(row[5])} for row in rows}

    def changes(self) -> list[dict[str, Any]]:
        return [plain(row[0]) for row in self.rows("SELECT changes FROM activity_changes ORDER BY id")]

    def quarantined(self) -> list[tuple[str, int, str]]:
        """(code, line, raw) of what waits for a person."""
        return [
            tuple(r) for r in self.rows("SELECT code, line, raw FROM quarantine WHERE state = 'open' ORDER BY line")
        ]  # type: ignore[misc]


def plain(value: Any) -> Any:
    """A JSON column as Python values, from either database."""
    return orjson.loads(value) if isinstance(value, str) else value


def counts(report: FeedReport) -> dict[str, int]:
    """What is not zero of the identity."""
    tally = report.tally
    names: Sequence[str] = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
    return {name: getattr(tally, name) for name in names if getattr(tally, name)}
