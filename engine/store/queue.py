"""The queue of many machines: procrastinate's tables in PostgreSQL, in a schema of their own.

A job is feeds that are to be run one after the other, by their names and slots. Holds nothing that is not
in the ledger as well: a job that is lost is put again, and one that is run twice does nothing the second
time. Never decides what is due.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from procrastinate import sql
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as Deferred
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector
from sqlalchemy import Connection, Engine, bindparam, select, text, update

from engine.due import Last
from engine.errors import StoreError
from engine.store.database import lock_dealer, reading, writing
from engine.store.slots import as_last
from engine.store.tables import slots

_PLACE = "feeds_queue"  # the schema
_NAME = "feeds"  # the one queue in it, and the one task
_ALONE = -1  # no dealer's lock: one process at a time puts jobs
_TOLD = "interval '10 minutes'"  # in which every scheduler has seen what could not be run
_CONNECTOR = SyncPsycopgConnector()  # never opened: it asks on our connections
_VERSION = sha256(SchemaManager.get_schema().encode()).hexdigest()[:16]


class Job(NamedTuple):
    """`feeds` with the slots that they are to be run for; without one, for what waits for them."""

    number: int
    feeds: Mapping[str, str | None]


class Standing(NamedTuple):
    """The jobs that wait or are at work.

    `put_off` are, of jobs that are over, the feeds that could not be run, and whether they only have to wait.
    """

    live: Set[int]
    put_off: Mapping[int, Mapping[str, bool]]


class Wanted(NamedTuple):
    """A feed that is due for a slot, if its slots stand as they did `before`; without one, for what waits for it.

    Jobs of one `lock` never run side by side.
    """

    feed: str
    slot: str | None
    before: Last | None
    lock: str


# --- the tables ---------------------------------------------------------------------------------


def prepare(engine: Engine) -> None:
    """Make the queue where there is none. Raises StoreError where it cannot be, or is another version's."""
    if engine.dialect.name != "postgresql":
        raise StoreError(
            "many machines need PostgreSQL, and the database is SQLite, which serves one: "
            "set FEEDS_DATABASE_URL to postgresql://user@host/name, or run `feeds scheduler run` alone"
        )
    with writing(engine) as connection:
        lock_dealer(connection, _ALONE)
        found = _version(connection)
        if found is None:
            _make(connection)
        elif found != _VERSION:
            raise StoreError("the queue is of another version of procrastinate: stop the workers, `feeds db upgrade`")


def upgrade(engine: Engine) -> bool:
    """Make the queue anew where it is another version's; whether it was. What was in it is put again."""
    with writing(engine) as connection:
        lock_dealer(connection, _ALONE)
        if _version(connection) in (None, _VERSION):
            return False
        connection.execute(text(f"DROP SCHEMA {_PLACE} CASCADE"))
        _make(connection)
        return True


def _version(connection: Connection) -> str | None:
    found = text("SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = :name")
    return connection.execute(found, {"name": _PLACE}).scalar_one_or_none()


def _make(connection: Connection) -> None:
    connection.execute(text(f"CREATE SCHEMA {_PLACE}"))
    connection.execute(text(f"COMMENT ON SCHEMA {_PLACE} IS '{_VERSION}'"))
    _enter(connection)
    # By the driver's own cursor: a script of many statements takes no parameters.
    _driver(connection).execute(SchemaManager.get_schema())


# --- whoever puts jobs ----------------------------------------------------------------------------


def put(engine: Engine, wanted: Sequence[Wanted], now: str) -> dict[str, int]:
    """Note that these slots are begun and put jobs for them, in one transaction; the feeds that are in a job now.

    Left out is a feed whose slots have changed, and one behind whose lock a job waits already: it is to be
    asked for again. Of several processes that ask for the same, the first puts it, and all are told its job.
    """
    with _inside(engine) as connection:
        lock_dealer(connection, _ALONE)
        stands = {
            row.feed: as_last(row)
            for row in connection.execute(
                select(slots).where(slots.c.feed.in_([each.feed for each in wanted])).with_for_update()
            )
        }
        carried, locked = _carried(connection, stands)
        lots: dict[str, dict[str, str | None]] = {}
        for each in wanted:
            is_as_before = each.slot is None or stands.get(each.feed) == each.before
            if each.feed not in carried and each.lock not in locked and is_as_before:
                lots.setdefault(each.lock, {})[each.feed] = each.slot
        numbers = _put(connection, lots, now) if lots else []
        put = {feed: number for number, lot in zip(numbers, lots.values(), strict=True) for feed in lot}
    return put | {each.feed: carried[each.feed] for each in wanted if each.feed in carried}


def _carried(connection: Connection, stands: Mapping[str, Last]) -> tuple[dict[str, int], set[str]]:
    """Which feeds are in a job already, and behind which locks one waits.

    A job that is at work goes on with its other feeds after a feed's slot has ended.
    """
    live = text(f"SELECT id, status, lock, args FROM {_PLACE}.procrastinate_jobs WHERE status IN ('todo', 'doing')")
    carried, locked = {}, set()
    for row in connection.execute(live):
        waits = row.status == "todo"
        if waits:
            locked.add(row.lock)
        for feed, slot in row.args["feeds"].items():
            if waits or slot is None or (feed in stands and not stands[feed].has_ended):
                carried[feed] = row.id
    return carried, locked


