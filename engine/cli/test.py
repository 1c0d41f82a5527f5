"""`feeds test`: the tests that definitions carry, and case folders. Needs no secrets, network or database."""

from pathlib import Path

import click

from engine.cli import projects
from engine.cli.output import as_json, formats, talk
from engine.cli.settings import command, settings
from engine.golden import junit, telling
from engine.golden.cases import Case
from engine.golden.collecting import CASES, Collection
from engine.golden.running import Result, bench
from engine.language.project import Project
from engine.report import ERROR, OK


@command("test", help="Run the tests of definitions (their `tests:`, and case folders): all, or those named.")
@click.argument("targets", nargs=-1, metavar="[ID|PATH]...")
@click.option("--junit", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here, too.")
@formats("text", "json")
def test(targets: tuple[str, ...], report: Path | None, form: str) -> int:
    where = settings()
    found = projects.project(where)
    cases = _chosen(Collection(found, where.feeds_dir), targets)
    results = _run(cases, found)
    if report is not None:
        report.write_bytes(junit.xml(results))
    if form == "json":
        as_json(telling.plain(results))
    elif results:
        click.echo("\n".join(telling.lines(results)))
    if not results:
        talk(_nothing(targets, where.feeds_dir))
        return ERROR if targets else OK
    return OK if all(each.outcome == "passed" for each in results) else ERROR


def _chosen(collection: Collection, targets: tuple[str, ...]) -> list[Case]:
    """Each test once, in the order in which it was asked for."""
    if not targets:
        return collection.everything()
    cases: dict[tuple[str, int, str], Case] = {}
    for target in targets:
        named = collection.named(target)
        if named is None and Path(target).exists():
            named = collection.below(Path(target))
        if named is None:
            raise projects.unknown("definition", target, collection.names(), "and no file or folder of that name")
        cases |= {(str(case.place), case.place.mark.column, case.name): case for case in named}
    return list(cases.values())


def _run(cases: list[Case], found: Project) -> list[Result]:
    with bench(found.activity_types) as place:
        return [place.run(case) for case in cases]


def _nothing(targets: tuple[str, ...], folder: Path) -> str:
    where = " ".join(targets) if targets else f"{folder} and {folder.parent / CASES}"
    return f"no tests found in {where}: a definition carries them under `tests:`"
