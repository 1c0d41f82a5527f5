"""The ledger as people read it: how feeds are, what runs did, which rows wait for a person. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, select

from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.journal import DONE, OPEN, STORED
from engine.store.leases import process_started, this_process
from engine.store.search import printed
from engine.store.tables import breakers, cursors, deliveries, feeds, issues, leases, quarantine, runs

_STRETCH = 1_000
_RUNS_BACK = 500  # how far a feed's last run is looked for
WAITING = ("open", "fixed")  # what a person has still to deal with, or a run to take up


@dataclass(frozen=True, slots=True)
class Standing:
    """How one feed stands in the store. Times as stored, None where there is none yet."""

    feed: str
    id: int
    paused_at: str | None
    paused_by: str | None
    paused_reason: str | None
    paused_until: str | None
    last_data: str | None = None  # when its last file was stored
    unfinished: int = 0  # deliveries on their way
    quarantined: int = 0  # rows that wait
    is_running: bool = False
    last_run: Mapping[str, Any] | None = None  # {run, at, outcome, read}

    def is_paused(self, now: str) -> bool:
        """Whether an operator's pause holds at this time."""
        return self.paused_at is not None and (self.paused_until is None or self.paused_until > now)


def standings(engine: Engine, now: str, history: bool = True) -> dict[str, Standing]:
    """Every feed the store has met, by its name. Without `history` only what a listing needs."""
    with reading(engine) as connection:
        rows = connection.execute(select(feeds).order_by(feeds.c.name)).all()
        if not history:
            return {row.name: Standing(row.name, row.id, *_pause(row)) for row in rows}
        stored = select(deliveries.c.feed_id, func.max(deliveries.c.updated_at))
        stored = stored.where(deliveries.c.state.in_((STORED, DONE))).group_by(deliveries.c.feed_id)
        last_data = _pairs(connection, stored)
        unfinished = _counts(connection, deliveries.c.feed_id, deliveries.c.state.in_(OPEN))
        waiting = _counts(connection, quarantine.c.feed_id, quarantine.c.state.in_(WAITING))
        held = connection.execute(select(leases).where(leases.c.host.is_not(None))).all()
        running = {row.name for row in held if _is_alive(row, now)}
        last = _last_runs(connection, {row.name for row in rows})
        return {
            row.name: Standing(
                row.name,
                row.id,
                *_pause(row),
                last_data.get(row.id),
                unfinished.get(row.id, 0),
                waiting.get(row.id, 0),
                row.name in running,
                last.get(row.name),
            )
            for row in rows
        }


def _is_alive(row: Row[Any], now: str) -> bool:
    """Whether the owner of a lease may still be at work; one that was killed here is not."""
    if row.host == this_process().host:
        return bool(process_started(row.pid) == row.process_started)
    return bool(row.expires_at > now)


def _pause(row: Row[Any]) -> tuple[str | None, str | None, str | None, str | None]:
    return row.paused_at, row.paused_by, row.paused_reason, row.paused_until


def _pairs(connection: Connection, statement: Select[Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in connection.execute(statement)}


def _counts(connection: Connection, by: Any, condition: Any) -> dict[int, int]:
    return _pairs(connection, select(by, func.count()).where(condition).group_by(by))


def _last_runs(connection: Connection, names: set[str]) -> dict[str, dict[str, Any]]:
    """Of each feed the newest run that had it."""
    found: dict[str, dict[str, Any]] = {}
    statement = select(runs).where(runs.c.finished_at.is_not(None)).order_by(runs.c.id.desc()).limit(_RUNS_BACK)
    for row in connection.execute(statement):
        for feed in (decoded(row.report) or {}).get("feeds", ()):
            if feed["feed"] in names and feed["feed"] not in found:
                found[feed["feed"]] = {
                    "run": row.id,
                    "at": printed(row.finished_at),
                    "outcome": feed["outcome"],
                    "read": feed["read"],
                }
        if len(found) == len(names):
            break
    return found


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
