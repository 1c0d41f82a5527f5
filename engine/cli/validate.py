"""`feeds validate`: every problem of the definitions, in one pass. Needs no secrets, network or database."""

from pathlib import Path

import click

from engine.cli import projects
from engine.cli.output import formats
from engine.cli.settings import command, settings
from engine.language.findings import Finding, Format, render
from engine.report import ERROR, OK


@command("validate", help="Find every problem of the definitions: file, line, column, help, code.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@formats("text", "json", "github", "sarif")
def validate(paths: tuple[Path, ...], form: Format) -> int:
    found = projects.project(settings())
    for path in paths:
        if not path.exists():
            raise click.UsageError(f"there is no {str(path)!r}")
    findings = [each for each in found.findings if not paths or _is_below(each, paths)]
    sources = {name: text for name, text in found.sources.items() if not paths or _is_under(name, paths)}
    click.echo(render(findings, sources, form))
    return ERROR if any(each.severity == "error" for each in findings) else OK


def _is_below(finding: Finding, paths: tuple[Path, ...]) -> bool:
    return _is_under(finding.file, paths)


def _is_under(name: str, paths: tuple[Path, ...]) -> bool:
    file = Path(name).resolve()
    return any(file.is_relative_to(path.resolve()) for path in paths)
