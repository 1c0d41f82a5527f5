"""Turns a stream into one Python function. The only module that executes text, and only text it wrote itself.

The text is made of fresh names and bound constants (`source.py`): what a definition or a file says
is never part of it, except as a constant that Python's own `ascii` printed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from engine.errors import DefinitionError, RecordError
from engine.mapping.activities import Fault, activities, activity, awaited
from engine.mapping.columns import Header
from engine.mapping.fields import require, write
from engine.mapping.gates import conjuncts, truth, truth_of
from engine.mapping.keys import text_of
from engine.mapping.paths import Paths, parsed
from engine.mapping.people import contact as contact_of
from engine.mapping.people import vehicle as vehicle_of
from engine.mapping.scope import Scope, given, needed
from engine.mapping.source import Source, literal
from engine.mapping.versions import lacking
from engine.model import ActivitySpec, Dealer, MappedRecord, StateCase, StateRule, Stream, Value

Run = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A function and what must be filled in before it runs (`given`)."""

    run: Run
    source: Source


@lru_cache(maxsize=1024)  # every page of an API is read by the same few
def compiled_path(text: str) -> Callable[[Value], Value]:
    """One JMESPath as a function of a document. It may raise RecordError ("path.type")."""
    source = Source()
    with source.block("def run(r)"):
        source.line(f"return {Paths(source).value(parsed(text), 'r', {})}")
    return _executed(source).run


@lru_cache(maxsize=1024)
def compiled_condition(text: str) -> Callable[[Mapping[str, Value]], bool | None]:
    """One condition as a function of an object that has all its names; None where a blank leaves it open."""
    source = Source()
    with source.block("def run(r)"):
        source.line(f"return {truth_of(source, parsed(text), 'r')}")
    return _executed(source).run


def mapper(stream: Stream, header: Header | None, dealer: Dealer, nulls: frozenset[str]) -> Compiled:
    """`run(rows, indexes, context, given, take, miss, fault, warn, bad_element)` for a stream's records."""
    source = Source()
    head = "def run(rows, indexes, context, given, take, miss, fault, warn, bad_element)"
    with source.block(head), source.block("for i in indexes"):
        source.line("r = rows[i]")
        with source.block("try"):
            if header is None:
                _objects_only(source)
            scope = Scope(source, Paths(source), dealer, nulls, "r", header, stream.fields, write)
            _record(scope, stream)
        with source.block("except RecordError as error"):
            source.line("fault(i, r, error)")
    return _executed(source)


def lapsed(stream: Stream) -> Stream:
    """What is left of a stream for a record that no longer passes its `if`: its keys, and the state it falls to."""
    state = StateRule(cases=(StateCase(None, str(stream.records.lapsed)),))

    def fallen(spec: ActivitySpec) -> ActivitySpec:
        return replace(spec, state=state, occurred=None, values=(), set={}, keep_first=(), after=None, condition=None)

    specs = tuple(map(fallen, stream.activities))
    employee = None if stream.employee is None else fallen(stream.employee)
    records = replace(stream.records, condition=None, check=None)
    kept = specs if employee is None else (*specs, employee)
    parts = [name for spec in kept for item in spec.key for name in item.names]
    lists = [spec.each for spec in specs if spec.each is not None]
    fields = {name: stream.fields[name] for name in needed(stream.fields, [*parts, *lists])}
    bare = replace(stream, records=records, fields=fields, contact=None, vehicle=None, version=None)
    return replace(bare, activities=specs, employee=employee)


def explainer(stream: Stream, header: Header | None, dealer: Dealer, nulls: frozenset[str]) -> Compiled:
    """`run(r, context, given, problem)`: every field by itself; `problem(name, error)` hears of each that fails."""
    source = Source()
    with source.block("def run(r, context, given, problem)"):
        source.line("i = 0")
        source.line("warn = lambda *ignored: None")
        _each_by_itself(Scope(source, Paths(source), dealer, nulls, "r", header, stream.fields, write), stream)
    return _executed(source)


