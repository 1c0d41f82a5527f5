"""How feeds of one definition share what was found when it was checked.

A verdict rests on what was read for it. An entry that differs in nothing that was read has the
same verdict, whatever else it says; so has one whose other values the schema takes alike. Where an
entry is out of the ordinary it has no key here, and is checked by itself. Finds no fault itself.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import orjson

from engine.language import filling, overlap, params, references
from engine.language.findings import Finding
from engine.language.judges import judges, said
from engine.language.overlap import PLACING, Claim, Manner, Source
from engine.language.params import Param
from engine.language.resolution import MAPPING, Definition, Resolved
from engine.language.tree import Node, Place, Step, watched
from engine.model import Dealer, Reference, SecretRef, Template, Value

Input: TypeAlias = tuple[str, ...]  # ("params", "folder"), ("dealer", "name")

_SECRET = re.compile(r"\$\{secret\.(\w+)\}", re.ASCII)
# These keys of an entry are looked at below, or no verdict rests on them. Any other is part of
# what an entry has in common with those that share its verdict.
_OWN = frozenset({"uses", "name", "title", "params", "confirmed", "reason", "tags", "override"})


class Hole(NamedTuple):
    """A text of the definition that is filled from inputs: by one whole, or from pieces of text."""

    path: tuple[Step, ...]
    parts: tuple[str | Input, ...]
    judging: tuple[Any, ...]
    said: dict[Hashable, tuple[bool, ...]]  # what they said of values so far

    def filled(self, values: Mapping[Input, Value]) -> Value:
        if len(self.parts) == 1:
            return values[self.parts[0]]  # type: ignore[index]  # a part alone is an input
        return "".join(part if isinstance(part, str) else str(values[part]) for part in self.parts)


class Verdict(NamedTuple):
    """What was found, all of it in the definition's own files, and what else overlaps and feeds need."""

    findings: tuple[Finding, ...]
    manner: Manner | None
    is_enabled: bool
    types: frozenset[str]  # of its activities


class Case(NamedTuple):
    """An entry as its plan sees it: what it has in common with others, and its own values."""

    key: Hashable
    values: Mapping[Input, Value]


