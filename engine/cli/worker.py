"""`feeds worker`: run what `feeds scheduler run --executor queue` has queued, on this machine."""

import signal
from dataclasses import replace

import click

from engine import log
from engine.cli import opening
from engine.cli.known import Known
from engine.cli.settings import command, settings, stamped
from engine.scheduler.following import Following
from engine.surface import INTERRUPTED, OK


@command("worker", help="Run what the scheduler has queued, until SIGTERM or Ctrl-C; then finish what runs.")
@click.option("--concurrency", type=click.IntRange(1, 200), default=16, show_default=True, help="Jobs at a time.")
@click.option(
    "--heartbeat",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Seconds between signs of life.",
)
def worker(concurrency: int, heartbeat: float) -> int:
    try:
        from engine.executors.worker import Worker
    except ImportError as error:
        raise missing(error) from None
    where = settings()
    known = Known(where)
    note = log.to_stderr(lambda: known.secrets().known, where.log_level or "info", stamped)
    world = replace(opening.world(where, known.secrets()), note=note)
    made = Worker(world, Following(known.project, note), known.secrets, concurrency, heartbeat)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: made.stop())
    note("worker.started", {"concurrency": concurrency})
    left = made.run()
    note("worker.stopped", {"leftAtWork": left})
    return INTERRUPTED if left else OK


def missing(error: ImportError) -> click.ClickException:
    """What many machines need beside the rest, in our words."""
    return click.ClickException(f"many machines need the package {error.name}: pip install 'feeds[scale]'")
