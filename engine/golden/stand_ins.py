"""What stands in for a feed's far side while one of its tests runs: one function per `transport.type`.

Opens nothing: a stand-in is the same feed with another `transport`, that of a folder of the test's own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine.model import Feed, Value

# What decides which files are taken and what becomes of them; where they lie and who logs in does not.
_KEPT = ("filename", "regex", "order", "deleteFromServer", "moveTo", "shared", "ours", "maxBytes")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a stand-in may use: the folder that plays the server, and the scripts of the test."""

    folder: Path
    http: Sequence[Mapping[str, Value]] = ()
    hooks: Sequence[Mapping[str, Value]] = ()


StandIn = Callable[[Feed, Surroundings], AbstractContextManager[Feed]]


@contextmanager
def folder(feed: Feed, surroundings: Surroundings) -> Iterator[Feed]:
    """The files lie in a folder, claimed, removed and moved as on the server; all of them have stood still."""
    kept = {name: feed.transport[name] for name in _KEPT if name in feed.transport}
    place = {"type": "file", "directory": str(surroundings.folder), "settle": "0s"}
    yield replace(feed, transport={**kept, **place})


# The scripts of `given.http` and `given.hooks` are played by the lines that come with their transports.
STAND_INS: Mapping[str, StandIn] = {
    "file": folder,
    "ftp": folder,
    "sftp": folder,
}


def not_yet(kind: str) -> str | None:
    """Why a feed with this transport cannot be tested; None where it can."""
    if kind in STAND_INS:
        return None
    return f"feeds with transport {kind} cannot be tested yet: this release has stand-ins for {', '.join(STAND_INS)}"
