"""What a definition brings in, from where, needing what, and what it does not: derived from the YAML alone.

Plain values, so that no sentence can say what the definition does not. Prints nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.deferred import Template
from engine.language import dealers, definition, params, settings, streams
from engine.language.problems import Problems
from engine.language.resolution import Definition
from engine.language.shapes import Shape, Workshop, shaped
from engine.language.tree import Node, Place
from engine.model import (
    ActivitySpec,
    ActivityType,
    Column,
    Const,
    Context,
    Dealer,
    Feed,
    Field,
    FirstOf,
    FromField,
    Join,
    KeyHash,
    Path,
    Source,
    Stream,
    Sum,
    Text,
    Value,
)

Facts = dict[str, Any]

# A value of these types cannot be unreadable.
_ANYTHING = frozenset({"string", "list", "object"})


class Unknown(Exception):
    """Nothing can be said of a definition that has errors; the text is its name."""


def sheet(source: Definition, workshop: Workshop) -> Facts:
    """All that a dealer, or the feeds team, wants to know of a definition. Raises Unknown."""
    head = Place(source.root.place.document, ())
    anyone = Dealer("dealer", "a dealer", dealers.NOBODY.timezone, features=_all_features(source))
    problems = Problems()
    feed, resolved = definition.feed(source, anyone, Node({}, head, head), workshop, problems, samples=True)
    if feed is None:
        raise Unknown(source.name)
    # With the parts that need a webhook, which is off unless a dealer says so.
    shape, nodes = shaped(source, anyone, resolved, workshop, samples=True), streams.shapes(resolved.root)
    return {
        "definition": source.name,
        "title": source.root.word("title", source.name),
        "about": source.root.word("about", ""),
        "basedOn": source.root.text("basedOn"),
        "brings": [_stream(stream, nodes[stream.name], shape) for stream in shape.streams],
        "from": _origin(feed, resolved.tree.child("transport"), source.root.child("transport")),
        "format": dict(feed.decode),
        "when": {"schedule": dict(feed.schedule), "triggers": [dict(each) for each in feed.triggers]},
        "needs": _needs(source, feed),
        "excludedFrom": list(feed.excluded),
        "guards": {name: node.written for name, node in resolved.tree.entries("guards").items()},
        "sealed": list(source.root.texts("sealed")),
        "notComing": [each.written for each in source.root.elements("capabilities")],
    }


def _all_features(source: Definition) -> frozenset[str]:
    requires = source.root.child("requires")
    own = (*requires.texts("features"), *requires.texts("anyFeature")) if requires is not None else ()
    return frozenset((*source.features, *own))


# --- what comes in --------------------------------------------------------------------------


def _stream(stream: Stream, node: Node, shape: Shape) -> Facts:
    contact, vehicle = stream.contact, stream.vehicle
    made = zip(stream.activities, node.elements("activities"), strict=True)
    return {
        "stream": stream.name,
        "needs": _only_with(node) if stream.name else [],
        "activities": [
            {**_activity(spec, shape.types[spec.type], stream), "needs": _only_with(each)} for spec, each in made
        ],
        "employee": None if stream.employee is None else _employee(stream.employee, stream),
        "contact": None
        if contact is None
        else {
            "fields": _given(contact.values, stream),
            "match": [list(names) for names in contact.match],
            "onNone": contact.on_none,
            "onMany": contact.on_many,
            "from": None if contact.source is None else contact.source.type,
        },
        "vehicle": None
        if vehicle is None
        else {"fields": _given(vehicle.values, stream), "match": [list(names) for names in vehicle.match]},
        "if": stream.records.condition,
        "lapsed": stream.records.lapsed,
        "onDuplicate": stream.records.on_duplicate,
        "unused": list(stream.records.unused),
        "quarantined": _quarantined(stream),
        "cannotLose": _lenient(stream),
    }


def _only_with(part: Node) -> list[str]:
    """What a dealer needs for a part of the definition; one that has not got it gets the feed without the part."""
    lacking = settings.lacking(part, dealers.NOBODY, has_webhook=False)
    versions = part.entries("requires", "versions")
    newer = [f"{product} {version.value} or newer" for product, version in versions.items()]
    return [*(each.replace("`", "") for each in lacking), *newer]


def _employee(spec: ActivitySpec, stream: Stream) -> Facts:
    return {
        "roles": spec.set["roles"],
        "state": _states(spec),
        "fields": _given(spec.values, stream),
        "key": _keys(spec, stream.fields),
    }


def _keys(spec: ActivitySpec, fields: Mapping[str, Field]) -> list[Facts]:
    return [
        {"hash": isinstance(item, KeyHash), "parts": [words(fields, name) for name in item.names]} for item in spec.key
    ]


def _activity(spec: ActivitySpec, kind: ActivityType, stream: Stream) -> Facts:
    fields = {**stream.fields, **spec.fields}
    given = dict(spec.values)
    return {
        "type": spec.type,
        "label": kind.label,
        "category": kind.category,
        "date": {"label": kind.date_label, "from": words(fields, spec.occurred) if spec.occurred else None},
        "state": _states(spec),
        "fields": [
            {
                "name": name,
                "label": each.label,
                "type": each.type,
                "unit": each.unit,
                "from": words(fields, given[name]),
            }
            for name, each in kind.fields.items()
            if name in given
        ]
        + [
            {
                "name": name,
                "label": kind.fields[name].label,
                "type": kind.fields[name].type,
                "unit": None,
                "from": "set",
            }
            for name in spec.set
            if name in kind.fields and name not in given
        ],
        "key": _keys(spec, fields),
        "onNone": spec.on_none,
        "each": None if spec.each is None else words(fields, spec.each),
        "if": spec.condition,
        "after": None if spec.after is None else {"type": spec.after.type, "onMissing": spec.after.on_missing},
    }


def _states(spec: ActivitySpec) -> list[str]:
    """The words that it can give, in order."""
    rule = spec.state
    if rule is None:
        return []
    mapped: Iterable[Value] = ()
    if rule.map is not None:
        mapped = (*rule.map.exact.values(), *(each for _, _, each in rule.map.ranges))
    return list(dict.fromkeys([*(case.state for case in rule.cases), *map(str, mapped)]))


def _given(values: Sequence[tuple[str, str]], stream: Stream) -> list[Facts]:
    return [{"name": name, "from": words(stream.fields, field)} for name, field in values]


def _quarantined(stream: Stream) -> Facts:
    """Which values keep a row back: blank, or unreadable."""
    fields = stream.fields
    strict = [each for each in fields.values() if each.on_error == "quarantine"]
    rules = [spec.state.map for spec in stream.activities if spec.state is not None]
    return {
        "blank": [words(fields, each.name) for each in fields.values() if each.required],
        "unreadable": [
            f"{words(fields, each.name)} ({each.type})"
            for each in strict
            if each.type not in _ANYTHING and _is_read(each)
        ],
        "unknown": [
            words(fields, each.name)
            for each in fields.values()
            if each.map is not None and each.map.otherwise == "quarantine"
        ]
        + [
            words(fields, str(spec.state.source))
            for spec, rule in zip((s for s in stream.activities if s.state is not None), rules, strict=True)
            if rule is not None and rule.otherwise == "quarantine" and spec.state is not None
        ],
    }


def _lenient(stream: Stream) -> Facts:
    """Values that cannot be read and cost no row: those left blank, and those kept as they were sent."""
    read = [each for each in stream.fields.values() if each.type not in _ANYTHING and _is_read(each)]
    return {
        word: [words(stream.fields, each.name) for each in read if each.on_error == word] for word in ("blank", "warn")
    }


def _is_read(field: Field) -> bool:
    """From the source itself; what is made of other fields was judged there."""
    return isinstance(field.source, Column | Path)


def words(fields: Mapping[str, Field], name: str) -> str:
    """Where a field's value comes from, as the sender would know it."""
    field = fields.get(name)
    if field is None:
        return name
    found = _source(field.source, fields)
    blank = next((arguments for verb, arguments in field.transforms if verb == "isBlank"), None)
    return found if blank is None else f"whether {found} is blank{' or zero' if blank.get('zero') else ''}"


