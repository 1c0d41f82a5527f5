"""Group J: a dealer, a scheduler and their misfortunes at random, against a model of what must be stored.

Senders upload, overwrite, append, shuffle, send again, rename and send rubbish; the process dies at
any call and is started again; the clock jumps, deleting is refused, the database is away, an
operator pauses the feed. After each step what is stored is what the stored files say, in their
order; no file has been stored twice, and none has gone that is neither stored nor its sender's doing.
"""

import hashlib
import json
import os
import random
import secrets
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from engine import runner
from engine.errors import FeedError
from engine.intake.names import claimed
from engine.model import FeedReport
from engine.store import desk, leases
from engine.world import World, stamp
from tests.faults.faulty import Fuse, put_database, put_disk, put_transport
from tests.faults.oracle import SUM
from tests.faults.processes import in_child
from tests.faults.scene import FIRST_SENT, NOW, Scene, Setup, Studio
from transports.base import Refused

SHARES = 2  # of the examples, for test processes that run side by side
CI, NIGHTLY = (200, 50), (2_000, 100)  # examples, steps of each
NAMES = tuple(f"{letter}_SALES.csv" for letter in "ABCD")
HEADER = "Customer,First,Last,Email,Phone,Deal,Sold,Amount,VIN,Kind,Handed,After\n"
CALLS = range(1, 250)  # of a run with one file, about
Note = Callable[[str, int, int], None]


# --- the model --------------------------------------------------------------------------------


class Row(NamedTuple):
    deal: int
    amount: int
    kind: str = "sale"  # sale, quote (which is filtered), bad (which has no date)

    @property
    def text(self) -> str:
        sold, kind = ("", "sale") if self.kind == "bad" else ("01/02/2026", self.kind)
        return f"C{self.deal},Ann,Lee{self.deal},,,D{self.deal},{sold},{self.amount}.00,,{kind},,\n"


@dataclass
class Version:
    """What a sender once put there. Its time is its own, so it is known by it under any name."""

    time: int
    rows: tuple[Row, ...]
    is_rubbish: bool = False
    is_withdrawn: bool = False  # its sender has put another file over it

    @property
    def content(self) -> bytes:
        header = HEADER.replace("Amount", "Total") if self.is_rubbish else HEADER
        return (header + "".join(row.text for row in self.rows)).encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def stored_by(rows: Sequence[Row], deals: dict[str, str]) -> dict[str, int]:
    """Let one file change the deals; how its rows count."""
    sales = [row for row in rows if row.kind == "sale"]
    said: dict[int, set[int]] = {}
    for row in sales:
        said.setdefault(row.deal, set()).add(row.amount)
    counts = Counter(read=len(rows))
    for row in rows:
        key, amount = f"D{row.deal}", f"{row.amount}.00"
        if row.kind == "bad" or (row.kind == "sale" and len(said[row.deal]) > 1):
            counts["quarantined"] += 1
        elif row.kind == "quote":
            counts["filtered"] += 1
        else:
            counts["unchanged" if deals.get(key) == amount else "updated" if key in deals else "inserted"] += 1
            deals[key] = amount
    return {word: counts[word] for word in ("read", *SUM)}


# --- what befalls a run -----------------------------------------------------------------------


class Killed(BaseException):
    """The process is dead: nothing it calls from here on does anything."""


@dataclass
class Fate:
    calls_left: int | None = None  # until it dies
    outage: bool = False  # the database is away
    denied: bool = False  # the server lets nothing be deleted

    def call(self) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left <= 0:
                raise Killed


class Fated(Fuse):
    """One kind of call, under the fate of all."""

    def __init__(self, fate: Fate, blows: Callable[[str], bool] = lambda name: False) -> None:
        super().__init__()
        self._fate = fate
        self._blows = blows

    def blows(self, name: str) -> bool:
        self._fate.call()
        return self._blows(name)


