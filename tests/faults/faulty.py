"""Calls that fail on demand, wrapped around what the product is handed: the far side, our disk, the database.

    fuse = Fuse(at=7, for_good=True)
    put_transport(scene, fuse)              # or put_disk, put_sqlite, put_postgresql

A fuse that never blows counts the calls. Only for a process of its own: nothing is put back.
"""

import errno
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event

import transports
from tests.faults.scene import Scene
from transports import target
from transports.base import Fetched, Files, RemoteFile, Settings, Tools, TransportError, Unreachable


@dataclass
class Fuse:
    """Counts calls; the `at`-th blows, or each one from there on. `names` are all that it has counted.

    `only` names the calls that count; none means all.
    """

    at: int | None = None
    for_good: bool = False
    only: tuple[str, ...] = ()
    names: list[str] = field(default_factory=list)
    blown: str = ""
    whole: bool = True  # until it is mended it also blows after `at`

    def blows(self, name: str) -> bool:
        if self.only and name not in self.only:
            return False
        self.names.append(name)
        if self.at is None or not self.whole:
            return False
        now = len(self.names)
        if now == self.at or (self.for_good and now > self.at):
            self.blown = self.blown or name
            return True
        return False

    def set(self, at: int, for_good: bool) -> None:
        """Whole again, and counting from the start."""
        self.at, self.for_good, self.blown, self.whole = at, for_good, "", True
        self.names.clear()

    def mend(self) -> None:
        self.whole = False


# --- the far side -----------------------------------------------------------------------------


class _Far:
    """The far side, whose calls fail before they do anything, or after they have done it."""

    def __init__(self, far: Files, fuse: Fuse, error: type[TransportError]) -> None:
        self._far = far
        self._fuse = fuse
        self._error = error
        self.source = far.source

    def _pass(self, name: str) -> None:
        if self._fuse.blows(name):
            raise self._error(f"{name}: the line is dead")

    def files(self) -> Iterator[RemoteFile]:
        self._pass("before files")
        for file in self._far.files():
            yield file
            self._pass("amid files")

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        self._pass("before claim")
        done = self._far.claim(file, name)
        self._pass("after claim")
        return done

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        self._pass("before fetch")
        done = self._far.fetch(file, target)
        if self._fuse.blows("after fetch"):
            target.unlink()  # what the contract asks of a transport that raises
            raise self._error("after fetch: the line is dead")
        return done

    def remove(self, file: RemoteFile) -> None:
        self._pass("before remove")
        self._far.remove(file)
        self._pass("after remove")

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        self._pass("before move")
        self._far.move(file, folder, name)
        self._pass("after move")


def put_transport(scene: Scene, fuse: Fuse, error: type[TransportError] = Unreachable) -> None:
    kind = scene.setup.place
    module: Any = import_module(transports.FILES[kind])
    connect = module.connect

    @contextmanager
    def faulty(settings: Settings, tools: Tools) -> Iterator[Files]:
        if fuse.blows("connect"):
            raise Unreachable("connect: the line is dead")
        with connect(settings, tools) as far:
            yield _Far(far, fuse, error)

    module.connect = faulty


# --- our own disk -----------------------------------------------------------------------------

_BY_PATH = ("open", "mkdir", "chmod", "replace", "rename", "unlink", "rmdir", "stat")


def put_disk(scene: Scene, fuse: Fuse, code: int = errno.EIO) -> None:
    """Every call on a path or an open file of the archive."""
    ours = str(scene.home / "state")

    def pass_(name: str, path: object) -> None:
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")  # noqa: PTH115  pathlib is what is being wrapped
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(ours) and fuse.blows(name):
            raise OSError(code, os.strerror(code), *([] if name in ("fsync", "write") else [os.fspath(path)]))

    def wrapped(module: Any, name: str) -> None:
        call = getattr(module, name)

        def faulty(path: Any, *args: Any, **options: Any) -> Any:
            pass_(name, path)
            return call(path, *args, **options)

        setattr(module, name, faulty)

    for name in (*_BY_PATH, "fsync"):
        wrapped(os, name)
    wrapped(io, "open")
    write = target.Target.write

    def faulty_write(self: target.Target, block: bytes | memoryview) -> None:
        pass_("write", self._file.fileno())
        write(self, block)

    target.Target.write = faulty_write  # type: ignore[method-assign]


# --- the database -----------------------------------------------------------------------------


def put_database(engine: Engine, fuse: Fuse) -> None:
    """Every statement and COMMIT, and connecting itself, on this engine's connections from now on."""
    puts: dict[str, Callable[[Engine, Fuse], None]] = {"sqlite": _put_sqlite, "postgresql": _put_postgresql}
    engine.dispose()
    puts[engine.dialect.name](engine, fuse)


def _put_sqlite(engine: Engine, fuse: Fuse) -> None:
    def pass_(name: str) -> None:
        if fuse.blows(name):
            raise sqlite3.OperationalError("disk I/O error")

    class FaultyCursor(sqlite3.Cursor):
        def execute(self, *args: Any) -> Any:
            pass_("statement")
            return super().execute(*args)

        def executemany(self, *args: Any) -> Any:
            pass_("statement")
            return super().executemany(*args)

    class FaultyConnection(sqlite3.Connection):
        def cursor(self, factory: Any = FaultyCursor) -> Any:
            return super().cursor(factory)

        def execute(self, *args: Any) -> Any:  # the driver's own would not come by our cursor
            return self.cursor().execute(*args)

        def executemany(self, *args: Any) -> Any:
            return self.cursor().executemany(*args)

        def commit(self) -> None:
            pass_("before commit")
            super().commit()
            pass_("after commit")

    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> None:
        pass_("connect")
        options["factory"] = FaultyConnection

    event.listen(engine, "do_connect", connect)


def _put_postgresql(engine: Engine, fuse: Fuse) -> None:
    """Here a fault is a connection that is gone, with all that was not committed on it."""

    def pass_(name: str, connection: Any = None) -> None:
        if fuse.blows(name):
            if connection is not None:
                connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    class FaultyCursor(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **options: Any) -> Any:
            pass_("statement", self.connection)
            return super().execute(*args, **options)

        def executemany(self, *args: Any, **options: Any) -> Any:
            pass_("statement", self.connection)
            return super().executemany(*args, **options)

        @contextmanager
        def copy(self, *args: Any, **options: Any) -> Iterator[Any]:
            pass_("statement", self.connection)
            with super().copy(*args, **options) as copy:
                yield copy

    class FaultyConnection(psycopg.Connection[Any]):
        def commit(self) -> None:
            pass_("before commit", self)
            super().commit()
            pass_("after commit", self)

    def connect(dialect: Any, record: Any, args: Any, options: Any) -> Any:
        pass_("connect")
        return FaultyConnection.connect(*args, **options, cursor_factory=FaultyCursor)

    event.listen(engine, "do_connect", connect)
