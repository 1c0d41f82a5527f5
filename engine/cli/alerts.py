"""`feeds alerts`: what people were told of, and whether they can be told."""

from typing import Any

import click

from engine.alerting.watching import reason
from engine.alerting.words import plain, trial
from engine.cli import opening, projects
from engine.cli.output import formats, listed, table, talk
from engine.cli.settings import command, now, settings
from engine.store import incidents
from engine.store.incidents import Incident
from engine.surface import ERROR, OK, printable
from transports import notices


@click.group("alerts", help="Who is told when feeds are not well.")
def alerts() -> None:
    pass


@command("test", alerts, help="Send a test message to each channel, or to those named.")
@click.argument("names", nargs=-1, metavar="[FILE/CHANNEL]...")
@formats("text", "json", "jsonl")
def test(names: tuple[str, ...], form: str) -> int:
    where = settings()
    found = projects.project(where).alerts
    channels = {channel.name: channel for each in found.values() if each is not None for channel in each.channels}
    for name in names:
        if name not in channels:
            raise projects.unknown("channel", name, channels, "the files in alerts/ have them")
    secrets = opening.secrets(where)
    rows = []
    for name in names or channels:
        try:
            remark, error = notices.send(secrets.filled(channels[name].settings), trial(now())), None
        except Exception as failure:  # noqa: BLE001  (the others are tried all the same)
            remark, error = "", reason(failure, secrets)
        rows.append({"channel": name, "sent": error is None, "text": error or remark})
    broken = sorted(name for name, each in found.items() if each is None)
    _tell(rows, broken, form)
    return ERROR if broken or any(not row["sent"] for row in rows) else OK


def _tell(rows: list[dict[str, Any]], broken: list[str], form: str) -> None:
    if form != "text":
        listed(rows, form)
    for row in rows if form == "text" else ():
        click.echo(printable(f"{'sent' if row['sent'] else 'failed':<6} {row['channel']}  {row['text']}".rstrip()))
    for name in broken:
        talk(f"alerts/{name}.yaml has errors: `feeds validate` shows them")
    if not rows and not broken:
        talk("nobody is told of anything: a file in alerts/ says who, see `feeds schema alerts`")


@command("list", alerts, help="Incidents, newest first, and who was told of each.")
@click.option("--open", "only_open", is_flag=True, help="Those that still stand.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@formats("text", "json", "jsonl")
def listing(only_open: bool, limit: int, form: str) -> int:
    where = settings()
    found = incidents.listed(opening.store(where), only_open, limit) if opening.has_store(where) else []
    if form != "text":
        listed([{**plain(incident), "told": told} for incident, told in found], form)
        return OK
    if not found:
        talk("no incidents")
        return OK
    columns = ("id", "state", "subject", "since", "closed", "told")
    table(columns, [_line(incident, told) for incident, told in found], ("id",))
    for incident, _ in found:
        click.echo(printable(f"{incident.id}: {incident.sentence}"))
    return OK


def _line(incident: Incident, told: list[dict[str, Any]]) -> tuple[Any, ...]:
    opened = [each for each in told if each["event"] == incidents.OPENED]
    words = [f"{each['channel']} {_WORDS[each['state']]}".rstrip() for each in opened]
    closed = f"{incident.closed:%m-%d %H:%M}" if incident.closed else "stands"
    return (
        incident.id,
        incident.state,
        incident.subject,
        f"{incident.since:%m-%d %H:%M}",
        closed,
        ", ".join(words) or "nobody",
    )


# A claim that nobody settled: the process died, and whether the word went out is not known.
_WORDS = {incidents.CLAIMED: "perhaps", incidents.SENT: "", incidents.REFUSED: "(refused it)"}
