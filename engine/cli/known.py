"""The definitions and the secrets of a process that goes on: the same objects while nothing has changed."""

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from engine.cli import folders, opening
from engine.cli.settings import Settings
from engine.errors import DefinitionError
from engine.executors.rounds import Executor
from engine.language.project import Loader, Project
from engine.language.secrets import Secrets
from engine.log import Note
from engine.scheduler.following import Following
from engine.surface import INTERRUPTED, OK
from engine.world import World

metrics_port = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Answer /metrics there, for this machine alone."
)


class Known:
    def __init__(self, where: Settings) -> None:
        self._folder, packaged = folders.definitions(where)
        self._loader = Loader(self._folder, packaged)
        self._reading = threading.Lock()  # several threads of `feeds serve` ask
        self._file = where.secrets_file
        self._stamp = _stamp(self._file)
        self._secrets = opening.secrets(where)
        self._told = click.get_current_context().find_root().obj  # by which errors are kept from showing a secret

    def project(self) -> Project:
        """Raises DefinitionError while the folder is away: that is no project without feeds."""
        if not self._folder.is_dir():
            raise DefinitionError(f"the folder {self._folder} with the definitions is gone; what was known goes on")
        with self._reading:
            return self._loader.load()

    def secrets(self) -> Secrets:
        if (found := _stamp(self._file)) != self._stamp:
            self._stamp, self._secrets = found, Secrets(os.environ, self._file)
            self._told["secrets"] = self._secrets
        return self._secrets


def measured(following: Following, world: World, port: int | None) -> None:
    """Answer `/metrics` beside the work, where a port was given for it."""
    if port is None:
        return
    try:
        from engine.cli.measuring import served
    except ImportError as error:
        raise click.ClickException(f"--metrics-port needs the package {error.name}: pip install 'feeds[web]'") from None
    try:
        served(following, world.engine, world.inbox, port)
    except OSError as error:
        raise click.ClickException(f"cannot answer /metrics on port {port}: {error.strerror or error}") from None


def _stamp(file: Path | None) -> tuple[int, int] | None:
    try:
        return (file.stat().st_mtime_ns, file.stat().st_ino) if file is not None else None
    except OSError:
        return None


def run_until_stopped(role: str, executor: Executor, note: Note, details: Mapping[str, object]) -> int:
    """Go on until SIGTERM or Ctrl-C, and then as the executor ends; the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: executor.stop())
    note(f"{role}.started", details)
    left = executor.run()
    note(f"{role}.stopped", {"leftAtWork": left})
    return INTERRUPTED if left else OK
