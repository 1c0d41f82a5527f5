"""`feeds doctor`: what the product stands on here, one line each. Changes nothing but a file that it removes again."""

import platform
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats
from engine.cli.settings import Settings, command, now, settings
from engine.errors import FeedError
from engine.store import heartbeats, shape
from engine.surface import ERROR, OK, printable

_LIBRARIES = ("sqlalchemy", "paramiko", "requests", "orjson", "tzdata")
_EXTRAS = {  # extra: a module that comes with it
    "postgres": "psycopg",
    "scale": "procrastinate",
    "web": "starlette",
    "otel": "opentelemetry",
    "demo": "asyncssh",
}
_LITTLE = 1 << 30  # bytes: less than this, and a morning's files may not fit
_APART = 10.0  # seconds between two clocks that leases can live with

WELL, WARNING, WRONG = "ok", "warn", "fail"


class _Found(NamedTuple):
    what: str
    state: str
    told: str


@command(
    "doctor", help="What all of it stands on here: versions, database, folders, clock, definitions, secrets, disk."
)
@formats("text", "json")
def doctor(form: str) -> int:
    where = settings()
    found = [each for look in _LOOKS for each in _looked(look, where)]
    if form == "json":
        as_json([each._asdict() for each in found])
    else:
        for each in found:
            click.echo(printable(f"{each.state:<5} {each.what:<12} {each.told}"))
    return ERROR if any(each.state == WRONG for each in found) else OK


def _looked(look: Callable[[Settings], Iterator[_Found]], where: Settings) -> list[_Found]:
    """What a look finds; one that cannot be taken is a finding, and stops no other."""
    name = look.__name__.lstrip("_")
    try:
        return list(look(where))
    except (FeedError, OSError) as error:
        return [_Found(name, WRONG, str(error))]
    except click.ClickException as error:
        return [_Found(name, WRONG, error.format_message())]


def _versions(where: Settings) -> Iterator[_Found]:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    told = f"feeds {metadata.version('feeds')}, Python {platform.python_version()}, {platform.system()}; {libraries}"
    yield _Found("versions", WELL, told)


def _extras(where: Settings) -> Iterator[_Found]:
    there = [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    absent = [name for name in _EXTRAS if name not in there]
    told = f"installed: {', '.join(there) or 'none'}" + (f"; not installed: {', '.join(absent)}" if absent else "")
    yield _Found("extras", WELL, told)


def _database(where: Settings) -> Iterator[_Found]:
    if not opening.has_store(where):
        yield _Found("database", WELL, "not there yet: the first run makes it")
        return
    engine = opening.database(where)
    server, version = shape.server(engine), shape.version(engine)
    if version is None:
        yield _Found("database", WELL, f"{server}, empty yet: the first run makes the tables")
        return
    if version != shape.HEAD:
        then = "`feeds db upgrade`" if version < shape.HEAD else "a newer engine made it, install that one"
        told = f"{server}, at version {version}; this engine needs {shape.HEAD}: {then}"
        yield _Found("database", WRONG, told)
        return
    yield _Found("database", WELL, f"{server}, at version {version}")
    apart = abs((shape.clock(engine) - now()).total_seconds())
    word = WELL if apart < _APART else WRONG
    yield _Found("clock", word, f"{now():%Y-%m-%d %H:%M:%S} UTC, {apart:.0f} s from the database's")
    yield _scheduler(heartbeats.beats(engine, now()), now())


def _scheduler(beats: list[heartbeats.Beat], moment: datetime) -> _Found:
    alive = [f"{beat.role} {beat.pid} on {beat.host}" for beat in beats if beat.is_alive]
    if alive:
        return _Found("scheduler", WELL, ", ".join(alive))
    silent = f"silent for {(moment - beats[0].at).total_seconds():.0f} s" if beats else "none runs"
    return _Found("scheduler", WARNING, f"{silent}: `feeds scheduler run` runs feeds by their schedules")


def _folders(where: Settings) -> Iterator[_Found]:
    for folder in (where.state_dir, where.state_dir / "archive", where.state_dir / "inbox"):
        near = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        try:
            with TemporaryFile(dir=near):
                pass
        except OSError as error:
            yield _Found("folders", WRONG, f"{folder} cannot be written: {error.strerror or type(error).__name__}")
            return
    yield _Found("folders", WELL, f"{where.state_dir} can be written")


def _disk(where: Settings) -> Iterator[_Found]:
    folder = where.state_dir.absolute()
    free = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free
    told = f"{free / (1 << 30):.1f} GiB free for {where.state_dir}"
    yield _Found("disk", WELL if free >= _LITTLE else WRONG, told)


def _definitions(where: Settings) -> Iterator[_Found]:
    found = projects.project(where)
    errors = sum(finding.severity == "error" for finding in found.findings)
    told = f"{len(found.feeds)} feeds of {len(found.dealers)} dealers in {where.feeds_dir}"
    if errors:
        told += f"; mistakes: {errors}, `feeds validate` shows them"
    yield _Found("definitions", WRONG if errors else WELL, told)
    kept = opening.secrets(where)
    lacking = sorted({name for feed in found.feeds.values() if feed.enabled for name in kept.missing(feed)})
    told = f"without a value: {', '.join(lacking)}" if lacking else "each that an enabled feed names has a value"
    yield _Found("secrets", WRONG if lacking else WELL, told)
    if where.secrets_file is not None and _is_open_to_others(where.secrets_file):
        yield _Found("secrets", WRONG, f"{where.secrets_file} can be read by others: chmod 600")


def _is_open_to_others(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o077)


_LOOKS = (_versions, _extras, _database, _folders, _disk, _definitions)
