"""What was found in a folder of definitions, kept on disk for the next look at the same files by the same engine.

Findings only, as JSON; no tree and no value of a definition. Whatever is not exactly ours, whole and of these
very files is left alone, and everything is looked at again.
"""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

import orjson

from engine.language.findings import Finding, Note
from engine.language.folder import Look

_ENGINE = Path(__file__).resolve().parents[1]
# All of ours that has a say in what is found.
_PARTS = ("language", "transforms", "model.py", "deferred.py", "errors.py", "../schemas")
_LARGEST = 1 << 26  # bytes that are read back
_OTHERS = 0o077  # rights of anybody but the owner


class Kept:
    """What is kept of the folder that was just looked at. Nothing is kept where `state_dir` is not there."""

    def __init__(self, state_dir: Path, look: Look) -> None:
        self._look = look
        self._is_kept = state_dir.is_dir() and all(sheet.content is not None for sheet in look.sheets)
        # One file for each folder of definitions.
        name = hashlib.blake2b(look.root.encode(), digest_size=8).hexdigest()
        self._place = state_dir / "cache" / f"findings-{name}"
        self._key = _key(look) if self._is_kept else b""

    def recall(self) -> tuple[Finding, ...] | None:
        """What was found when this very engine last looked at these very files; None where that is not known."""
        if not self._is_kept:
            return None
        try:
            digest, _, text = _own(self._place).partition(b"\n")
            if digest != _sum(self._key, text):
                return None
            return tuple(_finding(*each) for each in orjson.loads(text))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, findings: Iterable[Finding]) -> None:
        """Keep what was found, whole or not at all. An engine that was replaced meanwhile has not found it."""
        if not self._is_kept or _key(self._look) != self._key:
            return
        text = orjson.dumps([_plain(each) for each in findings])
        folder = self._place.parent
        with suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_others(folder.lstat(), stat.S_ISDIR)
            handle, name = tempfile.mkstemp(dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_sum(self._key, text) + b"\n" + text)
                Path(name).replace(self._place)
            except OSError:
                Path(name).unlink(missing_ok=True)


def _own(path: Path) -> bytes:
    """The bytes of a file that nobody else can have written. Raises OSError for any other."""
    _refuse_others(path.parent.lstat(), stat.S_ISDIR)
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        _refuse_others(os.fstat(handle), stat.S_ISREG)
        return file.read(_LARGEST)


def _refuse_others(found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        raise PermissionError


def _sum(key: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(key + text, digest_size=32).hexdigest().encode()


def _key(look: Look) -> bytes:
    """The digest of all that decides what is found."""
    found = hashlib.blake2b(digest_size=32)
    for part in _engine():
        found.update(part)
    for sheet in look.sheets:
        found.update(repr((sheet.relative, sheet.path, sheet.digest, sheet.error)).encode())
    found.update(repr(look.strays).encode())
    return found.digest()


def _engine() -> Iterator[bytes]:
    """The engine's own files by their bytes; Python, the libraries and the zones by their versions."""
    for part in _PARTS:
        root = _ENGINE / part
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.suffix in (".py", ".json"):
                yield f"{path}\0".encode() + path.read_bytes()
    yield sys.version.encode()
    libraries = Path(orjson.__file__).parents[1]
    yield repr(sorted(path.name for path in libraries.glob("*.dist-info"))).encode()
    for place in TZPATH:
        with suppress(OSError):
            yield repr((place, Path(place).stat().st_mtime_ns)).encode()


def _plain(finding: Finding) -> list[Any]:
    *values, notes = (getattr(finding, name) for name in Finding.__slots__)
    return [*values, [list(note) for note in notes]]


def _finding(*values: Any) -> Finding:
    made = Finding(*values)
    return replace(made, notes=tuple(Note(*each) for each in made.notes))
