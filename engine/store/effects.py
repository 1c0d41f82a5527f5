"""What a delivery has changed so far, and how far a dealer's store has come: for a plan that is not carried out.

Reads only, inside the caller's transaction or one of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, func, or_, select

from engine.effect import ActivityChange
from engine.model import Value
from engine.store.bulk import decoded
from engine.store.clashes import Memory
from engine.store.database import reading
from engine.store.journal import DONE, STORED
from engine.store.tables import activities, activity_changes, contacts, deliveries, feeds, quarantine, vehicles


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest ids before a delivery: what is above them is new."""

    contact: int
    vehicle: int


def mark(connection: Connection) -> Mark:
    highest = [connection.execute(select(func.max(table.c.id))).scalar_one() or 0 for table in (contacts, vehicles)]
    return Mark(*highest)


def vehicles_created(connection: Connection, dealer_id: int, before: Mark) -> int:
    statement = select(func.count()).select_from(vehicles)
    above = (vehicles.c.id > before.vehicle, vehicles.c.dealer_id == dealer_id)
    return int(connection.execute(statement.where(*above)).scalar_one())


def activities_changed(connection: Connection, delivery_id: int, memory: Memory) -> tuple[int, int]:
    """How many stored activities the delivery has changed, and how many it has met and left as they were."""
    statement = select(activity_changes.c.activity_id).where(activity_changes.c.delivery_id == delivery_id).distinct()
    changed = [row.activity_id for row in connection.execute(statement)]
    return len(changed), len(memory.met) - sum(number in memory.met for number in changed)


def changes(connection: Connection, delivery_id: int, before: Mark, most: int) -> list[ActivityChange]:
    """The first `most` changes of stored activities, in the order in which they were made."""
    statement = (
        select(activity_changes, activities.c.type, activities.c.key)
        .join(activities, activities.c.id == activity_changes.c.activity_id)
        .where(activity_changes.c.delivery_id == delivery_id)
        .order_by(activity_changes.c.id)
        .limit(most)
    )
    return [
        ActivityChange(row.type, row.key, row.line, _named(decoded(row.changes), before))
        for row in connection.execute(statement)
    ]


def _named(values: Mapping[str, Any], before: Mark) -> dict[str, tuple[Value, Value]]:
    """Fields by their own names; the id of a contact or vehicle that is new is none yet."""
    known = {"contact_id": ("contact", before.contact), "vehicle_id": ("vehicle", before.vehicle)}
    found: dict[str, tuple[Value, Value]] = {}
    for name, (old, new) in values.items():
        if name in known:
            word, highest = known[name]
            found[word] = (_id(old, highest), _id(new, highest))
        else:
            found["heldState" if name == "held_state" else name.removeprefix("fields.")] = (old, new)
    return found


def _id(number: int | None, highest: int) -> Value:
    return "new" if number is not None and number > highest else number


def position(engine: Engine, dealer_id: int) -> dict[str, Value]:
    """How far the dealer's store has come: while this is the same, a delivery has the same effect.

    The last delivery that wrote rows (with how far, where it did so in parts), and what people
    have corrected.
    """
    mine = select(feeds.c.id).where(feeds.c.dealer_id == dealer_id)
    wrote = or_(deliveries.c.state.in_((STORED, DONE)), deliveries.c.checkpoint.is_not(None))
    with reading(engine) as connection:
        statement = select(deliveries.c.id, deliveries.c.checkpoint).where(deliveries.c.feed_id.in_(mine), wrote)
        last = connection.execute(statement.order_by(deliveries.c.id.desc()).limit(1)).one_or_none()
        fixes = (
            select(quarantine.c.id, quarantine.c.state, quarantine.c.fix)
            .where(quarantine.c.feed_id.in_(mine), quarantine.c.fix.is_not(None))
            .order_by(quarantine.c.id)
        )
        repaired = [[row.id, row.state, decoded(row.fix)] for row in connection.execute(fixes)]
    return {
        "delivery": None if last is None else last.id,
        "checkpoint": None if last is None else last.checkpoint,
        "repairs": blake2b(orjson.dumps(repaired), digest_size=16).hexdigest() if repaired else None,
    }
