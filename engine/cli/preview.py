"""`feeds preview ID`: what a feed makes of the first rows of a file or page, beside what was sent. Stores nothing."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, has_colour, paragraph, width
from engine.cli.settings import Settings, command, now, settings
from engine.mapping.keys import text_of
from engine.mapping.survey import Figure, Looked, Unmatched
from engine.model import Feed, MappedActivity, MappedRecord, Value
from engine.previews import FILTERED, MOST, QUARANTINED, REFUSED, STORED, Preview, Row, preview_live, preview_sample
from engine.surface import ERROR, OK, PARTIAL, printable
from transports import FILES

_WORDS = {STORED: "would be stored", FILTERED: "filtered", QUARANTINED: "QUARANTINED", REFUSED: "not stored"}
_COLOURS = {STORED: "green", FILTERED: "yellow", QUARANTINED: "red", REFUSED: "red"}
_INDENT = "  "
_LABEL = 10
_MOST_ROWS = 1_000


@command("preview", help="What a feed makes of the first rows that wait. Stores, claims and removes nothing.")
@click.argument("feed", metavar="ID")
@click.option(
    "--sample",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of yours; needs no database, no secret and no network. Without it, the oldest file that waits, "
    "or the first page of an API.",
)
@click.option("--rows", type=click.IntRange(1, _MOST_ROWS), default=5, show_default=True, help="How many to show.")
@formats("text", "json")
def preview(feed: str, sample: Path | None, rows: int, form: str) -> int:
    where = settings()
    wanted = projects.one_feed(projects.project(where), feed)
    seen = _seen(wanted, sample, rows, where)
    if form == "json":
        as_json(_plain(seen))
    else:
        _told(seen)
    if seen.refusal is not None:
        return ERROR
    return PARTIAL if seen.counts[QUARANTINED] or seen.counts["elements"] else OK


def _seen(feed: Feed, sample: Path | None, rows: int, where: Settings) -> Preview:
    if sample is not None:
        if not sample.is_file():
            raise click.UsageError(f"there is no plain file {str(sample)!r}")
        return preview_sample(feed, sample, rows, now())
    seen = preview_live(feed, opening.world(where), rows)
    if seen is None:
        raise click.ClickException(
            f"no {_kind(feed)} of {feed.id} waits; give one with --sample, or see `feeds check {feed.id}`"
        )
    return seen


def _kind(feed: Feed) -> str:
    return "file" if feed.transport["type"] in FILES else "page"


# --- for programs ----------------------------------------------------------------------------


def _plain(seen: Preview) -> dict[str, Any]:
    refusal = seen.refusal
    return {
        "feed": seen.feed.id,
        "source": {
            "name": seen.name,
            "bytes": seen.size,
            "format": seen.feed.decode["format"],
            "compression": seen.compression,
            "encoding": seen.encoding or None,
            "encodingReason": seen.reason or None,
            "delimiter": _delimiter(seen.feed),
            "columns": None if seen.columns is None else list(seen.columns),
            "records": seen.records,
            "complete": seen.complete,
        },
        "refused": None
        if refusal is None
        else {"code": refusal.code, "message": refusal.message, "line": refusal.line},
        "counts": {verdict: seen.counts[verdict] for verdict in (STORED, FILTERED, QUARANTINED)},
        "rows": [_row(seen.feed, row) for row in seen.rows],
        "fields": [_figure(figure) for figure in seen.figures],
        "unread": list(seen.unread),
        "unmatched": [
            {"field": each.field, "source": each.source, "near": list(each.near), "optional": each.optional}
            for each in seen.unmatched
        ],
        "notes": [{"code": code, "message": message} for code, message in seen.notes],
    }


def _row(feed: Feed, row: Row) -> dict[str, Any]:
    record = row.record
    return {
        "line": row.line,
        "stream": row.stream or None,
        "raw": row.raw,
        "verdict": row.verdict,
        "code": row.code,
        "message": row.message,
        "field": row.field,
        "contact": dict(record.contact.fields) if record is not None and record.contact is not None else None,
        "vehicle": dict(record.vehicle.fields) if record is not None and record.vehicle is not None else None,
        "activities": [
            {
                "type": _type(feed, row, each),
                "key": each.keys[0],
                "occurred": each.occurred,
                "state": each.state,
                "fields": {name: value for name, value in each.fields.items() if value is not None},
            }
            for each in _activities(record)
        ],
        "warnings": [{"code": each.code, "message": each.message, "field": each.field} for each in row.warnings],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "field": figure.name,
        "filled": _percent(figure.filled, figure.total),
        "bad": _percent(figure.bad, figure.total),
        "examples": figure.examples,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _activities(record: MappedRecord | None) -> Sequence[MappedActivity]:
    return () if record is None else record.activities


def _type(feed: Feed, row: Row, activity: MappedActivity) -> str:
    stream = next(stream for stream in feed.streams if stream.name == row.stream)
    return stream.activities[activity.spec].type


def _delimiter(feed: Feed) -> str | None:
    return str(feed.decode.get("delimiter", ",")) if feed.decode["format"] == "csv" else None


# --- for people ------------------------------------------------------------------------------


def _told(seen: Preview) -> None:
    paragraph(printable(_source(seen)))
    for _, message in seen.notes:
        paragraph(printable(f"note: {message}"))
    if seen.refusal is not None:
        click.echo()
        paragraph(printable(f"the {_kind(seen.feed)} would be REFUSED: {seen.refusal.message} [{seen.refusal.code}]"))
    for row in seen.rows:
        click.echo()
        _card(seen.feed, row)
    if seen.figures:
        click.echo()
        _fields(seen)
    if seen.unread:
        click.echo()
        paragraph(printable(f"columns nobody reads (say records.unused): {', '.join(seen.unread)}"))
    lacking = [each for each in seen.unmatched if each.optional and not each.near]
    if seen.unmatched:
        click.echo()
    for each in (each for each in seen.unmatched if each not in lacking):
        paragraph(printable(_unmatched(each, seen)))
    if lacking:
        paragraph(printable(f"optional columns that the file lacks: {', '.join(each.source for each in lacking)}"))
    click.echo()
    counts = [f"{seen.counts[verdict]} {_WORDS[verdict]}" for verdict in _WORDS if seen.counts[verdict]]
    paragraph(f"{_amount(seen)}: {', '.join(counts) or 'nothing to map'}")


def _source(seen: Preview) -> str:
    reason = f" ({seen.reason})" if seen.reason else ""
    delimiter = _delimiter(seen.feed)
    parts = [
        str(seen.feed.decode["format"]),
        seen.compression if seen.compression != "none" else "",
        f"{seen.encoding}{reason}" if seen.encoding else "",
        f"delimiter {delimiter!r}" if delimiter else "",
        f"{len(seen.columns)} columns" if seen.columns is not None else "",
        _amount(seen),
    ]
    return f"{seen.name}: {', '.join(part for part in parts if part)}"


def _amount(seen: Preview) -> str:
    count = f"{seen.records} record{'' if seen.records == 1 else 's'}"
    return count if seen.complete else f"the first {count} (of more: a preview looks at {MOST})"


def _card(feed: Feed, row: Row) -> None:
    """One row: what is made of it, each field beside what was sent."""
    where = f" as {row.stream}" if row.stream and row.verdict == STORED else ""
    verdict = (
        click.style(_WORDS[row.verdict], fg=_COLOURS[row.verdict]) if has_colour(sys.stdout) else _WORDS[row.verdict]
    )
    click.echo(f"line {row.line}: {verdict}{where}")
    if row.message:
        code = f" [{row.code}]" if row.code else ""
        field = f"{row.field}: " if row.field else ""
        _set_in("because" if row.verdict == FILTERED else "problem", f"{field}{row.message}{code}")
    for warning in row.warnings:
        _set_in("warning", f"{warning.field or 'record'}: {warning.message} [{warning.code}]")
    if row.looked is None:
        _set_in("as sent", _text(row.raw))
        return
    _side_by_side(row.looked)
    for label, text in _made(feed, row):
        _set_in(label, text)


def _side_by_side(looked: Looked) -> None:
    """A line for each field: its name, what was made of it, what was sent."""
    bad = {problem.field for problem in looked.problems}
    size = min(max(map(len, looked.values), default=1), width() // 4)
    half = (width() - size - 3 * len(_INDENT)) // 2
    for name, value in looked.values.items():
        mapped = _text(value) if value is not None else "?" if name in bad else ""
        raw = looked.raws.get(name)
        cells = [f"{_clipped(name, size):<{size}}", f"{_clipped(mapped, half):<{half}}"]
        click.echo(_INDENT.join(["", *cells, "" if raw is None else _clipped(_text(raw), half)]).rstrip())


def _made(feed: Feed, row: Row) -> Iterator[tuple[str, str]]:
    """What the row becomes: the contact, the vehicle, the activities."""
    record = row.record
    if record is None:
        return
    if record.contact is not None:
        yield "contact", _listed(record.contact.fields)
    if record.vehicle is not None:
        yield "vehicle", _listed(record.vehicle.fields)
    for each in record.activities:
        head = [_type(feed, row, each), each.keys[0], each.occurred or "undated", each.state or ""]
        values = _listed({name: value for name, value in each.fields.items() if value is not None})
        yield "activity", f"{', '.join(part for part in head if part)}{f': {values}' if values else ''}"


def _listed(fields: dict[str, Value]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in fields.items())


def _set_in(label: str, text: str) -> None:
    room = width() - len(_INDENT) - _LABEL
    lines = textwrap.wrap(printable(text), max(room, 20), max_lines=6, placeholder=" ...") or [""]
    for number, line in enumerate(lines):
        click.echo(f"{_INDENT}{label if number == 0 else '':<{_LABEL}}{line}")


def _fields(seen: Preview) -> None:
    """How often each field is filled and how often it is bad."""
    size = max(len("field"), *(len(figure.name) for figure in seen.figures))
    room = max(width() - size - 18, 20)
    click.echo(f"{'FIELD':<{size}}  FILLED     BAD  EXAMPLES")
    for figure in seen.figures:
        filled, bad = _percent(figure.filled, figure.total), _percent(figure.bad, figure.total)
        examples = _clipped(" | ".join(map(printable, figure.examples)), room)
        click.echo(f"{printable(figure.name):<{size}}  {filled:>5g}%  {bad:>5g}%  {examples}".rstrip())


def _unmatched(each: Unmatched, seen: Preview) -> str:
    there = "the records have" if seen.columns is None else "the file has"
    near = f"; {there} {' and '.join(each.near)}" if each.near else ""
    return f"never matched: {each.field} reads {each.source}{near}"


def _text(value: Value) -> str:
    return printable(text_of(value))


def _clipped(text: str, size: int) -> str:
    return text if len(text) <= size else text[: max(size - 3, 1)] + "..."
