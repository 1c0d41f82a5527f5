"""The ledger: which delivery is where in its life, which run did it, what a listing saw.

A delivery's states, each with what the next run does if the process dies in it:

    taking    noted, perhaps claimed on the far side        fetch it (again)
    sealed    our copy is whole and on disk                 import it from there
    stored    its rows are committed                        dispose of the remote file
    done      nothing is left to do                         nothing
    refused   a guard or its format kept it out             nothing, until file or definition change
    vanished  the file went away before we had it           nothing
    notMine   another feed's file, by its columns           nothing

Rows and `stored` become true in one transaction; everything else is one small transaction each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import orjson
from sqlalchemy import Connection, Engine, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Feed, Issue, Tally
from engine.store import last, leases, totals
from engine.store.database import lock_dealer, reading, writing
from engine.store.leases import Lease
from engine.store.tables import (
    activities,
    breakers,
    dealers,
    deliveries,
    feeds,
    installation,
    issues,
    quarantine,
    runs,
    sightings,
)

TAKING, SEALED, STORED, DONE = "taking", "sealed", "stored", "done"
REFUSED, VANISHED, NOT_MINE = "refused", "vanished", "notMine"
OPEN = (TAKING, SEALED, STORED)
FILE, PAGE, HOOK, NUDGE = "file", "page", "hook", "nudge"  # kinds of deliveries, beside "replay" and "trial"
ENVELOPED = (PAGE, HOOK, NUDGE)  # sealed with what belongs to them; nothing of them is left to be removed


@dataclass(frozen=True, slots=True)
class Registered:
    """A feed as the store knows it. `paused` is an operator's reason, None while it may run.

    `retired` is when it was ended for good.
    """

    id: int
    dealer_id: int
    paused: str | None
    paused_until: str | None
    retired: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery in the ledger."""

    id: int
    feed_id: int
    kind: str
    parent_id: int | None
    source: str
    name: str
    size: int | None
    modified: float | None
    claim: str | None
    sha256: str | None
    state: str
    error_code: str | None
    mapping_hash: str | None
    run_date: str | None
    run_now: str | None
    checkpoint: int | None
    counts: Mapping[str, int] | None
    header: str | None
    progress: Any

    def is_same_file(self, name: str, size: int | None, modified: float | None) -> bool:
        return (self.name, self.size, self.modified) == (name, size, modified)


_ENTRY = [deliveries.c[name] for name in Entry.__slots__]
_MARKING = update(deliveries).where(deliveries.c.id == bindparam("delivery"))


def _entry(row: Any) -> Entry:
    values = dict(row._mapping)
    for name in ("counts", "progress"):
        values[name] = orjson.loads(values[name]) if isinstance(values[name], str) else values[name]
    return Entry(**values)


