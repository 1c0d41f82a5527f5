"""Files written whole or not at all: new ones only where none is, a changed one only if it is still what was read."""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Change(NamedTuple):
    """A file to be made, or to be changed from `before`. What is new stands from `line` to `last`."""

    path: Path
    text: str
    before: bytes | None = None
    line: int = 1
    last: int = sys.maxsize


def write(changes: Sequence[Change]) -> None:
    """Make all the changes. Where one fails, the files that were made go again.

    Raises FileExistsError where a new file is there already, OSError where one cannot be written.
    """
    made: list[Path] = []
    try:
        for change in changes:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            if change.before is None:
                _make(change)
                made.append(change.path)
            else:
                _replace(change)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise


def _make(change: Change) -> None:
    part = _part(change.path, change.text.encode())
    try:
        part.chmod(0o666 & ~_umask())
        os.link(part, change.path)  # fails where a file of this name is, whoever made it meanwhile
    finally:
        part.unlink()


def _replace(change: Change) -> None:
    before = change.before or b""
    path = change.path.resolve()
    if path.read_bytes() != before:
        raise OSError(16, "it was changed in the meantime, and was left as it is: try again", str(change.path))
    part = _part(path, (_BOM if before.startswith(_BOM) else b"") + change.text.encode())
    try:
        part.chmod(path.stat().st_mode & 0o777)
        part.replace(path)
    except BaseException:
        part.unlink()
        raise


def _part(path: Path, content: bytes) -> Path:
    """The content in a file of its own beside the place where it goes, safe on the disk."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
