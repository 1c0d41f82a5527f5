"""`feeds exports`: what goes out, what was kept back and why, and what waits for a person."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from engine import report as reporting
from engine.cli import opening, projects
from engine.cli.output import as_json, formats, listed, paragraph, table, talk
from engine.cli.settings import actor, command, now, settings, stamped
from engine.exported import SentReport
from engine.language.project import Project
from engine.model import Export
from engine.sending import previewing, rounds
from engine.sending.previewing import GOES, Shown
from engine.store import outbox
from engine.store.search import printed as shortened
from engine.surface import ERROR, OK, PARTIAL, UNREACHABLE, printable

_PAGE = 100
_BRIEF = ("id", "export", "activity_id", "message", "happening", "state", "reason", "rule", "attempts")
_TIMES = ("queued_at", "next_at", "sent_at")
_WAITS = ("queued", "failed", "sending")


@click.group("exports", help="What goes out: leads, texts, write-backs.")
def exports() -> None:
    pass


@command("list", exports, help="The exports with what became of their items.")
@formats("text", "json")
def listing(form: str) -> int:
    where = settings()
    found = projects.project(where)
    counts = outbox.counts(opening.store(where)) if opening.has_store(where) else {}
    rows = [_listed(found.exports[name], counts.get(name, {})) for name in found.exports]
    unread = [name for names in found.exports.unread.values() for name in names]
    if form == "json":
        as_json(rows + [{"export": name, "state": "broken", "items": counts.get(name, {})} for name in unread])
        return OK
    if not rows and not unread:
        talk("no dealer has exports: `exports:` in a dealer's file gives it some")
        return OK
    lines = [(each["export"], each["state"], *_columns(each["items"])) for each in rows]
    lines += [(name, "broken", *_columns(counts.get(name, {}))) for name in unread]
    table(("export", "state", "waits", "sent", "kept back", "needs you"), lines)
    if unread:
        talk("broken: the definition has errors, nothing is queued (`feeds validate` shows them)")
    return OK


def _listed(export: Export, items: Mapping[str, int]) -> dict[str, Any]:
    return {
        "export": export.id,
        "title": export.title,
        "uses": export.definition,
        "class": export.group,
        "state": "enabled" if export.enabled else "disabled",
        "items": dict(items),
    }


def _columns(items: Mapping[str, int]) -> tuple[int, ...]:
    waits = sum(items.get(state, 0) for state in _WAITS)
    kept = items.get(outbox.EXCLUDED, 0) + items.get(outbox.SUPPRESSED, 0)
    return waits, items.get(outbox.SENT, 0), kept, items.get(outbox.UNCERTAIN, 0) + items.get(outbox.DEAD, 0)


def _export(found: Project, name: str) -> Export:
    """The export of this id. Unknown: a usage error with the nearest; broken: where to look."""
    if name in found.exports:
        return found.exports[name]
    unread = [each for names in found.exports.unread.values() for each in names]
    if name in unread:
        raise click.ClickException(f"{name} has errors in its definition: `feeds validate` shows them")
    raise projects.unknown("export", name, [*found.exports, *unread], "`feeds exports list` shows all")


@command("preview", exports, help="What would go out for the newest activities, and which rule keeps back the others.")
@click.argument("name", metavar="ID")
@click.option("--limit", type=click.IntRange(min=1), default=3, show_default=True, help="Activities of each type.")
@formats("text", "json")
def preview(name: str, limit: int, form: str) -> int:
    where = settings()
    found = projects.project(where)
    export, store = _export(found, name), opening.store(where)
    brought = rounds.brought(found, {export.dealer.name})
    shown = list(previewing.preview(store, export, now(), brought, limit))
    people = previewing.nameless(store, export)
    if form == "json":
        as_json({"export": name, "activities": [_previewed(each) for each in shown], "contactsAlone": people})
        return OK
    for each in shown:
        _told(each)
    if people:
        count = "1 contact has" if people == 1 else f"{people} contacts have"
        paragraph(f"{count} no activity: that a contact was made sends nothing")
    if not shown:
        talk("the dealer has no activities yet")
    return OK


def _previewed(each: Shown) -> dict[str, Any]:
    subject = each.subject
    return {
        "activity": subject.id,
        "type": subject.type,
        "key": subject.activity["key"],
        "verdict": each.verdict,
        "message": each.message or None,
        "reason": each.reason or None,
        "rule": each.rule or None,
        "media": each.media or None,
        "payload": each.body.decode("utf-8", "replace") if each.verdict == GOES else None,
    }


def _told(each: Shown) -> None:
    verdict = "goes out" if each.verdict == GOES else "does not go out"
    message = f" ({each.message})" if each.message else ""
    click.echo(printable(f"{each.subject.type} {each.subject.activity['key']}{message}: {verdict}"))
    if each.verdict == GOES:
        _payload(each.body)
    else:
        paragraph(printable(f"  {each.reason} [{each.rule}]"))


def _payload(body: bytes) -> None:
    for line in body.decode("utf-8", "replace").splitlines():
        click.echo(f"  {printable(line)}")


@command("send", exports, help="Send what waits, now: of the exports named, or of all.")
@click.argument("names", nargs=-1, metavar="[ID]...")
@formats("text", "json")
def send(names: tuple[str, ...], form: str) -> int:
    where = settings()
    found = projects.project(where)
    for name in names:
        _export(found, name)
    reports = rounds.of_project(found, opening.world(where), names)
    if form == "json":
        as_json([asdict(each) for each in reports])
    else:
        for line in reporting.sent_lines(reports):
            paragraph(printable(line))
        if not reports:
            talk("nothing waits")
    return reporting.worst(_code(each, found.exports[each.export].enabled) for each in reports)


def _code(report: SentReport, is_enabled: bool) -> int:
    if report.waits and is_enabled:
        return UNREACHABLE
    return PARTIAL if report.dead or report.uncertain else OK


@command("outbox", exports, help="Items, newest first: what was sent, what waits, what was kept back by which rule.")
@click.option("--export", "name", metavar="ID", help="Of this export.")
@click.option("--state", type=click.Choice(outbox.STATES), multiple=True, help="In this state; several times.")
@click.option("--limit", type=click.IntRange(min=1), default=_PAGE, show_default=True, help="So many.")
@formats("text", "json", "jsonl")
def listed_outbox(name: str | None, state: tuple[str, ...], limit: int, form: str) -> int:
    found = outbox.found(opening.store(settings()), export=name, states=state, limit=limit)
    rows = [_item(row) for row in found]
    if form != "text":
        listed(rows, form)
        return OK
    if not rows:
        talk("there is no such item")
        return OK
    lines = [
        (each["id"], each["export"], each["activity"], each["message"], each["state"], _why(each)) for each in rows
    ]
    table(("id", "export", "activity", "message", "state", "why"), lines, right=("id", "activity"))
    return OK


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {"activity_id": "activity"}
    return {
        **{names.get(name, name): row[name] for name in _BRIEF},
        "message": row["message"] or None,
        **{_camel(name): shortened(row[name]) for name in _TIMES},
        "receipt": {"id": row["receipt_id"], "status": row["receipt_status"]} if row["receipt_status"] else None,
    }


def _camel(name: str) -> str:
    head, tail = name.split("_")
    return head + tail.capitalize()


def _why(each: Mapping[str, Any]) -> str:
    """Of one that was sent, what the other side told of it later."""
    told = each["receipt"]["status"] if each["receipt"] else ""
    reason = each["reason"] or ("" if told.isdigit() else told)
    return f"{reason}{' [' + each['rule'] + ']' if each['rule'] else ''}"


@command("show", exports, help="One item with what was sent, letter for letter.")
@click.argument("number", type=int, metavar="N")
@formats("text", "json")
def show(number: int, form: str) -> int:
    row = next(outbox.found(opening.store(settings()), number=number), None)
    if row is None:
        raise click.ClickException(f"there is no item {number}; `feeds exports outbox` shows them")
    payload = row["payload"]
    body = None if payload is None else bytes(payload).decode("utf-8", "replace")
    more = {"key": row["key"], "changes": row["snapshot"], "destination": row["destination"], "media": row["media"]}
    whole = {**_item(row), **more, "delivery": row["delivery_id"], "said": row["receipt"], "payload": body}
    if form == "json":
        as_json(whole)
        return OK
    for name, value in whole.items():
        if name != "payload" and value not in (None, {}, ""):
            click.echo(printable(f"{name:<12} {value}"))
    if payload is not None:
        click.echo("payload")
        _payload(bytes(payload))
    if row["state"] in (outbox.UNCERTAIN, outbox.DEAD):
        click.echo(f"\nsend it again: feeds exports retry {number}")
    return OK


@command("retry", exports, help="Send items again that rest: uncertain, given up, or kept back before.")
@click.argument("numbers", nargs=-1, type=int, required=True, metavar="N...")
def retry(numbers: tuple[int, ...]) -> int:
    store = opening.store(settings())
    refused = [reason for number in numbers if (reason := outbox.again(store, number, stamped(), actor())) is not None]
    for reason in refused:
        talk(f"error: {reason}")
    count = len(numbers) - len(refused)
    if count:
        click.echo(f"{count} item{'' if count == 1 else 's'} queued; `feeds exports send` sends at once")
    return ERROR if refused else OK
