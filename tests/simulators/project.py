"""A project with one shop of a simulated system: its dealer's file, a clock that stands still, `feeds`.

Where a feed is `sampled`, its transport is replaced by a folder and the system's replies are laid there, byte for
byte or with what belongs to each record attached: what is tested is then what becomes of them, and not how they come.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import time_machine
import yaml

from tests.cli.shell import Done, called

_SAMPLED = {"type": "file", "filename": "*", "settle": "0s", "order": "name"}


class Garage:
    def __init__(self, home: Path, database: str, timezone: str, region: str) -> None:
        self.home = home
        self.now = datetime.fromisoformat("2023-03-21T09:00:00-04:00")
        self.dealer: dict[str, Any] = {"version": 1, "kind": "dealer", "name": "test-shop", "title": "Test Shop"}
        self.dealer |= {"timezone": timezone, "region": region, "feeds": []}
        self.environment = {
            "FEEDS_DIR": str(home / "feeds"),
            "FEEDS_STATE_DIR": str(home / "state"),
            "FEEDS_DATABASE_URL": database,
            "FEEDS_SECRET_KEY": "invented-key",
            "FEEDS_SECRET_HOOK": "invented-hook",
        }
        self._samples = 0
        self._found: list[dict[str, Any]] | None = None  # the activities since the last run

    def use(self, definition: str, params: Mapping[str, Any], sampled: bool = True, **entry: Any) -> str:
        """Give the shop this feed, with what else its entry says; the feed's id."""
        entry |= {"uses": definition, "params": dict(params)}
        if sampled:
            folder = self._folder(definition)
            folder.mkdir(parents=True)
            entry["override"] = {"transport": _SAMPLED | {"directory": str(folder)}}
        self.dealer["feeds"].append(entry)
        path = self.home / "feeds" / "dealers" / "test-shop.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(self.dealer), encoding="utf-8")
        return f"test-shop/{definition.replace('/', '-')}"

    def came(self, definition: str, *documents: bytes) -> dict[str, Any]:
        """The report of a run of a sampled feed after these replies have come."""
        for document in documents:
            self._samples += 1
            (self._folder(definition) / f"reply-{self._samples:04}").write_bytes(document)
        return self.run(f"test-shop/{definition.replace('/', '-')}")

    def run(self, feed: str) -> dict[str, Any]:
        """`feeds run` at `now`, as JSON, whatever its exit code."""
        self._found = None
        done = self.feeds("run", feed, "--format", "json")
        assert done.out, f"exit {done.code}: {done.talk}"
        (report,) = done.json()["feeds"]
        return dict(report)

    def feeds(self, *arguments: str) -> Done:
        """The command. Time stands still but for what it sleeps, which passes at once, for the project as well."""
        with time_machine.travel(self.now, tick=False) as clock, patch.object(time, "sleep", clock.shift):
            done = called(self.environment, *arguments)
            self.now = datetime.now(self.now.tzinfo)
        return done

    def activities(self, kind: str) -> list[dict[str, Any]]:
        """Those of one type, by their keys. All are asked for at once, and only once after each run."""
        if self._found is None:
            self._found = self.feeds("activities", "search", "--format", "jsonl").lines()
        return sorted((each for each in self._found if each["type"] == kind), key=lambda each: str(each["key"]))

    def contacts(self) -> list[dict[str, Any]]:
        found = self.feeds("contacts", "find", "--format", "jsonl").lines()
        return sorted(found, key=lambda each: (each["lastName"] or "", each["firstName"] or ""))

    def codes(self) -> list[str]:
        """What `feeds validate` says of the shop."""
        return [each["code"] for each in self.feeds("validate", "--format", "json").json()]

    def _folder(self, definition: str) -> Path:
        return self.home / "replies" / definition.replace("/", "-")
