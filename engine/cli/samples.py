"""The files that come with the engine to be looked at and tried: where they are, and copying them."""

from pathlib import Path

import engine

FOLDER = Path(engine.__file__).parent / "samples"


def files(folder: Path) -> list[Path]:
    """Every sample below a folder, relative to it."""
    return sorted(
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    )


def copied(source: Path, target: Path) -> list[Path]:
    """Copy the samples; files that are there already must not be, or nothing is written."""
    wanted = files(source)
    there = [name for name in wanted if (target / name).exists()]
    if there:
        raise FileExistsError(17, "it is there already, and nothing was written", str(target / there[0]))
    for name in wanted:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((source / name).read_bytes())
    return wanted
