"""`feeds activities search`: what happened, found by type, dealer, time, contact or any field."""

from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, settings, until, when
from engine.store.search import Query, activities_found
from engine.store.where import WhereError
from engine.surface import OK

_PAGE = 100  # lines for a person; a program gets all


@click.group("activities", help="Search what happened.")
def activities() -> None:
    pass


@command("search", activities, help="Newest first. Text shows 100 unless --limit says otherwise; JSON shows all.")
@click.option("--dealer", help="Of this dealer.")
@click.option("--feed", help="Last written by this feed.")
@click.option("--type", "kind", help="Of this type, such as soldUnit.")
@click.option("--state", help="In this state.")
@click.option("--since", callback=when, metavar="WHEN", help="From this day or time on, or the last 7d.")
@click.option("--until", "before", callback=until, metavar="WHEN", help="Up to this day or time.")
@click.option("--contact", type=int, help="Of the contact with this id.")
@click.option("--where", "condition", help="A condition: 'fields.amount > 500 and state == closed'.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@formats("text", "json", "jsonl")
def search(
    kind: str | None, before: str | None, condition: str | None, limit: int | None, form: str, **given: Any
) -> int:
    where = settings()
    types = projects.project(where).activity_types
    if kind is not None and kind not in types:
        raise projects.unknown("activity type", kind, types, f"there are {', '.join(sorted(types))}")
    most = limit or (_PAGE + 1 if form == "text" else None)
    query = Query(type=kind, until=before, where=condition, limit=most, **given)
    try:
        found = activities_found(opening.store(where), query, types)
    except WhereError as error:
        raise click.UsageError(str(error)) from None
    if form != "text":
        listed(found, form)
        return OK
    rows = list(found)
    shown = rows if limit else rows[:_PAGE]
    if not shown:
        talk("nothing found")
        return OK
    headings = ("id", "date", "type", "state", "contact", "key", "from")
    table(headings, [_line(row, types[row["type"]].label if row["type"] in types else row["type"]) for row in shown])
    if len(rows) > len(shown):
        talk(f"these are the newest {_PAGE}; --limit or --format jsonl shows more")
    return OK


def _line(row: dict[str, Any], label: str) -> tuple[Any, ...]:
    person = row["contact"]
    source = row["source"]
    who = (
        " ".join(part for part in (person["firstName"], person["lastName"]) if part) or person["company"]
        if person
        else ""
    )
    place = f"{source['delivery']}:{source['line']}"
    return row["id"], (row["occurred"] or "")[:10], label, row["state"], who, row["key"], place
