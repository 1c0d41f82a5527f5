"""`feeds secrets check`: which secrets have no value. Never prints one."""

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats
from engine.cli.settings import command, settings
from engine.language.secrets import PREFIX, names
from engine.surface import ERROR, OK


@click.group("secrets", help="Which secrets have no value.")
def secrets() -> None:
    pass


@command("check", secrets, help="Every name the enabled feeds use, and whether it has a value.")
@formats("text", "json")
def check(form: str) -> int:
    where = settings()
    feeds = [feed for feed in projects.project(where).feeds.values() if feed.enabled]
    kept = opening.secrets(where)
    lacking = {name for feed in feeds for name in kept.missing(feed)}
    users: dict[str, list[str]] = {}
    for feed in feeds:
        for name in names(feed):
            users.setdefault(name, []).append(feed.id)
    if form == "json":
        as_json([{"name": name, "found": name not in lacking, "feeds": used} for name, used in sorted(users.items())])
    else:
        for name, used in sorted(users.items()):
            click.echo(f"{'missing' if name in lacking else 'ok':<8} {name}  ({', '.join(used)})")
        if not users:
            click.echo("no enabled feed uses a secret")
    if lacking:
        click.echo(f"set {PREFIX}{min(lacking)} in the environment, or {min(lacking)} in the secrets file", err=True)
    return ERROR if lacking else OK
