"""`feeds db upgrade`: bring the database to the shape this version needs."""

import click

from engine.cli import opening
from engine.cli.settings import command, settings
from engine.store import migrate, shape
from engine.surface import OK


@click.group("db", help="The database's own shape.")
def database() -> None:
    pass


@command("upgrade", database, help="Take every step that is missing, in one transaction. Make a backup first.")
def upgrade() -> int:
    engine = opening.database(settings())
    before = shape.version(engine)
    migrate.upgrade(engine)
    after = shape.version(engine)
    click.echo(f"at version {after} already" if before == after else f"from {before or 'an empty database'} to {after}")
    return OK
