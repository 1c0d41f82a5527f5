"""`feeds replay`: sealed deliveries, or quarantined rows, imported once more. Fetches and removes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from engine import report as reporting
from engine.cli import opening, projects
from engine.cli.output import formats
from engine.cli.run import told
from engine.cli.settings import actor, command, settings, stamped
from engine.model import FeedReport, RunReport
from engine.replays import replay_delivery
from engine.replays import replay_rows as import_rows
from engine.store import desk, overview
from engine.store.journal import VANISHED
from engine.world import World


@command("replay", help="Import sealed deliveries again under the definition of today: of a run, or one by its id.")
@click.option("--run", "number", type=int, help="All deliveries of this run.")
@click.option("--delivery", type=int, help="This delivery; `feeds runs show` has its id.")
@formats("text", "json")
def replay(number: int | None, delivery: int | None, form: str) -> int:
    if (number is None) == (delivery is None):
        raise click.UsageError("say what: --run N or --delivery N")
    where = settings()
    found = projects.project(where)
    world = opening.world(where)
    wanted = _deliveries(world, number, delivery)
    if not wanted:
        raise click.ClickException("there is nothing to replay: that run stored no delivery")
    run = world.journal.begin_run(stamped())
    parts: dict[str, FeedReport] = {}
    for name, each in wanted:
        done = replay_delivery(projects.one_feed(found, name), each, world, run)
        _joined(parts, done)
        desk.noted(world.engine, actor(), stamped(), "delivery.replay", str(each), {"run": run})
    return _finished(run, list(parts.values()), world, form)


def _deliveries(world: World, number: int | None, delivery: int | None) -> list[tuple[str, int]]:
    """(feed, delivery) of what is to be replayed, in the order in which it came."""
    if number is not None:
        run = overview.run(world.engine, number)
        if run is None:
            raise click.ClickException(f"there is no run {number}; `feeds runs list` shows those there are")
        sealed = (each for each in run["deliveries"] if each["sha256"] and each["state"] != VANISHED)
        return [(each["feed"], each["id"]) for each in sealed if each["kind"] != "replay"]
    found = overview.delivery(world.engine, delivery or 0)
    if found is None:
        raise click.ClickException(f"there is no delivery {delivery}; `feeds runs show` has their ids")
    return [(found["feed"], found["id"])]


def replay_rows(rows: Sequence[Mapping[str, Any]], form: str) -> int:
    """Import quarantined rows again, those of each feed together; print the report."""
    where = settings()
    found = projects.project(where)
    world = opening.world(where)
    feeds = {row["feed"]: projects.one_feed(found, row["feed"]) for row in rows}
    run = world.journal.begin_run(stamped())
    reports = []
    for name, feed in feeds.items():
        numbers = [row["id"] for row in rows if row["feed"] == name]
        reports.append(import_rows(feed, numbers, world, run))
        for number in numbers:
            desk.noted(world.engine, actor(), stamped(), "quarantine.replay", str(number), {"run": run})
    return _finished(run, reports, world, form)


def _joined(parts: dict[str, FeedReport], done: FeedReport) -> None:
    """Several deliveries of one feed are one line of the report."""
    first = parts.setdefault(done.feed, done)
    if first is not done:
        first.deliveries += done.deliveries
        first.issues += done.issues
        first.seconds += done.seconds
        first.outcome = min(first.outcome, done.outcome, key=reporting.OUTCOMES.index)


def _finished(run: int, feeds: list[FeedReport], world: World, form: str) -> int:
    report = RunReport(run, world.clock.now(), feeds)
    issues = [issue for feed in feeds for issue in feed.issues]
    world.journal.finish_run(run, stamped(), reporting.outcome(report), reporting.plain(report), issues, is_replay=True)
    told(report, form)
    return reporting.exit_code(report)
