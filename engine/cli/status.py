"""`feeds status`: how every feed is, in plain words, worst first."""

from datetime import datetime
from typing import Any

import click

from engine.cli import opening
from engine.cli.moments import age
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, now, settings
from engine.cli.standing import filtered, next_run, stood
from engine.health import span
from engine.intake import inbox
from engine.intake.inbox import Inbox
from engine.language.project import Project
from engine.scheduler.standing import Standing
from engine.store import health as known
from engine.store.search import printed
from engine.surface import OK, printable
from engine.visits import listening
from engine.visits.abandoned import abandoned
from engine.world import stamp

_COLUMNS = ("feed", "state", "last run", "next run", "data age", "quar.")


@command("status", help="How every feed is, in plain words; the worst first.")
@filtered
@formats("text", "json", "jsonl")
def status(form: str, **filters: Any) -> int:
    where = settings()
    found, standings = stood(where, **filters)
    store = opening.store(where) if opening.has_store(where) else None
    received = inbox.inbox(store, where.state_dir) if store is not None else None
    unfinished = known.unfinished(store) if store is not None else {}
    rows = [_row(name, each, found, received, unfinished) for name, each in standings.items()]
    if received is not None and not any(filters.values()):
        _talk_of_abandoned(received, found)
    if form != "text":
        listed(rows, form)
        return OK
    if not rows:
        talk("no feeds")
        return OK
    table(_COLUMNS, [_line(row) for row in rows], ("quar.",))
    for row in rows:
        if row["why"]:
            click.echo(printable(f"{row['feed']}: {row['why']}"))
    return OK


def _row(
    name: str, standing: Standing, found: Project, received: Inbox | None, unfinished: dict[str, int]
) -> dict[str, Any]:
    health, facts = standing.health, standing.facts
    last = facts.last_run if facts is not None else None
    hooks = _hooks(name, standing, found, received)
    pause = facts.paused(now()) if facts is not None and health.state == "paused" else None
    held = (
        "files stay where they are until then" if pause is not None and not pause.reason.startswith("retired") else ""
    )
    why = "; ".join(filter(None, (health.sentence, held)))
    if hooks and (waiting := hooks["waiting"]):
        told = "1 request waits" if waiting == 1 else f"{waiting} requests wait"
        why = "; ".join(filter(None, (why, f"{told} in the inbox for `feeds run {name}`")))
    return {
        "feed": name,
        "state": health.state,
        "level": health.level,
        "since": _printed(health.since),
        "why": why,
        "running": standing.is_running,
        "lastRun": None
        if last is None
        else {"run": last.number, "at": _printed(last.at), "outcome": last.outcome, "read": last.read},
        "nextRun": next_run(standing),
        "lastData": _printed(facts.data_at if facts is not None else None),
        "quarantined": facts.quarantined if facts is not None else 0,
        "unfinished": unfinished.get(name, 0),
        **({} if hooks is None else {"hooks": dict(hooks)}),
    }


def _hooks(name: str, standing: Standing, found: Project, received: Inbox | None) -> Any:
    """Requests by their state, of a feed that listens."""
    if received is None or standing.plan is None or not standing.plan.hears:
        return None
    endpoints = listening.endpoints(found.feeds[name])
    return received.counts(name, endpoints) if endpoints else None


def _talk_of_abandoned(received: Inbox, found: Project) -> None:
    for each in abandoned(received, found):
        where = f"requests for {each.feed} wait since {each.since[:10]} at {each.endpoint}, where it does not listen"
        talk(f"{where}; they end {inbox.KEEP_DAYS} days after they came")


def _printed(moment: datetime | None) -> str | None:
    return None if moment is None else printed(stamp(moment))


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    last, coming = row["lastRun"], row["nextRun"]
    ran = f"{last['at'][:16].replace('T', ' ')} ({last['read']})" if last else "never"
    ahead = f"in {span(datetime.fromisoformat(coming) - now())}" if coming else "-"
    return (
        row["feed"],
        row["state"],
        "now" if row["running"] else ran,
        ahead,
        age(row["lastData"], now()),
        row["quarantined"],
    )
