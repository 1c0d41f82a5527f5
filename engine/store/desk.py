"""What an operator changes: pauses, repaired and discarded rows, what a feed remembers.

Each change and its line in the audit are one transaction. Never runs a feed and never edits what
was sent: a repair stands beside the original row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, update

from engine.errors import FeedError
from engine.store.bulk import decoded
from engine.store.database import writing
from engine.store.journal import OPEN, PAGE, VANISHED
from engine.store.overview import WAITING, columns_of
from engine.store.tables import audit, breakers, cursors, deliveries, feeds, quarantine


class DeskError(FeedError):
    """This cannot be changed; the text says why and what can be done."""


def pause(engine: Engine, feed: str, reason: str, until: str | None, by: str, now: str) -> None:
    """Keep a feed from running until it is resumed, or until a time."""
    with writing(engine) as connection:
        values = {"paused_at": now, "paused_by": by, "paused_reason": reason, "paused_until": until}
        connection.execute(update(feeds).where(feeds.c.name == feed).values(values))
        audited(connection, now, by, "feed.pause", feed, {"reason": reason, "until": until})


def resume(engine: Engine, feed: str, by: str, now: str) -> bool:
    """End an operator's pause; False where there was none."""
    with writing(engine) as connection:
        none = {"paused_at": None, "paused_by": None, "paused_reason": None, "paused_until": None}
        where = (feeds.c.name == feed, feeds.c.paused_at.is_not(None))
        done = connection.execute(update(feeds).where(*where).values(none)).rowcount
        if done:
            audited(connection, now, by, "feed.resume", feed, {})
        return bool(done)


# --- quarantine -----------------------------------------------------------------------------


def fix(engine: Engine, number: int, values: Mapping[str, Any], note: str | None, by: str, now: str) -> None:
    """Lay corrected values over a quarantined row: by column, or by dotted path where it has none.

    Corrections made before stay unless they are given anew. Takes effect when the row is
    replayed, or when the sender sends the very same row again.
    """
    with writing(engine) as connection:
        row = _waiting(connection, number)
        columns = columns_of(row.header)
        unknown = [name for name in values if columns is not None and name not in columns]
        if unknown:
            raise DeskError(f"row {number} has no column {unknown[0]!r}; it has {', '.join(columns or ())}")
        merged = {**(decoded(row.fix) or {}), **values}
        changed = {
            "fix": orjson.dumps(merged).decode() if connection.dialect.name == "sqlite" else merged,
            "state": "fixed",
            "note": note if note is not None else row.note,
            "actor": by,
        }
        connection.execute(update(quarantine).where(quarantine.c.id == number).values(changed))
        # The audit says which columns, not what a customer's data was or is.
        audited(connection, now, by, "quarantine.fix", str(number), {"columns": sorted(values), "note": note})


def discard(engine: Engine, numbers: Sequence[int], reason: str, by: str, now: str) -> None:
    """Say of rows that they are not wanted; all of them or none. They stay visible as discarded."""
    with writing(engine) as connection:
        for number in numbers:
            _waiting(connection, number)
        values = {"state": "discarded", "note": reason, "actor": by, "resolved_at": now}
        connection.execute(update(quarantine).where(quarantine.c.id.in_(numbers)).values(values))
        for number in numbers:
            audited(connection, now, by, "quarantine.discard", str(number), {"reason": reason})


def _waiting(connection: Connection, number: int) -> Any:
    row = connection.execute(
        select(quarantine, deliveries.c.header)
        .outerjoin(deliveries, deliveries.c.id == quarantine.c.delivery_id)
        .where(quarantine.c.id == number)
    ).one_or_none()
    if row is None:
        raise DeskError(f"there is no quarantined row {number}; `feeds quarantine list` shows those there are")
    if row.state not in WAITING:
        raise DeskError(f"row {number} was {row.state} on {row.resolved_at}; there is nothing left to do with it")
    return row


# --- what a feed remembers ------------------------------------------------------------------