def _put(connection: Connection, lots: Mapping[str, Mapping[str, str | None]], now: str) -> list[int]:
    begun = update(slots).where(slots.c.feed == bindparam("name"))
    begun = begun.values(slot=bindparam("at"), begun_at=now, ended_at=None, outcome=None, run_id=None)
    rows = [{"name": feed, "at": slot} for lot in lots.values() for feed, slot in lot.items() if slot is not None]
    if rows:
        connection.execute(begun, rows)
    jobs = [
        Deferred(id=None, queue=_NAME, lock=lock, queueing_lock=lock, task_name=_NAME, task_kwargs={"feeds": dict(lot)})
        for lock, lot in lots.items()
    ]
    with _driven():
        found = JobManager(_CONNECTOR).batch_defer_jobs(jobs, connection=_driver(connection))
    return [job.id for job in found if job.id is not None]


def standing(engine: Engine) -> Standing:
    with reading(engine) as connection:
        found = text(f"SELECT id, status, args -> 'putOff' AS put_off FROM {_PLACE}.procrastinate_jobs")
        rows = connection.execute(found).all()
    is_live = {row.id for row in rows if row.status in ("todo", "doing")}
    return Standing(is_live, {row.id: row.put_off for row in rows if row.put_off is not None})


def swept(engine: Engine, silence: float) -> list[str]:
    """Take away the jobs whose workers have said nothing for so many seconds; the feeds that were in them."""
    with _inside(engine) as connection:
        arguments = {"queue": None, "task_name": None, "seconds_since_heartbeat": silence}
        stalled = _asked(connection, "select_stalled_jobs_by_heartbeat", **arguments)
        _delete(connection, [row["id"] for row in stalled])
        _asked(connection, "prune_stalled_workers", seconds_since_heartbeat=silence)
        told = f"DELETE FROM {_PLACE}.procrastinate_jobs WHERE status = 'failed' AND scheduled_at < now() - {_TOLD}"
        connection.execute(text(told))
    return [feed for row in stalled for feed in row["args"]["feeds"]]


# --- whoever takes them -------------------------------------------------------------------------


def register(engine: Engine) -> int:
    """A number for a worker, which says from now on that it lives."""
    with _inside(engine) as connection:
        (row,) = _asked(connection, "register_worker")
        return int(row["worker_id"])


def beat(engine: Engine, worker: int) -> bool:
    """Say that it lives; False where it was taken for dead meanwhile, and needs a new number."""
    with writing(engine) as connection:
        statement = f"UPDATE {_PLACE}.procrastinate_workers SET last_heartbeat = now() WHERE id = :worker"
        return connection.execute(text(statement), {"worker": worker}).rowcount == 1


def leave(engine: Engine, worker: int) -> None:
    """It ends. A job that it has not finished counts as abandoned at once."""
    with _inside(engine) as connection:
        _asked(connection, "unregister_worker", worker_id=worker)


def take(engine: Engine, worker: int) -> Job | None:
    """The oldest job behind whose lock nobody is at work."""
    with _inside(engine) as connection:
        (row,) = _asked(connection, "fetch_job", queues=[_NAME], worker_id=worker)
    return None if row["id"] is None else Job(row["id"], row["args"]["feeds"])


def finish(engine: Engine, ended: Mapping[int, Mapping[str, bool]]) -> None:
    """These are over, with the feeds of each that could not be run, and whether those only have to wait."""
    failed = (
        f"UPDATE {_PLACE}.procrastinate_jobs SET status = 'failed', scheduled_at = now(), "
        "args = args || jsonb_build_object('putOff', CAST(:told AS jsonb)) WHERE id = :number AND status = 'doing'"
    )
    with _inside(engine) as connection:
        _delete(connection, [number for number, put_off in ended.items() if not put_off])
        for number, put_off in ended.items():
            if put_off:
                connection.execute(text(failed), {"number": number, "told": orjson.dumps(put_off).decode()})


# --- how to ask ---------------------------------------------------------------------------------


def _delete(connection: Connection, numbers: Iterable[int]) -> None:
    statement = text(f"DELETE FROM {_PLACE}.procrastinate_jobs WHERE id = ANY(:numbers)")
    connection.execute(statement, {"numbers": list(numbers)})


@contextmanager
def _inside(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as connection:
        _enter(connection)
        yield connection


def _enter(connection: Connection) -> None:
    """What procrastinate asks for is found there, until the transaction ends."""
    path = f"SELECT set_config('search_path', '{_PLACE},' || current_setting('search_path'), true)"
    connection.execute(text(path))


def _asked(connection: Connection, query: str, **arguments: Any) -> list[dict[str, Any]]:
    with _driven():
        return _CONNECTOR.execute_query_all_with_connection(_driver(connection), query=sql.queries[query], **arguments)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _driven() -> Iterator[None]:
    """The driver's own errors, by which the store tells what it cannot do."""
    try:
        yield
    except ConnectorException as error:
        raise (error.__cause__ or error.__context__ or error) from None
