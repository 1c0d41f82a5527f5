"""`feeds retire`: the end of a feed, looked at first. Never edits a definition."""

from datetime import UTC, datetime
from typing import Any

import click

from engine import retiring
from engine.cli import opening, projects
from engine.cli.output import as_json, formats, paragraph, table, talk
from engine.cli.settings import actor, command, confirmed, settings
from engine.model import Feed
from engine.retiring import Outlook
from engine.store.retiring import BEGUN
from engine.surface import OK


@command("retire", help="End a feed for good: shown first, asked, done. Its activities stay, but for --purge.")
@click.argument("feed", metavar="ID")
@click.option("--purge", is_flag=True, help="Remove what is this feed's own, and our copies of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@formats("text", "json")
def retire(feed: str, purge: bool, yes: bool, form: str) -> int:
    where = settings()
    found = projects.project(where)
    wanted = projects.one_feed(found, feed)
    broken = [name for name in found.made if name not in found.feeds and name.startswith(f"{wanted.dealer.name}/")]
    if purge and broken:
        raise click.ClickException(
            f"whose the contacts are cannot be said while {broken[0]} has errors: `feeds validate` shows them"
        )
    world, everyone = opening.world(where), tuple(found.feeds.values())
    outlook = retiring.outlook(wanted, world, everyone)
    open_gates = retiring.unconfirmed(wanted, datetime.now(UTC).astimezone(wanted.dealer.timezone).date())
    if form == "text":
        _show(outlook, purge)
    if not open_gates:
        confirmed(_question(outlook, purge), yes)
    done = retiring.retire(wanted, world, everyone, purge, actor())
    if form == "json":
        as_json({"feed": feed, "purged": purge, "found": _plain(outlook), "removed": done})
    else:
        _tell(wanted, purge, done)
    return OK


def _question(outlook: Outlook, purge: bool) -> str:
    what = "End it, and remove what is marked so? This cannot be undone." if purge else "End it?"
    return f"{outlook.feed}: {what}"


def _show(outlook: Outlook, purge: bool) -> None:
    counts, goes = outlook.counts, "removed" if purge else "stays"
    people = "stays" if outlook.people_stay_for else goes
    rows = [
        ("activities of this feed alone", counts["activities"], goes),
        ("activities that another feed wrote as well", counts["shared"], "stays"),
        ("contacts that only this feed knows", counts["contacts"], people),
        ("vehicles that only this feed knows", counts["vehicles"], people),
        ("employees that only this feed tells of", counts["employees"], goes),
        ("rows in quarantine", counts["quarantined"], goes),
        ("sealed copies of what was read", outlook.copies, goes if purge else "removed when their time is over"),
        ("requests that wait in the inbox", outlook.waiting, goes if purge else "closed, nothing is made of them"),
        ("cursors, and what it knows of files", counts["cursors"], goes),
        ("deliveries in the ledger", counts["deliveries"], "stay: names, hashes, counts" if purge else "stays"),
    ]
    talk(f"{outlook.feed}, if it is ended{' with --purge' if purge else ''}:")
    table(("what", "how many", "then"), rows, ("how many",))
    if purge and outlook.people_stay_for:
        paragraph(
            f"Contacts and vehicles stay: {outlook.people_stay_for} brings contacts without activities, "
            "and may know the same ones."
        )
    if counts["unfinished"]:
        paragraph(
            f"Deliveries on their way: {counts['unfinished']}. `feeds run {outlook.feed}` finishes them first; "
            "otherwise a file that was claimed stays on the server under our name for it."
        )
    if outlook.purge == BEGUN:
        paragraph("A purge was begun and cut short: it goes on from there.")
    elif outlook.retired:
        paragraph(f"It was retired already, on {outlook.retired[:10]}.")


def _tell(feed: Feed, purge: bool, done: dict[str, int]) -> None:
    told = ", ".join(f"{kind} {count}" for kind, count in done.items() if count and kind not in ("memory", "closed"))
    click.echo(f"retired {feed.id}" + (f"; removed: {told or 'nothing'}" if purge else ": its activities stay"))
    if done["closed"]:
        click.echo(f"closed requests of the inbox: {done['closed']}")
    paragraph(
        f"Now say so in {feed.path}: take the entry out, or write enabled: false beside it. Until then it is "
        f"held back all the same, by hand and by schedule, and webhooks to it are turned away. "
        f"`feeds resume {feed.id}` takes this back{', without what was removed' if purge else ''}."
    )


def _plain(outlook: Outlook) -> dict[str, Any]:
    return {**outlook.counts, "copies": outlook.copies, "copiedBytes": outlook.copied_bytes, "waiting": outlook.waiting}
