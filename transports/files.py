"""What the transports of files share: which names are safe, whether a file is still the one we saw, where bytes arrive.

Never takes a remote name for a local path, and never writes over a local file.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from transports.base import Fetched, Refused, RemoteFile

# Far more than anyone's archive holds of one name; it bounds the search for a free one.
_MOST_OF_ONE_NAME = 10_000


def is_segment(name: str) -> bool:
    """Whether `name` is one path segment wherever it may be read: a backslash is a separator on Windows servers."""
    return name not in ("", ".", "..") and not any(character in name for character in "/\\\0")


def segments(folder: str) -> list[str]:
    """The segments of a folder below the directory. Raises Refused for one that leads out of it."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if folder.startswith("/") or not parts or not all(is_segment(part) for part in parts):
        raise Refused(f"{folder!r} is no folder below the directory: give a relative one without '..', such as `done/`")
    return parts


def free_names(name: str) -> Iterator[str]:
    """`a.csv`, `a-2.csv`, `a-3.csv` ..."""
    if not is_segment(name):
        raise Refused(f"{name!r} is not one file name")
    yield name
    path = PurePosixPath(name)
    for number in range(2, _MOST_OF_ONE_NAME):
        yield f"{path.stem}-{number}{path.suffix}"
    raise Refused(f"{_MOST_OF_ONE_NAME} files named {name!r} are there already: clear that folder")


def is_same(seen: RemoteFile, now: RemoteFile) -> bool:
    """Whether size and time agree, as far as both are known. Names are not compared: a claim changes them."""
    return all(
        before is None or after is None or before == after
        for before, after in ((seen.size, now.size), (seen.modified, now.modified))
    )


class Landing:
    """A local file being written: counts and hashes what goes through it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    @property
    def fetched(self) -> Fetched:
        return Fetched(self.size, self._hash.hexdigest())


@contextmanager
def landing(target: Path) -> Iterator[Landing]:
    """A new file at `target`: on disk, its folder's entry too, when the block ends, and gone when it raises.

    A fault of our own disk is an OSError (FileExistsError when `target` is there already): it says
    nothing about the far side.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            yield Landing(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(target.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            target.unlink()
        raise


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
