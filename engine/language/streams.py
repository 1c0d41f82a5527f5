"""Record shapes: from the tree of a resolved definition to `model.Stream`, the shape the mapping compiles.

Builds what it can and leaves the rest out; what is wrong with names is told by `lint`.
"""

from collections.abc import Callable, Iterable, Mapping

from engine.language import fields as fields_of
from engine.language.fields import Reading
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import (
    ActivitySpec,
    ActivityType,
    After,
    ContactSpec,
    Field,
    KeyHash,
    KeyItem,
    KeyParts,
    Minimum,
    RecordJoin,
    Records,
    StateCase,
    StateRule,
    Stream,
    VehicleSpec,
)

# Ruling 10: these lists are closed.
CONTACT_FIELDS = (
    *("firstName", "lastName", "middleName", "suffix", "name", "company", "email", "emails", "phone", "phones"),
    *("street", "street2", "city", "state", "postalCode", "country", "birthDate", "externalId", "language"),
    *("allowText", "allowEmail", "allowCall", "textsStopped"),
)
VEHICLE_FIELDS = (
    *("vin", "plate", "plateState", "year", "make", "model", "trim", "unitType", "manufacturer", "odometer"),
    *("odometerUnit", "stockNumber", "color", "description"),
)
EMPLOYEE = "employee"  # where an activity has its type
CONTACT_MATCH = ContactSpec(()).match
VEHICLE_MATCH = VehicleSpec(()).match


def shapes(definition: Node) -> Mapping[str, Node]:
    """The nodes of the streams by name; a definition without `streams:` is one, named ""."""
    streams = definition.child("streams")
    return definition.entries("streams") if streams is not None and streams.is_map else {"": definition}


def stream(
    name: str,
    node: Node,
    types: Mapping[str, ActivityType],
    reading: Reading,
    whole: bool,
    wanted: Callable[[Node], bool],
    root: Node,
) -> Stream:
    """One stream of the definition `root`.

    `whole` says that each delivery is a file; `wanted` whether a part's `requires` is met.
    """
    fields = fields_of.fields(node.entries("fields"), reading)
    activities = tuple(
        _activity(element, types, fields, reading.problems, root)
        for element in node.elements("activities")
        if element.is_map and wanted(element)
    )
    return Stream(
        name=name,
        records=_records(node, reading.problems, "quarantine" if whole else "last"),
        fields=fields,
        contact=_contact(node, fields),
        vehicle=_vehicle(node, fields),
        activities=activities,
        version=node.text("version"),
        employee=_employee(node, fields, reading.problems),
        minima=(*_minima(root, root), *_minima(node, root)),
    )


def after(node: Node | None) -> After | None:
    """`after:` of an activity, or `from:` of a contact."""
    if node is None or not node.is_map:
        return None
    return After(node.word("type", ""), node.texts("key"), node.word("onMissing", "hold"))


def _minima(node: Node, root: Node) -> tuple[Minimum, ...]:
    """The versions that a part requires; where they are read, the definition says."""
    return tuple(
        Minimum(product, path, str(version.value))
        for product, version in node.entries("requires", "versions").items()
        if (path := root.text("versions", product, "path")) is not None  # else that is told
    )


def _records(node: Node, problems: Problems, on_duplicate: str) -> Records:
    given = node.child("records")
    if given is None or not given.is_map:
        return Records(on_duplicate=on_duplicate)
    path = given.child("path")
    if path is not None:
        fields_of.expression(path, problems)
    joins: list[RecordJoin] = []
    for name, join in given.entries("join").items():
        source = join.child("from")
        if source is not None:
            fields_of.expression(source, problems)
        joins.append(
            RecordJoin(name, join.word("from", ""), join.word("key", ""), join.word("by", ""), join.flag("required"))
        )
    return Records(
        path=given.text("path"),
        condition=given.text("if"),
        lapsed=given.text("lapsed", "state"),
        check=given.text("check"),
        joins=tuple(joins),
        unused=given.texts("unused"),
        on_bad=given.word("onBad", "quarantine"),
        on_duplicate=given.word("onDuplicate", on_duplicate),
    )


def _contact(node: Node, fields: Mapping[str, Field]) -> ContactSpec | None:
    given = node.child("contact")
    if given is None or not given.is_map:
        return None
    return ContactSpec(
        values=_values(given, CONTACT_FIELDS, fields),
        match=_match(given) or CONTACT_MATCH,
        on_none=given.word("onNone", "create"),
        on_many=given.word("onMany", "review"),
        source=after(given.child("from")),
    )


