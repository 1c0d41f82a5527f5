"""Folders of our own disk, and errors of it in our words. Knows nothing of what lies in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import DiskError


def make(folder: Path) -> None:
    """A folder of ours, and those above it, there for good: a power cut takes a name that its folder has not kept."""
    if folder.is_dir():
        return
    make(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def usable(root: Path, cost: str) -> Iterator[None]:
    """Raise DiskError, which says where, for what our disk refuses to do inside the block, and what that costs."""
    try:
        yield
    except OSError as error:
        where, reason = error.filename or root, error.strerror or type(error).__name__
        message = f"our own disk could not do it ({where}: {reason}): make room there, or mend it"
        raise DiskError(f"{message}; {cost}") from error
