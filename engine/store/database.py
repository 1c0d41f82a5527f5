"""Opening the store: one engine per process, transactions that are durable when they return.

Knows both databases' ways to begin, lock and bulk-load; never knows what the rows mean.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from engine.errors import StoreError
from engine.store.in_turn import InTurn

_FEW = 500  # rows: below, any plan is quick
_GROWTH = 0.1  # of a table, since its statistics were taken
_LOCKS = 0x46454544  # our own kind of advisory lock, apart from other programs' in the same database
_NO_LIMIT = -1  # of connections: whoever starts threads says how many there are
_WRITER = "writer"  # the option of an engine that lets its threads write one after the other
BUSY_SECONDS = 60  # a SQLite writer waits this long for another; an import of a big file holds it that long


def connect(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`; opens nothing yet.

    SQLite: WAL, every commit on disk before it returns (a delete on a server depends on it).
    PostgreSQL: psycopg 3; a session that was set to asynchronous commit is set back.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            poolclass=QueuePool,
            max_overflow=_NO_LIMIT,
            execution_options={_WRITER: InTurn()},
        )
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"), json_deserializer=orjson.loads, max_overflow=_NO_LIMIT
        )
        event.listen(engine, "connect", _postgresql_connected)
        return engine
    raise StoreError(f"expected a database URL that begins with sqlite or postgresql, found {parsed.drivername!r}")


def _sqlite_connected(connection: Any, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own way never locks at the start
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA temp_store=MEMORY")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_connected(connection: Any, record: ConnectionPoolEntry) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET jit = off")  # compiling costs more than any statement here takes
    connection.commit()


def _turn(engine: Engine) -> AbstractContextManager[object]:
    """On SQLite the turn to write, among the threads of this process.

    Its own way of waiting is to try again now and then: of several threads that write much, one may
    never come in between, and gives up after BUSY_SECONDS.
    """
    turn: AbstractContextManager[object] = engine.get_execution_options().get(_WRITER, nullcontext())
    return turn


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; raises StoreError where the database cannot be reached."""
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except (DBAPIError, _driver_error(engine)) as error:
        raise _unusable(error, engine) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits at the end of the block, durable when it returns, or not at all."""
    try:
        with _turn(engine), engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection
    except (DBAPIError, _driver_error(engine)) as error:
        raise _unusable(error, engine) from error


@contextmanager
def undone(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes and is rolled back at the end of the block, however that ends."""
    try:
        with _turn(engine), engine.connect().execution_options(writes=True) as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()
    except (DBAPIError, _driver_error(engine)) as error:
        raise _unusable(error, engine) from error


@contextmanager
def inside(connection: Connection) -> Iterator[Connection]:
    """A part of the caller's transaction: kept in it at the end of the block, or undone alone where that raises."""
    try:
        with connection.begin_nested():
            yield connection
    except (DBAPIError, _driver_error(connection.engine)) as error:
        raise _unusable(error, connection.engine) from error


def refresh_statistics(engine: Engine, inserted: int) -> None:
    """Tell the planner how the tables have grown, where that is by much since it last looked.

    Without statistics PostgreSQL believes that any index of a table finds one row, takes the
    smallest, and walks all of a dealer's activities for each key that is looked up.
    """
    if inserted < _FEW:
        return
    with writing(engine) as connection:
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
            connection.exec_driver_sql("ANALYZE")
            return
        counted = "SELECT reltuples FROM pg_class WHERE oid = 'activities'::regclass"
        if inserted > float(connection.exec_driver_sql(counted).scalar_one()) * _GROWTH:
            connection.exec_driver_sql("ANALYZE contacts, contact_keys, vehicles, activities")


def lock_dealer(connection: Connection, dealer_id: int) -> None:
    """Let one import of a dealer write at a time, until the transaction ends.

    Two feeds of one dealer may bring the same person or the same activity; whoever comes second
    must see what the first has written. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCKS}, {int(dealer_id)})")


def _driver_error(engine: Engine) -> type[Exception]:
    """What the driver raises where we use its own connection."""
    error: type[Exception] = engine.dialect.loaded_dbapi.Error
    return error


def _unusable(error: Exception, engine: Engine) -> StoreError:
    """In our words: neither the statement nor the driver's details may show, they hold customers' data."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state, text = getattr(cause, "sqlstate", None), str(cause).splitlines()
    reason = f"{type(cause).__name__} {state}" if state or not text else text[0]
    where = f"{engine.url.database} on {engine.url.host}" if engine.url.host else str(engine.url.database)
    return StoreError(f"the database {where} could not do it ({reason}); nothing of this step was kept")


# Named here for those above, who never speak to the database themselves.
__all__ = [
    "Connection",
    "Engine",
    "connect",
    "inside",
    "lock_dealer",
    "reading",
    "refresh_statistics",
    "undone",
    "writing",
]
