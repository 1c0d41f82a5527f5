"""The definitions of a command, and the feeds that it names."""

from collections.abc import Iterable
from pathlib import Path

import click

from engine.cli.settings import Settings
from engine.language.project import Project, load
from engine.language.words import nearest
from engine.model import Feed

PACKAGED = Path(__file__).resolve().parents[2] / "feeds"  # beside the engine, in a checkout and in a wheel


def project(settings: Settings) -> Project:
    """The definitions. A folder that is not there is a mistake, not an empty project."""
    folder = settings.feeds_dir
    if not folder.is_dir():
        raise click.UsageError(
            f"there is no folder {str(folder)!r} with definitions: say which with --feeds-dir (FEEDS_DIR), "
            "or make one with `feeds init`"
        )
    return load(folder, None if folder.resolve() == PACKAGED.resolve() else PACKAGED)


def one_feed(found: Project, name: str) -> Feed:
    """The feed of this id. Unknown: a usage error with the nearest; broken: where to look."""
    if name in found.feeds:
        return found.feeds[name]
    if name in found.made:
        raise click.ClickException(f"{name} has errors in its definition: `feeds validate` shows them")
    raise unknown("feed", name, found.made, "`feeds list` shows all")


def unknown(what: str, name: str, choices: Iterable[str], where: str) -> click.UsageError:
    """A name that is none, with the nearest that is one."""
    close = nearest(name, list(choices))
    offer = f"did you mean {close}?" if close else where
    return click.UsageError(f"there is no {what} {name!r}; {offer}")
