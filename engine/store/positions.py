"""How far the list of an API was read: one position per feed, whose cursors stand by slice, where people see them.

A position is saved in the transaction that stores its page, and by nothing else here.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, update

from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.tables import cursors

_WHOLE = ""  # the slice of a feed that has one; the position as a whole stands with it


def load(engine: Engine, feed_id: int) -> dict[str, Any]:
    """The saved position, {} at first. What an operator has set stands over what was saved."""
    with reading(engine) as connection:
        rows = connection.execute(select(cursors).where(cursors.c.feed_id == feed_id)).all()
    saved = next((decoded(row.position) for row in rows if row.slice == _WHOLE), None) or {}
    values = {row.slice: _typed(row.value) for row in rows if row.value is not None}
    return {**saved, "cursors": values} if values else dict(saved)


def save(connection: Connection, feed_id: int, position: Mapping[str, Any], now: str) -> None:
    """Take the place of the position before, inside the caller's transaction; {} is that of a list read to its end."""
    if not position:
        connection.execute(delete(cursors).where(cursors.c.feed_id == feed_id))
        return
    values = {str(part): str(value) for part, value in (position.get("cursors") or {}).items() if value is not None}
    known = {row.slice: row.value for row in connection.execute(select(cursors).where(cursors.c.feed_id == feed_id))}
    for gone in known.keys() - values.keys() - {_WHOLE}:
        connection.execute(delete(cursors).where(cursors.c.feed_id == feed_id, cursors.c.slice == gone))
    for part in {*values, _WHOLE}:
        columns: dict[str, Any] = {"value": values.get(part), "updated_at": now}
        if part == _WHOLE:
            columns["position"] = _storable(connection, position)
        elif known.get(part) == columns["value"]:
            continue
        if part in known:
            where = (cursors.c.feed_id == feed_id, cursors.c.slice == part)
            connection.execute(update(cursors).where(*where).values(columns))
        else:
            connection.execute(insert(cursors).values(feed_id=feed_id, slice=part, **columns))


def _typed(value: str) -> str | int:
    """A cursor as it was: text, or a whole number."""
    return int(value) if value.isascii() and value.removeprefix("-").isdigit() else value


def _storable(connection: Connection, value: Any) -> Any:
    return orjson.dumps(value).decode() if connection.dialect.name == "sqlite" else dict(value)
