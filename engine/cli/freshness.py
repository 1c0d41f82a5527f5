"""`feeds freshness`: how old each feed's newest data is, and how old its definition lets it grow. For cron and CI."""

from collections import Counter
from typing import Any

import click

from engine import health as judging
from engine.cli.moments import age
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, now, settings
from engine.cli.standing import filtered, stood
from engine.health import Health, span
from engine.scheduler.standing import Standing
from engine.store.search import printed
from engine.surface import OK, STALE, printable
from engine.world import stamp

_STALE = ("error", "warning")
_LEFT_ALONE = ("paused", "disabled")
_COLUMNS = ("feed", "freshness", "data age", "warning after", "error after")


@command("freshness", help="How old each feed's newest data is; exit code 5 where it is too old.")
@filtered
@click.option("--strict", is_flag=True, help="A warning counts as well.")
@click.option("--all", "everything", is_flag=True, help="In the text also those that are fresh.")
@formats("text", "json", "jsonl")
def freshness(strict: bool, everything: bool, form: str, **filters: Any) -> int:
    _, standings = stood(settings(), **filters)
    rows = [_row(name, each) for name, each in standings.items() if each.plan is not None]
    rows.sort(key=lambda row: ("error", "warning", "ok", "none").index(row["freshness"]))
    _tell(rows, form, everything)
    return STALE if any(row["freshness"] in (_STALE if strict else _STALE[:1]) for row in rows) else OK


def _tell(rows: list[dict[str, Any]], form: str, everything: bool) -> None:
    if form != "text":
        listed(rows, form)
        return
    shown = [row for row in rows if everything or row["freshness"] in _STALE]
    if shown:
        table(_COLUMNS, [_line(row) for row in shown])
    for row in shown:
        if row["why"]:
            click.echo(printable(f"{row['feed']}: {row['why']}"))
    counts = Counter("stale" if row["freshness"] in _STALE else row["freshness"] for row in rows)
    talk(f"{counts['stale']} stale, {counts['ok']} fresh, {counts['none']} without a limit, paused or disabled")


def _row(name: str, standing: Standing) -> dict[str, Any]:
    plan, facts = standing.plan, standing.facts
    assert plan is not None  # noqa: S101  (those without are left out)
    guards = plan.guards
    is_watched = (guards.warn_after, guards.error_after) != (None, None) and standing.health.state not in _LEFT_ALONE
    found: Health | None = judging.stale(facts, plan.expected, now()) if facts is not None and is_watched else None
    return {
        "feed": name,
        "freshness": found.level if found is not None else "ok" if is_watched else "none",
        "state": standing.health.state,
        "lastData": printed(stamp(facts.data_at)) if facts is not None and facts.data_at is not None else None,
        "warnAfter": guards.warn_after,
        "errorAfter": guards.error_after,
        "businessDays": list(guards.business_days),
        "since": printed(stamp(found.since)) if found is not None and found.since is not None else None,
        "why": found.sentence if found is not None else "",
    }


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    limits = (_span(row["warnAfter"]), _span(row["errorAfter"]))
    return row["feed"], row["freshness"], age(row["lastData"], now()), *limits


def _span(seconds: int | None) -> str:
    return "-" if seconds is None else span(seconds)
