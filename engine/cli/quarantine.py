"""`feeds quarantine`: rows that could not be used, until a person has dealt with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from engine import report as reporting
from engine.cli import opening, projects, spreadsheet
from engine.cli.output import as_json, formats, listed, table, talk
from engine.cli.replay import replay_rows
from engine.cli.settings import actor, command, confirmed, now, pairs, settings, stamped
from engine.model import RunReport
from engine.store import desk, overview
from engine.store.opening import Store
from engine.surface import OK, printable

_SHOWN = ("id", "feed", "delivery", "line", "code", "field", "value", "message", "raw", "state")
_STATES = {"waiting": overview.WAITING, "all": ()}
_PAGE = 100
_Filter = Mapping[str, Any]


@click.group("quarantine", help="Rows that wait for a person: repair, replay, discard.")
def quarantine() -> None:
    pass


def _filters(function: Any) -> Any:
    """The options that say which rows."""
    for option in (
        click.option("--code", help="With this code, such as date.unreadable."),
        click.option("--run", "number", type=int, help="Of this run."),
        click.option("--feed", help="Of this feed."),
    ):
        function = option(function)
    return function


@command("list", quarantine, help="Rows that wait, oldest first.")
@_filters
@click.option(
    "--state",
    type=click.Choice(["waiting", "open", "fixed", "replayed", "discarded", "all"]),
    default="waiting",
    show_default=True,
    help="What has become of them.",
)
@formats("text", "json", "jsonl")
def listing(feed: str | None, number: int | None, code: str | None, state: str, form: str) -> int:
    states: Sequence[str] = _STATES.get(state, (state,))
    most = _PAGE + 1 if form == "text" else None
    found = overview.quarantined(opening.store(settings()), feed=feed, run=number, code=code, states=states, limit=most)
    rows = ({name: row[name] for name in _SHOWN} for row in found)
    if form != "text":
        listed(rows, form)
        return OK
    shown = list(rows)
    if not shown:
        talk("no row waits")
        return OK
    names = ("id", "feed", "file:line", "code", "field", "why")
    table(names, [_line(row) for row in shown[:_PAGE]])
    if len(shown) > _PAGE:
        talk(f"these are the oldest {_PAGE}; --feed, --run and --code narrow them, --format jsonl shows all")
    return OK


def _line(row: _Filter) -> tuple[Any, ...]:
    why = row["message"] if row["state"] == "open" else f"[{row['state']}] {row['message']}"
    return row["id"], row["feed"], f"{row['delivery']}:{row['line']}", row["code"], row["field"], why


@command("show", quarantine, help="One row as it was sent, cell by cell, with what has been corrected.")
@click.argument("number", type=int, metavar="ID")
@formats("text", "json")
def show(number: int, form: str) -> int:
    where = settings()
    row = _row(opening.store(where), number)
    cells = spreadsheet.cells(row, _delimiter(row["feed"], where))
    if form == "json":
        as_json({**row, "cells": cells})
        return OK
    fix = row["fix"] or {}
    click.echo(printable(f"row {number}  {row['feed']}  {row['delivery']}:{row['line']}  {row['state']}"))
    click.echo(printable(f"  {row['code']}{' in ' + row['field'] if row['field'] else ''}: {row['message']}"))
    for name, value in (cells or {}).items():
        corrected = f"   -> {fix[name]}" if name in fix else ""
        click.echo(printable(f"  {name:<20} {value}{corrected}"))
    for name in (name for name in fix if name not in (cells or {})):
        click.echo(printable(f"  {name:<20} -> {fix[name]}"))
    sent = row["raw"].rstrip("\r\n") if row["raw"] is not None else "(no longer kept)"
    click.echo(printable(f"  as sent: {sent}"))
    if row["note"]:
        click.echo(printable(f"  note: {row['note']} ({row['actor']})"))
    if row["state"] in overview.WAITING:
        click.echo(f"\nrepair it: feeds quarantine fix {number} --set COLUMN=VALUE --replay")
    return OK


def _row(engine: Store, number: int) -> dict[str, Any]:
    found = list(overview.quarantined(engine, ids=(number,), states=()))
    if not found:
        raise click.ClickException(f"there is no quarantined row {number}; `feeds quarantine list` shows them")
    return found[0]


def _delimiter(feed: str, where: Any) -> str:
    defined = projects.project(where).feeds.get(feed)
    return str(defined.decode.get("delimiter", ",")) if defined is not None else ","


@command("fix", quarantine, help="Lay corrected values over a row. The original stays as it was sent.")
@click.argument("number", type=int, metavar="ID")
@click.option(
    "--set", "values", multiple=True, callback=pairs, metavar="COLUMN=VALUE", help="May be given several times."
)
@click.option("--note", help="How you know.")
@click.option("--replay", "at_once", is_flag=True, help="Import the row now.")
@formats("text", "json")
def fix(number: int, values: Mapping[str, str], note: str | None, at_once: bool, form: str) -> int:
    if not values:
        raise click.UsageError("say what to correct: --set COLUMN=VALUE")
    engine = opening.store(settings())
    desk.fix(engine, number, values, note, actor(), stamped())
    if not at_once:
        click.echo(f"row {number} is corrected; it comes in with: feeds quarantine replay {number}")
        return OK
    return replay_rows([_row(engine, number)], form)


@command("replay", quarantine, help="Import rows again, with what was corrected in them or in the definition.")
@click.argument("numbers", nargs=-1, type=int, metavar="[ID]...")
@_filters
@formats("text", "json")
def replay(numbers: tuple[int, ...], feed: str | None, number: int | None, code: str | None, form: str) -> int:
    rows = _chosen(numbers, {"feed": feed, "run": number, "code": code})
    if not rows:
        talk("no row waits")
        if form == "json":
            as_json(reporting.plain(RunReport(None, now())))
        return OK
    return replay_rows(rows, form)


@command("discard", quarantine, help="Say that rows are not wanted. They stay visible as discarded.")
@click.argument("numbers", nargs=-1, type=int, metavar="[ID]...")
@_filters
@click.option("--reason", required=True, help="Why; kept with the rows.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(
    numbers: tuple[int, ...], feed: str | None, number: int | None, code: str | None, reason: str, yes: bool
) -> int:
    rows = _chosen(numbers, {"feed": feed, "run": number, "code": code})
    if not rows:
        talk("no row waits")
        return OK
    count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    confirmed(f"Discard {count}, first {rows[0]['delivery']}:{rows[0]['line']}?", yes)
    desk.discard(opening.store(settings()), [row["id"] for row in rows], reason, actor(), stamped())
    click.echo(f"discarded {count}")
    return OK


def _chosen(numbers: Sequence[int], given: _Filter) -> list[dict[str, Any]]:
    """The rows that are named, or that wait and pass the filters; never simply all."""
    if bool(numbers) == any(value is not None for value in given.values()):
        raise click.UsageError("say which rows: their ids, or --feed, --run, --code")
    engine = opening.store(settings())
    if not numbers:
        return list(overview.quarantined(engine, **given))
    found = list(overview.quarantined(engine, ids=numbers, states=()))
    lacking = set(numbers) - {row["id"] for row in found}
    if lacking:
        raise click.ClickException(f"there is no quarantined row {min(lacking)}; `feeds quarantine list` shows them")
    return found


@command("export", quarantine, help="Rows as CSV with the sender's columns and `_error`, for the sender to correct.")
@_filters
@click.option("--csv", "target", type=click.Path(path_type=Path, dir_okay=False), help="The file.  [default: stdout]")
def export(feed: str | None, number: int | None, code: str | None, target: Path | None) -> int:
    where = settings()
    found = overview.quarantined(opening.store(where), feed=feed, run=number, code=code)
    text, count = spreadsheet.written(list(found), lambda name: _delimiter(name, where))
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write_text(text, encoding="utf-8", newline="")
        talk(f"{count} row{'' if count == 1 else 's'} in {target}")
    return OK
