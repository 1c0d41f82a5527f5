"""`feeds pause` and `feeds resume`: an operator's pause. The definition's `enabled: false` always wins."""

from datetime import UTC, date, datetime, time

import click

from engine.cli import opening, projects
from engine.cli.settings import actor, command, settings, stamped, until
from engine.model import Feed
from engine.store import desk
from engine.store.journal import Journal
from engine.store.opening import Store
from engine.surface import OK


@command("pause", help="Keep a feed from running, by schedule or by hand. Its files stay on the server.")
@click.argument("feed", metavar="ID")
@click.option("--reason", required=True, help="Why; everybody sees it.")
@click.option("--until", "end", callback=until, metavar="WHEN", help="2022-12-01, a time, or 3d from now.")
def pause(feed: str, reason: str, end: str | None) -> int:
    wanted, engine = _opened(feed)
    stamp = end if end is None or "T" in end else _midnight(end, wanted)
    desk.pause(engine, wanted.id, reason, stamp, actor(), stamped())
    lasts = f" until {stamp[:16].replace('T', ' ')} UTC" if stamp else ""
    click.echo(f"paused {wanted.id}{lasts}: it is not run; its files stay where they are")
    return OK


@command("resume", help="Let a paused feed run again.")
@click.argument("feed", metavar="ID")
def resume(feed: str) -> int:
    wanted, engine = _opened(feed)
    if desk.resume(engine, wanted.id, actor(), stamped()):
        click.echo(f"resumed {wanted.id}: what waits is taken at its next run, or now: feeds run {wanted.id}")
    else:
        click.echo(f"{wanted.id} was not paused")
    if not wanted.enabled:
        click.echo(f"its definition says enabled: false ({wanted.path}): it still does not run", err=True)
    return OK


def _midnight(day: str, feed: Feed) -> str:
    """A day means its beginning where the dealer is; the store compares times."""
    begins = datetime.combine(date.fromisoformat(day), time(), feed.dealer.timezone)
    return begins.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _opened(name: str) -> tuple[Feed, Store]:
    where = settings()
    feed = projects.one_feed(projects.project(where), name)
    engine = opening.store(where)
    Journal(engine).register(feed)
    return feed, engine
