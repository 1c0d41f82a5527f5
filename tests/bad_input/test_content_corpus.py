"""Group M, end to end: every file of the corpus through a run, on SQLite and on PostgreSQL.

The verdict is the corpus's own; what is stored and what is quarantined is the same on both, to the letter.
A database of each kind has all files of a group, each file as a feed of its own.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import runner
from engine.decode import decode
from engine.errors import DecodeError
from engine.language import project
from engine.language.secrets import Secrets
from engine.model import Feed, FeedReport
from engine.store.database import reading
from engine.world import World, open_world
from tests.bad_input.conftest import PROPERTY
from tests.corpus.content import GROUPS, VERDICTS, files
from tests.faults.scene import fast_folder

WIDTH = 8  # columns that the generic feed takes
_NAMES = [f"c{number}" for number in range(WIDTH)]
_ACTIVITY: dict[str, Any] = {
    "version": 1,
    "kind": "activity",
    "name": "line",
    "label": "Line",
    "category": "other",
    "date": {"label": "Date"},
    "states": ["recorded"],
    "shows": ["timeline"],
    "fields": {
        **{name: {"label": name, "type": "string"} for name in (*_NAMES, "file")},
        "record": {"label": "Record", "type": "object"},
    },
}
_DEALER = {"version": 1, "kind": "dealer", "name": "any", "title": "A", "timezone": "UTC", "feeds": [{"uses": "x/y"}]}


@dataclass
class Feeds:
    """A generic feed for each form and header there is, read from YAML as any other."""

    home: Path
    made: dict[str, Feed] = field(default_factory=dict)

    def feed(self, settings: Mapping[str, Any], header: tuple[str, ...] | None) -> Feed:
        known = json.dumps([settings, header])
        if known not in self.made:
            self.made[known] = self._loaded(settings, header)
        return self.made[known]

    def _loaded(self, settings: Mapping[str, Any], header: tuple[str, ...] | None) -> Feed:
        home = self.home / f"feeds{len(self.made)}"
        fields: dict[str, Any] = {"record": {"path": "@", "type": "object"}}
        if header is not None:
            columns = list(dict.fromkeys(name.strip() for name in header if name.strip()))[:WIDTH]
            fields = {f"c{n}": {"column": name, "optional": True} for n, name in enumerate(columns)}
        fields |= {"file": {"context": "file.name"}, "day": {"const": "2024-05-01", "type": "date"}}
        key = [{"hash": [name for name in fields if name != "day"]}]
        definition = {
            "version": 1,
            "kind": "feed",
            "title": "Anything",
            "transport": {"type": "file", "directory": str(self.home / "in"), "filename": "*", "settle": "0s"},
            "decode": dict(settings),
            "records": {"onDuplicate": "last"},
            "fields": fields,
            "activities": [{"type": "line", "key": key, "occurred": "day", "state": "recorded"}],
        }
        written = {"activities/line": _ACTIVITY, "vendors/x/y": definition, "dealers/any": _DEALER}
        for name, content in written.items():
            path = home / f"{name}.yaml"
            path.parent.mkdir(parents=True)
            path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        found = project.load(home)
        assert not [each for each in found.findings if each.severity == "error"], found.findings
        (feed,) = found.feeds.values()
        return feed


@pytest.fixture
def home() -> Iterator[Path]:
    made = fast_folder()
    (made / "in").mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def worlds(home: Path, postgres_url: str) -> Iterator[list[World]]:
    urls = {"sqlite": f"sqlite:///{home / 'feeds.db'}", "postgresql": postgres_url}
    made = [open_world(url, home / name, Secrets({})) for name, url in urls.items()]
    yield made
    for world in made:
        world.engine.dispose()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
def test_every_file_of_the_corpus_has_its_verdict_on_both_databases(
    home: Path, worlds: list[World], group: str, record_property: Callable[[str, object], None]
) -> None:
    golden = json.loads(VERDICTS.read_text(encoding="utf-8"))
    feeds = Feeds(home)
    wrong: list[str] = []
    names = []
    for name, content, settings in files():
        if not name.startswith(f"{group}/"):
            continue
        names.append(name)
        path = home / "in" / f"case-{len(names):03}"
        path.write_bytes(content())
        feed = replace(feeds.feed(settings, _header(path, settings)), id=f"any/{name}", namespace=name)
        first, second = (_imported(feed, world) for world in worlds)
        path.unlink()
        whole = settings["format"] in ("json", "xml", "form")  # then its records are not its rows
        against = _against(golden[name], first, whole)
        wrong += [f"{name}: {each}" for each in (*against, *_differences(first, second))]
    record_property(PROPERTY, len(names))
    assert not wrong, "\n".join(wrong)
    assert names == [name for name in golden if name.startswith(f"{group}/")]


@dataclass(frozen=True)
class Came:
    """What one file came to in one database."""

    report: FeedReport
    issues: list[tuple[str, str, int | None]]
    rows: list[dict[str, Any]]
    bad: list[dict[str, Any]]

    @property
    def state(self) -> str:
        return self.report.deliveries[0].state


def _header(path: Path, settings: Mapping[str, Any]) -> tuple[str, ...] | None:
    """As an author would see it who looks into the file."""
    try:
        found = decode(path, settings).header
    except DecodeError:
        return ("a",) if settings["format"] in ("csv", "xlsx", "fixedWidth") else None
    return None if found is None else tuple(found)


def _imported(feed: Feed, world: World) -> Came:
    report = runner.run_feed(feed, world)
    (delivery,) = report.deliveries
    with reading(world.engine) as connection:
        rows = connection.exec_driver_sql(
            f"SELECT key, state, occurred, line, fields FROM activities WHERE delivery_id = {delivery.number}"  # noqa: S608
        )
        stored = [dict(row._mapping) for row in rows]
        rows = connection.exec_driver_sql(
            f"SELECT line, code, field, value, raw FROM quarantine WHERE delivery_id = {delivery.number}"  # noqa: S608
        )
        bad = [dict(row._mapping) for row in rows]
    for row in stored:
        row["fields"] = json.loads(row["fields"]) if isinstance(row["fields"], str) else row["fields"]
    world.archive.forget(delivery.sha256)
    issues = [(issue.code, issue.message, issue.line) for issue in report.issues]
    return Came(report, issues, sorted(stored, key=lambda row: row["line"]), sorted(bad, key=lambda row: row["line"]))


def _against(golden: Mapping[str, Any], came: Came, whole: bool) -> Iterator[str]:
    """Where a run came to another verdict than the corpus has."""
    tally = came.report.tally
    if "error" in golden:
        codes = [code for code, _, _ in came.issues]
        if (came.state, codes, tally.read, came.rows, came.bad) != ("refused", [golden["error"]], 0, [], []):
            yield f"expected to be refused with {golden['error']}, found {came.state} {codes} {tally}"
        elif "line" in golden and f"line {golden['line']}" not in came.issues[0][1]:
            yield f"the message does not say line {golden['line']}: {came.issues[0][1]}"
        return
    if came.state != "done" or not tally.is_balanced:
        yield f"expected to be stored, found {came.state} {came.issues[:3]}"
        return
    if not whole:
        yield from _rows_against(golden, came)


def _rows_against(golden: Mapping[str, Any], came: Came) -> Iterator[str]:
    tally = came.report.tally
    if tally.read != golden["rows"]:
        yield f"expected {golden['rows']} rows, found {tally.read}"
    faults = Counter[str]()
    for each in golden.get("faults", ()):
        number, code = each.split(" ")
        faults[code] += int(number)
    if tally.quarantined != faults.total() or {row["code"] for row in came.bad} != set(faults):
        yield f"expected {dict(faults)} in quarantine, found {tally.quarantined}: {[r['code'] for r in came.bad]}"
    yield from _last_against(golden, came)


def _last_against(golden: Mapping[str, Any], came: Came) -> Iterator[str]:
    """The last good record is among the stored ones, cell by cell; an equal one may have come before it."""
    last = golden.get("last")
    if isinstance(last, list):
        named = [cell for cell, name in zip(last, golden["header"], strict=True) if name.strip()][:WIDTH]
        wanted = {f"c{place}": cell.strip() for place, cell in enumerate(named) if cell.strip()}
        stored = [{k: v.strip() for k, v in row["fields"].items() if k in _NAMES} for row in came.rows]
    else:
        wanted, stored = {"record": last}, [{"record": row["fields"].get("record")} for row in came.rows]
    if "last" in golden and wanted not in stored:
        yield f"expected {wanted} to be stored, found {stored[-3:]}"


def _differences(first: Came, second: Came) -> Iterator[str]:
    for what in ("state", "issues", "rows", "bad"):
        if (one := getattr(first, what)) != (other := getattr(second, what)):
            yield f"{what} differ: {str(one)[:300]} on SQLite, {str(other)[:300]} on PostgreSQL"
    if first.report.tally != second.report.tally:
        yield f"counts differ: {first.report.tally} on SQLite, {second.report.tally} on PostgreSQL"
