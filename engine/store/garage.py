"""Vehicles as they are stored, for whoever lists them. Reads only."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, select

from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.search import printed
from engine.store.tables import vehicles


def vehicles_found(engine: Engine) -> Iterator[dict[str, Any]]:
    """Every vehicle, in the order in which they came."""
    with reading(engine) as connection:
        for row in connection.execute(select(vehicles.c.id, vehicles.c.fields).order_by(vehicles.c.id)):
            yield {"id": row.id, **printed(decoded(row.fields))}
