"""Writes the fields of a record, or of an element of one of its lists, into straight-line code.

Each field ends as one variable that holds its canonical value or None. What can be decided when a
delivery is opened (which column, which null texts, whether a memo pays) is decided here, once.
"""

from collections.abc import Iterable, Sequence

from engine.deferred import Reference, Template
from engine.errors import DefinitionError, RecordError
from engine.language.references import fill
from engine.mapping.keys import escaped, text_of
from engine.mapping.paths import Known, parsed, plain_keys
from engine.mapping.scope import ABSENT, Scope, Var, named, needed, per_run
from engine.mapping.source import Source, literal
from engine.mapping.values import chain, kept, reader, total
from engine.model import Column, Const, Context, Field, FirstOf, FromField, Join, Path, Sum, Text
from engine.transforms.memo import Memo

# Types with few distinct values in a file: one look-up in a memo replaces all the work.
_FEW = frozenset({"date", "boolean", "version", "integer"})
# Types whose canonical form is text without `|` and backslash.
_SAFE = frozenset({"date", "dateTime", "money", "decimal", "phone", "version"})
_ZEROS = {"money": "'0.00'", "decimal": "'0'", "integer": "0"}
_METHODS = {"trim": "strip", "lower": "lower", "upper": "upper"}
_MEMO = 20_000


def write(scope: Scope, field: Field) -> Var:
    """Write one field with its `onError` and `default`, behind the fields it is made of."""
    for part in needed(scope.fields, [field.name])[:-1]:
        scope.var(part)
    var = _value(scope, field) if field.on_error == "quarantine" else _tolerated(scope, field)
    return _completed(scope, field, var)


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
        keep = f"{source.bind(kept(field))}({raw})" if field.on_error == "warn" else "None"
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
        return f"{scope.source.bind(total)}({scope.var(origin.list).value}, {literal(origin.field)})"
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
    read = source.bind(chain(field, _nulls(scope, field), scope.dealer))
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
            source.line(f"{value} = {source.bind(reader(field, scope.dealer))}({value})")
        return _nested(scope, field, Var(value, field.type))
    read = chain(field, nulls, scope.dealer)
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
            other = source.bind(chain(field, _nulls(scope, field), scope.dealer))
            source.line(f"{result} = None if {value} is None else {other}({value})")
        return Var(result, field.type, absent)
    read = chain(field, _nulls(scope, field), scope.dealer)
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
    if field.map is None and field.pattern is None and field.null_values is None and not field.fields:
        if field.type in {"string", kept} and not field.transforms:
            return Var(value, kept, "True" if set(absents) == {"True"} else absent)
        if field.type == "boolean" and [name for name, _ in field.transforms] == ["isBlank"] and kept in _ZEROS:
            # A canonical amount has one zero: whether it is blank needs no reading.
            zero = f" or {value} == {_ZEROS[kept]}" if field.transforms[0][1].get("zero") else ""
            source.line(f"{value} = {value} is None{zero}")
            return Var(value, "boolean", absent)
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
    names = named(template)
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


def part(scope: Scope, var: Var) -> str:
    """A value that is not None as a part of a key, escaped only where that may be needed."""
    if var.type in _SAFE and var.warned is None:
        return var.value
    escape = scope.source.bind(escaped)
    if var.type not in {"string", "vin"}:
        return f"{escape}({var.value})"
    return f"({var.value} if '|' not in {var.value} and '\\\\' not in {var.value} else {escape}({var.value}))"


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


def templated(scope: Scope, template: Template) -> str:
    """A template as an expression: filled once where it names no field, else for each record."""
    if any(isinstance(part, Reference) and part.path[0] in {"field", "record"} for part in template.parts):
        return _text(scope, template)
    return per_run(scope.source, template)
