"""Our copy of a remote file while it comes in: new, private, hashed, and gone if anything goes wrong.

Never looks at the far side and never keeps a copy that is not whole.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from transports.base import Fetched


class Target:
    """An open file of ours that counts and hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, block: bytes | memoryview) -> None:
        self._hash.update(block)
        self._file.write(block)
        self.size += len(block)

    def restart(self) -> None:
        """Forget what was written: the next byte is the first again."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def fetched(self) -> Fetched:
        return Fetched(self.size, self._hash.hexdigest())


@contextmanager
def written(path: Path) -> Iterator[Target]:
    """A new file at `path`, readable by its owner alone; on disk (fsync) when the block ends.

    When the block raises, the file is gone. Raises FileExistsError, and touches nothing, when
    there is a file at `path`; an OSError of our own disk goes through as it is.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Target(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
