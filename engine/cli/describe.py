"""`feeds describe`: what a definition brings in, needs, and does not bring in. Derived from the YAML; runs nothing."""

import click

from engine.cli import projects
from engine.cli.output import as_json, formats, talk, width
from engine.cli.settings import command, settings
from engine.language import sheets
from engine.language.capabilities import Facts, Unknown, sheet
from engine.language.project import Project
from engine.language.shapes import Workshop
from engine.surface import ERROR, OK


@command("describe", help="Capability sheets: of a vendor's definitions, or of one (ids, ids/sales).")
@click.argument("name", metavar="VENDOR|V/P")
@formats("text", "markdown", "json")
def describe(name: str, form: str) -> int:
    found = projects.everything(settings())
    names = _wanted(found, name)
    broken = [each for each in names if _has_errors(found, each)]
    workshop = Workshop(found.activity_types)
    told: list[Facts] = []
    for each in names:
        try:
            told += [] if each in broken else [sheet(found.definitions[each], workshop)]
        except Unknown:
            broken.append(each)
    if form == "json":
        as_json(told)
    else:
        pages = [
            sheets.markdown(facts) if form == "markdown" else sheets.text(facts, min(width(), 80)) for facts in told
        ]
        click.echo("\n\n\n".join(pages) if pages else "", nl=bool(pages))
    for each in broken:
        talk(f"error: {each} has errors, so nothing can be said of it: `feeds validate` shows them")
    return ERROR if broken else OK


def _wanted(found: Project, name: str) -> list[str]:
    made = found.made.get(name)
    name = made.source.name if made is not None else name
    names = [each for each in found.definitions if each == name or each.startswith(f"{name}/")]
    if not names:
        known = {*found.definitions, *(each.partition("/")[0] for each in found.definitions)}
        raise projects.unknown("definition or vendor", name, sorted(known), "`feeds list` shows what feeds use")
    return names


def _has_errors(found: Project, name: str) -> bool:
    files = found.definitions[name].files
    return any(each.severity == "error" and each.file in files for each in found.findings)
