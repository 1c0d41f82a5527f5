"""Who may run a feed, and which feeds must not run beside each other because they share files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from engine.model import Feed, Value
from engine.store import leases
from engine.store.leases import Lease
from engine.world import World


@contextmanager
def leased(feed: Feed, world: World) -> Iterator[Lease]:
    """The right to run this feed, for the length of the block. Raises LeaseHeld."""
    lease = leases.take(world.engine, lease_name(feed.id, feed.transport), world.owner)
    try:
        with leases.kept(world.engine, lease):
            yield lease
    finally:
        leases.release(world.engine, lease)


def lease_name(feed: str, transport: Mapping[str, Value]) -> str:
    """One lease per feed; feeds that share their files have one together."""
    return f"shared {place(transport)}" if transport.get("shared") else feed


def place(transport: Mapping[str, Value]) -> str:
    """Where a feed's files lie, from its definition alone; feeds of one place have the same text."""
    names = ("type", "host", "port", "username", "directory")
    return " ".join(str(transport.get(name, "")) for name in names)


def sharers_of(feed: Feed, everyone: Sequence[Feed]) -> tuple[Feed, ...]:
    """The enabled feeds that read the same files as this one, itself among them."""
    if not feed.transport.get("shared"):
        return ()
    here = place(feed.transport)
    others = (one for one in everyone if one.enabled and one.transport.get("shared") and place(one.transport) == here)
    return tuple({one.id: one for one in (feed, *others)}.values())
