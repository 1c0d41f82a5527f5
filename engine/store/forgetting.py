"""Forgetting runs, so that feeds which find nothing, hour after hour, leave no heap behind.

What anybody's data points at stays: deliveries that brought something, and the runs they came in; so does the
newest run of each feed. What all runs come to is kept in sums (`totals.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, bindparam, text

from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.journal import DONE, PAGE, VANISHED

# Long enough for "did it run over the weekend?"; then a run that found nothing has nothing more to say.
EMPTY_RUNS = timedelta(days=3)
# An answer without a record: longer than its sealed copy is kept, which is found by it.
EMPTY_PAGES = timedelta(days=10)
# What was wrong in detail, as long as the text of quarantined rows. Counts and outcomes stay.
DETAILS = timedelta(days=90)
CHUNK = 500  # rows of one transaction
MOST = 400  # transactions of one sweep; the next one goes on

_EMPTY, _FRUITLESS = ("empty", "paused", "locked"), ("failed", "refused")
_NEWEST = """
    SELECT run_id FROM last_runs UNION SELECT bad_run FROM last_runs WHERE bad_run IS NOT NULL
    UNION SELECT run_id FROM slots WHERE run_id IS NOT NULL"""
_RUNS = f"""
    SELECT r.id FROM runs r WHERE {{outcome}} AND r.started_at < :before AND r.id > :after AND r.id NOT IN ({_NEWEST})
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM issues i WHERE i.run_id = r.id) ORDER BY r.id LIMIT {CHUNK}"""
# Nothing came of a page without a record, so nothing points at it.
_PAGES = f"""
    SELECT d.id FROM runs r JOIN deliveries d ON d.run_id = r.id
    WHERE r.outcome = 'empty' AND r.started_at < :before AND d.updated_at < :before AND d.id > :after
    AND d.kind = '{PAGE}' AND d.state IN ('{DONE}', '{VANISHED}') AND {{read}} = 0 AND r.id NOT IN ({_NEWEST})
    ORDER BY d.id LIMIT {CHUNK}"""
_READ = {
    "sqlite": "COALESCE(json_extract(d.counts, '$.read'), 0)",
    "postgresql": "COALESCE(CAST(d.counts->>'read' AS bigint), 0)",
}
_ISSUES = f"SELECT i.id FROM issues i WHERE i.at < :before AND i.id > :after ORDER BY i.id LIMIT {CHUNK}"
_REPLIES = (
    f"SELECT id FROM replies WHERE payload IS NOT NULL AND at < :before AND id > :after ORDER BY id LIMIT {CHUNK}"
)
_IN_FULL = f"SELECT id FROM runs WHERE brief IS NULL AND started_at < :before AND id > :after ORDER BY id LIMIT {CHUNK}"


@dataclass(frozen=True, slots=True)
class _Heap:
    """Rows whose time is over after `kept`: `found` picks their ids, `removed` does away with them."""

    name: str
    kept: timedelta
    found: str
    removed: Callable[[Connection, Sequence[int]], None]


def _deleting(table: str) -> Callable[[Connection, Sequence[int]], None]:
    statement = text(f"DELETE FROM {table} WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))

    def removed(connection: Connection, ids: Sequence[int]) -> None:
        connection.execute(statement, {"ids": ids})

    return removed


def _shortened(connection: Connection, ids: Sequence[int]) -> None:
    """Leave of the reports how each feed came out, where something came."""
    asked = text("SELECT id, report FROM runs WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
    brief = [
        {"run": row.id, "report": orjson.dumps(_brief(decoded(row.report) or {})).decode()}
        for row in connection.execute(asked, {"ids": ids})
    ]
    kind = "text" if connection.dialect.name == "sqlite" else "jsonb"
    connection.execute(text(f"UPDATE runs SET brief = 1, report = CAST(:report AS {kind}) WHERE id = :run"), brief)


def _unanswered(connection: Connection, ids: Sequence[int]) -> None:
    """Leave of replies what stood in them once: that is not said again."""
    blanked = text("UPDATE replies SET payload = NULL WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
    connection.execute(blanked, {"ids": ids})


def _brief(report: Mapping[str, Any]) -> dict[str, Any]:
    parts = [each for each in report.get("feeds", ()) if each.get("outcome") not in _EMPTY]
    return {**report, "feeds": [{**each, "deliveries": [], "issues": []} for each in parts]}


def _heaps(dialect: str) -> Iterator[_Heap]:
    """In this order: a run goes once nothing points at it."""
    yield _Heap("pages", EMPTY_PAGES, _PAGES.format(read=_READ[dialect]), _deleting("deliveries"))
    yield _Heap("issues", DETAILS, _ISSUES, _deleting("issues"))
    for outcomes, kept in ((_EMPTY, EMPTY_RUNS), (_FRUITLESS, DETAILS)):
        for each in outcomes:
            yield _Heap("runs", kept, _RUNS.format(outcome=f"r.outcome = '{each}'"), _deleting("runs"))
    # Of a process that was killed, or of one that is still at it.
    yield _Heap("runs", DETAILS, _RUNS.format(outcome="r.outcome IS NULL"), _deleting("runs"))
    yield _Heap("details", DETAILS, _IN_FULL, _shortened)
    yield _Heap("replies", DETAILS, _REPLIES, _unanswered)


def forget(engine: Engine, now: datetime) -> dict[str, int]:
    """Remove what has rested for as long as it is kept, in small transactions; how many of each kind."""
    found: dict[str, int] = {}
    left = MOST
    for heap in _heaps(engine.dialect.name):
        before, after = (now - heap.kept).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), 0
        while left and (ids := _ids(engine, heap.found, {"before": before, "after": after})):
            with writing(engine) as connection:
                heap.removed(connection, ids)
            found[heap.name] = found.get(heap.name, 0) + len(ids)
            left, after = left - 1, ids[-1]
    return found


def _ids(engine: Engine, statement: str, values: Mapping[str, Any]) -> list[int]:
    with reading(engine) as connection:
        return list(connection.execute(text(statement), values).scalars())
