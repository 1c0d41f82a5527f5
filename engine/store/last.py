"""What came of each feed last, one row a feed, so that nobody has to look through all runs for it.

Written inside the transactions of the ledger; never decides what it means (see `engine/health.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.habits import LOOKED_AT, Before
from engine.model import Tally
from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.tables import deliveries, feeds, last_runs

_UNSAID = ("paused", "locked")  # nothing was tried: what stood before still does
_BAD = ("failed", "refused")
_BAD_COLUMNS = ("bad_since", "bad_run", "bad_outcome", "bad_code")


def brought(connection: Connection, delivery: int, now: str, tally: Tally) -> None:
    """Note that data came. Of an API the same records again are none; of a file they show that the sender lives."""
    kinds = [*(["file"] if tally.read else []), *(["page", "hook", "nudge"] if _is_new(tally) else [])]
    if kinds:
        of = select(deliveries.c.feed_id).where(deliveries.c.id == delivery, deliveries.c.kind.in_(kinds))
        connection.execute(update(feeds).where(feeds.c.id == of.scalar_subquery()).values(data_at=now))


def _is_new(tally: Tally) -> bool:
    return bool(tally.inserted or tally.updated or tally.quarantined)


def before(engine: Engine, feed_id: int, but: int) -> list[Before]:
    """The files of a feed that were stored last, newest first."""
    columns = (deliveries.c.run_date, deliveries.c.counts, deliveries.c.header)
    statement = (
        select(*columns)
        .where(deliveries.c.feed_id == feed_id, deliveries.c.kind == "file", deliveries.c.id != but)
        .where(deliveries.c.state.in_(("stored", "done")))
        .order_by(deliveries.c.id.desc())
        .limit(LOOKED_AT)
    )
    with reading(engine) as connection:
        return [_before(row) for row in connection.execute(statement)]


def _before(row: Any) -> Before:
    header = decoded(row.header) if row.header and row.header.startswith("[") else None
    return Before(row.run_date, (decoded(row.counts) or {}).get("read", 0), tuple(header) if header else None)


def ran(connection: Connection, run: int, now: str, reports: Sequence[Mapping[str, Any]], is_replay: bool) -> None:
    """Note how a run came out, for each of its feeds.

    What is wrong stands until a run goes well. A refused delivery stands until another one is stored, for the
    next run leaves it alone and finds nothing; that a server cannot be reached is not mended by a replay.
    """
    said = {each["feed"]: each for each in reports if each["outcome"] not in _UNSAID}
    if not said:
        return
    numbers = connection.execute(select(feeds.c.name, feeds.c.id).where(feeds.c.name.in_(said))).all()
    ids = [row.id for row in numbers]
    before = {row.feed_id: row for row in connection.execute(select(last_runs).where(last_runs.c.feed_id.in_(ids)))}
    rows = [
        {
            "feed_id": row.id,
            "run_id": run,
            "at": now,
            "outcome": said[row.name]["outcome"],
            "read": said[row.name]["read"],
            "first_at": before[row.id].first_at if row.id in before else now,
            **_bad(before.get(row.id), run, now, said[row.name], is_replay),
        }
        for row in numbers
    ]
    if not rows:
        return
    maker = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(last_runs)
    changed = {name: maker.excluded[name] for name in rows[0] if name != "feed_id"}
    connection.execute(maker.on_conflict_do_update(index_elements=["feed_id"], set_=changed), rows)


def _bad(old: Row[Any] | None, run: int, now: str, report: Mapping[str, Any], is_replay: bool) -> dict[str, Any]:
    outcome, before = report["outcome"], old.bad_outcome if old is not None else None
    if old is not None and ((before == "failed" and is_replay) or (before == "refused" and outcome == "empty")):
        return {name: getattr(old, name) for name in _BAD_COLUMNS}
    if outcome not in _BAD:
        return dict.fromkeys(_BAD_COLUMNS)
    codes = [each["code"] for each in report["issues"] if each["severity"] == "error"]
    since = old.bad_since if old is not None and old.bad_since else now
    return dict(zip(_BAD_COLUMNS, (since, run, outcome, codes[-1] if codes else None), strict=True))
