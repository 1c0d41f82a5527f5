"""Requests that came from outside, as rows: who has dealt with which, and on PostgreSQL their content as well.

On SQLite a request lies in the spool (`intake/inbox.py`) until a feed has dealt with it; what became of
it is a row here on both. Never decides what a request means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, literal_column, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import reading, writing
from engine.store.ledger import inbox, inbox_feeds

WAITING, DONE, FILTERED, FAILED = "waiting", "done", "filtered", "failed"
_WAITS = inbox_feeds.c.state == literal_column(
    f"'{WAITING}'"
)  # as the index has it: a bound value is not known to be it
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_ERASED_AT_ONCE = 500  # requests
_STRETCH = 20  # requests that are read together: each may have a body of some MiB


@dataclass(frozen=True, slots=True)
class Entry:
    """One request for the feeds that listen to its endpoint.

    `name` is the same for a request that comes again before `keep_until`; `turn` counts those of one
    name that came after. `content` is an envelope (`transports/envelope.py`). Times are as the store writes them.
    `due_at` is of one that was taken up in vain: when it is to be taken up again.
    """

    name: str
    endpoint: str
    feeds: tuple[str, ...]
    received_at: str
    keep_until: str
    content: bytes
    turn: int = 0
    due_at: str | None = None


class Waits(NamedTuple):
    """What waits for one feed at one endpoint: when the oldest and the newest came that nobody has taken up yet,
    and when the first of those is due again that were taken up in vain.
    """

    first: str | None
    last: str | None
    due: str | None


def accepted(engine: Engine, entries: Sequence[Entry]) -> list[bool]:
    """Store requests in one transaction; for each whether it is new. Durable when this returns."""
    with writing(engine) as connection:
        return [_accepted(connection, entry) for entry in entries]


def _accepted(connection: Connection, entry: Entry) -> bool:
    where = inbox.c.name == entry.name
    last = connection.execute(
        select(inbox.c.turn, inbox.c.keep_until).where(where).order_by(inbox.c.turn.desc())
    ).first()
    if last is None or last.keep_until <= entry.received_at:
        turn = 0 if last is None else last.turn + 1
        if _noted(connection, entry, turn, entry.content):
            rows = [_row(entry, turn, feed) for feed in entry.feeds]
            connection.execute(insert(inbox_feeds), rows)
            return True
    newest = select(func.max(inbox.c.turn)).where(where).scalar_subquery()
    again = update(inbox).where(where, inbox.c.turn == newest)
    connection.execute(again.values(duplicates=inbox.c.duplicates + 1))
    return False


def _noted(connection: Connection, entry: Entry, turn: int, content: bytes | None) -> bool:
    """Add the row of a request; False where somebody else has just done so."""
    values = {
        "name": entry.name,
        "turn": turn,
        "endpoint": entry.endpoint,
        "received_at": entry.received_at,
        "keep_until": entry.keep_until,
        "size": len(entry.content),
        "content": content,
        "duplicates": 0,
    }
    return connection.execute(_adding(connection.dialect.name), values).first() is not None


def _row(entry: Entry, turn: int, feed: str, state: str = WAITING) -> dict[str, Any]:
    return {
        "name": entry.name,
        "turn": turn,
        "feed": feed,
        "state": state,
        "received_at": entry.received_at,
        "updated_at": entry.received_at,
    }


def waiting(engine: Engine, feed: str, endpoints: Sequence[str]) -> Iterator[Entry]:
    """What waits for a feed among the rows of these endpoints, the oldest first; read a few at a time."""
    columns = [inbox.c[name] for name in ("name", "turn", "endpoint", "received_at", "keep_until", "content")]
    columns.append(inbox_feeds.c.due_at)
    place = (inbox_feeds.c.received_at, inbox_feeds.c.name, inbox_feeds.c.turn)
    statement = (
        select(*columns)
        .join(inbox_feeds, (inbox_feeds.c.name == inbox.c.name) & (inbox_feeds.c.turn == inbox.c.turn))
        .where(inbox_feeds.c.feed == feed, inbox_feeds.c.state == WAITING, inbox.c.content.is_not(None))
        .where(inbox.c.endpoint.in_(endpoints))
        .order_by(*place)
        .limit(_STRETCH)
    )
    behind: tuple[Any, ...] = ("", "", 0)
    while True:
        with reading(engine) as connection:
            rows = connection.execute(statement.where(tuple_(*place) > tuple_(*behind))).all()
        for row in rows:
            times = (row.received_at, row.keep_until)
            entry = Entry(row.name, row.endpoint, (feed,), *times, bytes(row.content), row.turn, row.due_at)
            yield entry
            behind = (entry.received_at, entry.name, entry.turn)
        if len(rows) < _STRETCH:
            return


def settled(connection: Connection, entry: Entry, feed: str, state: str, now: str, delivery: int | None) -> None:
    """Note in the caller's transaction what became of a request for one feed."""
    _noted(connection, entry, entry.turn, None)
    values = {**_row(entry, entry.turn, feed, state), "delivery_id": delivery, "updated_at": now}
    connection.execute(_settling(connection.dialect.name), values)


def put_off(connection: Connection, entry: Entry, feed: str, until: str) -> None:
    """Note in the caller's transaction when a request is due again for one feed that it still waits for."""
    _noted(connection, entry, entry.turn, None)
    statement = _INSERTS[connection.dialect.name](inbox_feeds)
    changed = {"due_at": until}
    same = {"index_elements": ["name", "turn", "feed"], "set_": changed, "where": inbox_feeds.c.state == WAITING}
    connection.execute(statement.on_conflict_do_update(**same), {**_row(entry, entry.turn, feed), **changed})


