"""Requests from outside on their way to the feeds that listen: on disk before the sender hears that we have them.

On SQLite each lies as a file in the spool, since the one writer may be busy with an import; on PostgreSQL
it is a row. Never reads what is in a request, and never answers one.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from engine.intake import durable
from engine.store import inbox as rows
from engine.store.database import Connection, Engine
from engine.store.inbox import DONE, FAILED, FILTERED, WAITING, Entry, Waits

KEEP_DAYS = 90  # a request, after every feed has dealt with it
_PART = ".part"
_STALE = 3_600  # seconds after which what is half written belongs to a process that died
_WRITERS = 16
_STIRRED = "stirred"  # touched when requests have come
_FORGOTTEN = "forgotten"  # the day up to which what is kept was last looked through


class Load(NamedTuple):
    """What waits: how many requests, and their bytes."""

    requests: int
    size: int


class _Open(NamedTuple):
    """A file of the spool that waits for one feed; `head` is what is known of it beside its content."""

    feed: str
    file: Path
    head: Mapping[str, Any]
    due_at: str | None


class Inbox(Protocol):
    """Where requests wait. `inbox(engine, state_dir)` gives the one that fits the database."""

    def accept(self, entries: Sequence[Entry]) -> list[bool]:
        """Keep requests for good, for each whether it is new; what it says has happened is on disk.

        One that has come before its `keep_until` is counted as a duplicate. Raises DiskError or StoreError,
        and then none of them may be acknowledged; some may have been kept.
        """

    def waiting(self, feed: str, endpoints: Sequence[str]) -> Iterator[Entry]:
        """What a feed had not dealt with when the first is asked for, of its endpoints, the oldest first."""

    def settle(
        self, connection: Connection, entry: Entry, feed: str, state: str, now: str, delivery: int | None = None
    ) -> None:
        """Note in the importer's transaction what became of a request for one feed: DONE, FILTERED or FAILED."""

    def put_off(self, connection: Connection, entry: Entry, feed: str, until: str) -> None:
        """Note in the caller's transaction that a request still waits for one feed, and is due again then."""

    def stirred(self) -> int:
        """Another number once requests have come; cheap. What it does not show is there after a minute."""

    def waits(self, feed: str = "", endpoints: Sequence[str] = ()) -> Mapping[tuple[str, str], Waits]:
        """What waits, by feed and endpoint: for one feed at its endpoints, or for all at any."""

    def tidy(self, endpoints: Sequence[str]) -> None:
        """Put away what every feed has dealt with; after the importer's commit, or after a crash, or never."""

    def probe(self) -> None:
        """Raise DiskError where a request could not be kept. That the database is there is asked elsewhere."""

    def erase(self, feed: str) -> int:
        """Remove the requests that this feed alone was to hear of, whatever became of them; how many."""

    def load(self) -> Load: ...

    def counts(self, feed: str, endpoints: Sequence[str]) -> Mapping[str, int]:
        """How many requests of a feed are in each state; `duplicates` are those of everyone."""

    def forget(self, before: str) -> int:
        """Remove requests that everyone has dealt with before that time; how many. Looks once for each day of it."""


def inbox(engine: Engine, state_dir: Path) -> Inbox:
    """The inbox of this installation."""
    return Spool(engine, state_dir / "inbox") if engine.dialect.name == "sqlite" else Rows(engine)


