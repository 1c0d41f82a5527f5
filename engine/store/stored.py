"""Contacts' and vehicles' own fields, all there are: for a store that holds little. Reads only."""

from typing import Any

from sqlalchemy import Engine, select

from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.search import printed
from engine.store.tables import contacts, vehicles


def contact_fields(engine: Engine) -> dict[int, dict[str, Any]]:
    """By the contact's id; what has no value is not there."""
    with reading(engine) as connection:
        rows = connection.execute(select(contacts.c.id, contacts.c.fields))
        return {row.id: printed(decoded(row.fields)) for row in rows}


def vehicle_fields(engine: Engine) -> dict[int, dict[str, Any]]:
    """By the vehicle's id, in the order in which they came."""
    with reading(engine) as connection:
        rows = connection.execute(select(vehicles.c.id, vehicles.c.fields).order_by(vehicles.c.id))
        return {row.id: printed(decoded(row.fields)) for row in rows}
