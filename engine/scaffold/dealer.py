"""A dealer's entry for a feed: what it must say, what a person has to fill in, and the file it goes into.

Asks nobody anything and looks up no secret: what is outstanding is told.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine.errors import DefinitionError
from engine.language import definition
from engine.language.params import Param
from engine.language.resolution import Definition
from engine.language.words import nearest
from engine.model import Value
from engine.scaffold import entries, headings
from engine.scaffold.changes import Change
from engine.scaffold.entries import Entry
from engine.scaffold.writing import Line, flow, page, quoted

_SECRET = re.compile(r"\$\{secret\.([A-Za-z0-9_]+)\}")
_WHOLE_SECRET = re.compile(r"\$\{secret\.[A-Za-z0-9_]+\}")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")


class Outstanding(NamedTuple):
    """What a person still has to do. Kinds: param, gate, secret, feature, dealer, guess."""

    kind: str
    name: str
    about: str


class Wanted(NamedTuple):
    """A feed that a dealer is to have: `dealer` and `name` make its id, `given` are parameters as typed."""

    dealer: str
    name: str
    uses: str
    given: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"{self.dealer}/{self.name}"


def plain_entry(wanted: Wanted) -> Entry:
    """The entry of a definition that asks for nothing."""
    plain, lines = _named(wanted)
    return Entry(tuple(line.text for line in lines), _brief(plain))


def _named(wanted: Wanted) -> tuple[dict[str, Value], list[Line]]:
    """What it uses, and its name where that does not follow from it."""
    plain: dict[str, Value] = {"uses": wanted.uses}
    if wanted.name != wanted.uses.replace("/", "-"):
        plain["name"] = wanted.name
    return plain, [Line(f"{key}: {quoted(str(value))}") for key, value in plain.items()]


def entry(wanted: Wanted, source: Definition) -> tuple[Entry, tuple[Outstanding, ...]]:
    """The entry's lines, with a comment at everything that has to be filled in.

    Raises DefinitionError for a parameter that the definition does not have or that is of another type.
    """
    for name in wanted.given:
        if name not in source.params:
            close = nearest(name, source.params)
            known = f"did you mean {close}?" if close else f"it has {', '.join(source.params) or 'none'}"
            raise DefinitionError(f"`{wanted.uses}` has no parameter {name!r}; {known}")
    params, missing = _params(wanted, source)
    gates = _gates(source)
    plain, lines = _named(wanted)
    if params:
        lines += [Line("params:"), *(_param(source.params[name], value, wanted) for name, value in params.items())]
        plain["params"] = params
    lines += _gate_lines(gates)
    outstanding = [
        *missing,
        *(Outstanding("gate", name, "confirm it with its day") for name in gates),
        *(Outstanding("secret", name, "") for name in _secrets(source, params)),
    ]
    text = page(lines).rstrip("\n").split("\n")
    return Entry(tuple(text), _brief(plain)), tuple(outstanding)


def _brief(plain: Mapping[str, Value]) -> str:
    parts = (f"{name}: {_written(value)}" for name, value in plain.items())
    return "{" + ", ".join(parts) + "}"


def _written(value: Value) -> str:
    """A value with its references as they are: parameters may hold `${secret.NAME}`."""
    if isinstance(value, dict):
        return _brief(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return quoted(value) if isinstance(value, str) else flow(value)


def _params(wanted: Wanted, source: Definition) -> tuple[dict[str, Value], list[Outstanding]]:
    """What is given, and null or the name of a secret for each that is required and not given."""
    values: dict[str, Value] = {}
    missing: list[Outstanding] = []
    for name, param in source.params.items():
        if name in wanted.given:
            values[name] = typed(param, wanted.given[name])
        elif param.required and param.default is None:
            about = param.node.text("about") or f"a value of type {param.type}"
            if param.type == "secret":
                values[name] = f"${{secret.{_secret_name(wanted.dealer, name)}}}"
            else:
                values[name] = None
                missing.append(Outstanding("param", name, about))
    return values, missing


def _secret_name(dealer: str, param: str) -> str:
    return "_".join((*headings.words(dealer), *headings.words(param))).upper()


def _param(param: Param, value: Value, wanted: Wanted) -> Line:
    about = param.node.text("about") or ""
    if value is None:
        return Line(f"  {param.name}:", f"fill in: {about or f'a value of type {param.type}'}")
    if param.type == "secret" and param.name not in wanted.given:
        return Line(f"  {param.name}: {_written(value)}", "fill in: give this secret a value, outside of the files")
    return Line(f"  {param.name}: {_written(value)}")


def typed(param: Param, text: str) -> Value:
    """What was typed as the value that the parameter takes. Raises DefinitionError, never with a secret's value."""
    if param.type == "secret":
        if not _WHOLE_SECRET.fullmatch(text):
            raise DefinitionError(
                f"the parameter {param.name!r} is a secret: give its name, as --param '{param.name}=${{secret.NAME}}'"
            )
        return text
    if param.type == "boolean":
        if text not in ("true", "false"):
            raise DefinitionError(f"the parameter {param.name!r} is true or false, found {text!r}")
        return text == "true"
    if param.type == "integer" or (param.type == "decimal" and _INTEGER.fullmatch(text)):
        if not _INTEGER.fullmatch(text):
            raise DefinitionError(f"the parameter {param.name!r} is a whole number, found {text!r}")
        return int(text)
    if param.type == "decimal":
        if not _DECIMAL.fullmatch(text):
            raise DefinitionError(f"the parameter {param.name!r} is a number, found {text!r}")
        return float(text)
    return [part.strip() for part in text.split(",")] if param.type == "list" else text


