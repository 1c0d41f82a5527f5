"""stdout is data, stderr is talk: tables for people, JSON for programs. Knows no feed and no store."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from engine.surface import printable

_GAP = "  "
_STYLES = {
    **dict.fromkeys(("ok", "healthy", "done", "stored"), "green"),
    **dict.fromkeys(("partial", "warn", "warning", "stale", "late", "paused", "disabled", "held"), "yellow"),
    **dict.fromkeys(("failed", "refused", "fail", "error", "broken", "locked"), "red"),
}


def formats(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--format`; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(names), default=names[0], show_default=True, help="How it is printed."
    )


def talk(text: str) -> None:
    click.echo(text, err=True)


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def listed(rows: Iterable[Any], form: str) -> None:
    """A list for programs: one JSON value, or one line for each, written as they come."""
    if form == "json":
        as_json(list(rows))
        return
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def paragraph(text: str) -> None:
    """A sentence, its further lines set in; a word longer than the line stays whole, for it may be copied."""
    lines = textwrap.wrap(text, width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    click.echo("\n".join(lines))


def has_colour(stream: Any) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("CLICOLOR_FORCE")) or stream.isatty()


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Columns as wide as what they hold; on a terminal the last one wraps. `right` are those of numbers."""
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich(headings, cells, right)
        return
    widths = [max(len(line[place]) for line in [headings, *cells]) for place in range(len(headings))]
    for line in [[heading.upper() for heading in headings], *cells]:
        parts = [
            cell.rjust(size) if name in right else cell.ljust(size)
            for cell, size, name in zip(line, widths, headings, strict=True)
        ]
        click.echo(_GAP.join(parts).rstrip())


def _rich(headings: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold" if has_colour(sys.stdout) else "")
    for heading in headings:
        is_last = heading == headings[-1]
        drawn.add_column(
            heading.upper(),
            justify="right" if heading in right else "left",
            no_wrap=not is_last,
            overflow="fold" if is_last else "ellipsis",
        )
    for line in cells:
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in line))
    Console(file=sys.stdout, no_color=not has_colour(sys.stdout), highlight=False).print(drawn)