@dataclass(slots=True, eq=False)
class Plan:
    """One definition under one override. `exact` are the inputs whose very values a verdict rests on.

    `mixed` are inputs that stand in a text with others, `placing` is where files of what names are
    looked for, as far as the definition says it, and `at` where it says the names.
    """

    declared: tuple[tuple[Param, Hashable], ...]  # each with what another may have in common with it
    inputs: tuple[Input, ...]  # the parameters first
    exact: set[Input]
    judged: tuple[Hole, ...]  # of these the schema says more than it does of their types
    placed: tuple[Hole, ...]  # of `placing`
    mixed: frozenset[Input]
    placing: Mapping[str, Value]
    at: Place | None
    verdicts: dict[Hashable, Verdict] = field(default_factory=dict)

    def case(
        self, raw: Mapping[str, Value], known: Mapping[str, Value], fitting: MutableMapping[Hashable, bool]
    ) -> Case | None:
        """The entry's case, or None where something about it is out of the ordinary; `known` is what the dealer is."""
        gates = _gates(raw.get("confirmed"))
        values = None if gates is None else self._given(raw.get("params"), known["region"], fitting)
        if values is None:
            return None
        for name in self.inputs[len(self.declared) :]:
            values[name] = _fact(known, name[1:])
        if any(type(values[name]) not in (str, int) for name in self.mixed):
            return None
        told = tuple((name, orjson.dumps(value)) for name, value in raw.items() if name not in _OWN)
        return Case((told, gates, *self._kinds(values), *self._judged(values)), values)

    def rest_on(self, inputs: Iterable[Input]) -> None:
        """These were read: from now on their values tell one case from another, and so they have to before."""
        more = set(inputs) - self.exact
        if more:
            self.exact |= more
            self.inputs += tuple(sorted(more.difference(self.inputs)))
            self.verdicts.clear()

    def _given(self, given: Value, region: str, fitting: MutableMapping[Hashable, bool]) -> dict[Input, Value] | None:
        """The value of every parameter; None where one is unknown, lacking, or does not fit."""
        given = {} if given is None else given
        if not isinstance(given, dict):
            return None
        values: dict[Input, Value] = {}
        found = 0
        for param, sort in self.declared:
            value = given.get(param.name)
            found += param.name in given
            if value is None and param.default is not None:
                value = param.default.plain
                if param.type == "secret" or (isinstance(value, str) and "${" in value):
                    return None
            elif value is None and param.required:
                return None
            elif isinstance(value, str) and "${" in value:
                secret = _SECRET.fullmatch(value) if param.type == "secret" else None
                if secret is None:
                    return None
                values["params", param.name] = SecretRef(secret[1])
                continue
            if value is not None and not _fits(param, sort, value, region, fitting):
                return None
            values["params", param.name] = value
        return values if found == len(given) else None

    def _kinds(self, values: Mapping[Input, Value]) -> Iterator[Hashable]:
        """Exact values of the inputs that were read, the types of the others."""
        for name in self.inputs:
            value = values[name]
            yield type(value).__name__
            if name in self.exact:
                yield orjson.dumps(value) if isinstance(value, list | dict) else value

    def _judged(self, values: Mapping[Input, Value]) -> Iterator[tuple[bool, ...]]:
        """What the schema says of the texts that are made of inputs."""
        for hole in self.judged:
            filled = hole.filled(values)
            value = references.written(filled) if isinstance(filled, SecretRef) else filled
            key = (type(value), orjson.dumps(value) if isinstance(value, list | dict) else value)
            found = hole.said.get(key)
            if found is None:
                found = hole.said[key] = said(hole.judging, value)
            yield found

    def claim(
        self, feed: str, manner: Manner, raw: Mapping[str, Value], values: Mapping[Input, Value], entry: Place
    ) -> tuple[Source, Claim] | None:
        """What a feed takes from where; `entry` is where its entry stands."""
        if self.at is None:
            return None
        placed, at = dict(self.placing), self.at
        for hole in self.placed:
            placed[str(hole.path[1])] = hole.filled(values)
            if hole.path == _FILENAME and len(hole.parts) == 1 and hole.parts[0][0] == "params":
                at = self._at(hole.parts[0][1], raw, entry)
        pattern = placed.pop("filename")
        if not isinstance(pattern, str):
            return None
        place = overlap.source(manner.type, *placed.values())
        return place, Claim(feed, pattern, manner.is_regex, manner.removes, manner.is_shared, at)

    def _at(self, name: str, raw: Mapping[str, Value], entry: Place) -> Place:
        """Where the value of a parameter is written."""
        if (raw.get("params") or {}).get(name) is not None:
            return Place(entry.document, (*entry.path, "params", name))
        (param,) = (param for param, _ in self.declared if param.name == name)
        return (param.default or param.node).place


def plan(source: Definition, root: Node) -> Plan:
    """What feeds of a definition share; `root` is what the definition is under their override."""
    declared = tuple((param, (param.type, repr(param.choices), param.forbidden)) for param in source.params.values())
    params_ = tuple(("params", param.name) for param, _ in declared)
    exact: set[Input] = set()
    holes: list[Hole] = []
    named: set[Input] = set()
    for section, node in root.entries().items():
        if section in MAPPING:
            exact.update(_inputs(filling.used(node)))
        elif section not in filling.LEFT:
            for path, text in _texts(node, (section,)):
                hole = _hole(path, text)
                names = _inputs(_used(text))
                named.update(names)
                if hole is None:
                    exact.update(names)
                else:
                    holes.append(hole)
    named |= exact
    known = {*params_, *(name for name in named if name[0] == "dealer")}
    usable = tuple(hole for hole in holes if known.issuperset(part for part in hole.parts if isinstance(part, tuple)))
    return Plan(
        declared=declared,
        inputs=(*params_, *sorted(name for name in named if name[0] == "dealer")),
        exact=exact & known,
        judged=tuple(hole for hole in usable if hole.judging),
        placed=tuple(hole for hole in usable if hole.path in _PLACING),
        mixed=frozenset(
            part for hole in usable if len(hole.parts) > 1 for part in hole.parts if isinstance(part, tuple)
        ),
        **_placing(root),
    )


class Noted:
    """A dealer, which notes in `seen` what is read of it."""

    def __init__(self, dealer: Dealer, seen: set[Input]) -> None:
        self._dealer, self._seen = dealer, seen

    def __getattr__(self, name: str) -> Any:
        self._seen.add(("dealer", name))
        return getattr(self._dealer, name)


