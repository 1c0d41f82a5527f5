"""A definition as a feed uses it, with all that nobody wrote: the defaults, and what parameters put into texts.

The defaults are those of the schemas, so the language's reference and this say the same. Checks nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from engine.language.bundle import bundled
from engine.language.problems import Problems
from engine.language.resolution import Definition, Resolved, resolve, whole
from engine.language.tree import Node, Place, Step
from engine.model import Dealer, Value

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[Step, ...]

DEFAULT = "default"
_NAMED = re.compile(r"\$\{((?:params|dealer)\.\w+)")
# Declarations and examples: nothing in them is a setting of this feed.
_LEFT = frozenset({"params", "gates", "requires", "capabilities", "tests", "sealed"})

_ONLY_WITH: Mapping[str, tuple[str, str]] = {"unit": ("type", "money")}


class Explained(NamedTuple):
    """The whole definition, and by path what its place does not say: a default, or what was put in."""

    root: Node
    notes: Mapping[Path, str]
    used: Mapping[Path, tuple[tuple[str, Place], ...]]  # (parameter, where its value stands) inside a text


def explained(source: Definition, dealer: Dealer, entry: Node) -> Explained:
    """The definition as this entry uses it. Its tests are left out: they say nothing of this feed."""
    resolved = resolve(source, dealer, entry, Problems())
    root = whole(resolved)
    root = root.with_entries({name: node for name, node in root.entries().items() if name != "tests"})
    notes: dict[Path, str] = {}
    completed = _completed(root, bundled("feed")["$defs"]["feed"], (), notes)
    used: dict[Path, tuple[tuple[str, Place], ...]] = {}
    for path, node in _leaves(completed, ()):
        if path not in notes:
            _note_params(path, node, resolved, notes, used)
    return Explained(completed, notes, used)


def _note_params(
    path: Path, node: Node, resolved: Resolved, notes: dict[Path, str], used: dict[Path, tuple[tuple[str, Place], ...]]
) -> None:
    place = node.place.path
    if path[:1] == ("params",):
        return
    if place[:1] == ("params",) and place[-1:] == (DEFAULT,):
        notes[path] = f"default of params.{place[1]}"
        return
    raw = resolved.root.at(path)
    if raw.place != node.place or not isinstance(raw.value, str):
        return
    names = dict.fromkeys(_NAMED.findall(raw.value))
    found = {name: resolved.names.params.get(name.partition(".")[2]) for name in names if name.startswith("params.")}
    put_in = tuple((name, given.place) for name, given in found.items() if given is not None)
    if put_in:
        used[path] = put_in


def _leaves(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield from _leaves(child, (*path, name))
    elif isinstance(node.value, tuple):
        for place, child in enumerate(node.value):
            yield from _leaves(child, (*path, place))
    else:
        yield path, node


# --- defaults -------------------------------------------------------------------------------


def _completed(node: Node, schema: Schema, path: Path, notes: dict[Path, str]) -> Node:
    """The node with the defaults of its schema in the place of what is not written."""
    parts = list(_parts(schema, node))
    if isinstance(node.value, tuple):
        items: Schema = next((part["items"] for part in parts if isinstance(part.get("items"), dict)), {})
        elements = enumerate(node.value)
        return replace(node, value=tuple(_completed(each, items, (*path, place), notes) for place, each in elements))
    if not isinstance(node.value, dict):
        return node
    properties = {name: each for part in parts for name, each in part.get("properties", {}).items()}
    others = next((each for part in parts if isinstance(each := part.get("additionalProperties"), dict)), {})
    entries: dict[str, Node] = {}
    for name, child in node.value.items():
        left = not path and name in _LEFT
        entries[name] = child if left else _completed(child, properties.get(name, others), (*path, name), notes)
    for name, each in properties.items():
        # What is off, or nothing, by default is not worth a line.
        if name not in entries and (value := each.get(DEFAULT)) not in (None, False) and _applies(name, entries):
            entries[name] = _made(value, node)
            notes[(*path, name)] = DEFAULT
    return node.with_entries(entries)


def _applies(name: str, entries: Mapping[str, Node]) -> bool:
    """Whether a key means anything beside what is written: of some, the schema says that only in words."""
    key, word = _ONLY_WITH.get(name, ("", ""))
    return not key or (key in entries and entries[key].value == word)


def _parts(schema: Schema, node: Node) -> Iterator[Schema]:
    """The schema with what it refers to, and of its variants the one that is chosen."""
    yield schema
    if "$ref" in schema:
        yield from _parts(bundled("feed")["$defs"][schema["$ref"].removeprefix("#/$defs/")], node)
    if isinstance(schema.get("else"), dict):
        yield from _parts(schema["else"], node)
    for branch in schema.get("allOf", ()):
        chosen = branch.get("if", {}).get("properties", {}).get(schema.get("x-by", ""), {}).get("const")
        if chosen is not None and node.text(schema["x-by"]) == chosen:
            yield from _parts(branch.get("then", {}), node)


def _made(value: Value, at: Node) -> Node:
    if isinstance(value, list):
        return replace(at, value=tuple(_made(each, at) for each in value))
    if isinstance(value, dict):
        return replace(at, value={name: _made(each, at) for name, each in value.items()})
    return replace(at, value=value)
