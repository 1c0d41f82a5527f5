"""`feeds serve`: take webhooks in, until it is told to stop."""

import socket

import click

from engine import log
from engine.cli import opening
from engine.cli.known import Known
from engine.cli.output import talk
from engine.cli.settings import command, now, settings, stamped
from engine.intake import inbox


@command("serve", help="Take webhooks in: each is on disk before its sender hears that we have it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--body-seconds", default=10.0, show_default=True, help="How long a request may take to arrive.")
def serve(host: str, port: int, body_seconds: float) -> int:
    try:
        from engine.web.hooks import Limits
        from engine.web.server import Receiver
    except ImportError as error:
        raise click.ClickException(f"`feeds serve` needs the package {error.name}: pip install 'feeds[web]'") from None
    where = settings()
    known = Known(where)
    note = log.to_stderr(lambda: known.secrets().known, where.log_level or "info", stamped)
    received = inbox.inbox(opening.store(where), where.state_dir)
    receiver = Receiver(received, known.project, known.secrets, now, note, Limits(body_seconds=body_seconds))
    count = receiver.look()
    listening = _listening(host, port)
    talk(f"listening on http://{host}:{listening.getsockname()[1]}, {count} endpoints below /hooks/; Ctrl-C ends")
    receiver.serve(listening)
    talk("stopped; every request that was acknowledged is in the inbox")
    return 0


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot listen on {host}, port {port}: {reason}; --port takes another") from None