def looked(resolved: Resolved, seen: set[Input]) -> Resolved:
    """The same, which notes in `seen` the inputs of every value that is read."""
    before = resolved.root.entries()
    sections = {name: _watched(before[name], node, seen) for name, node in resolved.tree.entries().items()}
    return resolved._replace(tree=resolved.tree.with_entries(sections))


def _watched(before: Node, after: Node, seen: set[Input]) -> Node:
    """`after` is `before` with its references filled."""
    if before is after:
        return after
    if isinstance(before.value, dict) and isinstance(after.value, dict):
        return after.with_entries(
            {name: _watched(before.value.get(name) or node, node, seen) for name, node in after.value.items()}
        )
    if isinstance(before.value, tuple) and isinstance(after.value, tuple):
        pairs = zip(before.value, after.value, strict=True)
        return replace(after, value=tuple(_watched(one, other, seen) for one, other in pairs))
    names = _inputs(_used(before.value)) if isinstance(before.value, str) else frozenset()
    return watched(after, lambda: seen.update(names)) if names else after


_FILENAME = ("transport", "filename")
_PLACING = frozenset({_FILENAME, *(("transport", name) for name in PLACING)})


def _placing(root: Node) -> dict[str, Any]:
    """Where the files lie as far as it is constant; holes are laid over it."""
    transport = root.child("transport")
    found = {name: transport.child(name) if transport is not None else None for name in (*PLACING, "filename")}
    values = {name: None if node is None else _constant(node) for name, node in found.items()}
    if transport is None:
        return {"placing": values, "at": None}
    # Without a pattern it takes every file.
    at = found["filename"] or replace(transport, value="*")
    return {"placing": values | {"filename": _constant(at)}, "at": at.place}


def _constant(node: Node) -> Value:
    try:
        return references.parsed(node.value) if isinstance(node.value, str) else node.plain
    except references.BadReference:
        return None


def _texts(node: Node, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Every text with references below a node."""
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield from _texts(child, (*path, name))
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from _texts(child, (*path, index))
    elif isinstance(node.value, str) and "${" in node.value:
        yield path, node.value


def _hole(path: tuple[Step, ...], text: str) -> Hole | None:
    """The text as inputs and pieces of text; None where it is more than that, or nobody knows who reads it."""
    try:
        parsed = references.parsed(text)
    except references.BadReference:
        return None
    judging = judges("feed", path)
    if not isinstance(parsed, Template) or judging is None or path[-1] in filling.EXPRESSIONS:
        return None
    parts: list[str | Input] = []
    for part in parsed.parts:
        names = _inputs([part.path]) if isinstance(part, Reference) else frozenset()
        if isinstance(part, str):
            parts.append(part)
        elif len(names) == 1 and part == Reference(part.path) and part.path in names:
            parts.append(part.path)
        else:
            return None
    return Hole(path, tuple(parts), judging, {})


def _used(text: str) -> Iterable[tuple[str, ...]]:
    try:
        return [reference.path for reference in references.references(text)]
    except references.BadReference:
        return ()


def _inputs(paths: Iterable[tuple[str, ...]]) -> frozenset[Input]:
    """What of these is known before a run: parameters by their names, and what a dealer is."""
    return frozenset(
        path[:2] if path[0] == "params" else path for path in paths if len(path) > 1 and path[0] in ("params", "dealer")
    )


def _fact(known: Mapping[str, Value], path: Sequence[str]) -> Value:
    value: Value = known
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _fits(param: Param, sort: Hashable, value: Value, region: str, fitting: MutableMapping[Hashable, bool]) -> bool:
    """Whether a value fits a parameter, remembered for all parameters of the same sort."""
    key = (sort, region, type(value), orjson.dumps(value) if isinstance(value, list | dict) else value)
    found = fitting.get(key)
    if found is None:
        found = fitting[key] = params.fits(param, _node(value, param.node.place), region)
    return found


def _node(value: Value, place: Place) -> Node:
    if isinstance(value, dict):
        value = {name: _node(each, place) for name, each in value.items()}
    elif isinstance(value, list):
        value = tuple(_node(each, place) for each in value)
    return Node(value, place, place)


def _gates(confirmed: Value) -> frozenset[str] | None:
    """The gates that are confirmed with a day; None where one is not."""
    if confirmed is None:
        return frozenset()
    if not isinstance(confirmed, dict) or not all(isinstance(day, str) and _is_day(day) for day in confirmed.values()):
        return None
    return frozenset(confirmed)


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
