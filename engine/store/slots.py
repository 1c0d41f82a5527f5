"""What schedules remember: of each feed the newest slot that was begun, and whether that came to its end.

Never decides whether a feed is due: that is `engine/due.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.due import Last
from engine.store import leases
from engine.store.database import reading, writing
from engine.store.leases import Lease
from engine.store.tables import feeds, slots


def known(engine: Engine, names: Sequence[str] | None = None) -> dict[str, Last]:
    """Of every feed that a scheduler has seen, or of those among them."""
    statement = select(slots) if names is None else select(slots).where(slots.c.feed.in_(names))
    with reading(engine) as connection:
        return {row.feed: as_last(row) for row in connection.execute(statement)}


def last(engine: Engine, feed: str) -> Last | None:
    with reading(engine) as connection:
        row = connection.execute(select(slots).where(slots.c.feed == feed)).one_or_none()
    return None if row is None else as_last(row)


def begun(engine: Engine) -> dict[str, str]:
    """The feeds whose slot has not ended, and when it was begun: at work, cut short, or to be tried again."""
    open_still = (slots.c.begun_at.is_not(None), slots.c.ended_at.is_(None))
    with reading(engine) as connection:
        return {row.feed: row.begun_at for row in connection.execute(select(slots).where(*open_still))}


def met(engine: Engine, names: Sequence[str], now: str) -> None:
    """Note feeds that no scheduler has seen before: their times count from now on."""
    with writing(engine) as connection:
        maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        rows = [{"feed": name, "slot": now} for name in names]
        connection.execute(maker(slots).on_conflict_do_nothing(), rows)


def begin(engine: Engine, lease: Lease, feed: str, slot: str, now: str) -> None:
    """Note under the feed's lease that a slot is being run."""
    values = {"slot": slot, "begun_at": now, "ended_at": None, "outcome": None, "run_id": None}
    _change(engine, lease, feed, values)


def end(engine: Engine, lease: Lease, feed: str, slot: str, now: str, outcome: str, run: int | None) -> None:
    """Note how the run of the slot came out. One that nobody notes the end of is begun again.

    Nothing is noted where a newer one was begun meanwhile.
    """
    _change(engine, lease, feed, {"ended_at": now, "outcome": outcome, "run_id": run}, slots.c.slot == slot)


def paused(engine: Engine, now: str) -> set[str]:
    """The feeds that an operator's pause holds back at this time, and those that were retired."""
    lasts = feeds.c.paused_until.is_(None) | (feeds.c.paused_until > now)
    held = (feeds.c.paused_at.is_not(None) & lasts) | feeds.c.retired_at.is_not(None)
    with reading(engine) as connection:
        return set(connection.execute(select(feeds.c.name).where(held)).scalars())


def _change(engine: Engine, lease: Lease, feed: str, values: dict[str, Any], *where: ColumnElement[bool]) -> None:
    with writing(engine) as connection:
        leases.check(connection, lease)
        connection.execute(update(slots).where(slots.c.feed == feed, *where).values(values))


def as_last(row: Row[Any]) -> Last:
    """How a feed's slots stand, by its row."""
    return Last(datetime.fromisoformat(row.slot), row.begun_at is None or row.ended_at is not None)
