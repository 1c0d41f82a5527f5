"""How feeds of one definition share what was found when it was checked.

A verdict rests on what was read for it. An entry that differs in nothing that was read has the
same verdict, whatever else it says; so has one whose other values the schema takes alike. Where an
entry is out of the ordinary it has no key here, and is checked by itself. Finds no fault itself.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import orjson

from engine.deferred import Reference, SecretRef, Template
from engine.language import filling, overlap, params, references
from engine.language.findings import Finding
from engine.language.judges import judges, said
from engine.language.overlap import PLACING, Claim, Manner, Source
from engine.language.params import Param
from engine.language.resolution import MAPPING, Definition, Resolved
from engine.language.tree import Node, Place, Step, watched
from engine.model import Dealer, Value

Input: TypeAlias = tuple[str, ...]  # ("params", "folder"), ("dealer", "name")

_SECRET = re.compile(r"\$\{secret\.(\w+)\}", re.ASCII)
# These keys of an entry are looked at below, or no verdict rests on them. Any other is part of
# what an entry has in common with those that share its verdict.
_OWN = frozenset({"uses", "name", "title", "params", "confirmed", "reason", "tags", "override"})


class Hole(NamedTuple):
    """A text of the definition that is filled from inputs: by one whole, or from pieces of text."""

    path: tuple[Step, ...]
    parts: tuple[str | Input, ...]
    inputs: frozenset[Input]
    judging: tuple[Any, ...]
    said: dict[Hashable, tuple[bool, ...]]  # what they said of values so far

    def filled(self, values: Mapping[Input, Value]) -> Value:
        if len(self.parts) == 1:
            return values[self.parts[0]]  # type: ignore[index]  # a part alone is an input
        return "".join([part if isinstance(part, str) else str(values[part]) for part in self.parts])

    def judged(self, values: Mapping[Input, Value]) -> tuple[bool, ...]:
        """What the schema says of the text once it is filled."""
        filled = self.filled(values)
        value = references.written(filled) if isinstance(filled, SecretRef) else filled
        key = (type(value), orjson.dumps(value) if isinstance(value, list | dict) else value)
        found = self.said.get(key)
        if found is None:
            found = self.said[key] = said(self.judging, value)
        return found


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
    everything: Mapping[Input, Value]  # with what is not given


@dataclass(slots=True, eq=False)
class Plan:
    """One definition under one override. `exact` are the inputs whose very values a verdict rests on.

    `defaults` are the values of parameters that are not given, and `needed` those that have to be,
    or whose default is out of the ordinary. `told` is what is read of the dealer. `mixed` are inputs
    that stand in a text with others, `placing` is where files of what names are looked for where
    nothing is given, and `at` where it says the names.
    """

    declared: Mapping[str, tuple[Param, Hashable]]  # each with what others of its sort have in common with it
    defaults: Mapping[Input, Value]
    needed: frozenset[str]
    told: tuple[Input, ...]
    exact: set[Input]
    types: Mapping[Input, type]  # of what stands for a parameter that is not given; a text where something has to be
    judged: tuple[tuple[Hole, tuple[bool, ...]], ...]  # what the schema says of texts by their value, and most often
    placed: tuple[Hole, ...]  # of `placing`
    mixed: frozenset[Input]
    placing: Mapping[str, Value]
    at: Place | None
    verdicts: dict[Hashable, Verdict] = field(default_factory=dict)

    def case(
        self, raw: Mapping[str, Value], known: Mapping[str, Value], fitting: MutableMapping[Hashable, bool]
    ) -> Case | None:
        """The entry's case, or None where something about it is out of the ordinary; `known` is what the dealer is."""
        key: list[Hashable] = [(name, orjson.dumps(value)) for name, value in raw.items() if name not in _OWN]
        gates = _gates(raw.get("confirmed"))
        values = None if gates is None else self._given(raw.get("params"), known["region"], fitting)
        if values is None:
            return None
        for name in self.told:
            values[name] = _fact(known, name[1:])
        for name in self.mixed.intersection(values):
            if type(values[name]) not in (str, int):
                return None
        key.append(gates)
        for name, value in values.items():
            if name in self.exact:
                key.append((name, type(value), orjson.dumps(value) if isinstance(value, list | dict) else value))
            elif type(value) is not self.types.get(name, str):
                key.append((name, type(value)))
        everything = {**self.defaults, **values}
        for hole, usual in self.judged:
            if not hole.inputs.isdisjoint(values):
                judgement = hole.judged(everything)
                if judgement != usual:
                    key.append((hole.path, judgement))
        return Case(tuple(key), values, everything)

    def rest_on(self, inputs: Iterable[Input]) -> None:
        """These were read: from now on their values tell one case from another, and so they have to before."""
        more = set(inputs) - self.exact
        if more:
            self.exact |= more
            self.told = (*self.told, *sorted(name for name in more if name[0] == "dealer" and name not in self.told))
            self.verdicts.clear()

    def _given(self, given: Value, region: str, fitting: MutableMapping[Hashable, bool]) -> dict[Input, Value] | None:
        """The values that are given for parameters; None where one is unknown, lacking, or does not fit."""
        given = {} if given is None else given
        if not isinstance(given, dict) or not self.needed <= given.keys():
            return None
        values: dict[Input, Value] = {}
        for name, value in given.items():
            param, sort = self.declared.get(name, (None, None))
            if param is None or value is None:
                return None
            if isinstance(value, str) and "${" in value:
                secret = _SECRET.fullmatch(value) if param.type == "secret" else None
                if secret is None:
                    return None
                value = SecretRef(secret[1])
            elif not _fits(param, sort, value, region, fitting):
                return None
            values["params", name] = value
        return values

    def claim(self, feed: str, manner: Manner, case: Case, entry: Place) -> tuple[Source, Claim] | None:
        """What a feed takes from where; `entry` is where its entry stands."""
        placed, at = dict(self.placing), self.at
        if at is None:
            return None
        for hole in self.placed:
            if not hole.inputs.isdisjoint(case.values):
                placed[str(hole.path[1])] = hole.filled(case.everything)
                if hole.path == _FILENAME and len(hole.parts) == 1 and hole.parts[0][0] == "params":
                    at = Place(entry.document, (*entry.path, "params", hole.parts[0][1]))
        pattern = placed.pop("filename")
        if not isinstance(pattern, str):
            return None
        place = overlap.source(manner.type, *placed.values())
        return place, Claim(feed, pattern, manner.is_regex, manner.removes, manner.is_shared, at)


