"""Whether the names of a stream fit together: fields, targets, keys, states, conditions.

Every name must lead somewhere and every field must be used: the last net for a misspelt word. Nothing
here looks at values.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from engine.language import expressions, references
from engine.language import fields as fields_of
from engine.language.problems import Problems
from engine.language.streams import CONTACT_FIELDS, VEHICLE_FIELDS, element_fields, renames
from engine.language.tree import Node
from engine.model import ActivityType, Field, FirstOf, FromField, Join, Reference, Stream, Sum, Template, Text

# Activity types by name; None for one whose file cannot be read: nothing is known of it.
Types: TypeAlias = Mapping[str, ActivityType | None]

_CIRCLES = 20  # that are told
# Names that conditions see beside the mapped fields, with what each offers; None: anything.
RESERVED: Mapping[str, tuple[str, ...] | None] = {
    "state": None,
    "params": None,
    **{root: references.ROOTS[root] for root in ("dealer", "run", "window", "file")},
}


class Names:
    """The fields of a stream, and which of them something uses."""

    def __init__(self, fields: Iterable[str], params: Iterable[str], problems: Problems) -> None:
        self.fields = frozenset(fields)
        self.params = frozenset(params)
        self.problems = problems
        self.used: set[str] = set()
        self.read: set[str] = set()  # parameters that conditions read

    def with_fields(self, own: Iterable[str]) -> "Names":
        """The same with the fields of an element beside them."""
        names = Names({*self.fields, *own}, self.params, self.problems)
        names.used, names.read = self.used, self.read
        return names

    def use(self, node: Node | None, what: str = "field") -> None:
        """A value that names a field."""
        if node is None or not isinstance(node.value, str):
            return
        if node.value in self.fields:
            self.used.add(node.value)
        else:
            self._meant(self.problems.unknown(node, "E064", what, self.fields))

    def use_all(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.use(node)

    def condition(self, node: Node | None) -> None:
        """A JMESPath over the fields and the reserved names."""
        tree = fields_of.expression(node, self.problems) if node is not None else None
        if node is None:
            return
        if tree is None:
            # What it would have used is not known.
            self.used.update(self.fields)
            return
        for chain in expressions.subpaths(tree):
            root = chain[0]
            if root in self.fields:
                self.used.add(root)
            elif root in RESERVED:
                self._reserved(node, chain)
            else:
                offset = expressions.offset_of(node.value, root)
                known = {*self.fields, *RESERVED}
                help = expressions.literal_help(root)
                self._meant(self.problems.unknown(node, "E058", "field", known, name=root, offset=offset, help=help))

    def template(self, node: Node | None) -> None:
        """The `${field.x}` of a text, however deep it stands."""
        if node is None:
            return
        for child in (*node.entries().values(), *(node.value if isinstance(node.value, tuple) else ())):
            self.template(child)
        parts = node.value.parts if isinstance(node.value, Template) else ()
        paths = [part.path for part in parts if isinstance(part, Reference)]
        for name in dict.fromkeys(path[1] for path in paths if path[0] == "field" and len(path) > 1):
            if name in self.fields:
                self.used.add(name)
            else:
                self._meant(self.problems.unknown(node, "E064", "field", self.fields, name=name))

    def _meant(self, name: str | None) -> None:
        """What was meant by a misspelt name is used: one mistake is told once."""
        self.used.update([name] if name else self.fields)

    def _reserved(self, node: Node, chain: Sequence[str]) -> None:
        if chain[0] == "params":
            self.read.update(chain[1:2] or self.params)
        known = self.params if chain[0] == "params" else RESERVED[chain[0]]
        if known is not None and len(chain) > 1 and chain[1] not in known:
            offset = expressions.offset_of(node.value, chain[0])
            self.problems.unknown(node, "E058", f"member of {chain[0]}", known, name=chain[1], offset=offset)


def check(
    stream: Stream,
    node: Node,
    types: Types,
    params: Iterable[str],
    problems: Problems,
    others: Iterable[Node] = (),
) -> frozenset[str]:
    """Everything that is wrong with the names of one stream; `others` name its fields from outside.

    Activities that this dealer does not get are looked at too. Returns the parameters that its
    conditions read at run time.
    """
    if node.child("fields") is None:
        return frozenset()  # the schema says so; every name would be unknown
    names = Names(stream.fields, params, problems)
    names.use_all(others)
    _fields(node.entries("fields"), stream.fields, names)
    _circle(node.entries("fields"), stream.fields, problems)
    names.condition(node.child("records", "if"))
    names.condition(node.child("records", "check"))
    names.use(node.child("version"))
    _contact(node.child("contact"), stream, types, names)
    _vehicle(node.child("vehicle"), stream, names)
    activities = [element for element in node.elements("activities") if element.is_map]
    for element in activities:
        _activity(element, types, names)
    _lapsed(node.child("records", "lapsed", "state"), activities, types, problems)
    _employee(node.child("employee"), names)
    _unused(node.entries("fields"), names)
    return frozenset(names.read)


def _fields(nodes: Mapping[str, Node], fields: Mapping[str, Field], names: Names) -> None:
    """What fields take from each other."""
    for name, node in nodes.items():
        if name not in fields:
            continue
        names.use(node.child("field"))
        names.use_all(node.elements("firstOf"))
        names.use_all(node.elements("join", "fields"))
        names.template(node.child("text"))
        _sum(node, fields, names)
        _elements(node, fields[name], names)


def _sum(node: Node, fields: Mapping[str, Field], names: Names) -> None:
    source, part = node.child("sum", "list"), node.child("sum", "field")
    names.use(source)
    inner = fields.get(str(source.value)) if source is not None else None
    if part is not None and inner is not None and part.value not in inner.fields:
        names.problems.unknown(part, "E064", f"field of `{inner.name}`", inner.fields)


def _elements(node: Node, field: Field, names: Names) -> None:
    """A list: `by` and `keep` name fields of its elements, and those may take from each other."""
    if not field.fields:
        return
    own = Names(field.fields, names.params, names.problems)
    own.use(node.child("by"), f"field of `{field.name}`")
    for element in node.elements("keep"):
        own.use(element, f"field of `{field.name}`")
    # An element's field may be made of the element's other fields, and of the record's.
    _fields(node.entries("fields"), field.fields, names.with_fields(field.fields))
    _circle(node.entries("fields"), field.fields, names.problems)


def _circle(nodes: Mapping[str, Node], fields: Mapping[str, Field], problems: Problems) -> None:
    """A field that is made of itself."""
    takes = {name: sources(field) for name, field in fields.items()}
    for name in islice(_entangled(takes), _CIRCLES):
        seen: set[str] = set()
        waiting = list(takes[name])
        while waiting:
            at = waiting.pop()
            if at == name:
                problems.add(nodes[name], "E075", f"`{name}` is made of itself", "give it a column or path", key=True)
                break
            if at not in seen:
                seen.add(at)
                waiting.extend(takes.get(at, ()))


def _entangled(takes: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """The fields whose sources never come to an end: those of circles, and those that lead to one."""
    waits = {name: {source for source in found if source in takes} for name, found in takes.items()}
    takers: dict[str, list[str]] = {name: [] for name in takes}
    for name, found in waits.items():
        for source in found:
            takers[source].append(name)
    ready = [name for name, found in waits.items() if not found]
    while ready:
        source = ready.pop()
        for name in takers[source]:
            waits[name].discard(source)
            if not waits[name]:
                ready.append(name)
    return {name: takes[name] for name, found in waits.items() if found}


def sources(field: Field) -> tuple[str, ...]:
    """The fields that a field takes its value from."""
    source = field.source
    if isinstance(source, FromField):
        return (source.name,)
    if isinstance(source, FirstOf):
        return source.names
    if isinstance(source, Join):
        return source.fields
    if isinstance(source, Sum):
        return (source.list,)
    parts = source.template.parts if isinstance(source, Text) else ()
    return tuple(
        part.path[1] for part in parts if isinstance(part, Reference) and part.path[0] == "field" and len(part.path) > 1
    )


def _contact(node: Node | None, stream: Stream, types: Types, names: Names) -> None:
    if node is None:
        return
    _targets(node, CONTACT_FIELDS, "contact field", names)
    names.used.update(taken for _, taken in (stream.contact.values if stream.contact else ()))
    source = node.child("from")
    if source is not None:
        names.use_all(source.elements("key"))
        word = source.child("type")
        if word is not None and isinstance(word.value, str) and word.value not in types:
            names.problems.unknown(word, "E067", "activity type", types)
    mapped = {target for target, _ in stream.contact.values} if stream.contact else set()
    words = {"name": {"name", "firstName", "lastName", "company"}, "address": {"street", "postalCode"}}
    _match(node, CONTACT_FIELDS, words, mapped, names.problems)


def _vehicle(node: Node | None, stream: Stream, names: Names) -> None:
    if node is None:
        return
    _targets(node, VEHICLE_FIELDS, "vehicle field", names)
    names.used.update(taken for _, taken in (stream.vehicle.values if stream.vehicle else ()))
    mapped = {target for target, _ in stream.vehicle.values} if stream.vehicle else set()
    _match(node, VEHICLE_FIELDS, {}, mapped, names.problems)


def _targets(node: Node, known: Iterable[str], what: str, names: Names) -> None:
    """`fields: {target: source}`: the target has to exist and the source has to be mapped."""
    for target, source in renames(node).items():
        if target not in known:
            names.problems.unknown(source, "E065", what, known, name=target, key=True)
        names.use(source)


def _match(
    node: Node, known: Sequence[str], words: Mapping[str, set[str]], mapped: set[str], problems: Problems
) -> None:
    plural = {"email": {"email", "emails"}, "phone": {"phone", "phones"}}
    for rule in node.elements("match"):
        for word in rule.value if isinstance(rule.value, tuple) else (rule,):
            if not isinstance(word.value, str):
                continue
            needs = {**plural, **words}.get(word.value, {word.value})
            if word.value not in known and word.value not in words:
                problems.unknown(word, "E065", "match word", {*known, *words})
            elif not needs & mapped:
                help = f"map one of {', '.join(sorted(needs))}, or leave this rule out"
                problems.add(word, "E064", f"matching by `{word.value}`, which no field gives", help)


def _activity(node: Node, types: Types, names: Names) -> None:
    kind = types.get(node.word("type", ""))
    word = node.child("type")
    if kind is None and word is not None and isinstance(word.value, str):
        if word.value not in types:
            names.problems.unknown(word, "E067", "activity type", types)
        names.used.update(names.fields)
    own = element_fields(node)
    names.use(node.child("each"))
    inner = names.with_fields(own)
    built = fields_of.fields(own, fields_of.Reading(Problems()))
    _fields(own, built, inner)
    _circle(own, built, names.problems)
    if kind is not None:
        # It takes the fields of the same name by itself, unless another is named for the target.
        inner.used.update(name for name in kind.fields if name in inner.fields and name not in renames(node))
        _targets(node, kind.fields, f"field of {kind.name}", inner)
        _set(node, kind, inner)
    for item in node.elements("key"):
        inner.use_all(item.elements("hash") if item.is_map else _parts(item))
    inner.use(node.child("occurred"))
    inner.condition(node.child("if"))
    _state(node, kind, inner)
    _after(node, types, inner)
    _unused_elements(own, kind, inner)


def _parts(node: Node) -> tuple[Node, ...]:
    return node.value if isinstance(node.value, tuple) else (node,)


def _set(node: Node, kind: ActivityType, names: Names) -> None:
    for target, value in node.entries("set").items():
        if target not in kind.fields:
            names.problems.unknown(value, "E065", f"field of {kind.name}", kind.fields, name=target, key=True)
        names.template(value)
    for element in node.elements("keepFirst"):
        if element.value not in kind.fields:
            names.problems.unknown(element, "E065", f"field of {kind.name}", kind.fields)


def _state(node: Node, kind: ActivityType | None, names: Names) -> None:
    state = node.child("state")
    gone = node.child("gone")
    words = [gone] if gone is not None else []
    if state is not None:
        if isinstance(state.value, str):
            words.append(state)
        for case in state.value if isinstance(state.value, tuple) else ():
            names.condition(case.child("if"))
            words.extend(filter(None, [case.child("is")]))
        names.use(state.child("from"))
        words.extend(state.entries("map").values())
        otherwise = state.child("else")
        if otherwise is not None and otherwise.value not in ("quarantine", "blank"):
            words.append(otherwise)
    for word in words:
        if kind is not None and isinstance(word.value, str) and word.value not in kind.states:
            names.problems.unknown(word, "E068", f"state of {kind.name}", kind.states)


def _after(node: Node, types: Types, names: Names) -> None:
    given = node.child("after")
    if given is None:
        return
    word = given.child("type")
    if word is not None and isinstance(word.value, str) and word.value not in types:
        names.problems.unknown(word, "E067", "activity type", types)
    names.use_all(given.elements("key"))


def _lapsed(word: Node | None, activities: Sequence[Node], types: Types, problems: Problems) -> None:
    if word is None:
        return
    for activity in activities:
        kind = types.get(activity.word("type", ""))
        if kind is not None and word.value not in kind.states:
            problems.unknown(word, "E068", f"state of {kind.name}", kind.states)


def _employee(node: Node | None, names: Names) -> None:
    """An employee takes any field of its stream by name; what it names has to be there."""
    if node is None or not node.is_map:
        return
    names.used.update(names.fields)
    names.use_all(renames(node).values())
    for item in node.elements("key"):
        names.use_all(item.elements("hash") if item.is_map else _parts(item))
    state = node.child("state")
    names.use(node.child("state", "from"))
    for case in state.value if state is not None and isinstance(state.value, tuple) else ():
        names.condition(case.child("if"))


def _unused(nodes: Mapping[str, Node], names: Names) -> None:
    for name, node in nodes.items():
        if name in names.fields and name not in names.used:
            names.problems.add(
                node,
                "E066",
                f"nothing uses the field `{name}`",
                "name it under contact, vehicle or an activity, in a key or a condition, or leave it out",
                key=True,
            )


def _unused_elements(own: Mapping[str, Node], kind: ActivityType | None, names: Names) -> None:
    if kind is None:
        return
    for name, node in own.items():
        if name in names.fields and name not in names.used:
            names.problems.add(node, "E066", f"nothing uses the field `{name}` of the element", key=True)
