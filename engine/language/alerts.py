"""Who is told when a feed is not well: what files of `kind: alerts` say. Sends nothing, and judges no feed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from engine.deferred import SecretRef
from engine.language import values
from engine.language.durations import seconds
from engine.language.fields import check_zone
from engine.language.files import File
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import Value

_STATES = ("failed", "stale", "late")
_SECRET = re.compile(r"\$\{secret\.(\w+)\}")


@dataclass(frozen=True, slots=True)
class Channel:
    """`name` is the file's and its own: "desk/chat". SecretRef stands in the settings."""

    name: str
    settings: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Quiet:
    begin: time
    end: time
    zone: ZoneInfo
    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    channels: tuple[str, ...]
    states: tuple[str, ...]
    level: str
    dealers: tuple[str, ...]  # none: all
    tags: tuple[str, ...]  # none: all
    quiet: Quiet | None


@dataclass(frozen=True, slots=True)
class DeadMan:
    settings: Mapping[str, Value]
    every: int  # seconds


@dataclass(frozen=True, slots=True)
class Alerts:
    """What one file says. `wait` is in seconds."""

    channels: tuple[Channel, ...]
    routes: tuple[Route, ...]
    wait: int
    dead_man: DeadMan | None


def alerts(file: File, dealers: Iterable[str], problems: Problems) -> Alerts | None:
    """What a file comes to; None where something is wrong with it, which `problems` then says."""
    if file.kind != "alerts" or file.errors:
        return None
    heard = Problems()
    tree = file.tree
    channels = tuple(Channel(f"{file.stem}/{name}", _filled(node.plain)) for name, node in _named(tree, "channels"))
    known = {channel.name.rpartition("/")[2] for channel in channels}
    routes = tuple(_route(file.stem, node, known, set(dealers), heard) for node in tree.elements("routes"))
    problems.take(heard.findings)
    if heard.has_errors:
        return None
    dead = tree.child("deadMan")
    man = None if dead is None else DeadMan(_filled(dead.plain), seconds(dead.word("every", "5m")))
    return Alerts(channels, routes, seconds(tree.word("wait", "10m")), man)


def secrets(of: Alerts) -> Iterator[str]:
    """The names of the secrets that it uses."""
    for settings in (*(channel.settings for channel in of.channels), *([of.dead_man.settings] if of.dead_man else [])):
        yield from (value.name for value in settings.values() if isinstance(value, SecretRef))


def _named(tree: Node, name: str) -> Iterable[tuple[str, Node]]:
    return tree.entries(name).items()


def _route(stem: str, node: Node, known: set[str], dealers: set[str], problems: Problems) -> Route:
    for name, choices, what in (("to", known, "channel"), ("dealers", dealers, "dealer")):
        for each in node.elements(name):
            if each.value not in choices:
                problems.unknown(each, "E090", what, choices)
    return Route(
        channels=tuple(f"{stem}/{name}" for name in node.texts("to")),
        states=node.texts("states") or _STATES,
        level=node.word("level", "warning"),
        dealers=node.texts("dealers"),
        tags=node.texts("tags"),
        quiet=_quiet(node.child("quiet"), problems),
    )


def _quiet(node: Node | None, problems: Problems) -> Quiet | None:
    if node is None:
        return None
    zone = node.child("timezone")
    if zone is not None:
        check_zone(zone, problems)
    if zone is None or problems.has_errors:
        return None
    begin, end = (time.fromisoformat(node.word(name, "00:00")) for name in ("from", "until"))
    return Quiet(begin, end, values.zone(str(zone.value)), node.texts("days"))


def _filled(settings: Mapping[str, Value]) -> Mapping[str, Value]:
    """The settings, with names of secrets for what a run fills in."""
    return {
        name: SecretRef(match[1]) if isinstance(value, str) and (match := _SECRET.fullmatch(value)) else value
        for name, value in settings.items()
    }
