"""Writes the fields of a record, or of an element of one of its lists, into straight-line code.

Each field ends as one variable that holds its canonical value or None. What can be decided when a
delivery is opened (which column, which null texts, whether a memo pays) is decided here, once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute

from engine.errors import DefinitionError, RecordError
from engine.language.references import fill
from engine.mapping import values
from engine.mapping.columns import Header
from engine.mapping.keys import text_of
from engine.mapping.paths import ROOT, Known, Paths, parsed, plain_keys
from engine.mapping.source import Source, literal
from engine.model import (
    Column,
    Const,
    Context,
    Dealer,
    Field,
    FirstOf,
    FromField,
    Join,
    Path,
    Reference,
    Sum,
    Template,
    Text,
    Value,
)
from engine.transforms.memo import Memo

# Stands for a path whose last key is not there: a blank clears what was stored, an absent key keeps it.
ABSENT = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()

# Types with few distinct values in a file: one look-up in a memo replaces all the work.
_FEW = frozenset({"date", "boolean", "version"})
_METHODS = {"trim": "strip", "lower": "lower", "upper": "upper"}
_MEMO = 20_000


@dataclass(frozen=True, slots=True)
class Var:
    """Where a field's value stands: names or constants of the written code.

    `absent` is an expression that is true where the field is to be left out, "True" where the
    file has no such column, None where that cannot be. `warned` is true where `onError: warn`
    kept a raw text.
    """

    value: str
    type: str
    absent: str | None = None
    warned: str | None = None


@dataclass(slots=True)
class Scope:
    """What is being written: the fields of `row`, which is a list of cells, or JSON-like."""

    source: Source
    paths: Paths
    dealer: Dealer
    nulls: frozenset[str]
    row: str
    header: Header | None
    fields: Mapping[str, Field]
    outer: "Scope | None" = None
    vars: dict[str, Var] = attribute(default_factory=dict)
    known: Known = attribute(default_factory=dict)

    def var(self, name: str) -> Var:
        """The variable of a field, written now when it is not yet. Raises DefinitionError."""
        if name not in self.vars:
            if name not in self.fields:
                if self.outer is None:
                    raise DefinitionError(f"no field is named {name!r}")
                return self.outer.var(name)
            write(self, name)
        return self.vars[name]

    def has(self, name: str) -> bool:
        return name in self.fields or (self.outer is not None and self.outer.has(name))

    def inside(self, row: str, fields: Mapping[str, Field]) -> "Scope":
        """The scope of an element of a list: its own fields first, then those of the record."""
        known = {key: name for key, name in self.known.items() if key[1] != ROOT}
        return Scope(self.source, self.paths, self.dealer, self.nulls, row, None, fields, self, known=known)


def needed(fields: Mapping[str, Field], names: Iterable[str]) -> list[str]:
    """The names and all the fields they are made of, each behind what it needs. Raises DefinitionError."""
    order: list[str] = []
    open_: set[str] = set()

    def visit(name: str) -> None:
        if name in order or name not in fields:
            return
        if name in open_:
            raise DefinitionError(f"the field {name!r} is made of itself")
        open_.add(name)
        for other in _parts(fields[name]):
            visit(other)
        order.append(name)

    for name in names:
        visit(name)
    return order


def _parts(field: Field) -> Iterator[str]:
    source = field.source
    if isinstance(source, FromField):
        yield source.name
    elif isinstance(source, FirstOf):
        yield from source.names
    elif isinstance(source, Join):
        yield from source.fields
    elif isinstance(source, Sum):
        yield source.list
    elif isinstance(source, Text):
        yield from (name for name in _named(source.template))


def _named(template: Template) -> list[str]:
    """The fields a template names."""
    return [part.path[1] for part in template.parts if isinstance(part, Reference) and part.path[0] == "field"]


def write(scope: Scope, name: str) -> None:
    """Write one field, with its `onError`, `default` and `required`; its parts first."""
    for part in needed(scope.fields, [name])[:-1]:
        if part not in scope.vars:
            write(scope, part)
    field = scope.fields[name]
    var = _value(scope, field) if field.on_error == "quarantine" else _tolerated(scope, field)
    if var.absent == "True" and field.default is None:
        scope.vars[name] = var
    else:
        scope.vars[name] = _completed(scope, field, var)


def require(scope: Scope, names: Iterable[str]) -> None:
    """Write the check of those of the fields that are required."""
    for name in names:
        field = scope.fields[name]
        if field.required and field.default is None:
            fault = scope.source.bind(_Required(name))
            with scope.source.block(f"if {scope.vars[name].value} is None"):
                scope.source.line(f"raise {fault}()")


class _Required:
    """Makes the error of a blank required field."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> RecordError:
        return RecordError("field.required", f"{self.name} is required and blank", self.name)


