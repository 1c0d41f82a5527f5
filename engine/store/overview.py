"""The ledger as people read it: how feeds are, what runs did, which rows wait for a person. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, select

from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.search import printed
from engine.store.tables import breakers, cursors, deliveries, feeds, issues, quarantine, runs

_STRETCH = 1_000
WAITING = ("open", "fixed")  # what a person has still to deal with, or a run to take up


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an operator lets a feed run. Times as stored. How feeds are otherwise: `health.py`."""

    feed: str
    id: int
    paused_at: str | None
    paused_by: str | None
    paused_reason: str | None
    paused_until: str | None

    def is_paused(self, now: str) -> bool:
        """Whether an operator's pause holds at this time."""
        return self.paused_at is not None and (self.paused_until is None or self.paused_until > now)


def standings(engine: Engine) -> dict[str, Standing]:
    """Every feed the store has met, by its name."""
    with reading(engine) as connection:
        rows = connection.execute(select(feeds).order_by(feeds.c.name))
        return {
            row.name: Standing(row.name, row.id, row.paused_at, row.paused_by, row.paused_reason, row.paused_until)
            for row in rows
        }


# --- runs -----------------------------------------------------------------------------------


def runs_found(engine: Engine, feed: str | None = None, limit: int | None = 20) -> Iterator[dict[str, Any]]:
    """Runs, newest first; of one feed only those that had it, with its part of the report."""
    statement = select(runs).order_by(runs.c.id.desc())
    with reading(engine) as connection, connection.execution_options(yield_per=_STRETCH).execute(statement) as rows:
        given = 0
        for row in rows:
            parts = [one for one in (decoded(row.report) or {}).get("feeds", ()) if feed in (None, one["feed"])]
            if feed is not None and not parts:
                continue
            yield {**_run(row), "feeds": [one["feed"] for one in parts], **_sums(parts)}
            given += 1
            if given == limit:
                return


def run(engine: Engine, number: int) -> dict[str, Any] | None:
    """One run: its report, with the deliveries and issues as the ledger has them now."""
    with reading(engine) as connection:
        row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
        if row is None:
            return None
        parts = (decoded(row.report) or {}).get("feeds", [])
        found = (
            select(deliveries, feeds.c.name.label("feed"))
            .join(feeds, feeds.c.id == deliveries.c.feed_id)
            .where(deliveries.c.run_id == number)
            .order_by(deliveries.c.id)
        )
        noted = (
            select(issues, feeds.c.name.label("feed"))
            .outerjoin(feeds, feeds.c.id == issues.c.feed_id)
            .where(issues.c.run_id == number)
            .order_by(issues.c.id)
        )
        return {
            **_run(row),
            "feeds": parts,
            "deliveries": [_delivery(each) for each in connection.execute(found)],
            "issues": [_issue(each) for each in connection.execute(noted)],
        }


def delivery(engine: Engine, number: int) -> dict[str, Any] | None:
    """One delivery of the ledger."""
    statement = select(deliveries, feeds.c.name.label("feed")).join(feeds, feeds.c.id == deliveries.c.feed_id)
    with reading(engine) as connection:
        row = connection.execute(statement.where(deliveries.c.id == number)).one_or_none()
        return None if row is None else _delivery(row)


def _run(row: Row[Any]) -> dict[str, Any]:
    return {
        "run": row.id,
        "started": printed(row.started_at),
        "finished": printed(row.finished_at),
        "outcome": row.outcome or "unfinished",
    }


def _sums(parts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    names = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
    return {name: sum(part.get(name, 0) for part in parts) for name in names}


def _delivery(row: Row[Any]) -> dict[str, Any]:
    counts = decoded(row.counts) or {}
    return {
        "id": row.id,
        "feed": row.feed,
        "kind": row.kind,
        "parent": row.parent_id,
        "name": row.name,
        "state": row.state,
        "sha256": row.sha256,
        "bytes": row.size,
        "error": row.error,
        **{name: counts.get(name, 0) for name in ("read", *list(_sums([]))[1:])},
        "changed": printed(row.updated_at),
    }


def _issue(row: Row[Any]) -> dict[str, Any]:
    names = ("feed", "severity", "code", "message", "line", "field")
    return {name: getattr(row, name) for name in names}


# --- rows that wait -------------------------------------------------------------------------


def quarantined(
    engine: Engine,
    *,
    feed: str | None = None,
    run: int | None = None,
    code: str | None = None,
    states: Sequence[str] = WAITING,
    ids: Sequence[int] | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Quarantined rows, oldest first, each with the columns of the file it came in."""
    statement = (
        select(
            quarantine,
            feeds.c.name.label("feed"),
            deliveries.c.name.label("delivery"),
            deliveries.c.run_id.label("run"),
            deliveries.c.header,
        )
        .join(feeds, feeds.c.id == quarantine.c.feed_id)
        .outerjoin(deliveries, deliveries.c.id == quarantine.c.delivery_id)
        .order_by(quarantine.c.id)
    )
    if states:
        statement = statement.where(quarantine.c.state.in_(states))
    equal = ((feeds.c.name, feed), (deliveries.c.run_id, run), (quarantine.c.code, code))
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if ids is not None:
        statement = statement.where(quarantine.c.id.in_(ids))
    if limit is not None:
        statement = statement.limit(limit)
    with reading(engine) as connection, connection.execution_options(yield_per=_STRETCH).execute(statement) as rows:
        for row in rows:
            yield _quarantined(row)


def _quarantined(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "feed", "delivery", "line", "code", "field", "value", "message", "raw", "state", "run")
    return {
        **{name: getattr(row, name) for name in names},
        "fix": decoded(row.fix),
        "note": row.note,
        "actor": row.actor,
        "created": printed(row.created_at),
        "resolved": printed(row.resolved_at),
        "columns": columns_of(row.header),
    }


def columns_of(header: str | None) -> list[str] | None:
    """The columns of a file, None where its records have none."""
    found = decoded(header) if header and header.startswith("[") else None
    return found if isinstance(found, list) else None


# --- where a feed goes on -------------------------------------------------------------------


def state(engine: Engine, feed: str, login: str) -> dict[str, Any]:
    """What a feed remembers between runs: files it knows, cursors, and whether its login was refused."""
    with reading(engine) as connection:
        number = connection.execute(select(feeds.c.id).where(feeds.c.name == feed)).scalar_one_or_none()
        known = (
            select(deliveries, feeds.c.name.label("feed"))
            .join(feeds, feeds.c.id == deliveries.c.feed_id)
            .where(deliveries.c.feed_id == number, deliveries.c.kind == "file")
            .order_by(deliveries.c.id)
        )
        return {
            "feed": feed,
            "deliveries": [_delivery(row) for row in connection.execute(known)],
            "cursors": [
                {
                    "slice": row.slice,
                    "value": row.value,
                    "position": decoded(row.position),
                    "updated": printed(row.updated_at),
                }
                for row in connection.execute(
                    select(cursors).where(cursors.c.feed_id == number).order_by(cursors.c.slice)
                )
            ],
            "logins": [
                {"failures": row.failures, "until": printed(row.until), "message": row.message}
                for row in connection.execute(select(breakers).where(breakers.c.login == login))
            ],
        }
