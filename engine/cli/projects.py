"""The definitions of a command, and the feeds that it names."""

from collections.abc import Iterable

import click

from engine.cli import folders
from engine.cli.folders import PACKAGED
from engine.cli.settings import Settings
from engine.language.project import Project, load, load_named
from engine.language.words import nearest
from engine.model import Feed

__all__ = ["PACKAGED", "everything", "one_feed", "project", "unknown"]


def project(settings: Settings) -> Project:
    """The project's definitions, and of those that ship what they name."""
    return load_named(*folders.definitions(settings))


def everything(settings: Settings) -> Project:
    """The project's definitions and all that ship."""
    return load(*folders.definitions(settings))


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
