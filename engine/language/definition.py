"""One definition, read once, and the feeds that dealers make of it.

What a definition makes of a record depends on few of a dealer's words: it is prepared once per
difference and shared by every feed that makes none. Reads no file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.language import filling, fingerprint, inherit, lint, params, settings, streams
from engine.language.fields import Reading
from engine.language.filling import Names
from engine.language.findings import Finding
from engine.language.params import Param
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import ActivityType, Dealer, Feed, SecretRef, Stream, Value

# The sections that decide what becomes of a raw record.
MAPPING = ("decode", "records", "fields", "contact", "vehicle", "activities", "streams", "version", "employee")


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with what it is based on already laid under it.

    `files` are those it is made of. `references` are the paths that its mapping sections name and
    `features` what parts of them require: beside an override, all that a dealer can change in them.
    `has_parts` says that some streams or activities are not for everyone; `plain` are sections
    without references.
    """

    name: str
    root: Node
    params: Mapping[str, Param]
    files: tuple[str, ...]
    references: frozenset[tuple[str, ...]]
    features: frozenset[str]
    has_parts: bool
    plain: frozenset[str]

    @property
    def namespace(self) -> str:
        return self.root.text("namespace") or self.name.partition("/")[0]


class Shape(NamedTuple):
    """The prepared mapping of a definition, shared by the feeds that do not differ in it."""

    streams: tuple[Stream, ...]
    decode: Mapping[str, Value]
    types: Mapping[str, ActivityType]
    digest: str
    findings: tuple[Finding, ...]
    read: frozenset[str]  # parameters that conditions read at run time


@dataclass(frozen=True, slots=True)
class Workshop:
    """What feeds are made with: the activity types, and the shapes prepared so far.

    `unread` are types whose files cannot be read: they are there, but nothing is known of them.
    """

    types: Mapping[str, ActivityType]
    unread: frozenset[str] = frozenset()
    shapes: dict[str, Shape] = field(default_factory=dict)


class Resolved(NamedTuple):
    """A definition as one dealer uses it. `root` is overridden but not filled, `tree` holds the
    filled sections, those of the mapping left out."""

    root: Node
    names: Names
    tree: Node
    override: Mapping[str, Node]


def definition(name: str, root: Node, files: tuple[str, ...]) -> Definition:
    """Read a definition's own declarations; `root` is merged with what it is based on."""
    sections = tuple(node for key in MAPPING if (node := root.child(key)) is not None)
    references = frozenset(path for node in sections for path in filling.used(node))
    parts = [part for node in sections for part in _parts(node)]
    features = frozenset(name for part in parts for name in (*part.texts("features"), *part.texts("anyFeature")))
    plain = frozenset(key for key, node in root.entries().items() if filling.is_plain(node))
    return Definition(name, root, params.declared(root), files, references, features, bool(parts), plain)


def feed(
    source: Definition, dealer: Dealer, entry: Node, workshop: Workshop, problems: Problems
) -> tuple[Feed | None, Resolved]:
    """The feed that a dealer's entry makes of a definition; None where `problems` then holds an error."""
    resolved = resolve(source, dealer, entry, problems)
    is_enabled = entry.flag("enabled", default=True)
    if is_enabled:
        _require(source, dealer, entry, resolved, problems)
    shape = _shape(source, dealer, resolved, workshop)
    problems.take(shape.findings)
    tree = resolved.tree
    settings.transport(tree.child("transport"), shape.streams, problems)
    settings.schedule(tree.child("schedule"), problems)
    gates = settings.gates(resolved.root, entry, is_enabled, problems)
    guards = settings.guards(tree.child("guards"), problems)
    if problems.has_errors:
        return None, resolved
    given = _run_params(resolved.names)
    made = Feed(
        id=identity(dealer.name, entry),
        title=tree.word("title", source.name),
        definition=source.name,
        namespace=source.namespace,
        dealer=dealer,
        enabled=is_enabled,
        reason=entry.word("reason", ""),
        transport=_plain(tree.child("transport")),
        decode=shape.decode,
        streams=shape.streams,
        activity_types=shape.types,
        schedule=_plain(tree.child("schedule")),
        guards=guards,
        excluded=tree.texts("exports", "exclude"),
        sends_whole=tree.text("transport", "type") in settings.FILES,
        triggers=tuple(trigger.plain for trigger in tree.elements("triggers")),
        tags=tuple(dict.fromkeys((*tree.texts("tags"), *entry.texts("tags")))),
        gates=gates,
        params=given,
        mapping_hash=_mapping_hash(source, shape, dealer, given),
        path=entry.place.document.path,
    )
    return made, resolved


