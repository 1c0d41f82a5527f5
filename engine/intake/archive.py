"""Our own sealed copies of what was fetched, named by content; never read a name from outside.

A sealed file is whole and on disk: it was written under a `.part` name, fsynced, renamed, and
its folder fsynced. It is not encrypted by us; the folder is 0700, the copies are 0400.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from engine.intake import durable
from transports.target import written

_CHUNK = 1 << 20
_STRETCH = 5_000  # names
_ASIDE = "aside-"


class Archive:
    """The folder of sealed copies."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Raise DiskError, which says where, for what our disk refuses to do inside the block."""
        with durable.usable(self._root, "no remote file was touched for it, and the next run goes on"):
            yield

    def part(self, delivery: int | str) -> Path:
        """Where a delivery, or what we call so, is fetched to; whatever an earlier attempt left there is removed."""
        part = self._root / f"{delivery}.part"
        with self.usable():
            durable.make(self._root)
            part.unlink(missing_ok=True)
        return part

    def seal(self, part: Path, digest: str) -> Path:
        """Make a fetched file ours for good. The bytes themselves are on disk already (Files.fetch)."""
        target = self.path(digest)
        with self.usable():
            durable.make(target.parent)
            part.chmod(0o400)
            part.replace(target)
            durable.sync(target.parent)
            durable.sync(self._root)
        return target

    def keep(self, name: int | str, content: bytes) -> tuple[str, int]:
        """Seal these bytes, by way of the part of that name; their sha256 and how many they are."""
        part = self.part(name)
        with self.usable(), written(part) as target:
            target.write(content)
        self.seal(part, target.fetched.sha256)
        return target.fetched.sha256, target.fetched.size

    def path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest

    def digests(self) -> Iterator[list[str]]:
        """The names of all copies, some at a time."""
        with self.usable():
            folders = [each for each in self._root.glob("[0-9a-f][0-9a-f]") if each.is_dir()]
        for folder in folders:
            with self.usable():
                names = [copy.name for copy in folder.glob("*")]
            for start in range(0, len(names), _STRETCH):
                yield names[start : start + _STRETCH]

    def holds(self, digest: str | None) -> bool:
        """Whether the copy is there and still what it was when it was sealed."""
        with self.usable():
            return digest is not None and self.path(digest).is_file() and content_hash(self.path(digest)) == digest

    def forget(self, digest: str) -> None:
        """Remove a copy whose time is over."""
        with self.usable():
            self.path(digest).unlink(missing_ok=True)
        with suppress(OSError):  # others are still in it
            self.path(digest).parent.rmdir()

    @contextmanager
    def aside(self) -> Iterator["Archive"]:
        """A folder for copies that nobody keeps, gone when the block ends; that of a killed process goes now."""
        self.sweep_aside()
        with self.usable():
            durable.make(self._root)
            folder, lock = _locked_folder(self._root)
        try:
            yield Archive(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def sweep_aside(self) -> None:
        """Remove the folders of `aside` whose processes are dead: a lock ends with the process that held it."""
        with self.usable():
            folders = list(self._root.glob(f"{_ASIDE}*"))
        for folder in folders:
            with suppress(OSError):
                lock = _lock(folder)
                try:
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)

    def drop_part(self, delivery: int) -> None:
        with self.usable():
            (self._root / f"{delivery}.part").unlink(missing_ok=True)


def content_hash(path: Path) -> str:
    """sha256 of a file, lower-case hex."""
    digest = sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _locked_folder(root: Path) -> tuple[Path, int]:
    """A new folder that is ours by its lock; one that a sweep of another process took for a dead one's is left."""
    while True:
        folder = Path(mkdtemp(prefix=_ASIDE, dir=root))
        with suppress(BlockingIOError, FileNotFoundError):
            lock = _lock(folder)
            if folder.is_dir():
                return folder, lock
            os.close(lock)


def _lock(folder: Path) -> int:
    """The open folder, locked until it is closed. Raises OSError where another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