def _vehicle(node: Node, fields: Mapping[str, Field]) -> VehicleSpec | None:
    given = node.child("vehicle")
    if given is None or not given.is_map:
        return None
    return VehicleSpec(
        values=_values(given, VEHICLE_FIELDS, fields),
        match=_match(given) or VEHICLE_MATCH,
        on_none=given.word("onNone", "create"),
    )


def _match(given: Node) -> tuple[tuple[str, ...], ...]:
    rules = (tuple(str(word.value) for word in _listed(rule)) for rule in given.elements("match"))
    return tuple(rule for rule in rules if rule)


def _listed(node: Node) -> tuple[Node, ...]:
    return node.value if isinstance(node.value, tuple) else (node,) if isinstance(node.value, str) else ()


def _activity(
    node: Node, types: Mapping[str, ActivityType], fields: Mapping[str, Field], problems: Problems, root: Node
) -> ActivitySpec:
    kind = types.get(node.word("type", ""))
    inner = element_fields(node)
    own = fields_of.fields(inner, Reading(problems, is_element=True))
    return ActivitySpec(
        type=node.word("type", ""),
        key=tuple(item for item in map(_key, node.elements("key")) if item.names),
        occurred=node.text("occurred"),
        state=_state(node, problems),
        values=_values(node, kind.fields if kind else (), {**fields, **own}),
        each=node.text("each"),
        fields=own,
        gone=node.text("gone"),
        condition=node.text("if"),
        set={name: child.plain for name, child in node.entries("set").items()},
        keep_first=node.texts("keepFirst"),
        on_none=node.word("onNone", "create"),
        after=after(node.child("after")),
        minima=_minima(node, root),
    )


def _employee(node: Node, fields: Mapping[str, Field], problems: Problems) -> ActivitySpec | None:
    """An employee is made as an activity is: of every field but those that only decide about it."""
    given = node.child("employee")
    if given is None or not given.is_map:
        return None
    renamed = _renamed(given)
    apart = {given.text("state", "from"), node.text("version"), *renamed.values()}
    key = tuple(item for item in map(_key, given.elements("key")) if item.names)
    return ActivitySpec(
        type=EMPLOYEE,
        key=key or (KeyParts((renamed.get("externalId", "externalId"),)),),
        occurred=None,
        state=_state(given, problems),
        values=_values(given, [name for name in fields if name not in apart], fields),
        set={"roles": list(given.texts("roles"))},
    )


def element_fields(activity: Node) -> Mapping[str, Node]:
    """The mapped fields inside an `each`: the maps under `fields`. Words there are renames."""
    if activity.child("each") is None:
        return {}
    return {name: child for name, child in activity.entries("fields").items() if child.is_map}


def renames(node: Node) -> Mapping[str, Node]:
    """`fields: {target: source}` of a contact, a vehicle or an activity."""
    return {name: child for name, child in node.entries("fields").items() if isinstance(child.value, str)}


def _renamed(node: Node) -> Mapping[str, str]:
    return {target: str(child.value) for target, child in renames(node).items()}


def _values(node: Node, targets: Iterable[str], fields: Mapping[str, Field]) -> tuple[tuple[str, str], ...]:
    """Pairs of target and mapped field: what is renamed, then the fields of the same name."""
    renamed = _renamed(node)
    same = {target: target for target in targets if target in fields and target not in renamed}
    order = {target: index for index, target in enumerate(targets)}
    pairs = {**renamed, **same}
    return tuple(sorted(pairs.items(), key=lambda pair: order.get(pair[0], len(order))))


def _key(node: Node) -> KeyItem:
    if node.is_map:
        return KeyHash(node.texts("hash"))
    return KeyParts(tuple(str(part.value) for part in _listed(node)))


def _state(node: Node, problems: Problems) -> StateRule | None:
    given = node.child("state")
    if given is None:
        return None
    if isinstance(given.value, str):
        return StateRule(cases=(StateCase(None, given.value),))
    if isinstance(given.value, tuple):
        cases = (StateCase(case.text("if"), case.word("is", "")) for case in given.value)
        return StateRule(cases=tuple(cases))
    return StateRule(source=given.text("from"), map=fields_of.value_map(given, problems))
