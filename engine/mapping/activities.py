"""Writes what happened: the activities of a record, their keys, states and dates.

An element of `each` that cannot be used is left out and told of ("element." before the code of its
fault, in the warnings): its record goes on.
"""

from collections.abc import Callable, Iterable

from engine.deferred import Template
from engine.errors import RecordError
from engine.mapping.fields import entries, part, require, templated
from engine.mapping.gates import truth
from engine.mapping.keys import digest, text_of
from engine.mapping.paths import parsed
from engine.mapping.scope import Scope, needed
from engine.mapping.source import literal
from engine.mapping.values import mapping
from engine.mapping.versions import lacking
from engine.model import ActivitySpec, After, KeyItem, KeyParts, MappedActivity, StateCase, StateRule, Value, ValueMap


class Fault:
    """Makes one and the same error each time it is called."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        self.parts = (code, message, field)

    def __call__(self) -> RecordError:
        return RecordError(*self.parts)


def activities(scope: Scope, specs: Iterable[ActivitySpec]) -> str:
    """Write all activities of a record; an expression that is a tuple of MappedActivity."""
    source = scope.source
    single: list[str] = []
    many = ""
    for number, spec in enumerate(specs):
        if spec.each is None and spec.condition is None and not spec.minima and not many:
            single.append(activity(scope, number, spec))
            continue
        if not many:
            many = source.name("all")
            source.line(f"{many} = [{', '.join(single)}]")
        write = _conditional if spec.each is None else _elements
        if not spec.minima:
            write(scope, number, spec, many)
            continue
        lack = lacking(scope, spec.minima)
        with source.block(f"if {lack} is not None"):
            source.line(f"warn(i, {lack}, None, None)")
        with source.block("else"):
            write(scope.inside(scope.row, {}), number, spec, many)
    return f"tuple({many})" if many else f"({''.join(name + ', ' for name in single)})"


def _conditional(scope: Scope, number: int, spec: ActivitySpec, many: str) -> None:
    """One activity where its `if` holds; its own faults count only then."""
    source = scope.source
    if spec.condition is None:
        source.line(f"{many}.append({activity(scope, number, spec)})")
        return
    wanted = truth(scope, parsed(spec.condition))
    with source.block(f"if {wanted} is True"):
        source.line(f"{many}.append({activity(scope.inside(scope.row, {}), number, spec)})")


def _elements(scope: Scope, number: int, spec: ActivitySpec, many: str) -> None:
    source = scope.source
    elements, at, element = scope.var(str(spec.each)).value, source.name("n"), source.name("e")
    with source.block(f"if {elements} is not None"), source.block(f"for {at}, {element} in enumerate({elements})"):
        with source.block("try"):
            inner = scope.inside(element, spec.fields)
            order = needed(spec.fields, spec.fields)
            for name in order:
                inner.var(name)
            if spec.condition is not None:
                wanted = truth(inner, parsed(spec.condition))
                with source.block(f"if {wanted} is not True"):
                    source.line("continue")
            require(inner, order)
            source.line(f"{many}.append({activity(inner, number, spec)})")
        with source.block("except RecordError as error"):
            source.line(f"bad_element(i, error, {literal(str(spec.each))}, {at})")


def activity(scope: Scope, number: int, spec: ActivitySpec) -> str:
    """Write one activity, or an employee, which is made alike; the name of its variable."""
    source = scope.source
    keys = _keys(scope, spec)
    occurred = _occurred(scope, spec)
    state = "None" if spec.state is None else _state(scope, spec.state)
    more = []
    for name, value in spec.set.items():
        expression = templated(scope, value) if isinstance(value, Template) else source.bind(value)
        more.append((name, expression))
    found = entries(scope, spec.values, more)
    after = "None" if spec.after is None else awaited(scope, spec.after)
    result = source.name()
    parts = f"{number}, {keys}, {occurred}, {state}, {found}, {after}"
    source.line(f"{result} = new({source.bind(MappedActivity)}, ({parts}))")
    return result


def _keys(scope: Scope, spec: ActivitySpec) -> str:
    """All alternatives that are present, strongest first."""
    source = scope.source
    result = source.name()
    source.line(f"{result} = ()")
    for place, item in enumerate(spec.key, start=1):
        vars_ = [scope.var(name) for name in item.names]
        if isinstance(item, KeyParts):
            present = " and ".join(f"{var.value} is not None" for var in vars_)
            text = " + '|' + ".join(part(scope, var) for var in vars_)
        else:
            present = " or ".join(f"{var.value} is not None" for var in vars_)
            text = f"{source.bind(digest)}(({', '.join(var.value for var in vars_)},))"
        prefix = "" if place == 1 else f"{literal(f'{place}:')} + "
        with source.block(f"if {present}"):
            source.line(f"{result} += ({prefix}{text},)")
    fault = source.bind(Fault("key.missing", f"no key: expected {_described(spec.key)}"))
    with source.block(f"if not {result}"):
        source.line(f"raise {fault}()")
    return result


def _described(items: Iterable[KeyItem]) -> str:
    return ", or ".join(" and ".join(item.names) for item in items)


def _occurred(scope: Scope, spec: ActivitySpec) -> str:
    """When it happened; None, never "now", where that is unknown. A date that has to be there is `required`."""
    if spec.occurred is None:
        return "None"
    var = scope.var(spec.occurred)
    return f"(None if {var.warned} else {var.value})" if var.warned else var.value


def awaited(scope: Scope, after: After) -> str:
    """Write (type, key) of the activity that is waited for, or whose contact is taken; its key must be whole."""
    source = scope.source
    vars_ = [scope.var(name) for name in after.key]
    text = " + '|' + ".join(part(scope, var) for var in vars_)
    present = " and ".join(f"{var.value} is not None" for var in vars_)
    result = source.name()
    source.line(f"{result} = ({literal(after.type)}, {text}) if {present} else None")
    if after.on_missing != "ignore":
        fault = source.bind(Fault("after.blank", f"{' and '.join(after.key)} must say which {after.type} is meant"))
        with source.block(f"if {result} is None"):
            source.line(f"raise {fault}()")
    return result


def _state(scope: Scope, rule: StateRule) -> str:
    """Write the state. What a blank or unlike types leave open is refused, never guessed."""
    source = scope.source
    if rule.source is not None and rule.map is not None:
        read = source.bind(_stated(rule.map, rule.source))
        return f"{read}({scope.var(rule.source).value})"
    result = source.name()
    source.line(f"{result} = None")
    _cases(scope, rule.cases, result)
    return result


def _cases(scope: Scope, cases: tuple[StateCase, ...], result: str) -> None:
    source = scope.source
    fault = source.bind(Fault("state.unknown", "no case of `state` holds, or one compares a blank"))
    if not cases:
        source.line(f"raise {fault}()")
        return
    case = cases[0]
    if case.condition is None:
        source.line(f"{result} = {literal(case.state)}")
        return
    holds = truth(scope, parsed(case.condition))
    with source.block(f"if {holds} is None"):
        source.line(f"raise {fault}()")
    with source.block(f"if {holds}"):
        source.line(f"{result} = {literal(case.state)}")
    with source.block("else"):
        _cases(scope.inside(scope.row, {}), cases[1:], result)


def _stated(rule: ValueMap, field: str) -> Callable[[Value], Value]:
    mapped = mapping(rule)

    def stated(value: Value) -> Value:
        if value is None:
            raise RecordError("state.unknown", f"{field} is blank: no state", field)
        try:
            state = mapped(value)
        except RecordError:
            raise RecordError("state.unknown", f"{field} has a value that no state stands for", field) from None
        return None if state is None else text_of(state)

    return stated