class Rows:
    """The inbox in PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(self, entries: Sequence[Entry]) -> list[bool]:
        return rows.accepted(self._engine, entries)

    def waiting(self, feed: str, endpoints: Sequence[str]) -> Iterator[Entry]:
        return rows.waiting(self._engine, feed, endpoints)

    def settle(
        self, connection: Connection, entry: Entry, feed: str, state: str, now: str, delivery: int | None = None
    ) -> None:
        rows.settled(connection, entry, feed, state, now, delivery)

    def put_off(self, connection: Connection, entry: Entry, feed: str, until: str) -> None:
        rows.put_off(connection, entry, feed, until)

    def stirred(self) -> int:
        return time.monotonic_ns()  # to ask the database costs as little as to find out whether it has to be asked

    def waits(self, feed: str = "", endpoints: Sequence[str] = ()) -> Mapping[tuple[str, str], Waits]:
        return rows.waits(self._engine, feed)

    def tidy(self, endpoints: Sequence[str]) -> None:
        """Nothing: a row is where it belongs."""

    def probe(self) -> None:
        """Nothing: the disk is the database's."""

    def erase(self, feed: str) -> int:
        return sum(rows.erased(self._engine, feed))

    def load(self) -> Load:
        return Load(*rows.load(self._engine))

    def counts(self, feed: str, endpoints: Sequence[str]) -> Mapping[str, int]:
        return {WAITING: 0, **rows.counts(self._engine, feed), "duplicates": rows.duplicates(self._engine)}

    def forget(self, before: str) -> int:
        return rows.forget(self._engine, before)


