"""What all runs of a feed come to: sums that stay when the runs themselves are forgotten.

Written inside the transactions of the ledger, so that no run and no row is counted twice, whoever counts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Tally
from engine.store.database import reading
from engine.store.tables import deliveries, feeds, totals

OUTCOMES = ("inserted", "updated", "unchanged", "filtered", "quarantined")
_SUMS = ("runs", "seconds", "read", *OUTCOMES)
_NOTHING = dict.fromkeys(_SUMS, 0)
_SUCCEEDED = ("ok", "partial", "empty")


@dataclass(frozen=True, slots=True)
class Total:
    """Of one feed. `data_at` is when data came last, `succeeded_at` the end of the last run that did not fail."""

    feed: str
    id: int
    sums: Mapping[str, float]
    succeeded_at: str | None
    data_at: str | None


def counted(connection: Connection, delivery: int, tally: Tally) -> None:
    """Add what became of the rows of a delivery that is stored."""
    found = {name: getattr(tally, name) for name in ("read", *OUTCOMES)}
    if found["read"]:
        feed = connection.execute(select(deliveries.c.feed_id).where(deliveries.c.id == delivery)).scalar_one()
        _add(connection, [{**_NOTHING, **found, "feed_id": feed, "succeeded_at": None}])


def ran(connection: Connection, now: str, reports: Sequence[Mapping[str, Any]]) -> None:
    """Add a run, for each of its feeds that it was not withheld from."""
    said = {each["feed"]: each for each in reports if each["outcome"] not in ("paused", "locked")}
    if not said:
        return
    numbers = connection.execute(select(feeds.c.id, feeds.c.name).where(feeds.c.name.in_(said))).all()
    rows = [
        {
            **_NOTHING,
            "feed_id": row.id,
            "runs": 1,
            "seconds": said[row.name]["seconds"],
            "succeeded_at": now if said[row.name]["outcome"] in _SUCCEEDED else None,
        }
        for row in numbers
    ]
    if rows:
        _add(connection, rows)


def _add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    maker = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(totals)
    changed: dict[str, Any] = {name: totals.c[name] + maker.excluded[name] for name in _SUMS}
    changed["succeeded_at"] = func.coalesce(maker.excluded.succeeded_at, totals.c.succeeded_at)
    connection.execute(maker.on_conflict_do_update(index_elements=["feed_id"], set_=changed), list(rows))


def known(engine: Engine) -> list[Total]:
    """Of every feed that the store has met and that was not ended."""
    statement = (
        select(feeds.c.name, feeds.c.id, feeds.c.data_at, totals)
        .outerjoin(totals, totals.c.feed_id == feeds.c.id)
        .where(feeds.c.retired_at.is_(None))
        .order_by(feeds.c.name)
    )
    with reading(engine) as connection:
        return [
            Total(row.name, row.id, {name: getattr(row, name) or 0 for name in _SUMS}, row.succeeded_at, row.data_at)
            for row in connection.execute(statement)
        ]