def _source(source: Source, fields: Mapping[str, Field]) -> str:
    match source:
        case Column(names) | Path(names):
            return " or ".join(names)
        case Const(value):
            return f"always {value}"
        case Context(reference):
            return ".".join(reference.path)
        case FromField(name):
            return words(fields, name)
        case FirstOf(names):
            return ", else ".join(words(fields, each) for each in names)
        case Join(columns, names, _):
            return " + ".join((*columns, *(words(fields, each) for each in names)))
        case Sum(of, each):
            return f"the sum of {each} in {words(fields, of)}"
        case Text(template):
            return _printed(template)


def _printed(template: Template) -> str:
    return "".join(part if isinstance(part, str) else f"<{part.path[-1]}>" for part in template.parts)


# --- from where, when, needing what ---------------------------------------------------------


def _origin(feed: Feed, filled: Node | None, root: Node | None) -> Facts:
    """The transport; what differs by dealer stands as `<folder>`."""
    names = ("type", "host", "baseUrl", "endpoint", "directory", "filename", "order", "settle", "moveTo")
    told = {name: _shown(filled, root, name) for name in names if filled is not None and filled.child(name) is not None}
    flags = {name: bool(feed.transport.get(name)) for name in ("deleteFromServer", "regex", "shared", "insecure")}
    return {**told, **{name: is_set for name, is_set in flags.items() if is_set}, "ours": feed.transport.get("ours")}


def _shown(filled: Node | None, root: Node | None, name: str) -> Value:
    value = filled.child(name) if filled is not None else None
    written = root.child(name) if root is not None else None
    if value is not None and value.is_sample and written is not None:
        text = str(written.written)
        return text.replace("${params.", "<").replace("${dealer.", "<").replace("}", ">")
    return None if value is None else value.written


def _needs(source: Definition, feed: Feed) -> Facts:
    requires = source.root.child("requires")
    return {
        "requires": {} if requires is None else requires.written,
        "gates": {when: list(gates) for when, gates in feed.gates.items()},
        "params": [_param(each) for each in source.params.values()],
        "secrets": secrets(source.root),
    }


def _param(param: params.Param) -> Facts:
    return {
        "name": param.name,
        "type": param.type,
        "about": param.node.word("about", ""),
        "required": param.required,
        "default": None if param.default is None else param.default.written,
        "values": list(param.choices),
    }


def secrets(node: Node) -> list[str]:
    """The names of the secrets that a definition itself uses, in the order in which they stand there."""
    found: dict[str, None] = {}
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at.value, dict):
            waiting += reversed([child for key, child in at.value.items() if key != "tests"])
        elif isinstance(at.value, tuple):
            waiting += reversed(at.value)
        elif isinstance(at.value, str) and "${secret." in at.value:
            found |= {part.partition("}")[0]: None for part in at.value.split("${secret.")[1:]}
    return list(found)
