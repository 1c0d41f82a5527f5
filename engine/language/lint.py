"""Whether the names of a stream fit together: fields, targets, keys, states, conditions.

Every name must lead somewhere and every field must be used: the last net for a misspelt word. Nothing
here looks at values.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from engine.language import fields as fields_of
from engine.language import sourcing
from engine.language.problems import Problems
from engine.language.streams import CONTACT_FIELDS, VEHICLE_FIELDS, element_fields, renames
from engine.language.tree import Node
from engine.language.usage import Names
from engine.model import ActivityType, Stream

# Activity types by name; None for one whose file cannot be read: nothing is known of it.
Types: TypeAlias = Mapping[str, ActivityType | None]


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
    declared = node.entries("fields")
    names = Names(declared, params, problems)
    if len(stream.fields) < len(declared):
        # One cannot be made, which is told: what it would have taken its value from is not known.
        names.used.update(declared)
    names.use_all(others)
    sourcing.check(declared, stream.fields, names, _held(node, types))
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
    _unused(declared, names)
    return frozenset(names.read)


def _held(node: Node, types: Types) -> Mapping[str, frozenset[str]]:
    """What the elements of a list have in the activities that take it, by the name of the field."""
    found: dict[str, frozenset[str]] = {}
    for activity in node.elements("activities"):
        kind = types.get(activity.word("type", ""))
        renamed = {target: str(source.value) for target, source in renames(activity).items()}
        for target, each in kind.fields.items() if kind is not None else ():
            name = renamed.get(target, target)
            found[name] = found.get(name, frozenset()) | frozenset(each.elements)
    return found


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
    mapped |= names.fields - stream.fields.keys()
    words = {"name": {"name", "firstName", "lastName", "company"}, "address": {"street", "postalCode"}}
    _match(node, CONTACT_FIELDS, words, mapped, names.problems)


def _vehicle(node: Node | None, stream: Stream, names: Names) -> None:
    if node is None:
        return
    _targets(node, VEHICLE_FIELDS, "vehicle field", names)
    names.used.update(taken for _, taken in (stream.vehicle.values if stream.vehicle else ()))
    mapped = {target for target, _ in stream.vehicle.values} if stream.vehicle else set()
    mapped |= names.fields - stream.fields.keys()
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
    sourcing.check(own, built, inner)
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
    if node.child("key") is None and "externalId" not in {*names.fields, *renames(node)}:
        message = "nothing makes it the same employee when it is sent again"
        names.problems.add(node, "E064", message, "give it a `key`, or a field `externalId`", key=True)
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