def inspector(
    stream: Stream, header: Header | None, dealer: Dealer, nulls: frozenset[str], conditions: Sequence[str]
) -> Compiled:
    """`run(i, r, context, given, problem, warn, seen, holds)`: as `explainer`, and all that can be known of a record.

    `seen(name, value)` hears of each field that can be read, `warn` of those that `onError` lets
    pass, `holds(number, truth)` whether each of `conditions` does: True, False, or None for unknown.
    """
    source = Source()
    with source.block("def run(i, r, context, given, problem, warn, seen, holds)"):
        scope = Scope(source, Paths(source), dealer, nulls, "r", header, stream.fields, write)
        _each_by_itself(scope, stream)
        for name in stream.fields:
            source.line(f"seen({literal(name)}, {scope.vars[name].value})")
        for number, condition in enumerate(conditions):
            scope.known.clear()
            source.line(f"holds({number}, {truth(scope, parsed(condition))})")
    return _executed(source)


def _each_by_itself(scope: Scope, stream: Stream) -> None:
    """Write every field so that one that fails is told of, and blank for those made of it."""
    source = scope.source
    for name in needed(stream.fields, stream.fields):
        scope.known.clear()
        with source.block("try"):
            var = scope.var(name)
            require(scope, [name])
        with source.block("except RecordError as error"):
            source.line(f"problem({literal(name)}, error)")
            for variable in re.findall(r"\b[avwx]\d+\b", f"{var.value} {var.absent or ''} {var.warned or ''}"):
                source.line(f"{variable} = {'None' if variable[0] in 'vx' else 'False'}")


def _objects_only(source: Source) -> None:
    fault = source.bind(Fault("record.unreadable", "expected an object as a record"))
    with source.block("if r.__class__ is not dict"):
        source.line(f"raise {fault}()")


def _record(scope: Scope, stream: Stream) -> None:
    """The whole way of a record: gate, fields, then what they make."""
    source = scope.source
    _gate(scope, stream)
    if stream.minima:
        lack = lacking(scope, stream.minima)
        with source.block(f"if {lack} is not None"):
            source.line(f"raise {lack}")
    order = needed(stream.fields, stream.fields)
    for name in order:
        scope.var(name)
    require(scope, order)
    if stream.records.check is not None:
        asked = truth(scope, parsed(stream.records.check))
        unasked = source.bind(RecordError("record.unasked", "a record outside what was asked for"))
        with source.block(f"if {asked} is False"):
            source.line(f"warn(i, {unasked}, None, None)")
    contact, contact_from, vehicle = "None", "None", "None"
    if stream.contact is not None:
        contact = contact_of(scope, stream.contact) if stream.contact.values else "None"
        if stream.contact.source is not None:
            contact_from = awaited(scope, replace(stream.contact.source, on_missing="ignore"))
    if stream.vehicle is not None and stream.vehicle.values:
        vehicle = vehicle_of(scope, stream.vehicle)
    made = activities(scope, stream.activities)
    employee = "None" if stream.employee is None else activity(scope, 0, stream.employee)
    version = _version(scope, stream.version)
    record = f"i, {contact}, {vehicle}, {made}, {version}, {contact_from}, False, {employee}"
    source.line(f"take(new({source.bind(MappedRecord)}, ({record})))")


def _gate(scope: Scope, stream: Stream) -> None:
    """Each part of `if` as soon as its fields are read, so another shape of record is let go before it can fault."""
    if stream.records.condition is None:
        return
    for part in conjuncts(parsed(stream.records.condition)):
        holds = truth(scope, part)
        with scope.source.block(f"if {holds} is not True"):
            scope.source.line("miss(i)")
            scope.source.line("continue")


def _version(scope: Scope, name: str | None) -> str:
    if name is None:
        return "None"
    value = scope.var(name).value
    return f"(None if {value} is None else {scope.source.bind(text_of)}({value}))"


def _executed(source: Source) -> Compiled:
    names: dict[str, Any] = {"RecordError": RecordError, "new": tuple.__new__, **source.bound}
    try:
        exec(compile(source.text, "<mapping>", "exec", dont_inherit=True), names)  # noqa: S102 - the one place (ruling 30)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise DefinitionError(f"this mapping is nested too deeply to be compiled: {error}") from None
    run: Run = names["run"]
    return Compiled(run, source)


def filled(compiled: Compiled, context: Mapping[str, Value], dealer: Dealer) -> dict[str, Value]:
    """What the function's `given` is for one batch."""
    return given(compiled.source, context, dealer)