@dataclass
class Clock:
    moment: Any = NOW

    def now(self) -> Any:
        return self.moment

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...


@dataclass
class Stage:
    """Where all examples of this process play, one after the other."""

    scene: Scene
    empty: Path  # a database without rows
    fate: Fate = field(default_factory=Fate)
    steps: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        put_transport(self.scene, Fated(self.fate, lambda name: name == "before remove" and self.fate.denied), Refused)
        put_disk(self.scene, Fated(self.fate))
        # One engine for all examples: it costs more to compile its statements than to run them.
        self.world = replace(self.scene.world(), batch_rows=3, note=lambda event, details: None)
        put_database(self.world.engine, Fated(self.fate, lambda name: self.fate.outage))
        self.seen = sqlite3.connect(self.empty)

    def clear(self) -> None:
        self.fate.calls_left, self.fate.outage, self.fate.denied = None, False, False
        self.seen.close()
        for path in self.scene.home.glob("feeds.db*"):
            path.unlink()
        shutil.copy(self.empty, self.scene.home / "feeds.db")
        shutil.rmtree(self.scene.home / "state", ignore_errors=True)
        shutil.rmtree(self.scene.place)
        self.scene.place.mkdir()
        self.seen = sqlite3.connect(self.scene.home / "feeds.db")

    def process(self, clock: Clock) -> World:
        """A new process, as far as anything can tell: no connection, and no lease that it knows to be its own."""
        self.world.engine.dispose()
        return replace(self.world, clock=clock, owner=leases.this_process())

    def rows(self, statement: str) -> list[Any]:
        return list(self.seen.execute(statement))


# --- the machine ------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
seldom = st.sampled_from([False, False, False, True])  # what stands in the way is soon out of it again
sales = st.builds(Row, st.integers(1, 5), st.integers(1, 4), st.sampled_from(["sale"] * 5 + ["quote", "bad"]))


def at_most_twice(rows: Sequence[Row]) -> tuple[Row, ...]:
    """No deal in more than two rows: of a third it is not defined which two contradict each other."""
    seen: Counter[int] = Counter()
    kept = []
    for row in rows:
        seen[row.deal] += row.kind == "sale"
        if seen[row.deal] <= 2:
            kept.append(row)
    return tuple(kept)


contents = st.lists(sales, min_size=1, max_size=7).map(at_most_twice)


