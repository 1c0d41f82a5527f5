"""Mapped fields: from the tree of a definition to `model.Field`, each with its source and its checks.

Looks at one field at a time; whether names fit together across a stream is for `lint`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.deferred import Reference, Template
from engine.errors import DefinitionError
from engine.language import expressions, negation, patterns, references, values
from engine.language.inherit import SOURCES
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import (
    Column,
    Const,
    Context,
    Field,
    FirstOf,
    FromField,
    Join,
    Path,
    Source,
    Sum,
    Text,
    Value,
    ValueMap,
)
from engine.transforms import SHORTHAND
from engine.transforms.formats import EPOCHS, checked

# Formats whose records are rows under a header, and those whose records are documents.
HEADED = frozenset({"csv", "xlsx", "fixedWidth"})
DOCUMENTS = frozenset({"json", "jsonl", "xml", "form"})

_OWN = frozenset(
    {
        *SOURCES,
        *("optional", "nullValues", "transforms", "type", "map", "else", "pattern", "required", "default", "onError"),
        *("by", "keep", "partial", "fields", "about", "label"),
    }
)
_RANGE = re.compile(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*")
_OFFSET = re.compile(r"%(:?z|Z)")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the fields of one place are read: `format` is the decoder's, empty where it says none."""

    problems: Problems
    format: str = ""
    is_element: bool = False  # inside a list or an object, where there are no columns


def fields(nodes: Mapping[str, Node], reading: Reading) -> dict[str, Field]:
    """Every field of one `fields:` block; one that cannot be made is left out and reported."""
    found: dict[str, Field] = {}
    for name, node in nodes.items():
        if not node.is_map:
            continue
        made = field(name, node, reading)
        if made is not None:
            found[name] = made
    return found


def field(name: str, node: Node, reading: Reading) -> Field | None:
    """One field, or None where it has no source that can be read."""
    source = _source(node, reading)
    if source is None:
        return None
    kind = node.word("type", "string")
    _check_dates(node, kind, reading.problems)
    inner = Reading(reading.problems, is_element=True)
    nulls = node.child("nullValues")
    default = node.child("default")
    return Field(
        name=name,
        source=source,
        optional=node.flag("optional"),
        null_values=None if nulls is None else tuple(str(each.value) for each in node.elements("nullValues")),
        transforms=transforms(node, reading.problems),
        type=kind,
        options={key: child.plain for key, child in node.entries().items() if key not in _OWN},
        map=value_map(node, reading.problems),
        pattern=_pattern(node, reading.problems),
        required=node.flag("required"),
        default=default.plain if default is not None else None,
        on_error=node.word("onError", "quarantine"),
        by=node.text("by"),
        keep=node.texts("keep"),
        partial=node.flag("partial"),
        fields=fields(node.entries("fields"), inner),
        where=str(node.key),
    )


def value_map(node: Node, problems: Problems) -> ValueMap | None:
    """The `map:` of a field or a state with its `else:`, or None without one."""
    given = node.child("map")
    if given is None or not given.is_map:
        return None
    exact: dict[str, Value] = {}
    ranges: list[tuple[int, int, Value]] = []
    nodes: list[Node] = []
    for word, child in given.entries().items():
        match = _RANGE.fullmatch(word)
        if match is None:
            exact[word] = child.plain
            continue
        low, high = int(match[1]), int(match[2])
        if low > high:
            problems.add(child, "E076", f"the range `{word}` runs backwards", f"write {high}..{low}", key=True)
        ranges.append((low, high, child.plain))
        nodes.append(child)
    _check_overlaps(ranges, nodes, problems)
    otherwise = node.child("else")
    if otherwise is None:  # the schema says so
        return ValueMap(exact, tuple(ranges), "quarantine")
    word = otherwise.value
    return ValueMap(exact, tuple(ranges), word if word in ("blank", "quarantine") else Const(otherwise.plain))


