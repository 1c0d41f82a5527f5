"""`feeds employees`: who works at a dealer, as its systems tell."""

from collections.abc import Mapping
from typing import Any

import click

from engine.cli import opening
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, settings
from engine.store.employees import employees_found
from engine.surface import OK


@click.group("employees", help="Who works at a dealer.")
def employees() -> None:
    pass


@command("list", employees, help="By dealer and system; those that have left keep their row and their state.")
@click.option("--dealer", help="Of this dealer.")
@click.option("--role", help="Those with this role.")
@click.option("--state", help="Those in this state.")
@formats("text", "json", "jsonl")
def employees_list(dealer: str | None, role: str | None, state: str | None, form: str) -> int:
    found = employees_found(opening.store(settings()), dealer, role, state)
    if form != "text":
        listed(found, form)
        return OK
    rows = list(found)
    if not rows:
        talk("nobody found")
        return OK
    headings = ("dealer", "system", "key", "name", "roles", "state")
    table(headings, [_line(row) for row in rows])
    return OK


def _line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    fields = row["fields"]
    whole = " ".join(str(fields[part]) for part in ("firstName", "lastName") if fields.get(part))
    name = fields.get("name") or whole
    return row["dealer"], row["system"], row["key"], name, ", ".join(row["roles"]), row["state"]
