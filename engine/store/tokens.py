"""Tokens that outlive a run, and who asked an API when: rows by name. Sees sealed bytes only, never a token."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.tables import tokens, turns


def load(engine: Engine, name: str) -> str | None:
    """The sealed token of this name."""
    with reading(engine) as connection:
        return connection.execute(select(tokens.c.sealed).where(tokens.c.name == name)).scalar_one_or_none()


def save(engine: Engine, name: str, sealed: str, now: str) -> None:
    """Keep it; on disk when this returns."""
    with writing(engine) as connection:
        _put(connection, tokens, name, {"sealed": sealed, "updated_at": now})


def turn(engine: Engine, name: str, now: float, requests: int, per: float) -> float:
    """Take a turn and return 0.0, or the seconds until there is one: at most `requests` in any `per` seconds."""
    with writing(engine) as connection:
        # Whoever comes second waits here for the first: on SQLite by the transaction, else by the row.
        _put(connection, turns, name, {}, {"times": _storable(connection, [])})
        held = select(turns.c.times).where(turns.c.name == name).with_for_update()
        # A time that is to come was written by a clock that was set back since.
        times = [t for t in decoded(connection.execute(held).scalar_one()) if now - per < t <= now + per]
        if len(times) >= requests:
            return float(times[-requests] + per - now)
        kept = _storable(connection, [*times, now])
        connection.execute(turns.update().where(turns.c.name == name).values(times=kept))
        return 0.0


def _put(connection: Connection, table: Any, name: str, values: Any, first: Any = None) -> None:
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table).values(name=name, **(first or values))
    if values:
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    else:
        connection.execute(statement.on_conflict_do_nothing())


def _storable(connection: Connection, value: Sequence[float]) -> Any:
    return orjson.dumps(value).decode() if connection.dialect.name == "sqlite" else value