def _completed(scope: Scope, field: Field, var: Var) -> Var:
    if field.default is None:
        return var
    value = scope.source.name()
    default = scope.source.bind(field.default)
    scope.source.line(f"{value} = {default} if {var.value} is None else {var.value}")
    return Var(value, var.type, None, var.warned)


def _tolerated(scope: Scope, field: Field) -> Var:
    """`onError: blank` and `warn`: the value goes or stays as text, and a warning tells."""
    source = scope.source
    warned = source.name("w")
    source.line(f"{warned} = False")
    raw = source.name("x")
    source.line(f"{raw} = None")
    with source.block("try"):
        var = _value(scope, field, raw, known=dict(scope.known))
        value = source.name()
        source.line(f"{value} = {var.value}")
        if var.absent not in {None, "True"}:
            absent = source.name("a")
            source.line(f"{absent} = {var.absent}")
        else:
            absent = ""
    with source.block("except RecordError as error"):
        keep = f"{source.bind(values.kept(field))}({raw})" if field.on_error == "warn" else "None"
        source.line(f"{value} = {keep}")
        source.line(f"{warned} = True")
        if absent:
            source.line(f"{absent} = False")
        source.line(f"warn(i, error, {literal(field.name)}, {raw})")
    return Var(value, var.type, absent or var.absent, warned)


# --- by source ----------------------------------------------------------------------------------


def _value(scope: Scope, field: Field, raw: str | None = None, known: Known | None = None) -> Var:
    """Write where the value comes from and its chain. `raw` is a variable that is to hold the raw value."""
    origin = field.source
    if isinstance(origin, Column):
        return _column(scope, field, origin, raw)
    if isinstance(origin, Path):
        return _path(scope, field, origin, raw, scope.known if known is None else known)
    if isinstance(origin, FromField | FirstOf):
        return _copied(scope, field, (origin.name,) if isinstance(origin, FromField) else origin.names, raw)
    if isinstance(origin, Join):
        return _joined(scope, field, origin, raw)
    return _chained(scope, field, _expression(scope, origin), raw)


def _expression(scope: Scope, origin: Context | Const | Sum | Text) -> str:
    if isinstance(origin, Context):
        return per_run(scope.source, Template((origin.reference,)))
    if isinstance(origin, Const):
        return scope.source.bind(origin.value)
    if isinstance(origin, Sum):
        return f"{scope.source.bind(values.total)}({scope.var(origin.list).value}, {literal(origin.field)})"
    return templated(scope, origin.template)


def _nulls(scope: Scope, field: Field) -> frozenset[str]:
    own = scope.nulls if field.null_values is None else frozenset(text.strip() for text in field.null_values)
    return own | {""}


def _chained(scope: Scope, field: Field, expression: str, raw: str | None, absent: str | None = None) -> Var:
    """The whole chain as one call, for values that are no plain cells."""
    source = scope.source
    value = raw or source.name("x")
    source.line(f"{value} = {expression}")
    result = source.name()
    read = source.bind(values.chain(field, _nulls(scope, field), scope.dealer))
    source.line(f"{result} = {read}({value})")
    return _nested(scope, field, Var(result, field.type, absent))


def _column(scope: Scope, field: Field, origin: Column, raw: str | None) -> Var:
    if scope.header is None:
        raise DefinitionError(f"{field.where or field.name}: a column of records that have none; write `path`")
    place = scope.header.place(origin)
    if place is None:
        return Var("None", field.type, "True")
    cell = f"{scope.row}[{place}]"
    if raw is not None:
        scope.source.line(f"{raw} = {cell}")
        cell = raw
    return _cell(scope, field, cell, cell)