def _check_overlaps(ranges: Sequence[tuple[int, int, Value]], nodes: Sequence[Node], problems: Problems) -> None:
    """In order of their beginnings a range can only overlap the one before it that reaches furthest."""
    furthest: int | None = None
    for index in sorted(range(len(ranges)), key=lambda index: ranges[index][:2]):
        if furthest is not None and ranges[index][0] <= ranges[furthest][1]:
            first, second = sorted((furthest, index))
            low, high, _ = ranges[first]
            message = f"`{ranges[second][0]}..{ranges[second][1]}` overlaps {low}..{high}"
            problems.add(nodes[second], "E076", message, "a value belongs to one range", key=True)
        if furthest is None or ranges[index][1] > ranges[furthest][1]:
            furthest = index


def expression(node: Node, problems: Problems) -> expressions.Tree | None:
    """The syntax tree of a JMESPath text, or None after saying what is wrong with it."""
    if not isinstance(node.value, str):
        return None
    try:
        tree = expressions.checked(node.value)
    except expressions.BadExpression as error:
        code = "E057" if error.is_budget else "E056"
        problems.add(node, code, f"JMESPath: {error}", error.help, offset=error.offset)
        return None
    slip = negation.slip(node.value)
    if slip is not None:
        message = f"`{slip.written}` is read as `{slip.read}`: what `!` gives is true or false, and holds nothing"
        help = f"write `{slip.meant}`"
        problems.add(node, "W007", message, help, offset=slip.offset, length=len(slip.written))
    return tree


def check_zone(node: Node, problems: Problems) -> None:
    """An error for a name that is no zone."""
    try:
        values.zone(str(node.value))
    except ValueError:
        problems.unknown(node, "E060", "zone", values.zones())


def check_pattern(node: Node, problems: Problems) -> tuple[str, ...]:
    """The names of a pattern's groups, or none after saying what is wrong with it."""
    if not isinstance(node.value, str):
        return ()
    try:
        return patterns.groups(node.value)
    except patterns.BadPattern as error:
        problems.add(node, "E055", f"bad regex: {error}", error.help, offset=error.offset)
        return ()


def _source(node: Node, reading: Reading) -> Source | None:
    verbs = [verb for verb in SOURCES if node.child(verb) is not None]
    if len(verbs) != 1:
        return None  # the schema says so
    verb = verbs[0]
    given = node.value[verb]
    if given.is_open and verb not in ("text", "const"):
        return None
    _refuse_misplaced(verb, given, reading)
    if verb == "column":
        return Column(node.texts("column"))
    if verb == "path":
        for element in node.elements("path"):
            expression(element, reading.problems)
        return Path(node.texts("path"))
    if verb == "firstOf":
        return FirstOf(node.texts("firstOf"))
    if verb == "field":
        return FromField(str(given.value))
    return _made(verb, given, reading)


def _made(verb: str, given: Node, reading: Reading) -> Source | None:
    """The sources that do not just name a place."""
    if verb == "const":
        return Const(given.plain)
    if verb == "context":
        return _context(given, reading.problems)
    if verb == "join":
        return Join(given.texts("columns"), given.texts("fields"), given.word("with", " "))
    if verb == "sum":
        return Sum(given.word("list", ""), given.word("field", ""))
    if isinstance(given.value, Template):
        return Text(given.value)
    if isinstance(given.value, Reference):
        return Text(Template((given.value,)))
    return Text(Template((str(given.value),)))


def _context(given: Node, problems: Problems) -> Source | None:
    text = str(given.value)
    try:
        value = references.parsed(f"${{{text}}}")
    except references.BadReference as error:
        problems.add(given, "E041", str(error))
        return None
    if not isinstance(value, Template) or not isinstance(value.parts[0], Reference):
        problems.add(given, "E042", "a secret is no value of a field")
        return None
    reference = value.parts[0]
    root, rest = reference.path[0], reference.path[1:]
    known = ("file", "run", "trigger", "parent", "window")
    members = references.ROOTS.get(root)
    if root not in known:
        problems.unknown(given, "E040", "context", known, name=root)
    elif members is not None and (not rest or rest[0] not in members):
        problems.unknown(given, "E040", "context", (f"{root}.{member}" for member in members), name=text)
    return Context(reference)


