"""A definition as it was written, and as one dealer uses it: overridden, given its parameters, filled.

Makes trees of trees; what they mean for a record is for `shapes`. Reads no file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.language import filling, inherit, params, unused
from engine.language.filling import Names
from engine.language.params import Param
from engine.language.problems import Problems
from engine.language.tree import Node, Step
from engine.model import Dealer, Value

# The sections that decide what becomes of a raw record.
MAPPING = ("decode", "records", "fields", "contact", "vehicle", "activities", "streams", "version", "employee")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Definition:
    """A definition with what it is based on already laid under it; two are the same only if they are one object.

    `files` are those it is made of. `references` are the paths that its mapping sections name and
    `features` what parts of them require: beside an override, all that a dealer can change in them.
    `has_parts` says that some streams or activities are not for everyone; `plain` are sections
    without references, `wholes` the parameters that stand for a whole value somewhere, or anywhere in
    the mapping, and `mixed` where other references stand. `is_blurred` says that a mistake hides what
    its fields are used for.
    """

    name: str
    root: Node
    params: Mapping[str, Param]
    files: tuple[str, ...]
    references: frozenset[tuple[str, ...]]
    features: frozenset[str]
    has_parts: bool
    plain: frozenset[str]
    wholes: frozenset[str]
    mixed: tuple[tuple[Step, ...], ...]
    is_blurred: bool = False

    @property
    def namespace(self) -> str:
        return self.root.text("namespace") or self.name.partition("/")[0]


class Resolved(NamedTuple):
    """A definition as one dealer uses it. `root` is overridden but not filled, `tree` holds the
    filled sections, those of the mapping left out."""

    root: Node
    names: Names
    tree: Node
    override: Mapping[str, Node]


def definition(name: str, root: Node, files: tuple[str, ...], is_blurred: bool = False) -> Definition:
    """Read a definition's own declarations; `root` is merged with what it is based on."""
    sections = tuple(node for key in MAPPING if (node := root.child(key)) is not None)
    references = frozenset(path for node in sections for path in filling.used(node))
    parts = [part for node in sections for part in _parts(node)]
    features = frozenset(name for part in parts for name in (*part.texts("features"), *part.texts("anyFeature")))
    plain = frozenset(key for key, node in root.entries().items() if filling.is_plain(node))
    return Definition(
        name=name,
        root=root,
        params=params.declared(root),
        files=files,
        references=references,
        features=features,
        has_parts=bool(parts),
        plain=plain,
        wholes=filling.wholes(root) | {path[1] for path in references if path[0] == "params" and len(path) > 1},
        mixed=tuple(_mixed(root)),
        is_blurred=is_blurred,
    )


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

    unasked = _unasked(root, source.params, entry)
    found = params.given(source.params, entry, dealer.region, problems, filled, samples, unasked)
    names = Names(found, known, frozenset(root.entries("transport", "forEach")))
    rest = {key: node for key, node in root.entries().items() if key not in MAPPING}
    changed = override.entries() if override is not None else {}
    tree = filling.filled(root.with_entries(rest), names, problems, source.plain.difference(changed))
    return Resolved(root, names, tree, changed)


def _unasked(root: Node, declared: Mapping[str, Param], entry: Node) -> frozenset[str]:
    """The parameters that only triggers use which are off: what these need does not have to be there yet."""
    triggers = root.elements("triggers")
    off = [trigger for trigger in triggers if _is_off(trigger, declared, entry)]
    if not off:
        return frozenset()
    on = tuple(trigger for trigger in triggers if not _is_off(trigger, declared, entry))
    rest = root.with_entries({**root.entries(), "triggers": replace(root.value["triggers"], value=on)})
    asked = unused.named(rest)
    return frozenset(name for trigger in off for name in unused.named(trigger) if asked.isdisjoint({name, unused.ALL}))


def _is_off(trigger: Node, declared: Mapping[str, Param], entry: Node) -> bool:
    """Whether `enabled` is false: written so, or by a parameter, which is not filled in yet."""
    node = trigger.child("enabled")
    for name in filling.wholes(node) if node is not None else ():
        given = entry.child("params", name)
        default = declared[name].default if name in declared else None
        node = given if given is not None and given.value is not None else default
    return node is not None and node.value is False


def whole(resolved: Resolved) -> Node:
    """The filled tree with the mapping's sections, in the order of the definition."""
    unheard = Problems()
    mapping = {key: node for key, node in resolved.root.entries().items() if key in MAPPING}
    filled = filling.filled(resolved.root.with_entries(mapping), resolved.names, unheard)
    entries = {**resolved.tree.entries(), **filled.entries()}
    return resolved.root.with_entries({key: entries[key] for key in resolved.root.entries()})


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


def _mixed(root: Node) -> Iterator[tuple[Step, ...]]:
    for section, node in root.entries().items():
        if section not in MAPPING and section not in filling.LEFT:
            yield from (path for path, text in filling.texts(node, (section,)) if not filling.is_param(text))


def _parts(node: Node) -> Iterator[Node]:
    """Every `requires` below this node."""
    for name, child in node.entries().items():
        if name == "requires":
            yield child
        yield from _parts(child)
    for element in node.value if isinstance(node.value, tuple) else ():
        yield from _parts(element)
