"""What a definition makes of a record, prepared once and shared by every feed that does not differ in it.

Depends on few of a dealer's words; those are the keys under which shapes are remembered.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

from engine.language import filling, fingerprint, inherit, lint, settings, streams
from engine.language.fields import Reading
from engine.language.filling import Names
from engine.language.findings import Finding
from engine.language.judges import judges, said
from engine.language.plans import Plan
from engine.language.problems import Problems
from engine.language.resolution import MAPPING, Definition, Resolved, facts, whole
from engine.language.tree import Node, Step
from engine.model import ActivityType, Dealer, Stream, Value

_ALONE = ""  # what was found in a definition without a dealer


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
    """What feeds are made with: the activity types, and what was prepared and looked at so far.

    `unread` are types whose files cannot be read: they are there, but nothing is known of them.
    """

    types: Mapping[str, ActivityType]
    unread: frozenset[str] = frozenset()
    shapes: MutableMapping[Definition, dict[str, Shape]] = field(default_factory=WeakKeyDictionary)
    plans: MutableMapping[Definition, dict[bytes, Plan]] = field(default_factory=WeakKeyDictionary)
    fitting: dict[Hashable, bool] = field(default_factory=dict)  # values that were put in for parameters
    structures: MutableMapping[Definition, dict[str, tuple[Finding, ...]]] = field(default_factory=WeakKeyDictionary)

    @property
    def known(self) -> Mapping[str, ActivityType | None]:
        """Every type there is; None for one of which nothing is known."""
        return {**dict.fromkeys(self.unread), **self.types}


def shaped(source: Definition, dealer: Dealer, resolved: Resolved, workshop: Workshop, samples: bool = False) -> Shape:
    """The prepared mapping, remembered by everything that it depends on.

    With `samples` it is a look without a dealer: every part counts as wanted.
    """
    over = {key: node.plain for key, node in resolved.override.items() if key in MAPPING}
    # An override may name other parameters than the definition does: then all of them count.
    paths = source.references if not over else {("params", name) for name in resolved.names.params}
    values = sorted((".".join(path), _known(path, resolved.names)) for path in paths)
    given = (resolved.names.params.get(path[1]) for path in paths if path[0] == "params" and len(path) > 1)
    # A look without a dealer comes to the same, unless it shows parts or values that no dealer has.
    is_sample = samples and (source.has_parts or any(node is not None and node.is_sample for node in given))
    key = json.dumps(
        [
            *(resolved.tree.text("transport", "type"), over, values, is_sample),
            *(sorted(dealer.features & source.features), settings.has_webhook(resolved.tree)),
            # What an override brings into the mapping knows the line it stands on.
            (facts(dealer), [str(resolved.override[name].place) for name in over]) if over else None,
        ],
        default=repr,
    )
    known = workshop.shapes.setdefault(source, {})
    shape = known.get(key)
    if shape is None:
        shape = _prepared(source, dealer, resolved, workshop, samples)
        if _is_common(source, shape.findings):
            known[key] = shape
    return shape


def _prepared(source: Definition, dealer: Dealer, resolved: Resolved, workshop: Workshop, samples: bool) -> Shape:
    problems = Problems()
    sections = {key: node for key, node in resolved.root.entries().items() if key in MAPPING}
    tree = filling.filled(resolved.root.with_entries(sections), resolved.names, problems)
    has_webhook = settings.has_webhook(resolved.tree)
    reading = Reading(problems, tree.text("decode", "format") or "")
    whole_files = resolved.tree.text("transport", "type") in settings.FILES

    def wanted(node: Node) -> bool:
        return samples or not settings.lacking(node, dealer, has_webhook)

    known = workshop.known
    others = (*_cursor(resolved.tree),)
    made: list[Stream] = []
    read: set[str] = set()
    for name, node in streams.shapes(tree).items():
        stream = streams.stream(name, node, workshop.types, reading, whole_files, wanted, resolved.root)
        read |= lint.check(stream, node, known, resolved.names.params, problems, others)
        if node is tree or wanted(node):
            made.append(stream)
    named = {spec.type for stream in made for spec in stream.activities}
    types = {name: kind for name, kind in workshop.types.items() if name in named}
    written = tree.child("decode")
    decode: Mapping[str, Value] = written.plain if written is not None and written.is_map else {"format": "json"}
    digest = fingerprint.digest(made, decode, types)
    # A mistake elsewhere may hide what a field is used for.
    found = tuple(each for each in problems.findings if not (source.is_blurred and each.code == "E066"))
    return Shape(tuple(made), decode, types, digest, found, frozenset(read))


def check_structure(source: Definition, resolved: Resolved, workshop: Workshop, problems: Problems) -> None:
    """Whether it is still a feed after overriding and filling: looked at once for each difference that counts."""
    known = workshop.structures.setdefault(source, {})
    alone = known.get(_ALONE, ())
    if alone:
        # It is no feed by itself: what a dealer adds cannot be judged.
        problems.take(alone)
        return
    given = {name: node.plain for name, node in resolved.names.params.items() if name in source.wholes}
    over = {key: node.plain for key, node in resolved.override.items()}
    # What an override names may be any of the parameters, and anything of the dealer.
    named = [{name: node.plain for name, node in resolved.names.params.items()}, resolved.names.dealer] if over else []
    key = json.dumps([given, over, named, [_standing(path, resolved.tree) for path in source.mixed]], default=repr)
    found = known.get(key)
    if found is None:
        heard = Problems()

        def giver(path: tuple[Step, ...]) -> Node | None:
            return _giver(resolved, path)

        inherit.check_structure(_judged(resolved), heard, tuple(resolved.override.values()), giver)
        found = heard.findings
        if _is_common(source, found):
            known[key] = found
    problems.take(found)


def _giver(resolved: Resolved, path: tuple[Step, ...]) -> Node | None:
    """The dealer's value that stands inside of a text of the definition's; None where it is not one alone."""
    text = resolved.root.at(path)
    if not isinstance(text.value, str) or filling.is_param(text.value):
        return None
    named = [resolved.names.params.get(used[1]) for used in filling.used(text) if used[0] == "params" and len(used) > 1]
    given = [node for node in named if node is not None and node.place.document is not text.place.document]
    return given[0] if len(given) == 1 else None


def _standing(path: tuple[Step, ...], tree: Node) -> Value:
    """What the schema says of a text that dealers have a part in; the text itself where that is not known."""
    judging, text = judges("feed", path), tree.at(path).written
    return text if judging is None else said(judging, text)


def _is_common(source: Definition, findings: Iterable[Finding]) -> bool:
    """Whether these are told of every feed alike: one in a dealer's file is told where it stands in each."""
    return all(finding.file in source.files for finding in findings)


def look_at_structure(source: Definition, resolved: Resolved, workshop: Workshop, problems: Problems) -> None:
    """The same for a definition alone, remembered for its feeds."""
    heard = Problems()
    inherit.check_structure(_judged(resolved), heard)
    workshop.structures.setdefault(source, {})[_ALONE] = heard.findings
    problems.take(heard.findings)


def _judged(resolved: Resolved) -> Node:
    """The whole definition; a trigger that is off as it was written, whatever its parameters have come to."""
    made = whole(resolved)
    filled = made.elements("triggers")
    if all(trigger.flag("enabled", default=True) for trigger in filled):
        return made
    pairs = zip(filled, resolved.root.elements("triggers"), strict=True)
    triggers = tuple(after if after.flag("enabled", default=True) else before for after, before in pairs)
    return made.with_entries({**made.entries(), "triggers": replace(made.value["triggers"], value=triggers)})


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


def mapping_hash(source: Definition, shape: Shape, dealer: Dealer, given: Mapping[str, Value]) -> str:
    read = {name: given.get(name) for name in shape.read}
    return fingerprint.digest(source.namespace, shape.digest, dealer.timezone, dealer.region, dealer.features, read)