def _gates(source: Definition) -> tuple[str, ...]:
    return source.root.texts("gates", "enable")


def _gate_lines(gates: tuple[str, ...]) -> list[Line]:
    if not gates:
        return []
    lines = [Line("# confirmed:", "fill in: each with its day, once it is so; then take these # away")]
    return lines + [Line(f"#   {name}: 2022-01-31") for name in gates]


def _secrets(source: Definition, params: Mapping[str, Value]) -> tuple[str, ...]:
    """The secrets that the definition or a parameter names, in the order of the files."""
    found: dict[str, None] = {}
    _collect(source.root.written, found)
    _collect(dict(params), found)
    return tuple(found)


def _collect(value: Value, found: dict[str, None]) -> None:
    if isinstance(value, str):
        found.update(dict.fromkeys(_SECRET.findall(value)))
    elif isinstance(value, dict):
        for inner in value.values():
            _collect(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _collect(inner, found)


# --- the file -------------------------------------------------------------------------------


def change(path: Path, wanted: Wanted, made: Entry) -> tuple[Change, tuple[Outstanding, ...]]:
    """The dealer's file with the entry in it, made where there is none.

    Raises DefinitionError where the dealer has a feed of this id, or a file that cannot be added to.
    """
    if not path.exists():
        return _new(path, wanted, made), tuple(
            Outstanding("dealer", name, about)
            for name, about in (
                ("title", "its name for people"),
                ("timezone", "the zone of its days and times: America/New_York stands in for it"),
                ("region", "how national phone numbers are read: US stands in for it"),
            )
        )
    before = path.read_bytes()
    document, root = entries.document(str(path), before)
    for each in root.elements("feeds"):
        if each.is_map and definition.identity(wanted.dealer, each) == wanted.id:
            raise DefinitionError(f"there is a feed {wanted.id} already, at {each.place}; nothing was written")
    text, line = entries.placed(document, made)
    return Change(path, text, before, line, line + len(made.lines) - 1), ()


def _new(path: Path, wanted: Wanted, made: Entry) -> Change:
    title = headings.label_of(wanted.dealer)
    head = page(
        [
            Line(
                "# A dealer: who it is, and which feeds it has. What says `fill in` stands in for what only you know."
            ),
            Line("version: 1"),
            Line("kind: dealer"),
            Line(f"name: {wanted.dealer}"),
            Line(f"title: {quoted(title)}", "fill in: its name for people"),
            Line("timezone: America/New_York", "fill in: the zone in which its days and times are meant"),
            Line("region: US", "fill in: how phone numbers without a country are read"),
            Line("# features: [gold]", "fill in: what it is entitled to, where a definition asks for it"),
            Line("feeds:"),
        ]
    )
    return Change(path, head + entries.rendered(made, "  ", "\n"), None, head.count("\n") + 1)