def take_again(engine: Engine, feed: str, name: str, by: str, now: str) -> int:
    """Forget how the files of this name looked, so that the next run takes one that lies there.

    Their rows stay: what has not changed is counted as unchanged. Returns how many deliveries.
    """
    with writing(engine) as connection:
        mine = (deliveries.c.feed_id == _number(connection, feed), deliveries.c.name == name)
        rows = connection.execute(select(deliveries.c.id, deliveries.c.state).where(*mine)).all()
        if not rows:
            raise DeskError(f"{feed} knows no file {name!r}; `feeds state show {feed}` lists those it knows")
        busy = [row.id for row in rows if row.state in OPEN]
        if busy:
            raise DeskError(f"delivery {busy[0]} of {name} is still on its way; run the feed first: feeds run {feed}")
        # Its bytes may be taken again too where they were refused: no definition is the same as this one.
        values = {"size": None, "modified": None, "mapping_hash": "", "updated_at": now}
        connection.execute(update(deliveries).where(*mine).values(values))
        audited(connection, now, by, "state.reset", feed, {"delivery": name})
        return len(rows)


def set_cursor(engine: Engine, feed: str, part: str, value: str, by: str, now: str) -> None:
    """Say where a feed goes on reading. `part` is its slice, "" where it has only one."""
    with writing(engine) as connection:
        number = _number(connection, feed)
        where = (cursors.c.feed_id == number, cursors.c.slice == part)
        before = connection.execute(select(cursors.c.value).where(*where)).scalar_one_or_none()
        values = {"value": value, "position": None, "updated_at": now}
        if not connection.execute(update(cursors).where(*where).values(values)).rowcount:
            connection.execute(insert(cursors).values(feed_id=number, slice=part, **values))
        connection.execute(update(cursors).where(cursors.c.feed_id == number).values(position=None))
        _drop_pages(connection, number, now)
        audited(connection, now, by, "state.set", feed, {"slice": part, "before": before, "after": value})


def reset_cursors(engine: Engine, feed: str, by: str, now: str) -> int:
    """Let a feed begin from its start again; returns how many cursors there were."""
    with writing(engine) as connection:
        number = _number(connection, feed)
        before = {r.slice: r.value for r in connection.execute(select(cursors).where(cursors.c.feed_id == number))}
        connection.execute(delete(cursors).where(cursors.c.feed_id == number))
        _drop_pages(connection, number, now)
        audited(connection, now, by, "state.reset", feed, {"cursors": before})
        return len(before)


def _drop_pages(connection: Connection, feed_id: int, now: str) -> None:
    """A page that a dead run left would set the position that it was to set: it is asked for again instead."""
    mine = (deliveries.c.feed_id == feed_id, deliveries.c.kind == PAGE, deliveries.c.state.in_(OPEN))
    connection.execute(update(deliveries).where(*mine).values(state=VANISHED, updated_at=now))


def allow_login(engine: Engine, feed: str, login: str, by: str, now: str) -> bool:
    """End the rest after a refused login; False where there was none."""
    with writing(engine) as connection:
        done = connection.execute(delete(breakers).where(breakers.c.login == login)).rowcount
        if done:
            audited(connection, now, by, "state.reset", feed, {"login": login})
        return bool(done)


def noted(engine: Engine, by: str, now: str, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """One line in the audit for what another room has done, such as a replay."""
    with writing(engine) as connection:
        audited(connection, now, by, action, subject, details)


def _number(connection: Connection, feed: str) -> int:
    found = connection.execute(select(feeds.c.id).where(feeds.c.name == feed)).scalar_one_or_none()
    if found is None:
        raise DeskError(f"{feed} has never run: there is nothing to change yet")
    return int(found)


def audited(connection: Connection, now: str, by: str, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """One line in the audit, inside the caller's transaction."""
    kept: Any = orjson.dumps(details).decode() if connection.dialect.name == "sqlite" else dict(details)
    values = {"at": now, "actor": by, "action": action, "subject": subject, "details": kept}
    connection.execute(insert(audit).values(values))