def _cell(scope: Scope, field: Field, cell: str, again: str) -> Var:
    """A cell that is text. The cheapest code that is right: a method, one call, or one look-up."""
    source = scope.source
    names = [name for name, _ in field.transforms]
    plain = field.map is None and field.pattern is None and not field.fields
    value = source.name()
    nulls = _nulls(scope, field)
    if field.type == "string" and plain and all(name in _METHODS for name in names):
        methods = "".join(f".{_METHODS[name]}()" for name in names if name != "trim")
        stripped = value if "trim" in names else source.name("s")
        source.line(f"{stripped} = {cell}.strip()")
        with source.block(_is_null(source, stripped, nulls)):
            source.line(f"{value} = None")
        if methods or stripped != value:
            with source.block("else"):
                source.line(f"{value} = {stripped if 'trim' in names else again}{methods}")
        return Var(value, field.type)
    if field.type not in _FEW and plain and not names:
        source.line(f"{value} = {cell}.strip()")
        with source.block(_is_null(source, value, nulls)):
            source.line(f"{value} = None")
        with source.block("else"):
            source.line(f"{value} = {source.bind(values.reader(field, scope.dealer))}({value})")
        return _nested(scope, field, Var(value, field.type))
    read = values.chain(field, nulls, scope.dealer)
    if field.type in _FEW or field.map is not None:
        source.line(f"{value} = {source.bind(Memo(read, _MEMO))}[{cell}]")
    else:
        source.line(f"{value} = {source.bind(read)}({cell})")
    return _nested(scope, field, Var(value, field.type))


def _is_null(source: Source, stripped: str, nulls: frozenset[str]) -> str:
    longest = max(map(len, nulls))
    if longest == 0:
        return f"if not {stripped}"
    return f"if len({stripped}) <= {longest} and {stripped} in {source.bind(nulls)}"


def _path(scope: Scope, field: Field, origin: Path, raw: str | None, known: Known) -> Var:
    if scope.header is not None:
        raise DefinitionError(f"{field.where or field.name}: a path in a file of columns; write `column`")
    source = scope.source
    value, absents = raw or source.name("x"), []
    for number, expression in enumerate(origin.expressions):
        found, absent = _reached(scope, expression, known)
        if number == 0:
            source.line(f"{value} = {found}")
        else:
            with source.block(f"if {value} is None"):
                source.line(f"{value} = {found}")
        absents.append(absent)
    absent = None if None in absents else " and ".join(text for text in absents if text)
    result = source.name()
    plain = field.map is None and field.pattern is None
    if field.type == "string" and plain and not field.transforms:
        stripped = source.name("s")
        with source.block(f"if {value}.__class__ is str"):
            source.line(f"{stripped} = {value}.strip()")
            null = _is_null(source, stripped, _nulls(scope, field)).removeprefix("if ")
            source.line(f"{result} = None if {null} else {value}")
        with source.block("else"):
            other = source.bind(values.chain(field, _nulls(scope, field), scope.dealer))
            source.line(f"{result} = None if {value} is None else {other}({value})")
        return Var(result, field.type, absent)
    read = values.chain(field, _nulls(scope, field), scope.dealer)
    called = f"{source.bind(read)}({value})"
    if field.type in _FEW or field.map is not None:
        source.line(f"{result} = {source.bind(Memo(read, _MEMO))}[{value}] if {value}.__class__ is str else {called}")
    else:
        source.line(f"{result} = {called}")
    return _nested(scope, field, Var(result, field.type, absent))


def _reached(scope: Scope, expression: str, known: Known) -> tuple[str, str | None]:
    """The variable of a path's value, and an expression that says whether its last key is absent."""
    tree = parsed(expression)
    keys = plain_keys(tree)
    if keys is None:
        return scope.paths.value(tree, scope.row, known), None
    at = scope.row
    for key in keys[:-1]:
        at = scope.paths.value({"type": "field", "value": key, "children": []}, at, known)
    source, absent = scope.source, scope.source.bind(ABSENT, "absent")
    found, missing = source.name(), source.name("a")
    source.line(f"{found} = {at}.get({literal(keys[-1])}, {absent}) if {at}.__class__ is dict else {absent}")
    source.line(f"{missing} = {found} is {absent}")
    with source.block(f"if {missing}"):
        source.line(f"{found} = None")
    return found, missing


def _copied(scope: Scope, field: Field, names: Sequence[str], raw: str | None) -> Var:
    """`field` and `firstOf`: a canonical value is not read again unless the field says how."""
    vars_ = [scope.var(name) for name in names]
    absents = [var.absent for var in vars_]
    absent = None if None in absents else " and ".join(f"({text})" for text in absents)
    source = scope.source
    value = source.name()
    source.line(f"{value} = {vars_[0].value}")
    for var in vars_[1:]:
        with source.block(f"if {value} is None"):
            source.line(f"{value} = {var.value}")
    types = {var.type for var in vars_}
    kept = types.pop() if len(types) == 1 else "string"
    as_it_is = field.type in {"string", kept} and not field.transforms
    if as_it_is and field.map is None and field.pattern is None and not field.fields:
        return Var(value, kept, "True" if set(absents) == {"True"} else absent)
    return _chained(scope, field, value, raw, absent)