class Dealership(RuleBasedStateMachine):
    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.stage.clear()
        self.scene = self.stage.scene
        self.fate = self.stage.fate
        self.clock = Clock()
        self.latest = NOW
        self.world = self.stage.process(self.clock)
        self.versions: dict[int, Version] = {}
        self.paused = False
        self.calm = True

    # --- the sender ------------------------------------------------------------------------

    def _visible(self, name: str) -> Version | None:
        path = self.scene.place / name
        return self.versions[int(path.stat().st_mtime)] if path.exists() else None

    def _put(self, name: str, rows: Sequence[Row], is_rubbish: bool = False) -> None:
        before = self._visible(name)
        if before is not None:
            before.is_withdrawn = True
        # Times go forth and back, and no two are the same.
        version = Version(FIRST_SENT + 7919 * len(self.versions) % 100_003, tuple(rows), is_rubbish)
        self.versions[version.time] = version
        coming = self.scene.home / "coming"
        coming.write_bytes(version.content)
        os.utime(coming, (version.time, version.time))
        coming.replace(self.scene.place / name)

    @rule(name=names, rows=contents)
    def upload(self, name: str, rows: tuple[Row, ...]) -> None:
        self._put(name, rows)

    @rule(name=names, rows=contents)
    def send_rubbish(self, name: str, rows: tuple[Row, ...]) -> None:
        self._put(name, rows, is_rubbish=True)

    @rule(name=names, row=sales)
    def append(self, name: str, row: Row) -> None:
        if (there := self._visible(name)) is not None:
            self._put(name, at_most_twice([*there.rows, row]), there.is_rubbish)

    @rule(name=names, order=st.integers(0, 1_000))
    def shuffle(self, name: str, order: int) -> None:
        if (there := self._visible(name)) is not None:
            rows = list(there.rows)
            random.Random(order).shuffle(rows)  # noqa: S311  (any order will do)
            self._put(name, rows, there.is_rubbish)

    @rule(name=names, time=st.integers(0, 1_000))
    def send_again(self, name: str, time: int) -> None:
        """Something that was sent before, under any name."""
        if self.versions:
            before = list(self.versions.values())[time % len(self.versions)]
            self._put(name, before.rows, before.is_rubbish)

    @rule(name=names, new=names)
    def rename(self, name: str, new: str) -> None:
        if self._visible(name) is not None and self._visible(new) is None:
            (self.scene.place / name).rename(self.scene.place / new)

    # --- our side --------------------------------------------------------------------------

    def _is_waiting(self) -> bool:
        return any(self.scene.place.iterdir())

    def _run(self) -> FeedReport | None:
        self.calm = not self.calm  # of the runs that find nothing, one in a row is enough
        try:
            (report,) = runner.run_feeds([self.scene.feed], self.world, [self.scene.feed]).feeds
        except FeedError:
            assert self.fate.outage, "only a database that is away may end a run without a report"
            return None
        assert "engine.fault" not in [issue.code for issue in report.issues], report.issues
        assert (report.outcome == "failed") == self.fate.outage, report
        return report

    @precondition(lambda self: self._is_waiting() or self.calm)
    @rule()
    def run(self) -> None:
        before = sorted(os.listdir(self.scene.place))  # noqa: PTH208  names
        report = self._run()
        if self.paused and report is not None:
            assert (report.outcome, sorted(os.listdir(self.scene.place))) == ("paused", before)  # noqa: PTH208

    @precondition(lambda self: self._is_waiting())
    @rule(calls=st.sampled_from(CALLS))
    def die(self, calls: int) -> None:
        self.fate.calls_left = calls
        try:
            self._run()
        except Killed:
            self.stage.steps["killed"] += 1
        self.fate.calls_left = None
        self.restart()

    @rule()
    def restart(self) -> None:
        self.world = self.stage.process(self.clock)

    @rule(hours=st.integers(-60, 200))
    def jump(self, hours: int) -> None:
        self.clock.moment += timedelta(hours=hours)
        self.latest = max(self.latest, self.clock.moment)

    @rule(denied=seldom)
    def allow_deleting(self, denied: bool) -> None:
        self.fate.denied = denied

    @rule(outage=seldom)
    def lose_the_database(self, outage: bool) -> None:
        self.fate.outage = outage

    @precondition(lambda self: not self.fate.outage and self.stage.rows("SELECT id FROM feeds"))
    @rule(paused=seldom)
    def pause(self, paused: bool) -> None:
        now = stamp(self.clock.now())
        if paused:
            desk.pause(self.world.engine, self.scene.feed.id, "a test", None, "tests", now)
        else:
            desk.resume(self.world.engine, self.scene.feed.id, "tests", now)
        self.paused = paused

    # --- what must hold --------------------------------------------------------------------

    def check_invariants(self, *args: Any, **options: Any) -> None:
        """After each step, and once before the first."""
        self.stage.steps["steps"] += 1
        self._check_stored()
        self._check_gone()

    def _ledger(self) -> Iterator[tuple[Version, str, Any, str]]:
        """(version, state, counts, when it was last changed) of what is stored, in order."""
        for time, size, sha256, state, counts, at in self.stage.rows(
            "SELECT modified, size, sha256, state, counts, updated_at FROM deliveries"
            " WHERE state IN ('stored', 'done') ORDER BY id"
        ):
            version = self.versions[int(time)]
            assert (size, sha256) == (len(version.content), version.sha256), f"not what was sent at {time}"
            assert counts is not None, f"what was sent at {time} is said to be stored, and nothing was counted"
            yield version, state, json.loads(counts), at

    def _check_stored(self) -> None:
        deals: dict[str, str] = {}
        seen: set[int] = set()
        for version, _, counts, _ in self._ledger():
            assert version.time not in seen, f"what was sent at {version.time} is stored twice"
            assert not version.is_rubbish
            seen.add(version.time)
            expected = stored_by(version.rows, deals)
            assert {word: counts[word] for word in expected} == expected, f"{version} counts as {counts}"
        found = {
            key: json.loads(fields)["amount"] for key, fields in self.stage.rows("SELECT key, fields FROM activities")
        }
        assert found == deals
        people = [key for (key,) in self.stage.rows("SELECT value FROM contact_keys")]
        assert len(people) == len(set(people)) == self.stage.rows("SELECT count(*) FROM contacts")[0][0]
        assert {key.replace("D", "C") for key in deals} <= set(people)

    def _check_gone(self) -> None:
        there = {int(path.stat().st_mtime) for path in self.scene.place.iterdir()}
        stored = {version.time: (state, at) for version, state, _, at in self._ledger()}
        for version in self.versions.values():
            if version.time in there or version.is_withdrawn:
                continue
            assert version.time in stored, f"{version} is gone and was not stored"
            state, at = stored[version.time]
            copy = self.scene.home / "state" / "archive" / version.sha256[:2] / version.sha256
            if state == "stored" or at > stamp(self.latest - timedelta(days=self.world.keep_days)):
                assert copy.read_bytes() == version.content

    def teardown(self) -> None:
        """With nothing in the way all is stored that is not rubbish, and nothing is left lying about."""
        self.allow_deleting(denied=False)
        self.lose_the_database(outage=False)
        if self.paused:
            self.pause(paused=False)
        for _ in range(3):
            self._run()
        self.check_invariants()
        stored = {version.time for version, *_ in self._ledger()}
        for path in self.scene.place.iterdir():
            version = self.versions[int(path.stat().st_mtime)]
            assert version.is_rubbish, f"{path.name} was never taken"
            claim = claimed(path.name)
            if claim is not None:  # its own name is taken by other rubbish: told at each run, and left to a person
                assert (self.scene.place / claim[2]).exists(), f"{path.name} was not given back"
        waiting = [v for v in self.versions.values() if not (v.is_withdrawn or v.is_rubbish or v.time in stored)]
        assert not waiting
        assert not self.stage.rows("SELECT name FROM leases WHERE host IS NOT NULL")
        assert not list(self.scene.home.rglob("*.part"))
        self.world.engine.dispose()
        self.stage.steps["examples"] += 1


def played(stage: Stage, examples: int, steps: int, number: int) -> Counter[str]:
    class Played(Dealership):
        pass

    Played.stage = stage
    machine = seed(number)(Played)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples // SHARES,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return stage.steps


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(*CI, id="ci", marks=pytest.mark.timeout(900)),
        pytest.param(*NIGHTLY, id="nightly", marks=[pytest.mark.nightly, pytest.mark.timeout(0)]),
    ],
)
def test_whatever_happens_the_store_is_what_the_stored_files_say(
    studio: Studio, examples: int, steps: int, share: int, counted: Note
) -> None:
    number = share if examples == CI[0] else secrets.randbelow(1 << 32)  # the same on every change, new every night
    print(f"seed {number}")
    with studio.scene(Setup(), {"none": ""}) as scene:
        empty = scene.home / "empty.db"
        shutil.copy(scene.home / "feeds.db", empty)
        made = in_child(lambda: played(Stage(scene, empty), examples, steps, number))
    counted("group J, model: examples", made["examples"], made["examples"])
    counted("group J, model: steps", made["steps"], made["steps"])
    counted("group J, model: deaths", made["killed"], made["killed"])