def _refuse_misplaced(verb: str, given: Node, reading: Reading) -> None:
    if reading.is_element:
        where = "an element of a list has no header"
    elif reading.format in DOCUMENTS:
        where = f"{reading.format} has no header"
    else:
        where = ""
    if verb == "column" and where:
        help = f"write `path: {given.value}`" if isinstance(given.value, str) else "use `path`"
        reading.problems.add(given, "E062", f"`column` where there are none: {where}", help, key=True)
    elif verb == "join" and where and given.child("columns") is not None:
        message = f"`columns` where there are none: {where}"
        reading.problems.add(given.value["columns"], "E062", message, "join `fields:` instead", key=True)
    elif verb == "path" and reading.format in HEADED:
        help = "use column: with the header as it is sent; a dot in it is no path"
        reading.problems.add(given, "E062", f"`path` on {reading.format}, whose records are flat", help, key=True)


def transforms(node: Node, problems: Problems) -> tuple[tuple[str, Mapping[str, Value]], ...]:
    """Each as (name, arguments); a lone argument that is no map stands for the one it is short for."""
    found: list[tuple[str, Mapping[str, Value]]] = []
    for element in node.elements("transforms"):
        if isinstance(element.value, str):
            found.append((element.value, {}))
        for name, arguments in element.entries().items():
            for key in ("having", "lacking"):
                inner = arguments.child(key)
                if inner is not None:
                    expression(inner, problems)
            pattern = arguments if name in _PATTERNED and not arguments.is_map else arguments.child("pattern")
            if pattern is not None and name in _PATTERNED:
                check_pattern(pattern, problems)
            plain = arguments.plain
            found.append((name, plain if isinstance(plain, dict) else {SHORTHAND.get(name, "value"): plain}))
    return tuple(found)


# Transforms whose argument is a regular expression.
_PATTERNED = frozenset({"extract"})


def _pattern(node: Node, problems: Problems) -> str | None:
    given = node.child("pattern")
    if given is None or not isinstance(given.value, str):
        return None
    check_pattern(given, problems)
    return given.value


# How other tools write the parts of a date, the longer first, and how strptime does.
_PARTS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "YY": "%y", "HH": "%H", "hh": "%I", "mm": "%M", "SS": "%S", "ss": "%S"}
_PARTS |= {"yyyy": "%Y", "dd": "%d", "yy": "%y", "tt": "%p"}


def _strptime(text: str) -> str:
    return re.sub("|".join(sorted(_PARTS, key=len, reverse=True)), lambda found: _PARTS[found[0]], text)


def _check_dates(node: Node, kind: str, problems: Problems) -> None:
    zone = node.child("timezone")
    if zone is not None and isinstance(zone.value, str):
        check_zone(zone, problems)
    if kind not in ("date", "dateTime"):
        return
    for element in node.elements("formats"):
        if not isinstance(element.value, str) or (kind == "dateTime" and element.value in EPOCHS):
            continue
        if "%" not in element.value and "${" not in element.value:
            meant = _strptime(element.value)
            message = f"the format `{element.value}` has no directive: it matches only itself"
            help = (
                f"write '{meant}'" if meant != element.value else "the directives are those of strptime, as in %m/%d/%Y"
            )
            problems.add(element, "E063", message, help)
            continue
        try:
            checked(element.value)
        except DefinitionError as error:
            problems.add(element, "E063", str(error), "the directives are those of strptime, such as %m/%d/%Y")
            continue
        if kind == "dateTime" and zone is None and not _OFFSET.search(element.value):
            problems.add(
                element,
                "E061",
                f"the format `{element.value}` says no zone",
                "add timezone: '${dealer.timezone}', or %z where the source sends an offset",
            )
