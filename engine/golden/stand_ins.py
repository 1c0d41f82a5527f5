"""What stands in for a feed's far side while one of its tests runs: one function per `transport.type`.

Opens nothing: places with files become a folder of the test's own, an API is what the test's script answers.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.model import Feed
from transports.base import Parcel, Receipt, Sender, SendTools, Settings

# What decides which files are taken and what becomes of them; where they lie and who logs in does not.
_KEPT = ("filename", "regex", "order", "deleteFromServer", "moveTo", "shared", "ours", "maxBytes")


StandIn = Callable[[Feed, Path], Feed]


def folder(feed: Feed, place: Path) -> Feed:
    """The files lie in a folder, claimed, removed and moved as on the server; all of them have stood still."""
    kept = {name: feed.transport[name] for name in _KEPT if name in feed.transport}
    return replace(feed, transport={**kept, "type": "file", "directory": str(place), "settle": "0s"})


def script(feed: Feed, place: Path) -> Feed:
    """The feed as it is: its requests are answered where they would go out (`World.answer`), and what is sent
    to it stands in the inbox."""
    return feed


STAND_INS: Mapping[str, StandIn] = {
    "file": folder,
    "ftp": folder,
    "http": script,
    "sftp": folder,
    "webhook": script,
}


class _Taker:
    """Takes whatever goes out."""

    def __init__(self, destination: str) -> None:
        self.destination = destination

    def send(self, parcel: Parcel) -> Receipt:
        return Receipt(parcel.key, None, "")


@contextmanager
def played(kind: str, settings: Settings, tools: SendTools) -> Iterator[Sender]:
    """In place of the way out of an export: the item is as it would be sent, and nothing leaves."""
    yield _Taker(f"{kind}, played")


def not_yet(kind: str) -> str | None:
    """Why a feed with this transport cannot be tested; None where it can."""
    if kind in STAND_INS:
        return None
    return f"feeds with transport {kind} cannot be tested yet: this release has stand-ins for {', '.join(STAND_INS)}"
