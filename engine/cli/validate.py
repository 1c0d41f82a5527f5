"""`feeds validate`: every problem of the definitions, in one pass. Needs no secrets, network or database."""

import time
from collections.abc import Mapping
from pathlib import Path

import click

from engine.cli import folders
from engine.cli.output import formats
from engine.cli.settings import command, settings
from engine.language.findings import Finding, Format, render
from engine.language.folder import Folder, Look, own
from engine.language.kept import Kept
from engine.surface import ERROR, OK


@command("validate", help="Find every problem of the definitions: file, line, column, help, code.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@formats("text", "json", "github", "sarif")
def validate(paths: tuple[Path, ...], form: Format) -> int:
    where = settings()
    feeds_dir, packaged = folders.definitions(where)
    for path in paths:
        if not path.exists():
            raise click.UsageError(f"there is no {str(path)!r}")
    look = Folder(feeds_dir, packaged, time.time_ns).look()
    kept = Kept(where.state_dir, look)
    found = kept.recall()
    if found is None:
        found = _found(feeds_dir, packaged, look)
        kept.keep(found)
    findings = [each for each in found if not paths or _is_below(each, paths)]
    click.echo(render(findings, _sources(look, findings, paths), form))
    return ERROR if any(each.severity == "error" for each in findings) else OK


def _found(feeds_dir: Path, packaged: Path | None, look: Look) -> tuple[Finding, ...]:
    # Where nothing has changed none of what reads definitions is loaded.
    from engine.language.project import load_named

    return load_named(feeds_dir, packaged, look).findings


def _sources(look: Look, findings: list[Finding], paths: tuple[Path, ...]) -> Mapping[str, str]:
    """The project's own files by their names, and others that a finding is in; the text of those that have one."""
    shown = {each.file for each in findings}
    ours = {sheet.path for sheet in own(look) if not paths or _is_under(sheet.path, paths)}
    return {
        sheet.path: sheet.content.decode("utf-8", "replace") if sheet.path in shown else ""
        for sheet in look.sheets
        if sheet.content is not None and (sheet.path in ours or sheet.path in shown)
    }


def _is_below(finding: Finding, paths: tuple[Path, ...]) -> bool:
    return _is_under(finding.file, paths)


def _is_under(name: str, paths: tuple[Path, ...]) -> bool:
    file = Path(name).resolve()
    return any(file.is_relative_to(path.resolve()) for path in paths)
