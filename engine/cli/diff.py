"""`feeds diff`: the definitions as they are now, against what each feed last ran with. Changes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, paragraph
from engine.cli.settings import Settings, command, settings
from engine.language import differences
from engine.language.differences import Change
from engine.language.project import Made, Project
from engine.store import definitions
from engine.store.definitions import Ran
from engine.surface import OK, printable

_SHOWN = 60  # characters of a value


@dataclass(frozen=True, slots=True)
class Placed:
    """A change with the place where the new value is written."""

    change: Change
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One feed: `new` (it never ran), `gone`, `broken`, `changed`, or `same`."""

    feed: str
    state: str
    ran: Ran | None = None
    rereads: bool = False  # every row becomes something else, or may
    changes: tuple[Placed, ...] = ()


@command("diff", help="What has changed since each feed last ran: the definitions now, against what ran.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@formats("text", "json")
def diff(ids: tuple[str, ...], form: str) -> int:
    where = settings()
    found = projects.project(where)
    known = _last(where)
    for name in ids:
        if name not in found.made and name not in known:
            raise projects.unknown("feed", name, {**found.made, **known}, "`feeds list` shows all")
    names = dict.fromkeys(ids) if ids else dict.fromkeys((*found.made, *known))
    compared = [_compared(name, found, known.get(name)) for name in names]
    if form == "json":
        as_json({"feeds": [_plain(each) for each in compared], "definitions": list(_touched(compared, found))})
    else:
        _told(compared, found, every=not ids)
    return OK


def _last(where: Settings) -> Mapping[str, Ran]:
    return definitions.last(opening.store(where)) if opening.has_store(where) else {}


def _compared(name: str, found: Project, ran: Ran | None) -> Compared:
    made = found.made.get(name)
    if made is None:
        return Compared(name, "gone", ran)
    if name not in found.feeds:
        return Compared(name, "broken", ran)
    if ran is None:
        return Compared(name, "new")
    feed = found.feeds[name]
    rereads = feed.mapping_hash != ran.mapping_hash
    changed = differences.changes(ran.sections, feed.written)
    if not changed and not rereads:
        return Compared(name, "same", ran)
    return Compared(name, "changed", ran, rereads, tuple(_placed(changed, name, made, found)))


def _placed(changed: Iterable[Change], name: str, made: Made, found: Project) -> Iterator[Placed]:
    root = found.resolved(name)
    for change in changed:
        file, line = differences.place(change, root, made.found.file.tree, found.type_files)
        yield Placed(change, _seen(file), line)


def _seen(file: str) -> str:
    """The file as seen from here."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path)


def _touched(compared: Sequence[Compared], found: Project) -> Iterator[dict[str, Any]]:
    """What is edited in a file that is no dealer's, with the feeds and dealers that it touches."""
    feeds: dict[str, list[Compared]] = {}
    for each in compared:
        own = _seen(found.made[each.feed].file) if each.changes else ""
        for file in dict.fromkeys(placed.file for placed in each.changes if placed.file != own):
            feeds.setdefault(file, []).append(each)
    for file, users in sorted(feeds.items()):
        yield {
            "file": file,
            "feeds": [each.feed for each in users],
            "dealers": list(dict.fromkeys(each.feed.partition("/")[0] for each in users)),
            "rereads": any(each.rereads for each in users),
        }


# --- as text --------------------------------------------------------------------------------


def _told(compared: Sequence[Compared], found: Project, every: bool) -> None:
    """Feeds whose changes are the same are told together."""
    groups: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for each in compared:
        if each.state == "changed":
            lines = tuple(_line(placed) for placed in each.changes)
            groups.setdefault((each.rereads, lines), []).append(each.feed)
    for (rereads, lines), feeds in groups.items():
        paragraph(f"{', '.join(feeds)}: {_effect(rereads, lines)}")
        for line in lines:
            click.echo(line)
    for touched in _touched(compared, found):
        dealers = touched["dealers"]
        text = f"{touched['file']} touches {_count(len(touched['feeds']), 'feed')} of {_count(len(dealers), 'dealer')}"
        paragraph(f"{text}: {', '.join(dealers)}")
    for state, words in (("new", "never run"), ("gone", "defined no more"), ("broken", "not compared, it has errors")):
        feeds = [each.feed for each in compared if each.state == state]
        if feeds:
            paragraph(f"{words}: {', '.join(feeds)}")
    same = sum(each.state == "same" for each in compared)
    if same and (every or same == len(compared)):
        click.echo(f"as it ran last: {_count(same, 'feed')}")
    if not compared:
        click.echo("no feeds")


def _effect(rereads: bool, lines: Sequence[str]) -> str:
    if rereads and not lines:
        return "the engine maps its rows otherwise: every row is read again"
    return "its mapping changes, every row is read again" if rereads else "its rows stay as they are"


def _line(placed: Placed) -> str:
    change = placed.change
    if change.kind == "added":
        value = f"+ {_shown(change.after)}"
    elif change.kind == "removed":
        value = f"- {_shown(change.before)}"
    else:
        value = f"{_shown(change.before)} -> {_shown(change.after)}"
    return printable(f"  {change.path}: {value}  ({placed.file}:{placed.line})")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(_shown, value)) + "]"
    else:
        text = {True: "true", False: "false", None: "null"}.get(value, value) if _is_word(value) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(each: Compared) -> dict[str, Any]:
    return {
        "feed": each.feed,
        "state": each.state,
        "ranAt": None if each.ran is None else each.ran.at,
        "rereads": each.rereads,
        "changes": [
            {
                "path": placed.change.path,
                "kind": placed.change.kind,
                "before": placed.change.before,
                "after": placed.change.after,
                "mapping": placed.change.is_mapping,
                "file": placed.file,
                "line": placed.line,
            }
            for placed in each.changes
        ],
    }
