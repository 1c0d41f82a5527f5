"""`feeds test`: the tests that definitions carry, and case folders. Needs no secrets, network or database."""

from pathlib import Path

import click

from engine.cli import projects
from engine.cli.output import as_json, formats, talk, width
from engine.cli.settings import Settings, command, settings
from engine.golden import junit, rewriting, telling
from engine.golden.cases import Case
from engine.golden.collecting import CASES, Collection
from engine.golden.running import Result, bench
from engine.surface import ERROR, OK


@command("test", help="Run the tests of definitions (their `tests:`, and case folders): all, or those named.")
@click.argument("targets", nargs=-1, metavar="[ID|PATH]...")
@click.option("--update", is_flag=True, help="Rewrite what failed tests expect to what came out. Look at the diff!")
@click.option("--junit", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here, too.")
@formats("text", "json")
def test(targets: tuple[str, ...], update: bool, report: Path | None, form: str) -> int:
    where = settings()
    results = _results(targets, where)
    if update and _updated(results):
        results = _results(targets, where)
    if report is not None:
        report.write_bytes(junit.xml(results))
    if form == "json":
        as_json(telling.plain(results))
    elif results:
        click.echo("\n".join(telling.lines(results, width())))
    if not results:
        talk(_nothing(targets, where.feeds_dir))
        return ERROR if targets else OK
    return OK if all(each.outcome == "passed" for each in results) else ERROR


def _results(targets: tuple[str, ...], where: Settings) -> list[Result]:
    found = projects.everything(where)
    cases = _chosen(Collection(found, where.feeds_dir), targets)
    with bench(found.activity_types) as place:
        return [place.run(case) for case in cases]


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
            raise projects.unknown(
                "definition", target, collection.names(), "there is no file or folder of that name either"
            )
        cases |= {(str(case.place), case.place.mark.column, case.name): case for case in named}
    return list(cases.values())


def _updated(results: list[Result]) -> bool:
    """Whether any expectation was rewritten; what cannot be is said, and goes on failing."""
    wrong = [each for each in results if each.outcome != "passed" and each.found is not None]
    for each in (each for each in wrong if not each.is_rewritable):
        talk(f"not updated: {each.case.name}: what the feed asks for is not what `given.http` answers")
    wrong = [each for each in wrong if each.is_rewritable]
    by_file: dict[str, list[Result]] = {}
    for each in wrong:
        by_file.setdefault(each.case.expect.place.document.path, []).append(each)
    done = False
    for file, of_one in by_file.items():
        try:
            # Bytes, not text: line ends and a byte order mark stay as they are.
            before = Path(file).read_bytes().decode("utf-8")
            is_folder = of_one[0].case.folder is not None
            text = rewriting.folder_text(of_one[0]) if is_folder else rewriting.rewritten(file, before, of_one)
        except rewriting.CannotRewrite as error:
            talk(f"not updated: {error}")
            continue
        Path(file).write_bytes(text.encode("utf-8"))
        talk(f"updated {file}: {', '.join(each.case.name for each in of_one)}")
        done = True
    return done


def _nothing(targets: tuple[str, ...], folder: Path) -> str:
    where = " ".join(targets) if targets else f"{folder} and {folder.parent / CASES}"
    return f"no tests found in {where}: a definition carries them under `tests:`"
