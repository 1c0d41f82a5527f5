"""`feeds init DIR`: a project that runs at once, to be changed into one's own. Overwrites nothing."""

from pathlib import Path

import click

from engine.cli import samples
from engine.cli.settings import command
from engine.surface import OK

_IGNORED = ("var/", ".env", "*.secrets")


@command("init", help="Make a project that runs at once: a dealer, a definition, a CSV file, a README.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> int:
    made = samples.copied(samples.FOLDER / "project", folder)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("".join(f"{line}\n" for line in _IGNORED), encoding="utf-8")
    for name in made:
        click.echo(folder / name)
    click.echo(f"\nnext:\n  cd {folder}\n  feeds validate\n  feeds test\n  feeds run --all", err=True)
    return OK
