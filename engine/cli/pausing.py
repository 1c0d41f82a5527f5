"""`feeds pause` and `feeds resume`: an operator's pause. The definition's `enabled: false` always wins."""

from datetime import UTC, date, datetime, time

import click

from engine import due
from engine.cli import opening, projects
from engine.cli.output import paragraph, talk
from engine.cli.settings import Settings, actor, command, now, settings, stamped, until
from engine.intake import inbox
from engine.language.project import Project
from engine.model import Feed
from engine.scheduler.plans import planned
from engine.store import desk, retiring
from engine.store.journal import Journal
from engine.store.opening import Store
from engine.surface import OK
from engine.visits import listening
from transports import FILES


@command("pause", help="Keep a feed from running, by schedule or by hand; says what becomes of what comes meanwhile.")
@click.argument("feed", metavar="ID")
@click.option("--reason", required=True, help="Why; everybody sees it.")
@click.option("--until", "end", callback=until, metavar="WHEN", help="2022-12-01, a time, or 3d from now.")
def pause(feed: str, reason: str, end: str | None) -> int:
    where, _, wanted, engine = _opened(feed)
    found = retiring.state(engine, wanted.id)
    if found is not None and found.retired_at is not None:
        raise click.ClickException(f"{feed} was retired on {found.retired_at[:10]}: there is nothing to pause")
    stamp = end if end is None or "T" in end else _midnight(end, wanted)
    desk.pause(engine, wanted.id, reason, stamp, actor(), stamped())
    lasts = f" until {stamp[:16].replace('T', ' ')} UTC" if stamp else f", until `feeds resume {feed}`"
    click.echo(f"paused {wanted.id}{lasts}: it is not run, neither by schedule nor by hand")
    for line in _meanwhile(wanted, where, engine):
        paragraph(line)
    return OK


def _meanwhile(feed: Feed, where: Settings, engine: Store) -> list[str]:
    """What becomes of what comes while the feed is paused."""
    told = []
    if feed.transport["type"] in FILES:
        told.append(
            "Files stay where they are, those it shares with other feeds too, and are taken when it runs again."
        )
    elif feed.transport["type"] != "webhook":
        told.append("The API is not asked; when it runs again, it goes on from where it stood.")
    if listening.endpoints(feed):
        told.append(f"Webhooks are still taken in and held in the inbox: {_waiting(feed, where, engine)} wait now.")
    return told


def _waiting(feed: Feed, where: Settings, engine: Store) -> int:
    return int(inbox.inbox(engine, where.state_dir).counts(feed.id, listening.endpoints(feed))["waiting"])


@command("resume", help="Let a feed run again that was paused, or retired.")
@click.argument("feed", metavar="ID")
def resume(feed: str) -> int:
    where, project, wanted, engine = _opened(feed)
    was_retired = retiring.resume(engine, wanted.id, actor(), stamped())
    was_paused = desk.resume(engine, wanted.id, actor(), stamped())
    if was_retired:
        paragraph(
            f"{wanted.id} is no longer retired. What a purge removed stays removed, and files it knows stay known."
        )
    if was_retired or was_paused:
        click.echo(f"resumed {wanted.id}: {_ahead(project, wanted)}, or now: feeds run {wanted.id}")
        if listening.endpoints(wanted) and (waiting := _waiting(wanted, where, engine)):
            click.echo(f"requests that wait for it in the inbox: {waiting}")
    else:
        click.echo(f"{wanted.id} was not paused")
    if not wanted.enabled:
        talk(f"its definition says enabled: false ({wanted.path}): it still does not run")
    return OK


def _ahead(project: Project, feed: Feed) -> str:
    """When what has gathered is taken."""
    table = planned(feed.id, project.made[feed.id]).table
    coming = None if table is None else next(due.times(table, now()), None)
    if coming is None:
        return "what waits is taken at its next run"
    return f"what waits is taken at its next run, {coming.astimezone(feed.dealer.timezone):%a %Y-%m-%d %H:%M %Z}"


def _midnight(day: str, feed: Feed) -> str:
    """A day means its beginning where the dealer is; the store compares times."""
    begins = datetime.combine(date.fromisoformat(day), time(), feed.dealer.timezone)
    return begins.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _opened(name: str) -> tuple[Settings, Project, Feed, Store]:
    where = settings()
    found = projects.project(where)
    feed = projects.one_feed(found, name)
    engine = opening.store(where)
    Journal(engine).register(feed)
    return where, found, feed, engine
