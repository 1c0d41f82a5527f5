"""Taking a database from step to step with Alembic; only ever asked for by its owner."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from engine.store.database import writing

_PLACE = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Take all steps that are missing, in one transaction."""
    with writing(engine) as connection:
        command.upgrade(config(connection), "head")


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_PLACE))
    made.attributes["connection"] = connection
    return made
