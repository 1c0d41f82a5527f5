"""How far a run is: a bar on a terminal, a line now and then elsewhere; always on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.cli.output import has_colour, talk
from engine.surface import printable
from engine.world import Progress

_BEAT = 10.0  # seconds between two lines where there is no terminal


@contextmanager
def showing(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Something to tell each step to, while the block runs."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar() as heard:
            yield heard
    else:
        yield _heartbeat()


def _heartbeat() -> Callable[[Progress], None]:
    last = time.monotonic()

    def heard(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _BEAT:
            last = time.monotonic()
            talk(_line(progress))

    return heard


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not has_colour(sys.stderr))
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda progress: bars.update(task, description=_line(progress))


def _line(progress: Progress) -> str:
    parts = [progress.feed, progress.delivery]
    if progress.fetched:
        parts.append(f"{progress.fetched / 1_000_000:.1f} MB")
    if progress.read:
        parts.append(f"{progress.read:,} rows".replace(",", " "))
    return printable(" ".join(part for part in parts if part))
