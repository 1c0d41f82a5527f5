"""Replies that were given, by the request that asked for each: asked for again, the same bytes come again.

What stands in a reply once is delivered when a later request says that the reply has come. Decides nothing about
what a reply says.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.bulk import decoded
from engine.store.tables import activities, dealers, replies

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Given(NamedTuple):
    """What a request was answered."""

    media: str
    payload: bytes


def given(connection: Connection, export: str, request: str, since: str) -> Given | None:
    """The reply to a request of this name, unless it is too old."""
    mine = (replies.c.export == export, replies.c.request == request, replies.c.at >= since)
    row = connection.execute(select(replies.c.media, replies.c.payload).where(*mine)).one_or_none()
    return None if row is None or row.payload is None else Given(row.media, bytes(row.payload))


def kept(
    connection: Connection,
    export: str,
    request: str,
    activity: int | None,
    reply: Given,
    once: Sequence[str],
    times: tuple[str, str],
) -> Given:
    """Keep a reply in the caller's transaction; the one that stands then: another's, where it came before.

    `times` are now, and before when a reply to a request of this name is too old to count.
    """
    now, since = times
    dialect = connection.dialect.name
    names: Any = list(once)
    row = {
        **{"export": export, "request": request, "activity_id": activity, "at": now, "acknowledged_at": None},
        **{"media": reply.media, "payload": reply.payload},
        "once": orjson.dumps(names).decode() if dialect == "sqlite" else names,
    }
    made = _INSERTS[dialect](replies).values(row)
    too_old = replies.c.at < since
    connection.execute(made.on_conflict_do_update(index_elements=["export", "request"], set_=row, where=too_old))
    return given(connection, export, request, since) or reply


def acknowledge(connection: Connection, export: str, requests: Iterable[str], now: str) -> None:
    """Those of these requests that were answered have their answers."""
    mine = (replies.c.export == export, replies.c.request.in_(list(requests)), replies.c.acknowledged_at.is_(None))
    connection.execute(update(replies).where(*mine).values(acknowledged_at=now))


def delivered(connection: Connection, export: str, activity: int) -> set[str]:
    """What stood once in replies about an activity that have come."""
    mine = (replies.c.export == export, replies.c.activity_id == activity, replies.c.acknowledged_at.is_not(None))
    rows = connection.execute(select(replies.c.once).where(*mine)).scalars()
    return {name for once in rows for name in decoded(once)}


def activity_of(connection: Connection, dealer: str, namespace: str, kind: str, key: str) -> int | None:
    """The id of the activity of that key."""
    statement = (
        select(activities.c.id)
        .join(dealers, dealers.c.id == activities.c.dealer_id)
        .where(dealers.c.name == dealer, activities.c.namespace == namespace)
        .where(activities.c.type == kind, activities.c.key == key)
    )
    return connection.execute(statement).scalar_one_or_none()
