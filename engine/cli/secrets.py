"""`feeds secrets check`: which secrets have no value. Never prints one."""

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats
from engine.cli.settings import command, settings
from engine.language import alerts
from engine.language.secrets import PREFIX, named, names
from engine.surface import ERROR, OK


@click.group("secrets", help="Which secrets have no value.")
def secrets() -> None:
    pass


@command("check", secrets, help="Every name that feeds, exports and alerts use, and whether it has a value.")
@formats("text", "json")
def check(form: str) -> int:
    where = settings()
    found, kept = projects.project(where), opening.secrets(where)
    used_by = [(feed.id, names(feed)) for feed in found.feeds.values() if feed.enabled]
    used_by += [(export.id, named(export.transport)) for export in found.exports.values() if export.enabled]
    used_by += [(f"alerts/{name}", tuple(alerts.secrets(each))) for name, each in found.alerts.items() if each]
    users: dict[str, list[str]] = {}
    for user, used in used_by:
        for each in used:
            users.setdefault(each, []).append(user)
    lacking = kept.lacking(users)
    if form == "json":
        as_json([{"name": name, "found": name not in lacking, "feeds": using} for name, using in sorted(users.items())])
    else:
        for name, using in sorted(users.items()):
            click.echo(f"{'missing' if name in lacking else 'ok':<8} {name}  ({', '.join(using)})")
        if not users:
            click.echo("no enabled feed, export or alert uses a secret")
    if lacking:
        click.echo(f"set {PREFIX}{min(lacking)} in the environment, or {min(lacking)} in the secrets file", err=True)
    return ERROR if lacking else OK
