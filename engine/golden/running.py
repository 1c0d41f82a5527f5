"""One test, run: the real path on a temporary store and folder, with the clock of the test.

Nothing outside the temporary folder is touched, and it is gone afterwards, whatever happens.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.golden import views
from engine.golden.agreement import Difference
from engine.golden.cases import Case
from engine.golden.comparing import Found, differences
from engine.golden.hooks import arrived
from engine.golden.script import Script, script
from engine.golden.stand_ins import STAND_INS, not_yet, played
from engine.intake.archive import Archive
from engine.intake.inbox import inbox
from engine.language import secrets
from engine.language.secrets import PREFIX, Secrets
from engine.model import ActivityType, Feed
from engine.report import plain_feed
from engine.runner import run_feeds
from engine.store import desk, outbox, overview, people, search
from engine.store.stored import contact_fields, vehicle_fields
from engine.world import World, open_world, stamp

_STAND_IN = "stands-in-for-a-secret"
_CHANCE = 0.5  # so that waits are as long each time
MEMORY = Path("/dev/shm")  # noqa: S108  (no file of a known name is made there)


class MovedClock:
    """A clock that goes on only where somebody waits for it."""

    def __init__(self, now: datetime) -> None:
        self._start = self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test: `found` is None where it could not be run, for `faults`."""

    case: Case
    differences: tuple[Difference, ...]
    faults: tuple[str, ...]
    found: Found | None
    seconds: float

    @property
    def is_rewritable(self) -> bool:
        """Whether other expectations would make it pass: not where what is given does not fit the feed."""
        return self.found is not None and not any(each.place for each in self.differences)

    @property
    def outcome(self) -> str:
        """passed, failed (it ran, and something differs) or error (it could not be run)."""
        if self.faults:
            return "error"
        return "failed" if self.differences else "passed"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where tests run: a temporary folder with one store in it, which each test finds empty.

    It is one store for all of them because what SQLAlchemy has learnt of a statement is kept with the
    engine: that is more than half of what a test costs.
    """

    folder: Path
    world: World
    types: Mapping[str, ActivityType]

    def run(self, case: Case) -> Result:
        """Run one test and take everything away again."""
        began = time.perf_counter()
        faults, found = case.faults, None
        faults += tuple(text for feed in case.feeds if (text := not_yet(str(feed.transport.get("type")))))
        told: list[Difference] = []
        if not faults or _only_lacks_expectations(case):
            scripts = [script(each, case.place) for each in case.http]
            found, refused = self._played(case, scripts)
            told = [*refused, *_differing(case, found, scripts)]
        return Result(case, tuple(told), faults, found, time.perf_counter() - began)

    def _played(self, case: Case, scripts: Sequence[Script]) -> tuple[Found, list[Difference]]:
        home = self.folder / "test"
        (home / "server").mkdir(parents=True)
        _copied(self.folder / "empty.db", self.folder / "feeds.db")
        used = [name for feed in case.feeds for name in secrets.names(feed)]
        used += [name for feed in case.feeds for each in feed.exports for name in secrets.named(each.transport)]
        kept = Secrets({PREFIX + name: _STAND_IN for name in used})
        clock = MovedClock(case.now)
        world = replace(
            self.world,
            archive=Archive(home / "archive"),
            inbox=inbox(self.world.engine, home),
            secrets=kept,
            clock=clock,
            chance=lambda: _CHANCE,
            way_out=played,
        )
        try:
            return _played(case, scripts, home / "server", world, self.types)
        finally:
            world.engine.dispose()  # its connections; the engine itself goes on
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def bench(types: Mapping[str, ActivityType]) -> Iterator[Bench]:
    """The place for many tests; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="feeds-test-", dir=_quick_folder()) as name:
        folder = Path(name)
        world = open_world(f"sqlite:///{folder / 'feeds.db'}", folder, Secrets({}), fresh_tag="test")
        world.engine.dispose()
        (folder / "feeds.db").rename(folder / "empty.db")
        yield Bench(folder, world, types)


def _quick_folder() -> str | None:
    """A disk that is memory, where there is one: no test has to outlive a power cut."""
    is_there = "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK | os.X_OK)
    return str(MEMORY) if is_there else None


def _copied(store: Path, to: Path) -> None:
    for ending in ("-wal", "-shm"):
        to.with_name(to.name + ending).unlink(missing_ok=True)
    shutil.copyfile(store, to)


