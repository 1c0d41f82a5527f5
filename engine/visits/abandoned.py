"""Requests that wait for a feed which is gone, or no longer listens where they came: told, and ended in the end.

Ends none while the definitions have an error: a feed that cannot be read has not gone.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from engine.intake.inbox import FAILED, KEEP_DAYS, Inbox
from engine.language.project import Project
from engine.store.database import writing
from engine.visits.listening import addresses
from engine.world import World, stamp

_TOGETHER = 500  # requests in one transaction


class Abandoned(NamedTuple):
    feed: str
    endpoint: str
    since: str  # when the oldest came that still waits


def abandoned(inbox: Inbox, project: Project) -> list[Abandoned]:
    """For which feeds requests wait, at an address where they do not listen any more."""
    if any(finding.severity == "error" for finding in project.findings):
        return []
    found = []
    for feed, endpoint in sorted(inbox.waits()):
        if feed not in project.feeds or endpoint not in addresses(project.feeds[feed]):
            first = next(inbox.waiting(feed, [endpoint]), None)
            if first is not None:
                found.append(Abandoned(feed, endpoint, first.received_at))
    return found


def end(world: World, project: Project) -> None:
    """Settle as failed what has waited so for as long as a request is kept after it was dealt with, and say so."""
    now = world.clock.now()
    before = stamp(now - timedelta(days=KEEP_DAYS))
    for each in abandoned(world.inbox, project):
        if each.since < before:
            count = sum(_settled(each, before, stamp(now), world))
            world.inbox.tidy([each.endpoint])
            details = {"feed": each.feed, "endpoint": each.endpoint, "requests": count, "since": each.since}
            world.note("hooks.abandoned", {"level": "warning", **details})


def _settled(each: Abandoned, before: str, now: str, world: World) -> Iterator[int]:
    waiting = takewhile(lambda entry: entry.received_at < before, world.inbox.waiting(each.feed, [each.endpoint]))
    while some := list(islice(waiting, _TOGETHER)):
        with writing(world.engine) as connection:
            for entry in some:
                world.inbox.settle(connection, entry, each.feed, FAILED, now)
        yield len(some)