def look_at(source: Definition, dealer: Dealer, entry: Node, workshop: Workshop, problems: Problems) -> None:
    """Find what is wrong with a definition that no dealer may use yet, with stand-ins for its parameters."""
    resolved = resolve(source, dealer, entry, problems, samples=True)
    shape = _shape(source, dealer, resolved, workshop, samples=True)
    problems.take(shape.findings)
    settings.transport(resolved.tree.child("transport"), shape.streams, problems)
    settings.schedule(resolved.tree.child("schedule"), problems)
    settings.guards(resolved.tree.child("guards"), problems)


def resolve(source: Definition, dealer: Dealer, entry: Node, problems: Problems, samples: bool = False) -> Resolved:
    """Override, parameters and what the dealer is, put into the definition."""
    known = facts(dealer)
    root = source.root
    override = entry.child("override")
    if override is not None and override.is_map:
        inherit.refuse_sealed(override, root.elements("sealed"), problems)
        root = inherit.merged(root, override, problems)
    nobody = Names({}, known)

    def filled(node: Node) -> Node:
        return filling.section(node, "params", nobody, problems)

    found = params.given(source.params, entry, dealer.region, problems, filled, samples)
    names = Names(found, known, frozenset(root.entries("transport", "forEach")))
    rest = {key: node for key, node in root.entries().items() if key not in MAPPING}
    changed = override.entries() if override is not None else {}
    tree = filling.filled(root.with_entries(rest), names, problems, source.plain.difference(changed))
    return Resolved(root, names, tree, changed)


def whole(resolved: Resolved) -> Node:
    """The filled tree with the mapping's sections, in the order of the definition."""
    unheard = Problems()
    mapping = {key: node for key, node in resolved.root.entries().items() if key in MAPPING}
    filled = filling.filled(resolved.root.with_entries(mapping), resolved.names, unheard)
    entries = {**resolved.tree.entries(), **filled.entries()}
    return resolved.root.with_entries({key: entries[key] for key in resolved.root.entries()})


def identity(dealer: str, entry: Node) -> str:
    """`<dealer>/<name>`; the name is the definition's path with dashes, unless the entry gives one."""
    return f"{dealer}/{entry.text('name') or entry.word('uses', '').replace('/', '-')}"


def facts(dealer: Dealer) -> Mapping[str, Value]:
    """What `${dealer.x}` can name."""
    return {
        "name": dealer.name,
        "title": dealer.title,
        "timezone": dealer.timezone.key,
        "region": dealer.region,
        "features": sorted(dealer.features),
        "contact": dict(dealer.contact),
    }


def _require(source: Definition, dealer: Dealer, entry: Node, resolved: Resolved, problems: Problems) -> None:
    for lack in settings.lacking(resolved.root, dealer, settings.has_webhook(resolved.tree)):
        at = entry.child("uses") or entry
        help = f"{dealer.title} has not got it: add it where it is true, or say enabled: false"
        problems.add(at, "E054", f"`{source.name}` needs {lack}", help)


