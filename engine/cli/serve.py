"""`feeds serve`: take webhooks in, until it is told to stop."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import click

from engine import log
from engine.cli import opening
from engine.cli.known import Known
from engine.cli.output import talk
from engine.cli.settings import command, now, settings, stamped
from engine.scheduler.following import Following
from engine.store import retiring

METRICS_LABELS = ("names", "ids", "none")
_LABELS = "What /metrics calls feeds: at 10,000 of them `none` keeps it small."


@command("serve", help="Take webhooks in: each is on disk before its sender hears that we have it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--body-seconds", default=10.0, show_default=True, help="How long a request may take to arrive.")
@click.option("--metrics-labels", type=click.Choice(METRICS_LABELS), default="names", show_default=True, help=_LABELS)
@click.option("--open-metrics", is_flag=True, help="Give /metrics to other machines too.")
def serve(host: str, port: int, body_seconds: float, metrics_labels: str, open_metrics: bool) -> int:
    try:
        from engine.cli.measuring import metrics
        from engine.web.hooks import Limits
        from engine.web.readiness import Readiness
        from engine.web.replies import Replies
        from engine.web.server import Receiver, Watched
    except ImportError as error:
        raise click.ClickException(f"`feeds serve` needs the package {error.name}: pip install 'feeds[web]'") from None
    where = settings()
    known = Known(where)
    note = log.to_stderr(lambda: known.secrets().known, where.log_level or "info", stamped)
    world = replace(opening.world(where, known.secrets()), note=note)
    engine, received = world.engine, world.inbox
    watched = Watched(
        metrics(Following(known.project, _silent), engine, received, metrics_labels),
        Readiness(engine, received, known.project, now, note),
        note,
        open_metrics,
    )
    limits, ended = Limits(body_seconds=body_seconds), partial(retiring.retired, engine)
    receiver = Receiver(received, known.project, known.secrets, now, note, limits, ended, watched)
    receiver.hooks.replies = Replies(world)
    count = receiver.look()
    listening = _listening(host, port)
    talk(f"listening on http://{host}:{listening.getsockname()[1]}, {count} endpoints below /hooks/; Ctrl-C ends")
    receiver.serve(listening)
    talk("stopped; every request that was acknowledged is in the inbox")
    return 0


def _silent(event: str, details: Mapping[str, object]) -> None:
    """What is wrong with definitions is told once, by the receiver."""


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot listen on {host}, port {port}: {reason}; --port takes another") from None