def plan(source: Definition, root: Node) -> Plan:
    """What feeds of a definition share; `root` is what the definition is under their override."""
    declared = {
        name: (param, (param.type, repr(param.choices), param.forbidden)) for name, param in source.params.items()
    }
    exact: set[Input] = set()
    holes: list[Hole] = []
    for section, node in root.entries().items():
        if section in MAPPING:
            exact |= _inputs(filling.used(node))
            continue
        for path, text in filling.texts(node, (section,)) if section not in filling.LEFT else ():
            hole = _hole(path, text)
            if hole is None:
                exact |= _inputs(_used(text))
            else:
                holes.append(hole)
    known = {("params", name) for name in declared}
    named = exact.union(*(hole.inputs for hole in holes))
    told = sorted(name for name in named if name[0] == "dealer")
    usable = [hole for hole in holes if hole.inputs <= known.union(told)]
    mixed = frozenset(name for hole in usable if len(hole.parts) > 1 for name in hole.inputs)
    defaults: dict[Input, Value] = {("params", name): _default(param) for name, (param, _) in declared.items()}
    odd = {name for name, (param, _) in declared.items() if not _is_usual(param, ("params", name) in mixed)}
    return Plan(
        declared=declared,
        defaults=defaults,
        needed=frozenset(odd),
        told=tuple(told),
        exact=exact & known.union(told),
        types={name: type(value) for name, value in defaults.items() if name[1] not in odd},
        judged=tuple((hole, _usual(hole, defaults)) for hole in usable if hole.judging),
        placed=tuple(hole for hole in usable if hole.path in _PLACING),
        mixed=mixed,
        **_placing(root, [hole for hole in usable if hole.path in _PLACING], defaults, source.params),
    )


def _usual(hole: Hole, defaults: Mapping[Input, Value]) -> tuple[bool, ...]:
    """What the schema says where nothing is given; nothing where something has to be."""
    return hole.judged(defaults) if hole.inputs <= defaults.keys() else ()


def _default(param: Param) -> Value:
    return None if param.default is None else param.default.plain


def _is_usual(param: Param, is_mixed: bool) -> bool:
    """Whether nothing is to be said where the parameter is not given."""
    value = _default(param)
    if value is None:
        return not (param.required or is_mixed)
    # A number is a phone's in one region and none in another.
    if param.type in ("secret", "phone") or (isinstance(value, str) and "${" in value):
        return False
    return params.fits(param, _node(value, param.node.place), "US") and (not is_mixed or type(value) in (str, int))


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


def _placing(
    root: Node, holes: Iterable[Hole], defaults: Mapping[Input, Value], declared: Mapping[str, Param]
) -> dict[str, Any]:
    """Where the files lie where nothing is given for a parameter, and where it is said what their names are."""
    transport = root.child("transport")
    if transport is None:
        return {"placing": {}, "at": None}
    found = {name: transport.child(name) for name in (*PLACING, "filename")}
    # Without a pattern it takes every file.
    filename = found["filename"] or replace(transport, value="*")
    at = filename.place
    values = {name: None if node is None else _constant(node) for name, node in found.items()}
    values["filename"] = _constant(filename)
    for hole in holes:
        if hole.inputs <= defaults.keys():
            values[str(hole.path[1])] = hole.filled(defaults)
        if hole.path == _FILENAME and len(hole.parts) == 1 and hole.parts[0][0] == "params":
            param = declared[hole.parts[0][1]]
            at = (param.default or param.node).place
    return {"placing": values, "at": at}


def _constant(node: Node) -> Value:
    try:
        return references.parsed(node.value) if isinstance(node.value, str) else node.plain
    except references.BadReference:
        return None


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
    return Hole(path, tuple(parts), frozenset(part for part in parts if not isinstance(part, str)), judging, {})


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
