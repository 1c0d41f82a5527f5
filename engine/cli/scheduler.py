"""`feeds scheduler`: when feeds run, and the process that runs them."""

import heapq
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click

from engine import due, log
from engine.cli import opening, projects, scheduler_status
from engine.cli.beating import beating, watched
from engine.cli.known import Known, measured, metrics_port, run_until_stopped
from engine.cli.output import as_json, formats, table, talk
from engine.cli.settings import Settings, command, now, settings, stamped
from engine.cli.worker import queued
from engine.executors.local import Local
from engine.language import values
from engine.language.project import Project
from engine.scheduler.following import Following
from engine.scheduler.plans import Planned, planned
from engine.store import overview
from engine.store.overview import Standing
from engine.surface import OK


@click.group("scheduler", help="Run feeds by their schedules.")
def scheduler() -> None:
    pass


@command("run", scheduler, help="Run every feed whose time has come, until SIGTERM or Ctrl-C; then finish what runs.")
@click.option(
    "--executor",
    type=click.Choice(["local", "queue"]),
    default="local",
    show_default=True,
    help="Where: on threads of this process, or by `feeds worker`, past one machine.",
)
@click.option(
    "--threads", type=click.IntRange(1, 200), default=16, show_default=True, help="Feeds at a time, where local."
)
@click.option("--per-login", type=click.IntRange(min=1), default=1, show_default=True, help="Of them at one login.")
@click.option(
    "--silence",
    type=click.FloatRange(min=0.5),
    default=30.0,
    show_default=True,
    help="Seconds after which a silent worker counts as dead.",
)
@metrics_port
def run(executor: str, threads: int, per_login: int, silence: float, metrics_port: int | None) -> int:
    where = settings()
    known = Known(where)
    note = log.to_stderr(lambda: known.secrets().known, where.log_level or "info", stamped)
    world = replace(opening.world(where, known.secrets()), note=note)
    following = Following(known.project, note)
    measured(following, world, metrics_port)
    if executor == "queue":
        made = queued(world, following, per_login, silence)
    else:
        made = Local(world, following, known.secrets, threads, per_login)
    watched(made, following, known, world)
    with beating("scheduler", made, world, {"executor": executor, "threads": threads}):
        return run_until_stopped("scheduler", made, note, {"executor": executor, "perLogin": per_login})


def _zone(context: click.Context, parameter: click.Parameter, value: str | None) -> ZoneInfo | None:
    try:
        return None if value is None else values.zone(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


class _Coming(NamedTuple):
    at: datetime
    plan: Planned


@command("next", scheduler, help="The times that come next, of all feeds or of those named.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="So many.")
@click.option("--zone", callback=_zone, help="Your time zone.  [default: this machine's]")
@formats("text", "json")
def coming(ids: tuple[str, ...], count: int, zone: ZoneInfo | None, form: str) -> int:
    where = settings()
    found = projects.project(where)
    for name in ids:
        projects.one_feed(found, name)
    plans = [planned(name, found.made[name]) for name in ids or found.feeds]
    standings = _standings(where)
    shown = list(islice(heapq.merge(*(_times(plan, standings.get(plan.feed)) for plan in plans), key=_order), count))
    if form == "json":
        as_json([_plain(each, zone) for each in shown])
        return OK
    if shown:
        rows = [(each.plan.feed, _wall(each.at, each.plan.zone), _wall(each.at, zone)) for each in shown]
        table(("feed", "dealer's time", "your time"), rows)
    for plan in plans:
        reason = _idle(plan, standings.get(plan.feed))
        if reason and ids:
            talk(f"{plan.feed}: {reason}")
    if not ids:
        _talk_of_others(found, bool(shown))
    return OK


def _order(each: _Coming) -> tuple[datetime, str]:
    return each.at, each.plan.feed


def _times(plan: Planned, standing: Standing | None) -> Iterator[_Coming]:
    """Its times from now on, or from the end of a pause on."""
    begin = now()
    if standing is not None and standing.is_paused(stamped()):
        if standing.paused_until is None:
            return
        begin = max(begin, datetime.fromisoformat(standing.paused_until))
    for at in due.times(plan.table, begin) if plan.table is not None else ():
        yield _Coming(at, plan)


def _standings(where: Settings) -> dict[str, Standing]:
    return overview.standings(opening.store(where)) if opening.has_store(where) else {}


def _idle(plan: Planned, standing: Standing | None) -> str:
    """Why a feed has no time, or a later one than its schedule says."""
    if not plan.is_enabled:
        return "its definition says enabled: false"
    if plan.table is None:
        return f"no schedule: `feeds run {plan.feed}` runs it, or the webhooks that it listens for"
    if standing is not None and standing.is_paused(stamped()):
        return f"paused{f' until {standing.paused_until[:16]}Z' if standing.paused_until else ''}"
    return ""


def _talk_of_others(found: Project, has_times: bool) -> None:
    if not has_times:
        talk("no feed has a time to run at: `schedule:` in a definition gives it one")
    broken = len(found.made) - len(found.feeds)
    if broken:
        talk(f"left out, for their definitions have errors (`feeds validate` shows them): {broken}")


def _wall(moment: datetime, zone: ZoneInfo | None) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def _plain(each: _Coming, zone: ZoneInfo | None) -> dict[str, str]:
    """For programs: the moment in UTC, and as clocks on the wall show it."""
    return {
        "feed": each.plan.feed,
        "at": each.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "dealerTime": each.at.astimezone(each.plan.zone).isoformat(),
        "yourTime": each.at.astimezone(zone).isoformat(),
    }


@command("status", scheduler, help="Whether a scheduler is at work: what runs, waits, is late, rests, comes next.")
@formats("text", "json")
def status(form: str) -> int:
    return scheduler_status.told(form)
