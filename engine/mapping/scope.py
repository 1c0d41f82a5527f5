"""What is known while a record's code is written: where each field's value stands, and what a name means.

Writes nothing itself but through `write`, which is `fields.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute

from engine.deferred import Reference, Template
from engine.errors import DefinitionError
from engine.language.references import fill
from engine.mapping.columns import Header
from engine.mapping.paths import ROOT, Known, Paths
from engine.mapping.source import Source, literal
from engine.model import Dealer, Field, FirstOf, FromField, Join, Sum, Text, Value

# Stands for a path whose last key is not there: a blank clears what was stored, an absent key keeps it.
ABSENT = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()


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
    write: "Callable[[Scope, Field], Var]"
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
            self.vars[name] = self.write(self, self.fields[name])
        return self.vars[name]

    def has(self, name: str) -> bool:
        return name in self.fields or (self.outer is not None and self.outer.has(name))

    def inside(self, row: str, fields: Mapping[str, Field]) -> "Scope":
        """The scope of an element of a list: its own fields first, then those of the record."""
        known = {key: name for key, name in self.known.items() if key[1] != ROOT}
        return Scope(self.source, self.paths, self.dealer, self.nulls, row, None, fields, self.write, self, known=known)


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
        yield from named(source.template)


def named(template: Template) -> list[str]:
    """The fields a template names."""
    return [part.path[1] for part in template.parts if isinstance(part, Reference) and part.path[0] == "field"]


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
