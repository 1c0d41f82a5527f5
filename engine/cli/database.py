"""`feeds db upgrade`, `feeds db backup`: the shape that this version needs, and a copy while it is in use."""

from pathlib import Path

import click

from engine.cli import opening
from engine.cli.output import talk
from engine.cli.settings import command, settings
from engine.store import backup, migrate, shape
from engine.store.opening import Store
from engine.surface import OK


@click.group("db", help="The database itself: its shape, and copies of it.")
def database() -> None:
    pass


@command("upgrade", database, help="Take every step that is missing, in one transaction. Make a backup first.")
def upgrade() -> int:
    engine = opening.database(settings())
    before = shape.version(engine)
    migrate.upgrade(engine)
    after = shape.version(engine)
    _upgrade_queue(engine)
    click.echo(f"at version {after} already" if before == after else f"from {before or 'an empty database'} to {after}")
    return OK


@command("backup", database, help="A copy of a SQLite database, in FILE, while it is in use.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def copied(file: Path) -> int:
    where = settings()
    size = backup.copy(opening.database(where), file)
    click.echo(f"copied to {file}, {size} bytes; {where.state_dir} belongs to it: copy it now, after the database")
    return OK


def _upgrade_queue(engine: Store) -> None:
    """That of many machines, where there is one: made anew, since the scheduler puts again what was in it."""
    if engine.dialect.name != "postgresql":
        return
    try:
        from engine.store import queue
    except ImportError:
        return  # whoever has the package takes care of it
    if queue.upgrade(engine):
        talk("the queue is made anew for this version of procrastinate; start scheduler and workers again")
