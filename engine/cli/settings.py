"""What a command was told: flags, else the environment, else defaults. Opens nothing."""

import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.cli.moments import moment

_DEFAULTS = {"feeds_dir": "feeds", "database_url": "sqlite:///var/feeds.db", "state_dir": "var"}
_VARIABLES = {
    "feeds_dir": "FEEDS_DIR",
    "database_url": "FEEDS_DATABASE_URL",
    "state_dir": "FEEDS_STATE_DIR",
    "secrets_file": "FEEDS_SECRETS_FILE",
    "log_level": "FEEDS_LOG_LEVEL",
}
_FLAGS = ("quiet", "debug")


@dataclass(frozen=True, slots=True)
class Settings:
    feeds_dir: Path
    database_url: str
    state_dir: Path
    secrets_file: Path | None
    log_level: str | None
    quiet: bool


def settings() -> Settings:
    """The settings of the command that runs."""
    given: dict[str, Any] = click.get_current_context().find_root().obj or {}

    def of(name: str) -> str | None:
        return given.get(name) or os.environ.get(_VARIABLES[name]) or _DEFAULTS.get(name)

    file = of("secrets_file")
    return Settings(
        feeds_dir=Path(str(of("feeds_dir"))),
        database_url=str(of("database_url")),
        state_dir=Path(str(of("state_dir"))),
        secrets_file=Path(file) if file else None,
        log_level=of("log_level"),
        quiet=bool(given.get("quiet")),
    )


def command(
    name: str, group: click.Group | None = None, **options: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command that takes the settings behind its name as well as before it."""

    def made(function: Callable[..., Any]) -> click.Command:
        for each in _VARIABLES:
            function = _setting(each)(function)
        for each in _FLAGS:
            function = _setting(each, is_flag=True)(function)
        decorated: click.Command = click.command(name, cls=click.Command, **options)(function)
        if group is not None:
            group.add_command(decorated)
        return decorated

    return made


def _setting(name: str, **options: Any) -> Callable[[Any], Any]:
    flags = [f"--{name.replace('_', '-')}", *(["-q"] if name == "quiet" else [])]
    made: Callable[[Any], Any] = click.option(*flags, hidden=True, expose_value=False, callback=_kept, **options)
    return made


def _kept(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, False) and parameter.name:
        context.find_root().obj[parameter.name] = value


# --- what commands have in common -----------------------------------------------------------


def now() -> datetime:
    """The time of a command: the shell is where clocks are read."""
    return datetime.now(UTC)


def stamped() -> str:
    """The time as the store writes it."""
    return now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def actor() -> str:
    """Who does this, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def confirmed(question: str, yes: bool) -> None:
    """Go on, ask on a terminal, or refuse where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here: say --yes.")
    click.confirm(question, abort=True, err=True)


def when(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An option's time: a day (2022-01-28), a time (2022-01-28T14:00Z), or so long ago (7d)."""
    return _moment(value, -1, context, parameter)


def until(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The same, but `7d` is so long from now on."""
    return _moment(value, 1, context, parameter)


def _moment(value: str | None, sign: int, context: click.Context, parameter: click.Parameter) -> str | None:
    try:
        return None if value is None else moment(value, now(), sign)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """An option that is given as NAME=VALUE, several times."""
    found = {}
    for value in values:
        name, sign, rest = value.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"expected NAME=VALUE, found {value!r}", context, parameter)
        found[name] = rest
    return found
