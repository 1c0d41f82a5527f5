"""`feeds plan ID`: what a run would do to contacts, vehicles, activities and files, before anything is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from engine import planning
from engine import report as reporting
from engine.cli import opening, projects
from engine.cli.output import as_json, formats, paragraph
from engine.cli.progress import showing
from engine.cli.settings import command, settings
from engine.effect import ActivityChange, Effect
from engine.intake.planned import Plan
from engine.model import DeliveryReport, RunReport, Tally, Value
from engine.surface import printable

FOLDER = "plans"  # in the state directory
_SHOWN = 5  # changed activities of one file, in text
_LONGEST = 40  # characters of a value
_STATES = {"trial": "", "notMine": "not this feed's", "refused": "REFUSED"}
_ACTIONS = {
    "leave": "stays where it is",
    "remove": "removed from the server, once its rows are stored",
    "removeWhenAllHaveIt": "removed from the server, once every feed that shares it has it",
}


@command("plan", help="What a run of this feed would do. Stores, claims and removes nothing.")
@click.argument("feed", metavar="ID")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan there.")
@formats("text", "json")
def plan(feed: str, out: Path | None, form: str) -> int:
    where = settings()
    found = projects.project(where)
    wanted = projects.one_feed(found, feed)
    with showing(quiet=where.quiet) as progress:
        world = replace(opening.world(where), progress=progress)
        report, made = planning.plan_feed(wanted, world, tuple(found.feeds.values()))
    saved = None
    if made is not None:
        saved = out or planning.kept(made, where.state_dir / FOLDER)
        planning.save(made, saved)
    if form == "json":
        as_json(_plain(report, made, saved))
    else:
        _told(report, made, out)
    return reporting.exit_code(report)


# --- for programs ----------------------------------------------------------------------------


def _plain(report: RunReport, made: Plan | None, saved: Path | None) -> dict[str, Any]:
    (feed,) = report.feeds
    run = reporting.plain_feed(feed)
    return {
        "plan": None if made is None else made.id,
        "saved": None if saved is None else str(saved),
        "feed": feed.feed,
        "outcome": feed.outcome,
        **{name: run[name] for name in reporting.COUNTS},
        "contacts": run["contacts"],
        "files": [_file(each, shown) for each, shown in zip(feed.deliveries, run["deliveries"], strict=True)],
        "issues": run["issues"],
    }


def _file(one: DeliveryReport, shown: Mapping[str, Any]) -> dict[str, Any]:
    effect = one.effect or Effect(action="")
    return {
        "name": one.name,
        "state": one.state,
        "sha256": one.sha256 or None,
        "bytes": one.bytes,
        "modified": effect.modified,
        **{name: shown[name] for name in (*reporting.COUNTS, "contacts")},
        "vehicles": {"created": effect.vehicles_created},
        "activities": {
            "inserted": one.tally.activities_inserted,
            "updated": effect.activities_changed,
            "unchanged": effect.activities_unchanged,
            "held": one.tally.held,
        },
        "quarantine": dict(effect.codes),
        "changes": [_change(each) for each in effect.changes],
        "file": {"action": effect.action or None, "folder": effect.folder},
    }


def _change(change: ActivityChange) -> dict[str, Any]:
    values = {name: list(pair) for name, pair in change.values.items()}
    return {"type": change.type, "key": change.key, "line": change.line, "changes": values}


# --- for people ------------------------------------------------------------------------------


def _told(report: RunReport, made: Plan | None, out: Path | None) -> None:
    (feed,) = report.feeds
    if not feed.deliveries and not feed.issues:
        click.echo("nothing waits: a run would do nothing")
    for one in feed.deliveries:
        for line in _lines(one):
            click.echo(printable(line))
    for line in reporting.issue_lines(report):
        paragraph(printable(line))
    if made is not None:
        name = made.id if out is None else str(out)
        paragraph(f"plan {made.id} saved: feeds run --plan {name} does this and nothing else, or refuses")


def _lines(one: DeliveryReport) -> Iterator[str]:
    """A file in a few lines, none longer than 80 characters where its names are not."""
    yield f"{one.name}  {one.bytes} bytes  {_STATES.get(one.state, one.state)}".rstrip()
    tally, effect = one.tally, one.effect or Effect(action="")
    if one.state != "trial":
        yield from ["  file        stays where it is"] if effect.action else []
        return
    yield f"  {reporting.identity(tally)}"
    yield f"  contacts    {_contacts(tally)}"
    if effect.vehicles_created:
        yield f"  vehicles    +{effect.vehicles_created} new"
    held = f"   {tally.held} wait for another" if tally.held else ""
    yield (
        f"  activities  +{tally.activities_inserted} new   ~{effect.activities_changed} changed   "
        f"={effect.activities_unchanged} unchanged{held}"
    )
    for change in effect.changes[:_SHOWN]:
        yield f"    ~ {change.type} {change.key} (line {change.line})"
        for name, (old, new) in change.values.items():
            yield f"        {name}: {_value(old)} -> {_value(new)}"
    if effect.activities_changed > _SHOWN:
        yield f"    ... and {effect.activities_changed - _SHOWN} more changed"
    if effect.codes:
        yield f"  quarantine  {', '.join(f'{code} {count}' for code, count in effect.codes.items())}"
    if effect.action:
        yield f"  file        {f'moved to {effect.folder}' if effect.action == 'move' else _ACTIONS[effect.action]}"


def _contacts(tally: Tally) -> str:
    review = f"   {tally.contacts_review} may be known already" if tally.contacts_review else ""
    return (
        f"+{tally.contacts_created} new   ~{tally.contacts_updated} changed   {tally.contacts_matched} matched{review}"
    )


def _value(value: Value) -> str:
    text = "(blank)" if value is None else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
