"""Where the definitions of a command are. Reads none of them."""

from pathlib import Path

import click

from engine.cli.settings import Settings

PACKAGED = Path(__file__).resolve().parents[2] / "feeds"  # beside the engine, in a checkout and in a wheel


def definitions(settings: Settings) -> tuple[Path, Path | None]:
    """The folder with the definitions, and the one that has what it lacks.

    A folder that is not there is a mistake, not an empty project.
    """
    folder = settings.feeds_dir
    if not folder.is_dir():
        raise click.UsageError(
            f"there is no folder {str(folder)!r} with definitions: say which with --feeds-dir (FEEDS_DIR), "
            "or make one with `feeds init`"
        )
    return folder, None if folder.resolve() == PACKAGED.resolve() else PACKAGED
