"""`feeds check ID`: how far a feed gets: resolve, connect, host key, login, list, matches. Touches nothing."""

import click

from engine.checking import check_feed
from engine.cli import opening, projects
from engine.cli.output import as_json, formats
from engine.cli.settings import command, settings
from engine.surface import ERROR, OK, printable


@command("check", help="Can this feed's files be reached? Touches nothing.")
@click.argument("feed", metavar="ID")
@formats("text", "json")
def check(feed: str, form: str) -> int:
    where = settings()
    wanted = projects.one_feed(projects.project(where), feed)
    found = check_feed(wanted, opening.world(where))
    if form == "json":
        as_json([{"status": each.status, "name": each.name, "text": each.text} for each in found])
    else:
        for each in found:
            click.echo(printable(f"{each.status:<4} {each.name:<10} {each.text}".rstrip()))
    return ERROR if any(each.status == "fail" for each in found) else OK
