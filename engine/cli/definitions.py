"""`feeds list` and `feeds show`: what is defined, and what one feed's definition comes to. Runs nothing."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, listed, table, talk
from engine.cli.settings import Settings, command, settings, stamped
from engine.deferred import Reference, SecretRef, Template
from engine.language.origins import DEFAULT, Explained, explained
from engine.language.origins import Path as Steps
from engine.language.parts import LeftOut
from engine.language.project import Project
from engine.language.references import written
from engine.language.tree import Node
from engine.model import Feed
from engine.store import overview
from engine.store.overview import Standing
from engine.surface import OK

_ORIGIN_COLUMN = 60


@command("list", help="The feeds, with their state.")
@formats("text", "json", "jsonl")
def listing(form: str) -> int:
    where = settings()
    found = projects.project(where)
    standings = overview.standings(opening.store(where)) if opening.has_store(where) else {}
    rows = [_row(name, found, standings.get(name)) for name in found.made]
    if form != "text":
        listed(rows, form)
        return OK
    if not rows:
        talk(f"no feeds in {where.feeds_dir}: a dealer's file in {where.feeds_dir}/dealers/ names them")
        return OK
    names = ("feed", "state", "transport", "schedule", "title")
    table(names, [[row[name] for name in names] for row in rows])
    return OK


def _row(name: str, found: Project, standing: Standing | None) -> dict[str, Any]:
    feed = found.feeds.get(name)
    if feed is None:
        title = found.made[name].source.root.word("title", name)
        return {"feed": name, "title": title, "enabled": False, "state": "broken", "schedule": None, "transport": None}
    return {
        "feed": name,
        "title": feed.title,
        "enabled": feed.enabled,
        "state": state(feed, standing),
        "schedule": schedule(feed),
        "transport": feed.transport.get("type"),
        **({"reason": feed.reason} if feed.reason else {}),
    }


def state(feed: Feed, standing: Standing | None) -> str:
    """disabled (by its definition), paused (by an operator) or enabled."""
    if not feed.enabled:
        return "disabled"
    return "paused" if standing is not None and standing.is_paused(stamped()) else "enabled"


def schedule(feed: Feed) -> str | None:
    """In words: "every 1h", or the cron expression with its zone."""
    if "every" in feed.schedule:
        return f"every {feed.schedule['every']}"
    if "cron" in feed.schedule:
        zone = feed.schedule.get("timezone")
        return f"{feed.schedule['cron']} {zone}" if zone else str(feed.schedule["cron"])
    return None


# --- show -----------------------------------------------------------------------------------


@command("show", help="One feed. --resolved prints its definition with the origin of each value.")
@click.argument("feed", metavar="ID")
@click.option("--resolved", is_flag=True, help="The whole definition as this feed uses it.")
@formats("text", "json")
def show(feed: str, resolved: bool, form: str) -> int:
    where = settings()
    found = projects.project(where)
    if not (resolved and feed in found.made):
        _summary(projects.one_feed(found, feed), found, where, form)
        return OK
    made = found.made[feed]
    dealer, whole = made.dealer, explained(made.source, made.dealer, made.entry)
    about = {
        "name": dealer.name,
        "title": dealer.title,
        "timezone": dealer.timezone.key,
        "features": sorted(dealer.features),
        "contact": dict(dealer.contact),
    }
    without = found.left_out(feed)
    given = {name: node for name, node in made.entry.entries().items() if name != "uses"}
    if form == "json":
        origins = {".".join(map(str, line.path)): line.origin for line in _lines(whole.root, whole) if line.origin}
        plain = _plain(whole.root)
        as_json({"feed": feed, "dealer": about, "definition": plain, "origins": origins, "leftOut": _told(without)})
        return OK
    click.echo(f"# {feed}: {made.source.name} as {dealer.title} uses it")
    based = [_seen(name) for name in made.source.files[1:]]
    if based:
        click.echo(f"# {_seen(made.source.files[0])}, based on {', based on '.join(based)}")
    for part in without:
        click.echo(f"# left out: {part}, which {dealer.title} has not got")
    click.echo(_yaml({"dealer": about}))
    if given:
        click.echo("given:")
        _printed(_lines(made.entry.with_entries(given), None, ("given",), "  "))
    _printed(_lines(whole.root, whole))
    return OK


def _summary(feed: Feed, found: Project, where: Settings, form: str) -> None:
    standings = overview.standings(opening.store(where)) if opening.has_store(where) else {}
    row, without = _row(feed.id, found, standings.get(feed.id)), found.left_out(feed.id)
    types = {spec.type: None for stream in feed.streams for spec in stream.activities}
    labels = [feed.activity_types[name].label for name in types if name in feed.activity_types]
    row |= {
        "definition": feed.definition,
        "dealer": feed.dealer.title,
        "brings": labels,
        "tags": list(feed.tags),
        "file": feed.path,
    }
    if form == "json":
        as_json({**row, "leftOut": _told(without)})
        return
    for name, value in row.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        if shown not in (None, ""):
            click.echo(f"{name:<11} {'yes' if shown is True else 'no' if shown is False else shown}")
    for part in without:
        click.echo(f"{'left out':<11} {part}")
    click.echo(f"\n`feeds show {feed.id} --resolved` prints the whole definition with origins.")


def _told(parts: Iterable[LeftOut]) -> list[dict[str, Any]]:
    return [{"stream": part.stream, "activity": part.activity, "lacks": list(part.lacks)} for part in parts]


class _Line(NamedTuple):
    """One line of YAML as it is written; `origin` is where its value comes from, "" for what only begins a block."""

    path: Steps
    text: str
    origin: str


def _lines(node: Node, whole: Explained | None, path: Steps = (), pad: str = "") -> Iterator[_Line]:
    """A map or a list in block style; lists of plain values stay on one line."""
    children = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
    for name, child in children:
        is_element = isinstance(name, int)
        below, head = (*path, name), f"{pad}-" if is_element else f"{pad}{_word(name)}:"
        if _is_short(child):
            yield _Line(below, f"{head} {_flow(child)}", _origin(child, below, whole))
        elif is_element and isinstance(child.value, dict):
            first, *rest = _lines(child, whole, below, f"{pad}  ")
            yield first._replace(text=f"{pad}- {first.text.lstrip()}")
            yield from rest
        else:
            yield _Line(below, head, "")
            yield from _lines(child, whole, below, f"{pad}  ")


def _is_short(node: Node) -> bool:
    if isinstance(node.value, tuple):
        return not any(isinstance(child.value, dict) for child in node.value)
    return not node.value if isinstance(node.value, dict) else True


def _flow(node: Node) -> str:
    if isinstance(node.value, tuple):
        return f"[{', '.join(_flow(child) for child in node.value)}]"
    return "{}" if isinstance(node.value, dict) else _word(_plain(node))


def _origin(node: Node, path: Steps, whole: Explained | None) -> str:
    """Where the value stands, as seen from here; of a default that it is one, of a text what was put into it."""
    note = whole.notes.get(path, "") if whole is not None else ""
    if note == DEFAULT:
        return note
    used = whole.used.get(path, ()) if whole is not None else ()
    put_in = ", ".join(f"{name} from {_seen(str(place))}" for name, place in used)
    details = ", ".join(part for part in (note, put_in) if part)
    return f"{_seen(str(node.place))}{f' ({details})' if details else ''}"


def _seen(place: str) -> str:
    """A file, perhaps with its line, as seen from here."""
    path, here = Path(place), Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else place


def _printed(lines: Iterator[_Line]) -> None:
    for line in lines:
        gap = " " * max(1, _ORIGIN_COLUMN - len(line.text))
        click.echo(f"{line.text}{gap}# {line.origin}" if line.origin else line.text)


def _word(value: Any) -> str:
    """A scalar on one line, quoted where YAML needs it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _yaml(value: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(child) for name, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [_plain(child) for child in node.value]
    if isinstance(node.value, Template | SecretRef):
        return written(node.value)
    return written(Template((node.value,))) if isinstance(node.value, Reference) else node.value