class Journal:
    """The ledger of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lease: Lease | None = None

    def under(self, lease: Lease) -> Self:
        """The same ledger, whose deliveries are changed only while the lease is held: else LeaseLost."""
        fenced = copy(self)
        fenced._lease = lease
        return fenced

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with writing(self._engine) as connection:
            if self._lease is not None:
                # Whoever was stopped past its lease finds its deliveries in another's hands.
                leases.check(connection, self._lease)
            yield connection

    def tag(self, fresh: str) -> str:
        """This installation's name in claims; `fresh` becomes it where there is none yet."""
        with reading(self._engine) as connection:
            found = connection.execute(select(installation.c.tag)).scalar_one_or_none()
        if found is not None:
            return str(found)
        with writing(self._engine) as connection:
            lock_dealer(connection, 0)  # no dealer's: two processes may come first at the same time
            found = connection.execute(select(installation.c.tag)).scalar_one_or_none()
            if found is None:
                connection.execute(insert(installation).values(tag=fresh))
        return str(found or fresh)

    # --- feeds and runs ---------------------------------------------------------------------

    def register(self, feed: Feed) -> Registered:
        """Note the dealer and the feed as they are defined now; writes only what has changed."""
        found = self._registered(feed)
        if found is not None:
            return found
        with writing(self._engine) as connection:
            dealer = {"title": feed.dealer.title, "timezone": feed.dealer.timezone.key}
            dealer_id = _upserted(connection, dealers, {"name": feed.dealer.name}, dealer)
            values = {"dealer_id": dealer_id, **_described(feed)}
            _upserted(connection, feeds, {"name": feed.id}, values)
        again = self._registered(feed)
        assert again is not None  # noqa: S101  (it was just written)
        return again

    def _registered(self, feed: Feed) -> Registered | None:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(feeds, dealers.c.title, dealers.c.timezone)
                .join(dealers, dealers.c.id == feeds.c.dealer_id)
                .where(feeds.c.name == feed.id)
            ).one_or_none()
        if row is None or (row.title, row.timezone) != (feed.dealer.title, feed.dealer.timezone.key):
            return None
        described = _described(feed)
        stored = {name: getattr(row, name) for name in described}
        stored["excluded"] = stored["excluded"] if isinstance(stored["excluded"], str) else _json(stored["excluded"])
        if stored != described | {"excluded": _json(list(feed.excluded))}:
            return None
        paused = (row.paused_reason or "paused") if row.paused_at is not None else None
        return Registered(row.id, row.dealer_id, paused, row.paused_until, row.retired_at)

    def begin_run(self, now: str) -> int:
        with writing(self._engine) as connection:
            return _inserted(connection, runs, {"started_at": now})

    def finish_run(
        self,
        run: int,
        now: str,
        outcome: str,
        report: Mapping[str, Any],
        found: Sequence[Issue],
        is_replay: bool = False,
    ) -> None:
        with writing(self._engine) as connection:
            values = {"finished_at": now, "outcome": outcome, "report": _storable(connection, report)}
            connection.execute(update(runs).where(runs.c.id == run).values(values))
            last.ran(connection, run, now, report["feeds"], is_replay)
            totals.ran(connection, now, report["feeds"])
            named = select(feeds.c.id, feeds.c.name).where(feeds.c.name.in_({issue.feed for issue in found}))
            names = {row.name: row.id for row in connection.execute(named)}
            rows = [
                {
                    "run_id": run,
                    "feed_id": names.get(issue.feed or ""),
                    "code": issue.code,
                    "severity": issue.severity,
                    "message": issue.message,
                    "line": issue.line,
                    "field": issue.field,
                    "at": now,
                }
                for issue in found
            ]
            if rows:
                connection.execute(insert(issues), rows)

    # --- deliveries -------------------------------------------------------------------------

    def known(self, feed_id: int, source: str, names: Iterable[str]) -> dict[str, list[Entry]]:
        """What this feed has had under each of these names, oldest first."""
        wanted = sorted(set(names))
        found: dict[str, list[Entry]] = {}
        with reading(self._engine) as connection:
            for start in range(0, len(wanted), 500):
                statement = (
                    select(*_ENTRY)
                    .where(deliveries.c.feed_id == feed_id, deliveries.c.source == source)
                    .where(deliveries.c.name.in_(wanted[start : start + 500]), deliveries.c.kind == "file")
                    .order_by(deliveries.c.id)
                )
                for entry in map(_entry, connection.execute(statement)):
                    found.setdefault(entry.name, []).append(entry)
        return found

    def unfinished(self, feed_id: int) -> list[Entry]:
        """Deliveries that an earlier run left on their way, oldest first."""
        with reading(self._engine) as connection:
            statement = select(*_ENTRY).where(deliveries.c.feed_id == feed_id, deliveries.c.state.in_(OPEN))
            return [_entry(row) for row in connection.execute(statement.order_by(deliveries.c.id))]

    def delivery(self, number: int) -> Entry | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(*_ENTRY).where(deliveries.c.id == number)).one_or_none()
        return None if row is None else _entry(row)

    def open(self, now: str, **columns: Any) -> Entry:
        """Note a new delivery."""
        with self._changing() as connection:
            return noted(connection, now, **columns)

    def mark(self, number: int, now: str, **columns: Any) -> None:
        """Change a delivery in a transaction of its own."""
        with self._changing() as connection:
            mark(connection, number, now, **columns)

    def refused_before(self, feed_id: int, sha256: str, mapping_hash: str) -> Entry | None:
        """The delivery of the same bytes that this very definition has refused already."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(*_ENTRY)
                .where(deliveries.c.feed_id == feed_id, deliveries.c.sha256 == sha256)
                .where(deliveries.c.state == REFUSED, deliveries.c.mapping_hash == mapping_hash)
                .limit(1)
            ).one_or_none()
        return None if row is None else _entry(row)

    def same_content(self, feed_id: int, sha256: str, but: int) -> Entry | None:
        """Another delivery of the same bytes that was stored."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(*_ENTRY)
                .where(deliveries.c.feed_id == feed_id, deliveries.c.sha256 == sha256, deliveries.c.id != but)
                .where(deliveries.c.state.in_((STORED, DONE)), deliveries.c.kind == "file")
                .order_by(deliveries.c.id.desc())
                .limit(1)
            ).one_or_none()
        return None if row is None else _entry(row)

    def rows_before(self, feed_id: int, but: int, count: int) -> list[int]:
        """Rows read by the last `count` files that were stored."""
        with reading(self._engine) as connection:
            statement = (
                select(*_ENTRY)
                .where(deliveries.c.feed_id == feed_id, deliveries.c.kind == "file", deliveries.c.id != but)
                .where(deliveries.c.state.in_((STORED, DONE)))
                .order_by(deliveries.c.id.desc())
                .limit(count)
            )
            return [(entry.counts or {}).get("read", 0) for entry in map(_entry, connection.execute(statement))]

    def sharing(self, source: str, name: str) -> list[Entry]:
        """The deliveries of every feed that reads this file."""
        with reading(self._engine) as connection:
            statement = select(*_ENTRY).where(deliveries.c.source == source, deliveries.c.name == name)
            return [_entry(row) for row in connection.execute(statement.order_by(deliveries.c.id))]

    def archived(self, among: Sequence[str], before: str) -> list[str]:
        """Which of these sealed copies no delivery needs any more: all settled before that time."""
        settled = func.max(deliveries.c.updated_at) < before
        busy = func.max(case((deliveries.c.state.in_(OPEN), 1), else_=0)) == 0
        of = deliveries.c.sha256
        with reading(self._engine) as connection:
            statement = select(of).where(of.in_(among)).group_by(of).having(settled, busy)
            return [row.sha256 for row in connection.execute(statement)]

    def forget_raw(self, before: str) -> None:
        """Drop the text of quarantined rows that were dealt with before that time; the reason stays."""
        done = (quarantine.c.resolved_at < before, quarantine.c.raw.is_not(None))
        with reading(self._engine) as connection:
            found = [row.id for row in connection.execute(select(quarantine.c.id).where(*done).limit(10_000))]
        if found:
            with writing(self._engine) as connection:
                values = {"raw": None, "value": None, "fix": None}
                connection.execute(update(quarantine).where(quarantine.c.id.in_(found)).values(values))

    def held_too_long(self, feed_id: int, before: str) -> int:
        """Activities of this feed that wait for another since before that time."""
        waiting = (activities.c.feed_id == feed_id, activities.c.waits_for.is_not(None))
        with reading(self._engine) as connection:
            statement = select(func.count()).select_from(activities).where(*waiting, activities.c.created_at < before)
            return int(connection.execute(statement).scalar_one())

    # --- what listings saw, and logins that were refused ------------------------------------

    def seen(
        self, feed_id: int, source: str, now: str, files: Sequence[tuple[str, int | None, float | None]]
    ) -> dict[str, str]:
        """{name: since when it has looked like this}; forgets what is no longer there."""
        with self._changing() as connection:
            where = (sightings.c.feed_id == feed_id, sightings.c.source == source)
            before = {row.name: row for row in connection.execute(select(sightings).where(*where))}
            since = {}
            for name, size, modified in files:
                old = before.pop(name, None)
                same = old is not None and (old.size, old.modified) == (size, modified)
                since[name] = old.since if old is not None and same else now
                values = {"size": size, "modified": modified, "since": since[name]}
                if not same:
                    key = {"feed_id": feed_id, "source": source, "name": name}
                    if old is None:
                        connection.execute(insert(sightings).values(**key, **values))
                    else:
                        connection.execute(update(sightings).where(*where, sightings.c.name == name).values(values))
            for name in before:
                connection.execute(delete(sightings).where(*where, sightings.c.name == name))
            return since

    def login_refused_until(self, login: str, now: str) -> tuple[str, str] | None:
        """(until, message) while a refused login must not be tried again."""
        with reading(self._engine) as connection:
            row = connection.execute(select(breakers).where(breakers.c.login == login)).one_or_none()
        return (row.until, row.message) if row is not None and row.until > now else None

    def login_refused(self, login: str, message: str, until_after: Mapping[int, str]) -> str:
        """Note a refusal; `until_after` gives the end of the pause by how often it was refused."""
        with writing(self._engine) as connection:
            row = connection.execute(select(breakers.c.failures).where(breakers.c.login == login)).one_or_none()
            failures = 1 + (row.failures if row is not None else 0)
            until = until_after[min(failures, max(until_after))]
            _upserted(
                connection, breakers, {"login": login}, {"failures": failures, "until": until, "message": message}
            )
            return until

    def login_worked(self, login: str) -> None:
        with reading(self._engine) as connection:
            if connection.execute(select(breakers.c.login).where(breakers.c.login == login)).one_or_none() is None:
                return
        with writing(self._engine) as connection:
            connection.execute(delete(breakers).where(breakers.c.login == login))


