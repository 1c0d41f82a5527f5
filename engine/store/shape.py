"""The shape of the store: made at once in an empty database, checked in any other.

Never changes a database that holds something: that is `feeds db upgrade`, see migrate.py. Kept
apart from it so that a run does not load Alembic.
"""

from datetime import datetime

from sqlalchemy import Engine, inspect, text

from engine.errors import StoreError
from engine.store.database import lock_dealer, reading, writing
from engine.store.tables import metadata

HEAD = "0011"  # the newest step in migrations/versions; a test holds it against tables.py


def version(engine: Engine) -> str | None:
    """The step the database is at; None where it holds nothing of ours."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def server(engine: Engine) -> str:
    """The database's own name and version."""
    with reading(engine) as connection:
        numbers = connection.dialect.server_version_info or ()
        return f"{connection.dialect.name} {'.'.join(map(str, numbers))}"


def clock(engine: Engine) -> datetime:
    """The time where the database is."""
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            return datetime.fromisoformat(connection.execute(text("SELECT datetime('now')")).scalar_one() + "+00:00")
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found


def prepare(engine: Engine) -> None:
    """Make the tables in an empty database; ask for `feeds db upgrade` where they are of another version."""
    found = version(engine)
    if found is None:
        with writing(engine) as connection:
            lock_dealer(connection, 0)  # no dealer's: two processes may come first at the same time
            if inspect(connection).has_table("alembic_version"):
                return
            metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    elif found != HEAD:
        direction = "run `feeds db upgrade`" if found < HEAD else "install the newer engine that made it"
        raise StoreError(f"the database is at version {found}, this engine needs {HEAD}: {direction}")
