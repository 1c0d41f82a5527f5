"""Feeds that would eat each other's files: one place, patterns that can match one name, and one of them deletes.

Decided on the patterns alone: both become small automata, and a name that both accept is searched
for. What cannot be decided is a warning. Nothing here looks at a server.
"""

import fnmatch
import posixpath
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import re2

from engine.language import automaton
from engine.language.patterns import options
from engine.language.problems import Problems
from engine.language.tree import Node, Place
from engine.model import Value

_PORTS = {"sftp": 22, "ftp": 21}
_PLACED = frozenset({"sftp", "ftp", "file"})
PLACING = ("host", "port", "username", "directory")  # what tells one folder from another, in the order of `source`
_PLAIN = re.compile(r"[^*?\[]*")  # of a glob
# Letters that a pattern asks for one by one at the start of a name; the last may belong to what repeats it.
_ANCHORED = re.compile(r"\^((?:[A-Za-z0-9_ -](?![*+?{|]))*)")


class Claim(NamedTuple):
    """What one enabled feed takes: the names it matches at one place."""

    feed: str
    pattern: str
    is_regex: bool
    removes: bool
    is_shared: bool
    at: Place  # of the pattern


_TAKING = slice(Claim._fields.index("pattern"), Claim._fields.index("at"))  # what two claims meet by


class Source(NamedTuple):
    """Where names are looked for: equal for two feeds that look into one folder."""

    type: str
    host: str
    port: str
    user: str
    directory: str


class Manner(NamedTuple):
    """How a feed takes files, wherever they are."""

    type: str
    is_regex: bool
    removes: bool
    is_shared: bool


def manner(transport: Node) -> Manner | None:
    """How files are taken, or None for a transport without names."""
    kind = transport.text("type")
    if kind not in _PLACED:
        return None
    removes = transport.flag("deleteFromServer") or transport.child("moveTo") is not None
    return Manner(kind, transport.flag("regex"), removes, transport.flag("shared"))


def source(kind: str, host: Value, port: Value, user: Value, directory: Value) -> Source:
    """The place by its settings; each is None where it is not given."""
    return Source(
        type=kind,
        host=_plain(host).casefold(),
        port=_plain(_PORTS.get(kind, "") if port is None else port),
        user=_plain(user),
        directory=posixpath.normpath(_plain(directory) or "."),
    )


def claims(feed: str, transport: Node) -> tuple[Source, Claim] | None:
    """What a feed takes from where, or None for a transport without names or one that is not resolved."""
    how = manner(transport)
    # Without a pattern it takes every file; the fault is then where the transport begins.
    filename = transport.child("filename") or replace(transport, value="*")
    if how is None or not isinstance(filename.value, str):
        return None
    given = {name: node.value if (node := transport.child(name)) is not None else None for name in PLACING}
    place = source(how.type, *given.values())
    return place, Claim(feed, filename.value, how.is_regex, how.removes, how.is_shared, filename.place)


def check(found: Iterable[tuple[Source, Claim]], problems: Problems) -> frozenset[str]:
    """An error for each pair of feeds that can meet at one file which one of them removes.

    Returns the ids of those feeds: neither may run, for each would cost the other its files.
    """
    unsafe: set[str] = set()
    places: dict[Source, list[Claim]] = defaultdict(list)
    for place, claim in found:
        places[place].append(claim)
    known: dict[tuple[str, bool, str, bool], str | None] = {}
    # Dealers have much the same feeds: whose names keep apart in one place keep apart in every other.
    apart: set[Hashable] = set()
    for claimants in places.values():
        names = tuple([claim[_TAKING] for claim in claimants])
        if len(names) == 1 or names in apart:
            continue
        are_apart = True
        for other, claim in _near(claimants):
            meet = _meet(claim, other, known, problems)
            are_apart = are_apart and meet is False
            if meet:
                unsafe |= {claim.feed, other.feed}
        if are_apart:
            apart.add(names)
    return frozenset(unsafe)


def _near(claims: Sequence[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """The pairs whose patterns may have a name in common, by how names of theirs begin.

    In the order of what they begin with, each claim can meet those whose beginning its own goes on
    with, and no others.
    """
    beginnings = sorted(((_beginning(claim), index) for index, claim in enumerate(claims)))
    open_: list[tuple[str, int]] = []
    for beginning, index in beginnings:
        while open_ and not beginning.startswith(open_[-1][0]):
            open_.pop()
        for _, other in open_:
            first, second = sorted((index, other))
            yield claims[first], claims[second]
        open_.append((beginning, index))


def _beginning(claim: Claim) -> str:
    """What every name that the pattern matches begins with; nothing where that is not plain to see."""
    if not claim.is_regex:
        return _PLAIN.match(claim.pattern)[0]  # type: ignore[index]  # it matches nothing, too
    found = _ANCHORED.match(claim.pattern)
    return found[1] if found and "|" not in claim.pattern else ""


def common_name(left: str, left_regex: bool, right: str, right_regex: bool) -> str | None:
    """A name that both patterns match, or None. Raises automaton.Unreadable where that cannot be told."""
    first, second = _regex(left, left_regex), _regex(right, right_regex)
    name = automaton.shared(first, second)
    if name is None:
        return None
    if re2.search(first, name, options()) and re2.search(second, name, options()):
        return name
    raise automaton.Unreadable(left)


def _meet(
    claim: Claim, other: Claim, known: dict[tuple[str, bool, str, bool], str | None], problems: Problems
) -> bool | None:
    """Whether both can take one file, which one of them removes; None where that cannot be told."""
    if not (claim.removes or other.removes) or (claim.is_shared and other.is_shared):
        return False
    key = (claim.pattern, claim.is_regex, other.pattern, other.is_regex)
    try:
        if key not in known:
            known[key] = common_name(*key)
    except automaton.Unreadable:
        for each, twin in ((claim, other), (other, claim)):
            message = f"it cannot be told whether `{each.feed}` and `{twin.feed}` match the same files"
            problems.add(each.at, "W004", message, f"see {twin.at}; use simpler patterns")
        return None
    name = known[key]
    if name is None:
        return False
    for each, twin in ((claim, other), (other, claim)):
        problems.add(
            each.at,
            "E072",
            f"`{each.feed}` and `{twin.feed}` both match files such as `{name}` in one place, "
            f"and {'each' if each.removes and twin.removes else 'one of them'} removes what it took",
            f"the other pattern is at {twin.at}; tell them apart, or say shared: true in both",
        )
    return True


def _regex(pattern: str, is_regex: bool) -> str:
    """A glob as what it is in RE2: the whole name, from end to end."""
    if is_regex:
        return pattern
    return "^" + fnmatch.translate(pattern).replace("\\Z", "$").replace("(?>", "(?:")


def _plain(value: Value) -> str:
    """Text to compare by; a secret or a reference of the run is equal to itself."""
    return "" if value is None else str(value)
