"""The store and the world of a command: opened here, with the log and the secrets of the settings."""

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import click

from engine import log, tracing
from engine.cli.settings import Settings, stamped
from engine.language.secrets import Secrets
from engine.store import shape
from engine.store.opening import Store, opened
from engine.world import World, open_world

# Libraries that would write to stderr on their own, past the redactor; what they mean to say comes as an error.
_CHATTY = ("paramiko", "asyncssh", "urllib3")
_SILENT = logging.NullHandler()


def secrets(settings: Settings) -> Secrets:
    """The secrets; from now on no error of this command shows one."""
    kept = Secrets(os.environ, settings.secrets_file)
    _remembered(kept)
    return kept


def _remembered(kept: Secrets) -> None:
    click.get_current_context().find_root().obj["secrets"] = kept


def database(settings: Settings) -> Store:
    """The store as it is, perhaps without a table; closed when the command ends."""
    engine = opened(settings.database_url)
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def store(settings: Settings) -> Store:
    """The store, with its tables."""
    engine = database(settings)
    shape.prepare(engine)
    return engine


def has_store(settings: Settings) -> bool:
    """Whether there is anything to read yet: looking makes no database."""
    place = settings.database_url.removeprefix("sqlite:///")
    return place == settings.database_url or Path(place).exists()


def world(settings: Settings, kept: Secrets | None = None) -> World:
    """All that a run needs."""
    for library in _CHATTY:
        logging.getLogger(library).addHandler(_SILENT)
    opened(settings.database_url).dispose()  # says what is wrong with the URL in our words
    kept = kept or secrets(settings)
    _remembered(kept)
    made = open_world(settings.database_url, settings.state_dir, kept, fresh_tag=uuid4().hex[:8])
    click.get_current_context().call_on_close(made.engine.dispose)
    note = log.to_stderr(lambda: kept.known, _level(settings), stamped)
    return replace(made, note=note, span=tracing.asked(os.environ))


def _level(settings: Settings) -> str:
    """What the log tells, unless it was said: on a terminal there are a bar and a table already."""
    return settings.log_level or ("warning" if settings.quiet or sys.stderr.isatty() else "info")
