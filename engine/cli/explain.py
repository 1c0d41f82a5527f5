"""`feeds explain CODE`: what a finding's code means. Reads no definition."""

import click

from engine.cli.output import as_json, formats
from engine.cli.projects import unknown
from engine.cli.settings import command
from engine.language.findings import CODES
from engine.report import OK

_KINDS = {
    "E": "An error: the feed it concerns does not run until it is put right.",
    "W": "A warning: worth a look, and no reason to refuse the definition.",
}


@command("explain", help="What a code of `feeds validate` means; without one, all codes.")
@click.argument("code", required=False)
@formats("text", "json")
def explain(code: str | None, form: str) -> int:
    if code is not None and code.upper() not in CODES:
        raise unknown("code", code, CODES, "`feeds explain` lists all")
    wanted = {code.upper(): CODES[code.upper()]} if code is not None else dict(sorted(CODES.items()))
    if form == "json":
        as_json([{"code": name, "title": title} for name, title in wanted.items()])
        return OK
    for name, title in wanted.items():
        click.echo(f"{name}  {title}")
    if code is not None:
        click.echo(f"\n{_KINDS.get(code[0].upper(), '')} `feeds validate` shows where, with help.".lstrip())
    return OK
