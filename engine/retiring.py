"""The end of a feed: what that means before it is done, and doing it. Touches no far side and no definition.

Killed at any moment: the feed is retired from the first transaction on, and retiring it once more goes on where
the purge was cut short.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from engine.errors import FeedError
from engine.intake.inbox import FILTERED
from engine.model import Feed
from engine.store import leases
from engine.store import retiring as rows
from engine.store.database import writing
from engine.store.leases import Lease
from engine.store.retiring import Retiring
from engine.visits import listening
from engine.visits.leasing import leased
from engine.world import World, stamp


class GateOpen(FeedError):
    """Something that has to be settled before the feed may be ended is not confirmed."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is of a feed, by kind, and how far its end has come."""

    feed: str
    counts: Mapping[str, int]
    copies: int
    copied_bytes: int
    waiting: int  # requests in the inbox
    people_stay_for: str | None  # a feed that may know the same contacts without leaving a trace of it
    retired: str | None
    purge: str | None


def unconfirmed(feed: Feed, today: date) -> tuple[str, ...]:
    """Its gates before the end that nobody has confirmed, or for a day that has not come."""
    gates = feed.gates.get("retire", {})
    return tuple(name for name, day in gates.items() if day is None or day > today.isoformat())


def outlook(feed: Feed, world: World, everyone: Sequence[Feed]) -> Outlook:
    """What a purge would remove; changes nothing."""
    me, beside = _me(feed, world, everyone)
    found = rows.state(world.engine, feed.id)
    sizes = [world.archive.path(each).stat().st_size for each in rows.copies(world.engine, me) if _is_kept(world, each)]
    return Outlook(
        feed.id,
        rows.counts(world.engine, me),
        len(sizes),
        sum(sizes),
        sum(1 for _ in world.inbox.waiting(feed.id, _endpoints(feed))),
        beside,
        None if found is None else found.retired_at,
        None if found is None else found.purge,
    )


def retire(feed: Feed, world: World, everyone: Sequence[Feed], purge: bool, by: str) -> dict[str, int]:
    """End the feed under its lease; how many of each kind were closed, and with `purge` removed.

    Raises GateOpen before anything is changed, LeaseHeld while it runs.
    """
    today = world.clock.now().astimezone(feed.dealer.timezone).date()
    if outstanding := unconfirmed(feed, today):
        name = outstanding[0]
        raise GateOpen(
            f"{feed.id} may not be ended before `{name}` is confirmed: when it is so, write "
            f"confirmed: {{{name}: {today}}} in its entry in {feed.path}"
        )
    me, _ = _me(feed, world, everyone)
    with leased(feed, world) as lease:
        rows.begin(world.engine, lease, me, purge, by, stamp(world.clock.now()))
        done = Counter({"closed": _close(feed, world, lease)})
        if purge:
            for kind, count in rows.purge(world.engine, lease, me):
                done[kind] += count
            done["requests"] = world.inbox.erase(feed.id)
            done["copies"] = _forget_copies(world, lease, me)
            rows.finish(world.engine, lease, me, done, by, stamp(world.clock.now()))
    world.note("feed.retired", {"feed": feed.id, "dealer": feed.dealer.name, "purge": purge, **done})
    return dict(done)


def _me(feed: Feed, world: World, everyone: Sequence[Feed]) -> tuple[Retiring, str | None]:
    """The feed for the store, and who else may know its contacts.

    A contact shows the feed that said something new of it, and activities show theirs. A feed without activities
    that repeats what is known shows nowhere: then it is not known whose a contact is, and all stay.
    """
    registered = world.journal.register(feed)
    others = (one for one in everyone if one.dealer.name == feed.dealer.name and one.id != feed.id)
    beside = next((one.id for one in others if _brings_people_alone(one)), None)
    return Retiring(registered.id, feed.id, registered.dealer_id, feed.namespace, beside is not None), beside


def _brings_people_alone(feed: Feed) -> bool:
    return any(stream.contact is not None and not stream.activities for stream in feed.streams)


def _close(feed: Feed, world: World, lease: Lease) -> int:
    """Settle the requests that wait: nobody takes them any more, and the inbox must not fill up with them."""
    closed, endpoints = 0, _endpoints(feed)
    for entry in world.inbox.waiting(feed.id, endpoints):
        with writing(world.engine) as connection:
            leases.check(connection, lease)
            world.inbox.settle(connection, entry, feed.id, FILTERED, stamp(world.clock.now()))
        closed += 1
    world.inbox.tidy(endpoints)
    return closed


def _endpoints(feed: Feed) -> list[str]:
    """Where it listens, or did before it was switched off."""
    return listening.endpoints(replace(feed, enabled=True))


def _forget_copies(world: World, lease: Lease, me: Retiring) -> int:
    removed = 0
    for digest in rows.copies(world.engine, me):
        if _is_kept(world, digest):
            leases.renew(world.engine, lease)
            world.archive.forget(digest)
            removed += 1
    return removed


def _is_kept(world: World, digest: str) -> bool:
    return world.archive.path(digest).is_file()
