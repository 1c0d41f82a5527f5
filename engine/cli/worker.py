"""`feeds worker`: run what `feeds scheduler run --executor queue` has queued, on this machine."""

from dataclasses import replace

import click

from engine import log
from engine.cli import opening
from engine.cli.beating import beating
from engine.cli.known import Known, measured, metrics_port, run_until_stopped
from engine.cli.settings import command, settings, stamped
from engine.executors.rounds import Executor
from engine.scheduler.following import Following
from engine.world import World


@command("worker", help="Run what the scheduler has queued, until SIGTERM or Ctrl-C; then finish what runs.")
@click.option("--concurrency", type=click.IntRange(1, 200), default=16, show_default=True, help="Jobs at a time.")
@click.option(
    "--heartbeat",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Seconds between signs of life.",
)
@metrics_port
def worker(concurrency: int, heartbeat: float, metrics_port: int | None) -> int:
    where = settings()
    known = Known(where)
    note = log.to_stderr(lambda: known.secrets().known, where.log_level or "info", stamped)
    world = replace(opening.world(where, known.secrets()), note=note)
    try:
        from engine.executors.worker import Worker
    except ImportError as error:
        raise _missing(error) from None
    following = Following(known.project, note)
    measured(following, world, metrics_port)
    made = Worker(world, following, known.secrets, concurrency, heartbeat)
    with beating("worker", made, world, {"threads": concurrency}):
        return run_until_stopped("worker", made, note, {"concurrency": concurrency})


def queued(world: World, following: Following, per_login: int, silence: float) -> Executor:
    """The scheduler whose feeds workers run."""
    try:
        from engine.executors.procrastinate import Queued
    except ImportError as error:
        raise _missing(error) from None
    return Queued(world, following, per_login, silence)


def _missing(error: ImportError) -> click.ClickException:
    return click.ClickException(f"many machines need the package {error.name}: pip install 'feeds[scale]'")
