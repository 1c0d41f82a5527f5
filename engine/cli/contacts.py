"""`feeds contacts`: find a person by whatever they say, and show what happened to them."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, listed, table, talk
from engine.cli.settings import command, settings
from engine.model import ActivityType
from engine.store import people
from engine.surface import OK, printable

_PAGE = 100
_MATCHES = {"created": "contact made for this record", "stored": "contact kept from before"}


@click.group("contacts", help="Find a contact; show its timeline.")
def contacts() -> None:
    pass


@command("find", contacts, help="By name, company, e-mail, phone in any notation, or the sender's own number.")
@click.argument("text", required=False, default="")
@click.option("--dealer", help="Of this dealer.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [text: 100]")
@formats("text", "json", "jsonl")
def find(text: str, dealer: str | None, limit: int | None, form: str) -> int:
    found = people.contacts_found(opening.store(settings()), text, dealer, limit)
    if form != "text":
        listed(found, form)
        return OK
    rows = list(found if limit else islice(found, _PAGE + 1))
    if not rows:
        talk("nobody found")
        return OK
    shown = rows if limit else rows[:_PAGE]
    table(("id", "dealer", "name", "phone", "email", "number"), [_line(row) for row in shown])
    if len(rows) > len(shown):
        talk(f"these are {_PAGE}; say more of the name, or --limit")
    return OK


def _line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    numbers = " ".join(f"{space}:{number}" for space, number in row["externalIds"].items())
    return row["id"], row["dealer"], name(row), *(next(iter(row[many]), "") for many in ("phones", "emails")), numbers


def name(row: Mapping[str, Any]) -> str:
    person = " ".join(part for part in (row["firstName"], row["lastName"]) if part)
    return ", ".join(part for part in (person, row["company"]) if part)


@command("show", contacts, help="One contact with its timeline: what, when, changed by what, from which line.")
@click.argument("number", type=int, metavar="ID")
@click.option("--type", "kind", help="Only activities of this type.")
@formats("text", "json")
def show(number: int, kind: str | None, form: str) -> int:
    where = settings()
    types = projects.project(where).activity_types
    found = people.contact(opening.store(where), number, types)
    if found is None:
        raise click.ClickException(f"there is no contact {number}; `feeds contacts find TEXT` finds one")
    found["timeline"] = [each for each in found["timeline"] if kind in (None, each["type"])]
    if form == "json":
        as_json(found)
        return OK
    for line in (*_head(found), "", *timeline(found["timeline"], types)):
        click.echo(printable(line))
    return OK


def _head(found: Mapping[str, Any]) -> list[str]:
    address, consent = found["address"], found["consent"]
    lines = [f"{name(found) or '(no name)'}   contact {found['id']} of {found['dealer']}"]
    facts = {
        "phone": ", ".join(found["phones"]),
        "e-mail": ", ".join(found["emails"]),
        "address": ", ".join(str(value) for value in address.values()),
        "numbers": ", ".join(f"{space}: {number}" for space, number in found["externalIds"].items()),
        "consent": ", ".join(f"{what}: {_word(given)}" for what, given in consent.items()),
        "merged into": found["mergedInto"],
        "may be": ", ".join(f"contact {each['contact']} (by {each['reason']})" for each in found["review"]),
    }
    return [*lines, *(f"  {what:<11} {value}" for what, value in facts.items() if value)]


def timeline(activities: list[dict[str, Any]], types: Mapping[str, ActivityType]) -> list[str]:
    """What happened, newest first; each with its details, its changes and where it comes from."""
    lines = []
    for each in activities:
        kind = types.get(each["type"])
        label, date = (kind.label, kind.date_label) if kind is not None else (each["type"], "Date")
        state = f" ({each['state']})" if each["state"] else ""
        lines.append(f"{(each['occurred'] or '')[:10]:<10}  {label}{state}   {each['key']}")
        lines += [f"              {what}: {value}" for what, value in _details(each, kind, date)]
        for change in each["changes"]:
            words = "; ".join(f"{what}: {_word(a)} -> {_word(b)}" for what, (a, b) in change["changes"].items())
            lines.append(f"              changed {change['at'][:10]} by {change['delivery']}:{change['line']}: {words}")
        source = each["source"]
        match = source["match"]
        how = _MATCHES.get(match, f"contact found by {match}") if match else "no contact data"
        lines.append(f"              from {source['delivery']}:{source['line']} ({each['feed']}, run {source['run']})")
        lines.append(f"              {how}")
    return lines or ["nothing has happened yet"]


def _details(each: Mapping[str, Any], kind: ActivityType | None, date: str) -> list[tuple[str, str]]:
    found = [(date, each["occurred"] or "")]
    for field, value in each["fields"].items():
        if value in (None, "", [], {}):
            continue
        declared = kind.fields.get(field) if kind is not None else None
        grey = declared is not None and declared.grey_if is not None and each["fields"].get(declared.grey_if) is True
        unit = f" {declared.unit}" if declared is not None and declared.unit else ""
        label = declared.label if declared is not None else field
        found.append((label, f"{_word(value)}{unit}{'  (does not apply)' if grey else ''}"))
    if each["vehicle"]:
        words = (each["vehicle"].get(part) for part in ("year", "make", "model", "vin"))
        found.append(("Vehicle", " ".join(str(word) for word in words if word)))
    return found


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return "; ".join(_word(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_word(each)}" for key, each in value.items())
    return "nothing" if value is None else str(value)