class Spool:
    """The inbox in a folder, beside SQLite.

    `waiting/<endpoint>/<name>.<turn>` and, once every feed has dealt with it, the same below `kept/`. A
    file appears under its name whole (written aside, synced, linked), and a name is never given twice:
    that is what tells a request that comes again. What each feed has done with it stands in the database
    alone, so that a file which lies here a second time is imported only once.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine = engine
        self._root = root
        self._made: set[Path] = set()
        self._writers = ThreadPoolExecutor(_WRITERS, "spool")  # its threads start with the first request

    def accept(self, entries: Sequence[Entry]) -> list[bool]:
        with _usable(self._root):
            parts = [self._part() for _ in entries]
            try:
                # Beside each other: a disk takes many syncs in the time of one.
                writes = [self._writers.submit(_write, entry, part) for entry, part in zip(entries, parts, strict=True)]
                wait(writes)
                for write in writes:
                    write.result()
                is_new = [self._linked(entry, part) for entry, part in zip(entries, parts, strict=True)]
            except OSError:
                self._made.clear()  # a folder may have been taken away from under us
                raise
            finally:
                for part in parts:
                    part.unlink(missing_ok=True)
            # Also for duplicates: the one that came first may not be on disk for good yet.
            for folder in {self._waiting(entry.endpoint) for entry in entries}:
                durable.sync(folder)
            self._stir()
        return is_new

    def _stir(self) -> None:
        (self._root / _STIRRED).touch(0o600)
        os.utime(self._root / _STIRRED, ns=(0, time.time_ns()))  # finer than the disk's own clock

    def waiting(self, feed: str, endpoints: Sequence[str]) -> Iterator[Entry]:
        with _usable(self._root):
            for file, due_at in sorted(self._left(feed, endpoints), key=lambda each: _came(each[0])):
                entry = _read(file)
                if entry is not None:
                    yield replace(entry, due_at=due_at)

    def _left(self, feed: str, endpoints: Sequence[str]) -> Iterator[tuple[Path, str | None]]:
        """The files of what a feed has not dealt with, with the time when one is due again."""
        folders = [self._waiting(endpoint) for endpoint in endpoints]
        return ((file, due_at) for name, file, _, due_at in self._open(folders, feed) if name == feed)

    def _open(
        self, folders: Iterable[Path], feed: str = ""
    ) -> Iterator[tuple[str, Path, Mapping[str, Any], str | None]]:
        """What some feed has not dealt with: its name, the file, what is known of it, and when it is due again."""
        found = [file for folder in folders for file in _files(folder)]
        known = rows.known(self._engine, [_named(file) for file in found])
        for file in found:
            made = known.get(_named(file), {})
            if feed and made.get(feed, "") is None:
                continue  # without a look into it
            head = _head(file)
            for name in head.get("feeds", ()):
                due_at = made.get(name, "")
                if due_at is not None:
                    yield _Open(name, file, head, due_at or None)

    def put_off(self, connection: Connection, entry: Entry, feed: str, until: str) -> None:
        rows.put_off(connection, entry, feed, until)

    def stirred(self) -> int:
        try:
            return (self._root / _STIRRED).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def waits(self, feed: str = "", endpoints: Sequence[str] = ()) -> Mapping[tuple[str, str], Waits]:
        found: dict[tuple[str, str], Waits] = {}
        with _usable(self._root):
            folders = [self._waiting(each) for each in endpoints] if feed else _folders(self._root / "waiting")
            for name, _, head, due_at in self._open(folders, feed):
                if feed in ("", name):
                    place = name, head["endpoint"]
                    found[place] = _with(found.get(place), head["received_at"], due_at)
        return found

    def settle(
        self, connection: Connection, entry: Entry, feed: str, state: str, now: str, delivery: int | None = None
    ) -> None:
        rows.settled(connection, entry, feed, state, now, delivery)

    def tidy(self, endpoints: Sequence[str]) -> None:
        with _usable(self._root):
            for endpoint in endpoints:
                files = list(_files(self._waiting(endpoint)))
                known = rows.known(self._engine, [_named(file) for file in files])
                for file in files:
                    made, feeds = known.get(_named(file), {}), _head(file).get("feeds", ())
                    if feeds and all(made.get(feed, "") is None for feed in feeds):
                        # Not synced: where a power cut brings it back here, the database still knows it.
                        with suppress(FileNotFoundError):
                            file.replace(self._folder(self._kept(endpoint)) / file.name)

    def probe(self) -> None:
        with _usable(self._root):
            part = self._part()
            try:
                with open(part, "xb", opener=_private) as file:
                    os.fsync(file.fileno())
            finally:
                part.unlink(missing_ok=True)

    def erase(self, feed: str) -> int:
        removed = 0
        with _usable(self._root):
            for place in ("waiting", "kept"):
                for file in [file for folder in _folders(self._root / place) for file in _files(folder)]:
                    if _head(file).get("feeds") == [feed]:
                        (self._root / "again" / file.name).unlink(missing_ok=True)
                        file.unlink(missing_ok=True)
                        removed += 1
                        rows.erase(self._engine, [_named(file)])
        return removed

    def load(self) -> Load:
        with _usable(self._root):
            sizes = [size for folder in _folders(self._root / "waiting") for size in _sizes(folder)]
        return Load(len(sizes), sum(sizes))

    def counts(self, feed: str, endpoints: Sequence[str]) -> Mapping[str, int]:
        with _usable(self._root):
            again = sum(file.stat().st_size for file in _files(self._root / "again"))
            waiting = sum(1 for _ in self._left(feed, endpoints))
        return {**rows.counts(self._engine, feed), WAITING: waiting, "duplicates": again}

    def forget(self, before: str) -> int:
        self.sweep()
        looked, limit = self._root / _FORGOTTEN, datetime.fromisoformat(before).timestamp()
        with _usable(self._root):
            if not self._root.is_dir() or (looked.is_file() and looked.read_text() == before[:10]):
                return 0  # once a day: it is a look at every file of the last months
            looked.write_text(before[:10])
            for folder in _folders(self._root / "kept"):
                for file in _files(folder):
                    # A rename sets this time, and nothing after it does: since when it lies here.
                    if file.stat().st_ctime < limit:
                        (self._root / "again" / file.name).unlink(missing_ok=True)
                        file.unlink(missing_ok=True)
        return rows.forget(self._engine, before)

    def sweep(self) -> None:
        """Remove what processes that died have left half written."""
        with _usable(self._root), suppress(FileNotFoundError):
            for part in (self._root / "parts").iterdir():
                with suppress(FileNotFoundError):
                    if part.stat().st_ctime < time.time() - _STALE:
                        part.unlink()

    # --- one request --------------------------------------------------------------------------

    def _part(self) -> Path:
        """A name that nobody looks for."""
        return self._folder(self._root / "parts") / f"{os.getpid()}-{os.urandom(8).hex()}{_PART}"

    def _linked(self, entry: Entry, part: Path) -> bool:
        """Give a request its name. False where that is one which has come before, and still counts."""
        folder, kept = self._folder(self._waiting(entry.endpoint)), self._kept(entry.endpoint)
        turn, last = 0, None
        while (found := _first(folder / f"{entry.name}.{turn}", kept / f"{entry.name}.{turn}")) is not None:
            turn, last = turn + 1, found
        if last is None or (_head(last) or _head(kept / last.name)).get("keep_until", "") <= entry.received_at:
            with suppress(FileExistsError):
                os.link(part, folder / f"{entry.name}.{turn}")
                return True
        self._again(f"{entry.name}.{max(turn - 1, 0)}")
        return False

    def _again(self, name: str) -> None:
        """Count a duplicate: one byte each. A figure, and not worth a wait for the disk."""
        with (self._folder(self._root / "again") / name).open("ab") as file:
            file.write(b".")

    def _waiting(self, endpoint: str) -> Path:
        return self._root / "waiting" / _folder_name(endpoint)

    def _kept(self, endpoint: str) -> Path:
        return self._root / "kept" / _folder_name(endpoint)

    def _folder(self, folder: Path) -> Path:
        """The folder, there for good."""
        if folder not in self._made:
            durable.make(folder)
            self._made.add(folder)
        return folder


def _write(entry: Entry, part: Path) -> None:
    """The request, whole and on disk."""
    head = {name: getattr(entry, name) for name in ("name", "endpoint", "feeds", "received_at", "keep_until")}
    with open(part, "xb", opener=_private) as file:
        file.write(orjson.dumps(head) + b"\n")
        file.write(entry.content)
        file.flush()
        at = round(datetime.fromisoformat(entry.received_at).timestamp() * 1e6) * 1_000
        os.utime(file.fileno(), ns=(at, at))
        os.fsync(file.fileno())


def _folder_name(endpoint: str) -> str:
    """An endpoint as one segment of a path; its text is the author's."""
    return sha256(endpoint.encode()).hexdigest()[:32]


