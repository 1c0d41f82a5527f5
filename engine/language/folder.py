"""The files of a folder of definitions: which there are, and their bytes. Reads no YAML and judges no text.

A file that was read before is read again only when its size or one of its times has changed.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from engine.language import words
from engine.language.findings import Finding

# What stands in which folder. Vendors' definitions are feeds and exports (write-backs).
KINDS: Mapping[str, tuple[str, ...]] = {
    "vendors": ("feed", "export"),
    "exports": ("export",),
    "activities": ("activity",),
    "dealers": ("dealer",),
    "alerts": ("alerts",),
}
_OURS = ("dealers", "alerts")  # none of these is ever taken from the packaged ones

# Clocks of file systems tick as slowly as this: a file that was changed later before it was
# read may be changed again within the same tick, and look as it did. In nanoseconds.
_TICK = 2_000_000_000


class Sheet(NamedTuple):
    """One file as it was read. `content` is None where that failed, `error` then says why."""

    relative: str  # "dealers/acme-rv.yaml"
    path: str  # as findings name it
    digest: bytes
    content: bytes | None
    error: str = ""


class Look(NamedTuple):
    """All definitions, ours before the packaged ones of the same path; and what nobody would ever read."""

    root: str
    sheets: tuple[Sheet, ...]
    strays: tuple[Finding, ...]


class _Stamp(NamedTuple):
    """What a file looks like from outside. All but `read` changes with its content, or is said to."""

    modified: int
    changed: int
    size: int
    inode: int


class _Known(NamedTuple):
    stamp: _Stamp
    read: int
    sheet: Sheet

    @property
    def is_settled(self) -> bool:
        return max(self.stamp.modified, self.stamp.changed) + _TICK < self.read


class _Spot(NamedTuple):
    relative: str
    path: str
    stamp: _Stamp


_Listed: TypeAlias = "tuple[tuple[str, ...], os.DirEntry[str]]"  # a file and the way to it


class Folder:
    """The definitions under `feeds_dir`; those it lacks are taken from `packaged`, except dealers."""

    def __init__(self, feeds_dir: Path, packaged: Path | None, now: Callable[[], int]) -> None:
        self._roots = (feeds_dir, packaged)
        self._now = now
        self._known: dict[str, _Known] = {}

    def look(self) -> Look:
        """Every file as it is now; an unchanged one is the same sheet as before."""
        known: dict[str, _Known] = {}
        listed = {
            folder.name: sorted(_files(str(folder), (folder.name,)), key=_way)
            for folder in sorted(self._roots[0].iterdir() if self._roots[0].is_dir() else ())
            if words.nearest(folder.name, KINDS) and folder.is_dir()
        }
        for spot in self._spots(listed):
            before = self._known.get(spot.path)
            if before is None or before.stamp != spot.stamp or not before.is_settled:
                before = self._read(spot, before)
            known[spot.path] = before
        self._known = known
        return Look(
            str(self._roots[0].absolute()), tuple(each.sheet for each in known.values()), tuple(_strays(listed))
        )

    def _read(self, spot: _Spot, before: _Known | None) -> _Known:
        read = self._now()
        try:
            content = _bytes(spot.path, spot.stamp.size)
        except OSError as error:
            return _Known(spot.stamp, read, Sheet(spot.relative, spot.path, b"", None, str(error.strerror)))
        digest = hashlib.blake2b(content, digest_size=20).digest()
        if before is not None and before.sheet.digest == digest:
            return _Known(spot.stamp, read, before.sheet)
        return _Known(spot.stamp, read, Sheet(spot.relative, spot.path, digest, content))

    def _spots(self, listed: Mapping[str, Sequence[_Listed]]) -> Iterator[_Spot]:
        found = [each for folder in KINDS for each in listed.get(folder, ())]
        packaged = self._roots[1]
        if packaged is not None:
            folders = [folder for folder in KINDS if folder not in _OURS]
            found += [each for name in folders for each in sorted(_files(str(packaged / name), (name,)), key=_way)]
        seen: set[str] = set()
        for parts, entry in found:
            relative = "/".join(parts)
            if relative not in seen and relative.endswith(".yaml"):
                seen.add(relative)
                yield _Spot(relative, entry.path, _stamp(entry))


def named(look: Look) -> Look:
    """The look without the packaged definitions that no file of the project's own comes to, by name.

    By the name's letters anywhere in the text: one too many does no harm. Activity types all stay,
    since the store may hold some that no definition names any more.
    """
    kept = [*own(look), *(sheet for sheet in look.sheets if sheet.relative.startswith("activities/"))]
    known = {sheet.relative for sheet in kept}
    left = {sheet: _name(sheet) for sheet in look.sheets if sheet.relative not in known}
    asking = list(kept)
    while asking and left:
        text = asking.pop().content or b""
        found = [sheet for sheet, name in left.items() if name in text]
        for sheet in found:
            del left[sheet]
        asking += found
    return look._replace(sheets=tuple(sheet for sheet in look.sheets if sheet not in left))


def own(look: Look) -> tuple[Sheet, ...]:
    """The files of the project itself, without the packaged ones."""
    roots = {sheet.path.removesuffix(sheet.relative) for sheet in look.sheets}
    ours = {root for root in roots if str(Path(root).absolute()) == look.root}
    return tuple(sheet for sheet in look.sheets if sheet.path.removesuffix(sheet.relative) in ours)


def _name(sheet: Sheet) -> bytes:
    """What another file calls it by."""
    return sheet.relative.partition("/")[2].removesuffix(".yaml").encode()


def _way(found: _Listed) -> tuple[str, ...]:
    return found[0]


def _files(folder: str, parts: tuple[str, ...]) -> Iterator[_Listed]:
    """Every plain file below a folder, with its way there; folders behind links are not entered."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, (*parts, entry.name))
        elif entry.is_file():
            yield (*parts, entry.name), entry


def _bytes(path: str, size: int) -> bytes:
    """A file of about this size; thousands are read, most of them in one piece."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = part = os.read(handle, max(size, 0) + 1)
        while part:
            part = os.read(handle, 1 << 20)
            content += part
        return content
    finally:
        os.close(handle)


def _stamp(entry: "os.DirEntry[str]") -> _Stamp:
    try:
        found = entry.stat()
    except OSError:  # it went away since it was listed: reading it says so
        return _Stamp(0, 0, -1, 0)
    return _Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _strays(listed: Mapping[str, Sequence[_Listed]]) -> Iterator[Finding]:
    """Files that nobody would ever read, because of how they or their folders are named."""
    for folder, found in listed.items():
        for parts, entry in found:
            if folder not in KINDS and entry.name.endswith((".yaml", ".yml")):
                help = f"did you mean {Path(words.nearest(folder, KINDS) or folder, *parts[1:])}?"
                yield Finding(entry.path, 1, 1, "E053", "error", f"nothing is read from {folder}/", help)
            elif folder in KINDS and entry.name.endswith(".yml"):
                help = f"name it {entry.name.removesuffix('.yml')}.yaml"
                yield Finding(entry.path, 1, 1, "E053", "error", "definitions end in .yaml", help)