def waits(engine: Engine, feed: str = "") -> dict[tuple[str, str], Waits]:
    """What waits among the rows, by feed and endpoint: for one feed, or for all."""
    fresh = inbox_feeds.c.due_at.is_(None)
    received = (func.min(inbox_feeds.c.received_at), func.max(inbox_feeds.c.received_at))
    statement = (
        select(inbox_feeds.c.feed, inbox.c.endpoint, *(each.filter(fresh) for each in received))
        .add_columns(func.min(inbox_feeds.c.due_at))
        .join(inbox, (inbox_feeds.c.name == inbox.c.name) & (inbox_feeds.c.turn == inbox.c.turn))
        .where(_WAITS, inbox.c.content.is_not(None))
        .group_by(inbox_feeds.c.feed, inbox.c.endpoint)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement.where(inbox_feeds.c.feed == feed) if feed else statement)
        return {(row[0], row[1]): Waits(*row[2:]) for row in rows}


# Put together once: that takes longer than to carry it out.
@cache
def _adding(dialect: str) -> Any:
    return _INSERTS[dialect](inbox).on_conflict_do_nothing().returning(inbox.c.name)


@cache
def _settling(dialect: str) -> Any:
    made = _INSERTS[dialect](inbox_feeds)
    changed = {name: made.excluded[name] for name in ("state", "delivery_id", "updated_at")}
    return made.on_conflict_do_update(index_elements=["name", "turn", "feed"], set_=changed)


def known(engine: Engine, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str | None]]:
    """What feeds have made of each of these requests: None where one has dealt with it, or when it is due again."""
    wanted = sorted({name for name, _ in names})
    columns = [inbox_feeds.c[name] for name in ("name", "turn", "feed", "state", "due_at")]
    found: dict[tuple[str, int], dict[str, str | None]] = {}
    if not wanted:
        return found
    with reading(engine) as connection:
        for start in range(0, len(wanted), 500):
            statement = select(*columns).where(inbox_feeds.c.name.in_(wanted[start : start + 500]))
            for row in connection.execute(statement):
                found.setdefault((row.name, row.turn), {})[row.feed] = (
                    (row.due_at or "") if row.state == WAITING else None
                )
    return found


def load(engine: Engine) -> tuple[int, int]:
    """How many requests wait among the rows, and their bytes."""
    with reading(engine) as connection:
        waits = select(inbox_feeds.c.name, inbox_feeds.c.turn).where(_WAITS).distinct().subquery()
        joined = (waits.c.name == inbox.c.name) & (waits.c.turn == inbox.c.turn)
        statement = select(func.count(), func.coalesce(func.sum(inbox.c.size), 0)).select_from(
            inbox.join(waits, joined)
        )
        count, size = connection.execute(statement).one()
    return int(count), int(size)


def counts(engine: Engine, feed: str) -> dict[str, int]:
    """How many requests of a feed are in each state, by the rows."""
    with reading(engine) as connection:
        statement = select(inbox_feeds.c.state, func.count()).where(inbox_feeds.c.feed == feed)
        return {state: int(count) for state, count in connection.execute(statement.group_by(inbox_feeds.c.state))}


def duplicates(engine: Engine) -> int:
    """How many requests were acknowledged without being stored, by the rows."""
    with reading(engine) as connection:
        total = select(func.coalesce(func.sum(inbox.c.duplicates), 0))
        return int(connection.execute(total).scalar_one())


def forget(engine: Engine, before: str) -> int:
    """Remove requests that everyone has dealt with before that time; how many there were."""
    pair = (inbox_feeds.c.name == inbox.c.name) & (inbox_feeds.c.turn == inbox.c.turn)
    open_still = select(inbox_feeds.c.name).where(
        pair, (inbox_feeds.c.state == WAITING) | (inbox_feeds.c.updated_at >= before)
    )
    with writing(engine) as connection:
        over = select(inbox.c.name, inbox.c.turn).where(inbox.c.keep_until < before, ~open_still.exists())
        rows = connection.execute(over.limit(10_000)).all()
        for row in rows:
            for table in (inbox_feeds, inbox):
                connection.execute(delete(table).where(table.c.name == row.name, table.c.turn == row.turn))
    return len(rows)


def erased(engine: Engine, feed: str) -> Iterator[int]:
    """Remove what only this feed was to hear of, some at a time; how many there were each time."""
    mine, other = inbox_feeds.alias(), inbox_feeds.alias()
    beside = select(other.c.name).where(other.c.name == mine.c.name, other.c.turn == mine.c.turn, other.c.feed != feed)
    alone = select(mine.c.name, mine.c.turn).where(mine.c.feed == feed, ~beside.exists()).limit(_ERASED_AT_ONCE)
    while True:
        with reading(engine) as connection:
            names = [(row.name, row.turn) for row in connection.execute(alone)]
        if not names:
            return
        erase(engine, names)
        yield len(names)


def erase(engine: Engine, names: Sequence[tuple[str, int]]) -> None:
    """Remove these requests, of which no other feed was to hear."""
    with writing(engine) as connection:
        for table in (inbox_feeds, inbox):
            connection.execute(delete(table).where(tuple_(table.c.name, table.c.turn).in_(names)))
