"""Bringing a database to the shape this engine needs; never changes one behind its owner's back."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text

from engine.errors import StoreError
from engine.store.database import reading, writing

HEAD = "0001"  # the newest step in migrations/versions
_PLACE = Path(__file__).parent / "migrations"


def version(engine: Engine) -> str | None:
    """The step the database is at; None where it holds nothing of ours."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def prepare(engine: Engine) -> None:
    """Make the tables in an empty database; ask for `feeds db upgrade` where they are of another version."""
    found = version(engine)
    if found is None:
        upgrade(engine)
    elif found != HEAD:
        direction = "run `feeds db upgrade`" if found < HEAD else "install the newer engine that made it"
        raise StoreError(f"the database is at version {found}, this engine needs {HEAD}: {direction}")


def upgrade(engine: Engine) -> None:
    """Take all steps that are missing, in one transaction."""
    with writing(engine) as connection:
        command.upgrade(config(connection), "head")


def config(connection: object) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_PLACE))
    made.attributes["connection"] = connection
    return made