def _named(file: Path) -> tuple[str, int]:
    name, _, turn = file.name.rpartition(".")
    return name, int(turn)


def _head(file: Path) -> Mapping[str, Any]:
    """What is known of a request beside its content; empty where it has been put away meanwhile."""
    try:
        with file.open("rb") as stream:
            head: Mapping[str, Any] = orjson.loads(stream.readline())
    except FileNotFoundError:
        return {}
    return head


def _read(file: Path) -> Entry | None:
    try:
        head, _, content = file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    values = orjson.loads(head)
    return Entry(**{**values, "feeds": tuple(values["feeds"])}, content=content, turn=_named(file)[1])


def _with(waits: Waits | None, received_at: str, due_at: str | None) -> Waits:
    """One request more."""
    first, last, due = waits or (None, None, None)
    if due_at is not None:
        return Waits(first, last, min(due or due_at, due_at))
    return Waits(min(first or received_at, received_at), max(last or received_at, received_at), due)


def _came(file: Path) -> tuple[int, str]:
    """When a request came, as `_write` has set it."""
    try:
        return file.stat().st_mtime_ns, file.name
    except FileNotFoundError:
        return 0, file.name


def _first(*files: Path) -> Path | None:
    return next((file for file in files if file.exists()), None)


def _files(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from folder.iterdir()


def _sizes(folder: Path) -> Iterator[int]:
    for file in _files(folder):
        with suppress(FileNotFoundError):
            yield file.stat().st_size


_folders: Callable[[Path], Iterator[Path]] = _files


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _usable(root: Path) -> AbstractContextManager[None]:
    return durable.usable(root, "nothing was acknowledged for it, and the sender tries again")


__all__ = [
    "DONE",
    "FAILED",
    "FILTERED",
    "KEEP_DAYS",
    "WAITING",
    "Entry",
    "Inbox",
    "Load",
    "Rows",
    "Spool",
    "Waits",
    "inbox",
]
