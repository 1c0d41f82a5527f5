"""`feeds status`: how every feed is, in plain words, worst first to the eye."""

from datetime import datetime
from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.moments import age
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, now, settings, stamped
from engine.intake import inbox
from engine.intake.inbox import Inbox
from engine.model import Feed
from engine.store import overview
from engine.store.overview import Standing
from engine.store.search import printed
from engine.surface import OK, printable
from engine.visits import listening


@command("status", help="How every feed is, in plain words.")
@click.option("--dealer", help="Of this dealer.")
@formats("text", "json", "jsonl")
def status(dealer: str | None, form: str) -> int:
    where = settings()
    found = projects.project(where)
    store = opening.store(where) if opening.has_store(where) else None
    standings = overview.standings(store, stamped()) if store is not None else {}
    received = inbox.inbox(store, where.state_dir) if store is not None else None
    names = [name for name, made in found.made.items() if dealer in (None, made.dealer.name)]
    rows = [_row(name, found.feeds.get(name), standings.get(name), received) for name in names]
    if form != "text":
        listed(rows, form)
        return OK
    if not rows:
        talk("no feeds")
        return OK
    table(("feed", "state", "last run", "data age", "rows waiting"), [_line(row) for row in rows], ("rows waiting",))
    for row in rows:
        if row["why"]:
            click.echo(printable(f"{row['feed']}: {row['why']}"))
    return OK


def _row(name: str, feed: Feed | None, standing: Standing | None, received: Inbox | None) -> dict[str, Any]:
    word, why = _state(feed, standing)
    endpoints = listening.endpoints(feed) if feed is not None else ()
    hooks = received.counts(name, endpoints) if received is not None and endpoints else None
    if hooks and (waiting := hooks["waiting"]):
        told = "1 request waits" if waiting == 1 else f"{waiting} requests wait"
        why = "; ".join(filter(None, (why, f"{told} in the inbox for `feeds run {name}`")))
    return {
        "feed": name,
        "state": word,
        "why": why,
        "lastRun": None if standing is None else standing.last_run,
        "lastData": None if standing is None else printed(standing.last_data),
        "quarantined": 0 if standing is None else standing.quarantined,
        "unfinished": 0 if standing is None else standing.unfinished,
        **({} if hooks is None else {"hooks": dict(hooks)}),
    }


def _state(feed: Feed | None, standing: Standing | None) -> tuple[str, str]:
    """One word, and why it is so where that is not plain."""
    if feed is None:
        return "broken", "its definition has errors: `feeds validate` shows them"
    if not feed.enabled:
        return "disabled", feed.reason or "its definition says enabled: false"
    return ("new", "") if standing is None else _ran(feed, standing)


def _ran(feed: Feed, standing: Standing) -> tuple[str, str]:
    """Of a feed that may run and that the store has met."""
    if standing.is_paused(stamped()):
        until = f" until {standing.paused_until[:16]}" if standing.paused_until else ""
        return "paused", f"{standing.paused_reason} ({standing.paused_by}){until}"
    if standing.is_running:
        return "running", ""
    outcome = standing.last_run["outcome"] if standing.last_run else None
    if outcome in ("failed", "refused"):
        return str(outcome), f"`feeds runs show {standing.last_run['run'] if standing.last_run else ''}` says why"
    late = _lateness(feed, standing)
    if late:
        return late
    if standing.quarantined:
        return "partial", ""
    return ("new", "") if outcome is None else ("healthy", "")


def _lateness(feed: Feed, standing: Standing) -> tuple[str, str] | None:
    """Whether data is older than the definition allows."""
    if standing.last_data is None:
        return None
    seconds = (now() - datetime.fromisoformat(standing.last_data)).total_seconds()
    since = f"no data for {age(standing.last_data, now())}"
    if feed.guards.error_after is not None and seconds > feed.guards.error_after:
        return "stale", since
    if feed.guards.warn_after is not None and seconds > feed.guards.warn_after:
        return "late", since
    return None


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    last = row["lastRun"]
    ran = f"{last['at'][:16].replace('T', ' ')} ({last['read']})" if last else "never"
    return row["feed"], row["state"], ran, age(row["lastData"], now()), row["quarantined"]