def noted(connection: Connection, now: str, **columns: Any) -> Entry:
    """Note a new delivery inside the caller's transaction."""
    values = {"attempts": 0, "created_at": now, "updated_at": now, **columns}
    number = _inserted(connection, deliveries, values)
    known: dict[str, Any] = {name: values.get(name) for name in Entry.__slots__}
    return Entry(**{**known, "id": number})


def mark(connection: Connection, number: int, now: str, **columns: Any) -> None:
    """Change a delivery inside the caller's transaction."""
    if isinstance(columns.get("counts"), Tally):
        if columns.get("state") in (STORED, DONE):
            last.brought(connection, number, now, columns["counts"])
            totals.counted(connection, number, columns["counts"])
        columns["counts"] = _storable(connection, counted(columns["counts"]))
    if "progress" in columns:
        columns["progress"] = _storable(connection, columns["progress"])
    connection.execute(_MARKING, {"delivery": number, "updated_at": now, **columns})


def counted(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in Tally.__slots__}


def _described(feed: Feed) -> dict[str, str]:
    return {
        "definition": feed.definition,
        "namespace": feed.namespace,
        "mapping_hash": feed.mapping_hash,
        "excluded": _json(list(feed.excluded)),
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _storable(connection: Connection, value: Any) -> Any:
    """A JSON column takes text on SQLite and a value on PostgreSQL."""
    return _json(value) if connection.dialect.name == "sqlite" and value is not None else value


def _inserted(connection: Connection, table: Any, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(table).returning(table.c.id), values).scalar_one())


def _upserted(connection: Connection, table: Any, key: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Insert or update by a unique column; its id where the table has one."""
    if connection.dialect.name != "sqlite" and "excluded" in values:
        values = {**values, "excluded": orjson.loads(values["excluded"])}
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=dict(values))
    first = next(iter(table.primary_key.columns))
    return connection.execute(statement.returning(first)).scalar_one()  # type: ignore[no-any-return]