def _shape(source: Definition, dealer: Dealer, resolved: Resolved, workshop: Workshop, samples: bool = False) -> Shape:
    """The prepared mapping, remembered by everything that it depends on."""
    over = {key: node.plain for key, node in resolved.override.items() if key in MAPPING}
    # An override may name other parameters than the definition does: then all of them count.
    paths = source.references if not over else {("params", name) for name in resolved.names.params}
    values = sorted((".".join(path), _known(path, resolved.names)) for path in paths)
    given = (resolved.names.params.get(path[1]) for path in paths if path[0] == "params" and len(path) > 1)
    # A look without a dealer comes to the same, unless it shows parts or values that no dealer has.
    is_sample = samples and (source.has_parts or any(node is not None and node.is_sample for node in given))
    key = json.dumps(
        [
            *(source.name, resolved.tree.text("transport", "type"), over, values, is_sample),
            *(sorted(dealer.features & source.features), settings.has_webhook(resolved.tree)),
            facts(dealer) if over else None,
        ],
        default=repr,
    )
    shape = workshop.shapes.get(key)
    if shape is None:
        shape = workshop.shapes[key] = _prepared(dealer, resolved, workshop, samples)
    return shape


def _prepared(dealer: Dealer, resolved: Resolved, workshop: Workshop, samples: bool) -> Shape:
    problems = Problems()
    sections = {key: node for key, node in resolved.root.entries().items() if key in MAPPING}
    tree = filling.filled(resolved.root.with_entries(sections), resolved.names, problems)
    has_webhook = settings.has_webhook(resolved.tree)
    reading = Reading(problems, tree.text("decode", "format") or "")
    whole_files = resolved.tree.text("transport", "type") in settings.FILES

    def wanted(node: Node) -> bool:
        return samples or not settings.lacking(node, dealer, has_webhook)

    known: Mapping[str, ActivityType | None] = {**dict.fromkeys(workshop.unread), **workshop.types}
    made: list[Stream] = []
    read: set[str] = set()
    for name, node in streams.shapes(tree).items():
        stream = streams.stream(name, node, workshop.types, reading, whole_files, wanted)
        read |= lint.check(stream, node, known, resolved.names.params, problems, _cursor(resolved.tree))
        if node is tree or wanted(node):
            made.append(stream)
    named = {spec.type for stream in made for spec in stream.activities}
    types = {name: kind for name, kind in workshop.types.items() if name in named}
    decode = _plain(tree.child("decode")) or {"format": "json"}
    digest = fingerprint.digest(made, decode, types)
    return Shape(tuple(made), decode, types, digest, problems.findings, frozenset(read))


def _cursor(tree: Node) -> tuple[Node, ...]:
    """What the transport takes from the mapped fields."""
    cursor = tree.child("transport", "incremental", "cursor")
    return () if cursor is None else (cursor,)


def _known(path: tuple[str, ...], names: Names) -> Value:
    if path[0] == "params" and len(path) > 1:
        node = names.params.get(path[1])
        return None if node is None else node.plain
    value: Value = names.dealer if path[0] == "dealer" else None
    for name in path[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _run_params(names: Names) -> Mapping[str, Value]:
    """What conditions see under `params`: never a secret."""
    return {name: node.plain for name, node in names.params.items() if not isinstance(node.value, SecretRef)}


def _mapping_hash(source: Definition, shape: Shape, dealer: Dealer, given: Mapping[str, Value]) -> str:
    read = {name: given.get(name) for name in shape.read}
    return fingerprint.digest(source.namespace, shape.digest, dealer.timezone, dealer.region, dealer.features, read)


def _parts(node: Node) -> Iterator[Node]:
    """Every `requires` below this node."""
    for name, child in node.entries().items():
        if name == "requires":
            yield child
        yield from _parts(child)
    for element in node.value if isinstance(node.value, tuple) else ():
        yield from _parts(element)


def _plain(node: Node | None) -> Mapping[str, Value]:
    return node.plain if node is not None and node.is_map else {}