def _differing(case: Case, found: Found, scripts: Sequence[Script]) -> list[Difference]:
    """What is not as expected. After a request that nothing answers, that alone: all else comes of it."""
    told = [each for one in scripts for each in one.differences]
    return told if any(each.is_broken for each in scripts) else [*differences(case.expected, found), *told]


def _played(
    case: Case, scripts: Sequence[Script], server: Path, world: World, types: Mapping[str, ActivityType]
) -> tuple[Found, list[Difference]]:
    """Day by day: the files and requests come, the feeds run. What was found, and the requests that nobody took."""
    came: dict[str, None] = {}
    runs, refused = [], []
    feeds = [STAND_INS[str(feed.transport["type"])](feed, _place(feed, case, server)) for feed in case.feeds]
    _remember(case, feeds, world)
    for number, (day, answers, hooks) in enumerate(zip(case.days, scripts, case.hooks, strict=True)):
        world.clock.sleep((case.now + timedelta(days=number) - world.clock.now()).total_seconds())
        _put(server, day, world.clock.now())
        came |= dict.fromkeys(day)
        refused += arrived(hooks, feeds, world)
        report = run_feeds(feeds, replace(world, answer=answers.answer), everyone=feeds)
        runs.append({feed.feed: plain_feed(feed) for feed in report.feeds})
    found = _found(runs, list(came), server, feeds, world, types)
    requests = [each for one in scripts for each in one.requests]
    state = _cursors(feeds, world) if "state" in case.expected else {}
    return replace(found, requests=requests, state=state), refused


def _place(feed: Feed, case: Case, server: Path) -> Path:
    """The files of a `tests:` entry lie where the feed looks; those of a case folder below the server's root."""
    if case.folder is None:
        return server
    place = (server / str(feed.transport.get("directory") or ".").lstrip("/")).resolve()
    return place if place.is_relative_to(server.resolve()) else server


def _remember(case: Case, feeds: Sequence[Feed], world: World) -> None:
    """What earlier runs left: the cursors."""
    for feed in feeds if case.cursors else ():
        world.journal.register(feed)
        for part, value in case.cursors.items():
            desk.set_cursor(world.engine, feed.id, part, value, "feeds test", stamp(case.now))


def _put(server: Path, files: Mapping[str, bytes], now: datetime) -> None:
    """Files that came one second after the other, the last of them just before now."""
    for age, (name, content) in enumerate(reversed(list(files.items())), start=1):
        path = server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        moment = int(now.timestamp()) - age
        os.utime(path, (moment, moment))


def _found(
    runs: Sequence[Mapping[str, Any]],
    came: Sequence[str],
    server: Path,
    feeds: Sequence[Feed],
    world: World,
    types: Mapping[str, ActivityType],
) -> Found:
    engine = world.engine
    namespace = feeds[0].namespace
    fields = contact_fields(engine)
    everyone = people.contacts_found(engine)
    contacts = {each["id"]: views.contact(each, fields.get(each["id"], {}), namespace) for each in everyone}
    stored = list(search.activities_found(engine, search.Query(), types))
    activities = [views.activity(each, contacts) for each in stored]
    keys = {each["id"]: (each["type"], each["key"]) for each in stored}
    items = [views.item(each, keys.get(each["activity_id"])) for each in outbox.found(engine)][::-1]
    left = sorted(path.relative_to(server).as_posix() for path in server.rglob("*") if path.is_file())
    return Found(
        runs,
        activities=sorted(activities, key=lambda each: (each["type"], each["key"])),
        contacts=list(contacts.values()),
        vehicles=[views.vehicle(each) for each in vehicle_fields(engine).values()],
        quarantine=[views.row(each) for each in overview.quarantined(engine)],
        left=left,
        removed=sorted(set(came) - set(left)),
        exports=[each for each in items if each["state"] == outbox.SENT],
        suppressed=[each for each in items if each["state"] != outbox.SENT],
    )


def _cursors(feeds: Sequence[Feed], world: World) -> Mapping[str, Any]:
    """As `given.state` is written: one value, or one for each slice."""
    found = {part: value for feed in feeds for part, value in _slices(feed, world)}
    return {"cursor": found.get("") if set(found) <= {""} else found}


def _slices(feed: Feed, world: World) -> list[tuple[str, Any]]:
    state = overview.state(world.engine, feed.id, "")
    return [(each["slice"], each["value"]) for each in state["cursors"]]


def _only_lacks_expectations(case: Case) -> bool:
    return bool(case.feeds) and not case.expect.entries() and len(case.faults) == 1
