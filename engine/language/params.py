"""Parameters of a definition: what it declares, what a dealer gives, and whether the two fit.

A value is checked by the type it was declared with; nothing is converted, and a secret is never looked up.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

from engine.deferred import SecretRef, Template
from engine.language import durations, patterns
from engine.language import values as single
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import Value


@dataclass(frozen=True, slots=True)
class Param:
    """One declared parameter; `forbidden` holds placeholders (`not:`), case folded."""

    name: str
    type: str
    node: Node
    required: bool
    default: Node | None
    choices: tuple[Value, ...]
    forbidden: tuple[str, ...]


# What stands in for a required parameter while a definition is looked at without a dealer.
_SAMPLES: Mapping[str, Value] = {
    "string": "sample",
    "integer": 1,
    "decimal": 1,
    "boolean": True,
    "list": (),
    "duration": "1h",
    "cron": "0 6 * * *",
    "regex": "sample",
    "url": "https://example.com",
    "phone": "+1 555-555-0100",
    "timezone": "UTC",
    "secret": SecretRef("SAMPLE"),
}


def declared(definition: Node) -> Mapping[str, Param]:
    """What stands under `params:`."""
    return {name: _param(name, node) for name, node in definition.entries("params").items() if node.is_map}


def given(
    params: Mapping[str, Param],
    entry: Node,
    region: str,
    problems: Problems,
    filled: Callable[[Node], Node],
    samples: bool = False,
    unasked: Container[str] = (),
) -> Mapping[str, Node]:
    """The value of every parameter: what the dealer's `entry` gives, else the default, else null.

    `filled` puts in what the dealer is. With `samples` nothing is missing: a required parameter has
    a value made up for its type. Those that are `unasked` may be missing, or hold a placeholder.
    """
    values = entry.entries("params")
    block = entry.child("params")
    is_misshapen = block is not None and not block.is_map
    # One that is given under a misspelt name is not missing as well.
    misspelt = {
        problems.unknown(extra, "E045", "parameter", params, name=name, key=True)
        for name, extra in values.items()
        if name not in params
    }
    found: dict[str, Node] = {}
    for name, param in params.items():
        node = values.get(name)
        if name in unasked:
            param = replace(param, required=False, forbidden=())
        if node is not None and node.value is not None:
            found[name] = _checked(param, filled(node), region, problems, is_default=False)
        elif param.default is not None:
            found[name] = _checked(param, filled(param.default), region, problems, is_default=True)
        elif samples or is_misshapen or name in misspelt:
            found[name] = _sample(param)
        else:
            # What is missing is told once, here: nothing is wrong where the definition uses it.
            found[name] = _sample(param) if param.required else Node(None, param.node.place, param.node.key)
            if param.required:
                about = param.node.text("about")
                help = f"add params: {{{name}: ...}}" + (f", {about}" if about else "")
                problems.add(entry.child("uses") or entry, "E044", f"the parameter `{name}` is missing", help)
    return found


def fits(param: Param, node: Node, region: str) -> bool:
    """Whether nothing is wrong with a value that was put in for a parameter."""
    heard = Problems()
    return not (_checked(param, node, region, heard, is_default=False).is_sample or heard.findings)


def _param(name: str, node: Node) -> Param:
    choices = node.child("values")
    return Param(
        name=name,
        type=node.word("type", "string"),
        node=node,
        required=node.flag("required"),
        default=node.child("default"),
        choices=tuple(choice.value for choice in choices.value) if choices and isinstance(choices.value, tuple) else (),
        forbidden=tuple(str(each.value).casefold() for each in node.elements("not")),
    )


def _sample(param: Param) -> Node:
    value = param.choices[0] if param.choices else _SAMPLES.get(param.type, "sample")
    return Node(value, param.node.place, param.node.key, is_sample=True)


def _checked(param: Param, node: Node, region: str, problems: Problems, is_default: bool) -> Node:
    value = node.value
    if value is None or node.is_sample:
        return node
    if param.type == "secret":
        if not isinstance(value, SecretRef):
            problems.add(
                node,
                "E043",
                f"the parameter `{param.name}` is a secret: it is one whole reference",
                f"write {param.name}: ${{secret.NAME}} and give NAME a value outside the files",
            )
            return replace(node, is_sample=True)
        if is_default:
            problems.add(
                node,
                "E043",
                f"the secret parameter `{param.name}` has a default: two dealers would share it",
                "let each dealer's file name its own",
            )
        return node
    if isinstance(value, SecretRef | Template):
        problems.add(
            node,
            "E042",
            f"the parameter `{param.name}` is of type {param.type}: it takes no reference left for later",
            "declare it with type: secret, or put the reference into the definition",
        )
        return replace(node, is_sample=True)
    try:
        _fits(param, node, region)
    except patterns.BadPattern as error:
        problems.add(node, "E055", f"bad regex in `{param.name}`: {error}", error.help, offset=error.offset)
        return replace(node, is_sample=True)
    except ValueError as error:
        problems.add(node, "E046", f"the parameter `{param.name}`: {error}", _choices(param))
        return replace(node, is_sample=True)
    _refuse_placeholder(param, node, problems)
    return node


def _fits(param: Param, node: Node, region: str) -> None:
    value = node.value
    wanted = {"integer": int, "boolean": bool, "list": tuple, "enum": None, "decimal": None}.get(param.type, str)
    if wanted is not None and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        names = {"integer": "a whole number", "boolean": "true or false", "list": "a list"}
        quotes = "" if param.type in names or not isinstance(value, int | float) else "; put quotes around it"
        raise ValueError(f"expected {names.get(param.type, 'a text')}, found {_kind(value)}{quotes}")
    if param.type == "enum" and value not in param.choices:
        raise ValueError(f"expected one of {', '.join(map(str, param.choices))}, found {value!r}")
    if param.type == "decimal":
        single.decimal(value)
    elif param.type == "duration":
        durations.seconds(value)
    elif param.type == "cron":
        single.cron(value)
    elif param.type == "regex":
        patterns.groups(value)
    elif param.type == "url":
        single.url(value)
    elif param.type == "phone":
        single.phone(value, region)
    elif param.type == "timezone":
        single.zone(value)


def _refuse_placeholder(param: Param, node: Node, problems: Problems) -> None:
    """A placeholder is refused alone and as a step of a path: `dealername/IDS` is still nobody's folder."""
    if not param.forbidden or not isinstance(node.value, str):
        return
    folded = node.value.strip().casefold()
    steps = {folded, *folded.split("/")}
    for placeholder in param.forbidden:
        if placeholder in steps:
            problems.add(
                node,
                "E047",
                f"`{node.value}` is a placeholder, not a value for `{param.name}`",
                "put the dealer's own value here" + (f": {about}" if (about := param.node.text("about")) else ""),
            )


def _choices(param: Param) -> str:
    return param.node.text("about") or ""


def _kind(value: Value) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, dict):
        return "a map"
    return "a list" if isinstance(value, tuple) else f"the text {value!r}"
