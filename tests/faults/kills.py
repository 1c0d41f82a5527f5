"""The sixteen named points at which a run is killed, each placed from outside: the product knows nothing of them.

    world = KILLS["K12"](scene, scene.world(), "02_SALES.csv")

prepares a forked child, in which everything may be wrapped or replaced, so that it dies at that
point of that delivery (of any, for None).

    K1   lease taken                        K9   in the ledger: sealed
    K2   listed                             K10  half the rows mapped and written
    K3   in the ledger: taking              K11  after the first part (single: after the first batch)
    K4   claimed on the far side            K12  just before COMMIT
    K5   in the ledger: the claim           K13  just after COMMIT
    K6   half the bytes                     K14  before the far side is told to delete or move
    K7   all bytes, not yet on disk         K15  deleted or moved, the ledger does not know
    K8   sealed, the ledger does not know   K16  before the lease is given back

Our ledger knows a claim before the server does, so K5 comes before K4. Where files are left alone,
nothing is claimed (K4 and K5 are K3) and nothing disposed of (K14 and K15 are before `done`).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import event

import transports
from engine.intake.archive import Archive
from engine.intake.names import claimed
from engine.store import leases
from engine.store.journal import Entry, Journal
from engine.world import Progress, World
from tests.faults.processes import die
from tests.faults.scene import FILES, Scene
from transports import target
from transports.base import Fetched, Files, RemoteFile, Settings, Tools

Kill = Callable[[Scene, World, str | None], World]


# --- on the far side --------------------------------------------------------------------------


class Watched:
    """The far side, with a word before and after each call: `hear("before", "claim", name)`."""

    def __init__(self, far: Files, hear: Callable[[str, str, str], None]) -> None:
        self._far = far
        self._hear = hear
        self.source = far.source

    def files(self) -> Iterator[RemoteFile]:
        yield from self._far.files()
        self._hear("after", "files", "")

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        self._hear("before", "claim", _original(name))
        done = self._far.claim(file, name)
        self._hear("after", "claim", _original(name))
        return done

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        self._hear("before", "fetch", _original(file.name))
        return self._far.fetch(file, target)

    def remove(self, file: RemoteFile) -> None:
        self._hear("before", "dispose", _original(file.name))
        self._far.remove(file)
        self._hear("after", "dispose", _original(file.name))

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        self._hear("before", "dispose", name)
        self._far.move(file, folder, name)
        self._hear("after", "dispose", name)


def _original(name: str) -> str:
    claim = claimed(name)
    return name if claim is None else claim[2]


def watch(scene: Scene, hear: Callable[[str, str, str], None]) -> None:
    """Let `hear` know of every call to the far side, from now on in this process."""
    kind = scene.setup.place
    module: Any = import_module(transports.FILES[kind])
    connect = module.connect

    @contextmanager
    def watched(settings: Settings, tools: Tools) -> Iterator[Files]:
        hear("before", "connect", "")
        with connect(settings, tools) as far:
            yield Watched(far, hear)

    module.connect = watched


def _at_far_side(when: str, call: str) -> Kill:
    def kill(scene: Scene, world: World, name: str | None) -> World:
        def hear(*heard: str) -> None:
            if heard[:2] == (when, call) and (name is None or heard[2] in ("", name)):
                die()

        watch(scene, hear)
        return world

    return kill


def _where_taken(kill: Kill, otherwise: Kill) -> Kill:
    """`kill` where files are taken away in the end, the other where they are left."""
    return lambda scene, world, name: (kill if scene.setup.disposal != "leave" else otherwise)(scene, world, name)


# --- in the ledger ----------------------------------------------------------------------------


class WatchedJournal(Journal):
    """The ledger, with a word when a delivery was noted or changed, and before it is."""

    def __init__(self, journal: Journal, hear: Callable[[str, str, Mapping[str, Any]], None]) -> None:
        super().__init__(journal._engine)
        self._hear = hear
        self._names: dict[int, str] = {}

    def open(self, now: str, **columns: Any) -> Entry:
        entry = super().open(now, **columns)
        self._hear("opened", entry.name, columns)
        return entry

    def mark(self, number: int, now: str, **columns: Any) -> None:
        entry = self.delivery(number)
        name = "" if entry is None else entry.name
        self._hear("before", name, columns)
        super().mark(number, now, **columns)
        self._hear("after", name, columns)


def _in_ledger(word: str, is_it: Callable[[Mapping[str, Any]], bool]) -> Kill:
    def kill(scene: Scene, world: World, name: str | None) -> World:
        def hear(said: str, of: str, columns: Mapping[str, Any]) -> None:
            if said == word and name in (None, of) and is_it(columns):
                die()

        return replace(world, journal=WatchedJournal(world.journal, hear))

    return kill


# --- on our disk ------------------------------------------------------------------------------


def _half_the_bytes(scene: Scene, world: World, name: str | None) -> World:
    def write(self: target.Target, block: bytes | memoryview) -> None:
        if is_it(bytes(block)):
            self._file.write(block[: len(block) // 2])
            self._file.flush()
            die()
        whole(self, block)

    def is_it(block: bytes) -> bool:
        return name is None or scene.files[name].encode().startswith(block)

    whole = target.Target.write
    target.Target.write = write  # type: ignore[method-assign]
    return world


def _not_on_disk(scene: Scene, world: World, name: str | None) -> World:
    fsync = os.fsync

    def die_or_sync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.suffix == ".part" and (name is None or path.read_text() == scene.files[name]):
            die()
        fsync(descriptor)

    os.fsync = die_or_sync  # type: ignore[assignment]
    return world


class _DyingArchive(Archive):
    def __init__(self, root: Path, content: str | None) -> None:
        super().__init__(root)
        self._content = content

    def seal(self, part: Path, digest: str) -> Path:
        sealed = super().seal(part, digest)
        if self._content is None or sealed.read_text() == self._content:
            die()
        return sealed


def _sealed(scene: Scene, world: World, name: str | None) -> World:
    content = None if name is None else scene.files[name]
    return replace(world, archive=_DyingArchive(scene.home / "state" / "archive", content))


# --- in the import ----------------------------------------------------------------------------


class _Import:
    """Hears how far an import is, and what its connection does."""

    def __init__(self, scene: Scene, world: World, name: str | None) -> None:
        self.scene = scene
        self.engine = world.engine
        self.name = name
        self.read = 0  # records of the delivery that is meant

    def heard(self, progress: Progress) -> None:
        if progress.delivery and self.name in (None, progress.delivery):
            self.read = progress.read

    def rows(self) -> int:
        """Records of the delivery that is being read."""
        names = [self.name] if self.name is not None else ["01_SALES.csv", "02_SALES.csv"]
        return max((n for n in (FILES[each].count("\n") - 1 for each in names) if n <= self.read), default=99)

    @property
    def is_whole(self) -> bool:
        return self.read > 0 and self.read == self.rows()


def _at_rows(count: int) -> Kill:
    def kill(scene: Scene, world: World, name: str | None) -> World:
        work = _Import(scene, world, name)

        def progress(heard: Progress) -> None:
            work.heard(heard)
            if work.read >= count:
                die()

        return replace(world, progress=progress)

    return kill


def _at_commit(is_it: Callable[[_Import], bool], after: bool) -> Kill:
    """Before the COMMIT of an import is sent, or when the next transaction begins: then it has returned."""

    def kill(scene: Scene, world: World, name: str | None) -> World:
        work = _Import(scene, world, name)
        committed = False

        def commit(connection: Any) -> None:
            nonlocal committed
            if is_it(work):
                committed = True
                if not after:
                    die()

        def begin(connection: Any) -> None:
            if committed:
                die()

        event.listen(world.engine, "commit", commit)
        event.listen(world.engine, "begin", begin)
        return replace(world, progress=work.heard)

    return kill


def _after_part(scene: Scene, world: World, name: str | None) -> World:
    if scene.setup.chunked:
        return _at_commit(lambda work: work.read > 0, after=True)(scene, world, name)
    return _at_rows(2)(scene, world, name)


def _before_release(scene: Scene, world: World, name: str | None) -> World:
    leases.release = lambda engine, lease: die()
    return world


_TAKING = _in_ledger("opened", lambda columns: True)
_BEFORE_DONE = _in_ledger("before", lambda columns: columns.get("state") == "done")
KILLS: Mapping[str, Kill] = {
    "K1": _at_far_side("before", "connect"),
    "K2": _at_far_side("after", "files"),
    "K3": _TAKING,
    "K4": _where_taken(_at_far_side("after", "claim"), _at_far_side("before", "fetch")),
    "K5": _where_taken(_in_ledger("after", lambda columns: columns.get("claim") is not None), _TAKING),
    "K6": _half_the_bytes,
    "K7": _not_on_disk,
    "K8": _sealed,
    "K9": _in_ledger("after", lambda columns: columns.get("state") == "sealed"),
    "K10": _at_rows(6),
    "K11": _after_part,
    "K12": _at_commit(lambda work: work.is_whole, after=False),
    "K13": _at_commit(lambda work: work.is_whole, after=True),
    "K14": _where_taken(_at_far_side("before", "dispose"), _BEFORE_DONE),
    "K15": _where_taken(_at_far_side("after", "dispose"), _BEFORE_DONE),
    "K16": _before_release,
}
