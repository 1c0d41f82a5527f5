"""Which files of a listing are to be taken now, and in which order. Pure; touches nothing."""

import fnmatch
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from engine.intake.names import CLAIM_PREFIX, escaped, unescaped
from engine.store.journal import NOT_MINE, OPEN, REFUSED, VANISHED, Entry
from transports.base import RemoteFile

# How programs call a file they are still uploading; taken only where the pattern asks for it.
_UNFINISHED = (".part", ".filepart", ".partial", ".tmp", ".crdownload", ".swp", "~")
MOST_FILES = 1_000  # of one run; the next run takes the next ones, oldest first


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which names a feed reads. `groups` are the named groups of a regular expression."""

    text: str
    matches: Callable[[str], Mapping[str, str] | None]

    def groups(self, name: str) -> Mapping[str, str]:
        return self.matches(name) or {}


def pattern(settings: Mapping[str, Any]) -> Pattern:
    """`filename` with `regex: true` is searched (RE2), else it is an exact name or a glob."""
    text = str(settings.get("filename") or "*")
    if not settings.get("regex", False):
        return Pattern(text, lambda name: {} if name == text or fnmatch.fnmatchcase(name, text) else None)
    options = re2.Options()
    options.log_errors = False
    compiled = re2.compile(text, options)

    def matches(name: str) -> Mapping[str, str] | None:
        found = compiled.search(escaped(name))
        return None if found is None else {k: v for k, v in found.groupdict().items() if v is not None}

    return Pattern(text, matches)


def facts(of: Pattern, name: str, size: int | None, modified: str | None) -> dict[str, Any]:
    """What a definition sees as `file`; `name` is escaped."""
    return {"name": name, "size": size, "modified": modified, "groups": dict(of.groups(unescaped(name)))}


def not_ours(settings: Mapping[str, Any], header: Sequence[str] | None) -> str | None:
    """Why a file of this header is another feed's (`transport.ours`), whatever its name; None where it is not."""
    ours: Mapping[str, Any] = settings.get("ours") or {}
    if header is None or not ours:
        return None
    lacking = [name for name in ours.get("columns", ()) if name not in header]
    foreign = [name for name in ours.get("without", ()) if name in header]
    found = [f"it has no column {name}" for name in lacking] + [f"it has a column {name}" for name in foreign]
    return f"left alone, {' and '.join(found)} (transport.ours)" if found else None


def wanted(files: Iterable[RemoteFile], of: Pattern) -> list[RemoteFile]:
    """Those the pattern names, without claims and without what is still being uploaded."""
    unfinished = tuple(ending for ending in _UNFINISHED if ending.lstrip(".") not in of.text)
    return [
        file
        for file in files
        if not file.name.startswith(CLAIM_PREFIX)
        and of.matches(file.name) is not None
        and not file.name.endswith(unfinished)
    ]


def is_new(file: RemoteFile, before: Sequence[Entry], judged_by: str) -> bool:
    """Whether this very file has not been taken yet.

    By name, size and time; one that was refused, or another feed's, is looked at again when what
    decided that (`judged_by`) has changed since.
    Where the far side gives no time, every file is fetched and its content decides.
    """
    same = [e for e in before if e.is_same_file(escaped(file.name), file.size, file.modified)]
    if not same or same[-1].state == VANISHED:
        return True
    last = same[-1]
    if last.state in OPEN:
        return False
    if last.state in (REFUSED, NOT_MINE):
        return last.mapping_hash != judged_by
    return file.modified is None or file.size is None


def in_order(files: Iterable[RemoteFile], order: str, of: Pattern, most: int = MOST_FILES) -> list[RemoteFile]:
    """The first `most` of them by `name`, `modified` or a named group; the name breaks a tie."""

    def rank(file: RemoteFile) -> tuple[Any, str]:
        if order == "modified":
            return (file.modified or 0.0, file.name)
        return (of.groups(file.name).get(order, "") if order != "name" else "", file.name)

    return heapq.nsmallest(most, files, key=rank)
