"""`feeds state`: what a feed remembers between runs, and how to make it forget on purpose."""

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, table, talk
from engine.cli.settings import actor, command, confirmed, settings, stamped
from engine.connection import login_of
from engine.model import Feed
from engine.store import desk, overview
from engine.store.journal import Journal
from engine.store.opening import Store
from engine.surface import OK, printable


@click.group("state", help="What a feed remembers between runs.")
def state() -> None:
    pass


@command("show", state, help="The files it knows, its cursors, and refused logins.")
@click.argument("feed", metavar="ID")
@formats("text", "json")
def show(feed: str, form: str) -> int:
    wanted, engine = _opened(feed)
    found = overview.state(engine, wanted.id, login_of(wanted))
    if form == "json":
        as_json(found)
        return OK
    names = ("id", "name", "state", "bytes", "read", "changed")
    if found["deliveries"]:
        rows = [[each[name] for name in names] for each in found["deliveries"]]
        table(("delivery", *names[1:]), rows, ("delivery", "bytes", "read"))
    for each in found["cursors"]:
        if each["value"] is not None:
            click.echo(printable(f"cursor {each['slice'] or '(whole feed)'}: {each['value']}"))
        if "round" in (each["position"] or {}):
            click.echo("in the middle of a list: the next run goes on there")
    for each in found["logins"]:
        click.echo(
            printable(f"login refused {each['failures']} times, not tried before {each['until']}: {each['message']}")
        )
    if not any(found[part] for part in ("deliveries", "cursors", "logins")):
        talk("nothing yet")
    return OK


@command("set", state, help="Say where a feed goes on reading.")
@click.argument("feed", metavar="ID")
@click.argument("value")
@click.option("--slice", "part", default="", help="The slice, where the feed has several.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def change(feed: str, value: str, part: str, yes: bool) -> int:
    wanted, engine = _opened(feed)
    confirmed(f"Let {wanted.id} go on from {value}?", yes)
    desk.set_cursor(engine, wanted.id, part, value, actor(), stamped())
    click.echo(f"{wanted.id} goes on from {value}")
    return OK


@command("reset", state, help="Make a feed forget: a file (it is taken again), its cursors, or a refused login.")
@click.argument("feed", metavar="ID")
@click.option("--delivery", "name", metavar="NAME", help="The file of this name, as `state show` has it.")
@click.option("--cursors", is_flag=True, help="Begin from its start again.")
@click.option("--login", "is_login", is_flag=True, help="Try a refused login again at the next run.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(feed: str, name: str | None, cursors: bool, is_login: bool, yes: bool) -> int:
    if not (name or cursors or is_login):
        raise click.UsageError("say what to forget: --delivery NAME, --cursors or --login")
    wanted, engine = _opened(feed)
    if name:
        confirmed(f"Take {name} again at the next run of {wanted.id}, if it lies there?", yes)
        count = desk.take_again(engine, wanted.id, name, actor(), stamped())
        click.echo(f"{name} is taken again if it lies there ({count} known); unchanged rows change nothing")
    if cursors:
        confirmed(f"Let {wanted.id} begin from its start?", yes)
        click.echo(f"forgot {desk.reset_cursors(engine, wanted.id, actor(), stamped())} cursors")
    if is_login:
        was_waiting = desk.allow_login(engine, wanted.id, login_of(wanted), actor(), stamped())
        click.echo("the login is tried at the next run" if was_waiting else "no login was waiting")
    return OK


def _opened(name: str) -> tuple[Feed, Store]:
    where = settings()
    feed = projects.one_feed(projects.project(where), name)
    engine = opening.store(where)
    Journal(engine).register(feed)
    return feed, engine
