"""What the fields of a stream are made of: each other, and whether that ever comes to an end.

Reads no expression on raw records.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from engine.deferred import Reference
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.language.usage import Names
from engine.model import Field, FirstOf, FromField, Join, Sum, Text

_CIRCLES = 20  # that are told


def check(
    nodes: Mapping[str, Node],
    fields: Mapping[str, Field],
    names: Names,
    held: Mapping[str, frozenset[str]] | None = None,
) -> None:
    """What fields take from each other is there, and none is made of itself.

    `held` is what elements of a list have where they come to: another feed may bring it.
    """
    for name, node in nodes.items():
        if name not in fields:
            continue
        names.use(node.child("field"))
        names.use_all(node.elements("firstOf"))
        names.use_all(node.elements("join", "fields"))
        names.template(node.child("text"))
        _sum(node, fields, names)
        _elements(node, fields[name], names, (held or {}).get(name, frozenset()))
    _circle(nodes, fields, names.problems)


def _sum(node: Node, fields: Mapping[str, Field], names: Names) -> None:
    source, part = node.child("sum", "list"), node.child("sum", "field")
    names.use(source)
    inner = fields.get(str(source.value)) if source is not None else None
    if part is not None and inner is not None and part.value not in inner.fields:
        names.problems.unknown(part, "E064", f"field of `{inner.name}`", inner.fields)


def _elements(node: Node, field: Field, names: Names, held: frozenset[str]) -> None:
    """A list: `by` and `keep` name fields of its elements, and those may take from each other."""
    if not field.fields:
        return
    own = Names(field.fields, names.params, names.problems)
    own.use(node.child("by"), f"field of `{field.name}`")
    known = Names({*field.fields, *held}, names.params, names.problems)
    for element in node.elements("keep"):
        known.use(element, f"field of `{field.name}`")
    # An element's field may be made of the element's other fields, and of the record's.
    check(node.entries("fields"), field.fields, names.with_fields(field.fields))


def _circle(nodes: Mapping[str, Node], fields: Mapping[str, Field], problems: Problems) -> None:
    """A field that is made of itself."""
    takes = {name: _taken(field) for name, field in fields.items()}
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


def _taken(field: Field) -> tuple[str, ...]:
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
