"""`feeds runs`: what was run, with counts, files and what was noted."""

import click

from engine.cli import opening
from engine.cli.output import as_json, formats, listed, table, talk
from engine.cli.settings import command, settings
from engine.report import COUNTS
from engine.store import overview
from engine.surface import OK, printable


@click.group("runs", help="What runs did.")
def runs() -> None:
    pass


@command("list", runs, help="Runs, newest first.")
@click.option("--feed", help="Those that had this feed.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@formats("text", "json", "jsonl")
def listing(feed: str | None, limit: int, form: str) -> int:
    found = overview.runs_found(opening.store(settings()), feed, limit)
    if form != "text":
        listed(found, form)
        return OK
    rows = list(found)
    if not rows:
        talk("nothing has run yet: `feeds run --all`")
        return OK
    counts = ("read", "inserted", "updated", "quarantined")
    lines = [(r["run"], _minute(r["started"]), r["outcome"], *(r[c] for c in counts), _feeds(r["feeds"])) for r in rows]
    table(
        ("run", "started", "outcome", "read", "ins.", "upd.", "quar.", "feeds"),
        lines,
        ("run", "read", "ins.", "upd.", "quar."),
    )
    return OK


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _feeds(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} feeds"


@command("show", runs, help="One run: its feeds, its files, what was noted.")
@click.argument("number", type=int, metavar="N")
@formats("text", "json")
def show(number: int, form: str) -> int:
    found = overview.run(opening.store(settings()), number)
    if found is None:
        raise click.ClickException(f"there is no run {number}; `feeds runs list` shows those there are")
    if form == "json":
        as_json(found)
        return OK
    click.echo(
        f"run {number}: {found['outcome']}, {_minute(found['started'])} to {_minute(found['finished'] or '?')} UTC\n"
    )
    short = ("read", "ins.", "upd.", "unch.", "filt.", "quar.")
    feeds = [(f["feed"], f["outcome"], *(f[c] for c in COUNTS), f"{f['seconds']} s") for f in found["feeds"]]
    table(("feed", "outcome", *short, "time"), feeds, (*short, "time"))
    for each in found["deliveries"]:
        click.echo("")
        click.echo(printable(f"delivery {each['id']}  {each['name']}  {each['state']}  {each['bytes'] or '?'} bytes"))
        click.echo("  read {} = {}".format(each["read"], " + ".join(f"{name} {each[name]}" for name in COUNTS[1:])))
        click.echo(f"  sha256 {each['sha256'] or '-'}")
        if each["error"]:
            click.echo(printable(f"  {each['error']}"))
    if found["issues"]:
        click.echo("")
    for issue in found["issues"]:
        place = f" line {issue['line']}" if issue["line"] else ""
        text = f"{issue['severity']} {issue['feed'] or ''}{place}: {issue['message']} [{issue['code']}]"
        click.echo(printable(text))
    return OK
