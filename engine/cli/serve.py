"""`feeds serve`: take webhooks in, until it is told to stop."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import click

from engine import log
from engine.cli import folders, opening
from engine.cli.output import talk
from engine.cli.settings import Settings, command, now, settings, stamped
from engine.intake import inbox
from engine.language.project import Loader, Project
from engine.language.secrets import Secrets


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
    known = _Known(where)
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


class _Known:
    """The definitions and the secrets of a process that goes on: the same objects while nothing has changed."""

    def __init__(self, where: Settings) -> None:
        self.project: Callable[[], Project] = Loader(*folders.definitions(where)).load
        self._file = where.secrets_file
        self._stamp = _stamp(self._file)
        self._secrets = opening.secrets(where)
        self._told = click.get_current_context().find_root().obj  # by which errors are kept from showing a secret

    def secrets(self) -> Secrets:
        if (found := _stamp(self._file)) != self._stamp:
            self._stamp, self._secrets = found, Secrets(os.environ, self._file)
            self._told["secrets"] = self._secrets
        return self._secrets


def _stamp(file: Path | None) -> tuple[int, int] | None:
    try:
        return (file.stat().st_mtime_ns, file.stat().st_ino) if file is not None else None
    except OSError:
        return None