def _joined(scope: Scope, field: Field, origin: Join, raw: str | None) -> Var:
    nulls = scope.source.bind(_nulls(scope, field))
    places = [] if scope.header is None else scope.header.places(origin)
    parts = [f"{scope.row}[{place}].strip()" for place in places]
    text = scope.source.bind(text_of)
    parts += [f"{text}({scope.var(name).value})" for name in origin.fields]
    if not parts:
        return Var("None", field.type, "True")
    separator = scope.source.bind(origin.separator)
    expression = f"{separator}.join([part for part in ({', '.join(parts)},) if part not in {nulls}])"
    return _chained(scope, field, expression, raw)


def _text(scope: Scope, template: Template) -> str:
    """A template as an expression; blank where a field it names is blank."""
    names = _named(template)
    found = {name: scope.var(name).value for name in names}
    given = ", ".join(f"{literal(name)}: {value}" for name, value in found.items())
    record = scope.row if scope.header is None else "{}"
    context = f"{{**context, 'record': {record}, 'field': {{{given}}}}}"
    filler, bound, zone = (scope.source.bind(part) for part in (fill, template, scope.dealer.timezone))
    filled = f"{filler}({bound}, {context}, {zone})"
    blank = " or ".join(f"{value} is None" for value in found.values())
    return f"None if {blank} else {filled}" if blank else filled


# --- lists and objects with fields of their own -------------------------------------------------


def _nested(scope: Scope, field: Field, var: Var) -> Var:
    if not field.fields:
        return var
    source = scope.source
    with source.block(f"if {var.value} is not None"):
        if field.type == "object":
            result = _object(scope, field, var.value)
            source.line(f"{var.value} = {result}")
        else:
            elements, element = source.name(), source.name("e")
            source.line(f"{elements} = []")
            with source.block(f"for {element} in {var.value}"):
                source.line(f"{elements}.append({_object(scope, field, element)})")
            source.line(f"{var.value} = {elements}")
    return var


def _object(scope: Scope, field: Field, row: str) -> str:
    """An element with the fields of its definition; what is absent is left out of it."""
    source = scope.source
    with source.block(f"if {row}.__class__ is not dict"):
        source.line(f"raise {source.bind(_NotAnObject(field.name))}()")
    inner = scope.inside(row, field.fields)
    for name in needed(field.fields, field.fields):
        inner.var(name)
        require(inner, [name])
    return entries(inner, [(name, name) for name in field.fields])


class _NotAnObject:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> RecordError:
        return RecordError("each.unreadable", f"expected objects in {self.name}", self.name)


def entries(scope: Scope, names: Iterable[tuple[str, str]], more: Iterable[tuple[str, str]] = ()) -> str:
    """The name of a new dict: (name in it, field) pairs without the absent ones, then (name, expression) pairs."""
    source = scope.source
    result = source.name("d")
    always: list[str] = []
    sometimes: list[tuple[str, str, str]] = []
    for name, field in names:
        var = scope.var(field)
        if var.absent is None:
            always.append(f"{literal(name)}: {var.value}")
        elif var.absent != "True":
            sometimes.append((name, var.value, var.absent))
    source.line(f"{result} = {{{', '.join(always)}}}")
    for name, value, absent in sometimes:
        with source.block(f"if not ({absent})"):
            source.line(f"{result}[{literal(name)}] = {value}")
    for name, expression in more:
        source.line(f"{result}[{literal(name)}] = {expression}")
    return result


@dataclass(frozen=True, slots=True)
class PerRun:
    """A template whose references are the same for every record of a delivery."""

    template: Template


def per_run(source: Source, template: Template) -> str:
    """The expression of a template that is filled once per batch."""
    return f"given[{literal(source.bind(PerRun(template)))}]"


def given(source: Source, context: Mapping[str, Value], dealer: Dealer) -> dict[str, Value]:
    """What `per_run` expressions stand for, filled for one batch."""
    return {
        name: fill(value.template, context, dealer.timezone)
        for name, value in source.bound.items()
        if isinstance(value, PerRun)
    }


def templated(scope: Scope, template: Template) -> str:
    """A template as an expression: filled once where it names no field, else for each record."""
    if any(isinstance(part, Reference) and part.path[0] in {"field", "record"} for part in template.parts):
        return _text(scope, template)
    return per_run(scope.source, template)
