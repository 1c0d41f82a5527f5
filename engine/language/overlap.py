"""Feeds that would eat each other's files: one place, patterns that can match one name, and one of them deletes.

Decided on the patterns alone: both become small automata, and a name that both accept is searched
for. What cannot be decided is a warning. Nothing here looks at a server.
"""

import fnmatch
import posixpath
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import re2

from engine.language import automaton
from engine.language.patterns import options
from engine.language.problems import Problems
from engine.language.tree import Node

_PORTS = {"sftp": 22, "ftp": 21}
_PLACED = frozenset({"sftp", "ftp", "file"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What one enabled feed takes: the names it matches at one place."""

    feed: str
    pattern: str
    is_regex: bool
    removes: bool
    is_shared: bool
    filename: Node


class Source(NamedTuple):
    """Where names are looked for: equal for two feeds that look into one folder."""

    type: str
    host: str
    port: str
    user: str
    directory: str


def claims(feed: str, transport: Node) -> tuple[Source, Claim] | None:
    """What a feed takes from where, or None for a transport without names or one that is not resolved."""
    kind = transport.text("type")
    # Without a pattern it takes every file; the fault is then where the transport begins.
    filename = transport.child("filename") or replace(transport, value="*")
    if kind not in _PLACED or not isinstance(filename.value, str):
        return None
    directory = transport.child("directory")
    port = transport.child("port")
    place = Source(
        type=kind,
        host=_plain(transport.child("host")).casefold(),
        port=str(port.value) if port is not None else str(_PORTS.get(kind, "")),
        user=_plain(transport.child("username")),
        directory=posixpath.normpath(_plain(directory) or "."),
    )
    removes = transport.flag("deleteFromServer") or transport.child("moveTo") is not None
    claim = Claim(feed, filename.value, transport.flag("regex"), removes, transport.flag("shared"), filename)
    return place, claim


def check(found: Iterable[tuple[Source, Claim]], problems: Problems) -> frozenset[str]:
    """An error for each pair of feeds that can meet at one file which one of them removes.

    Returns the ids of those feeds: neither may run, for each would cost the other its files.
    """
    unsafe: set[str] = set()
    places: dict[Source, list[Claim]] = defaultdict(list)
    for place, claim in found:
        places[place].append(claim)
    known: dict[tuple[str, bool, str, bool], str | None] = {}
    for claimants in places.values():
        for index, claim in enumerate(claimants):
            for other in claimants[:index]:
                if _meet(claim, other, known, problems):
                    unsafe |= {claim.feed, other.feed}
    return frozenset(unsafe)


def common_name(left: str, left_regex: bool, right: str, right_regex: bool) -> str | None:
    """A name that both patterns match, or None. Raises automaton.Unreadable where that cannot be told."""
    first, second = _regex(left, left_regex), _regex(right, right_regex)
    name = automaton.shared(first, second)
    if name is None:
        return None
    if re2.search(first, name, options()) and re2.search(second, name, options()):
        return name
    raise automaton.Unreadable(left)


def _meet(claim: Claim, other: Claim, known: dict[tuple[str, bool, str, bool], str | None], problems: Problems) -> bool:
    if not (claim.removes or other.removes) or (claim.is_shared and other.is_shared):
        return False
    key = (claim.pattern, claim.is_regex, other.pattern, other.is_regex)
    try:
        if key not in known:
            known[key] = common_name(*key)
    except automaton.Unreadable:
        for each, twin in ((claim, other), (other, claim)):
            message = f"it cannot be told whether `{each.feed}` and `{twin.feed}` match the same files"
            problems.add(each.filename, "W004", message, f"see {twin.filename.place}; use simpler patterns")
        return False
    name = known[key]
    if name is None:
        return False
    for each, twin in ((claim, other), (other, claim)):
        problems.add(
            each.filename,
            "E072",
            f"`{each.feed}` and `{twin.feed}` both match files such as `{name}` in one place, "
            f"and {'each' if each.removes and twin.removes else 'one of them'} removes what it took",
            f"the other pattern is at {twin.filename.place}; tell them apart, or say shared: true in both",
        )
    return True


def _regex(pattern: str, is_regex: bool) -> str:
    """A glob as what it is in RE2: the whole name, from end to end."""
    if is_regex:
        return pattern
    return "^" + fnmatch.translate(pattern).replace("\\Z", "$").replace("(?>", "(?:")


def _plain(node: Node | None) -> str:
    """Text to compare by; a secret or a reference of the run is equal to itself."""
    return "" if node is None else str(node.value)
