"""The functions of JMESPath: the frequent ones in short, all others and every doubtful case by jmespath itself.

A function that is given what it does not take raises RecordError ("path.type"), without the value.
"""

import operator
from collections.abc import Callable
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from engine.errors import RecordError
from engine.model import Value

NUMBERS = frozenset({int, float})
_SIZED = frozenset({str, list, dict})
_LIBRARY = Functions()


class _Expression:
    """An `&expression` argument in the form jmespath's own functions take; they look at the class's name."""

    def __init__(self, call: Callable[[Value], Value]) -> None:
        self.call = call
        self.expression = None

    def visit(self, node: None, value: Value) -> Value:
        return self.call(value)


def call(name: str, *arguments: Any) -> Value:
    """Call jmespath's function of that name. Raises RecordError ("path.type")."""
    given = [_Expression(argument) if callable(argument) else argument for argument in arguments]
    try:
        return _LIBRARY.call_function(name, given)
    except (JMESPathError, TypeError, ValueError, ZeroDivisionError, OverflowError, AttributeError):
        raise RecordError("path.type", f"{name}() was given something it does not take") from None


def equal(left: Value, right: Value) -> bool:
    """JMESPath's `==`: a number is never a boolean."""
    kinds = (left.__class__, right.__class__)
    if bool in kinds and (kinds[0] in NUMBERS or kinds[1] in NUMBERS):
        return False
    return bool(left == right)


def unequal(left: Value, right: Value) -> bool:
    return not equal(left, right)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool | None]:
    def ordered(left: Value, right: Value) -> bool | None:
        """None for what has no order: unlike types, booleans, nulls, lists."""
        if left.__class__ is str:
            return compare(left, right) if right.__class__ is str else None
        if left.__class__ in NUMBERS and right.__class__ in NUMBERS:
            return compare(left, right)
        return None

    return ordered


COMPARATORS: dict[str, Callable[[Value, Value], bool | None]] = {
    "eq": equal,
    "ne": unequal,
    "lt": _ordering(operator.lt),
    "lte": _ordering(operator.le),
    "gt": _ordering(operator.gt),
    "gte": _ordering(operator.ge),
}


def _length(value: Value) -> Value:
    return len(value) if value.__class__ in _SIZED else call("length", value)


def _contains(subject: Value, search: Value) -> Value:
    if subject.__class__ is list or (subject.__class__ is str and search.__class__ is str):
        return search in subject
    return call("contains", subject, search)


def _starts_with(text: Value, start: Value) -> Value:
    if text.__class__ is str and start.__class__ is str:
        return text.startswith(start)
    return call("starts_with", text, start)


def _ends_with(text: Value, end: Value) -> Value:
    if text.__class__ is str and end.__class__ is str:
        return text.endswith(end)
    return call("ends_with", text, end)


def _join(separator: Value, values: Value) -> Value:
    if separator.__class__ is str and values.__class__ is list:
        try:
            return separator.join(values)
        except TypeError:
            pass
    return call("join", separator, values)


def _sum(values: Value) -> Value:
    if values.__class__ is list and all(value.__class__ in NUMBERS for value in values):
        return sum(values)
    return call("sum", values)


def _not_null(*values: Value) -> Value:
    for value in values:
        if value is not None:
            return value
    return None


def _to_string(value: Value) -> Value:
    return value if value.__class__ is str else call("to_string", value)


def _to_number(value: Value) -> Value:
    return value if value.__class__ in NUMBERS else call("to_number", value)


def _keys(value: Value) -> Value:
    return list(value) if value.__class__ is dict else call("keys", value)


def _values(value: Value) -> Value:
    return list(value.values()) if value.__class__ is dict else call("values", value)


def _map(each: Callable[[Value], Value], values: Value) -> Value:
    return [each(value) for value in values] if values.__class__ is list else call("map", each, values)


def _by(name: str, choose: Callable[..., Value]) -> Callable[[Value, Callable[[Value], Value]], Value]:
    def chosen(values: Value, each: Callable[[Value], Value]) -> Value:
        if values.__class__ is list and values:
            keys = [each(value) for value in values]
            kinds = {key.__class__ for key in keys}
            if kinds <= NUMBERS or kinds == {str}:
                return choose(values, keys)
        return call(name, values, each)

    return chosen


def _sorted(values: list[Value], keys: list[Value]) -> Value:
    return [values[at] for at in sorted(range(len(keys)), key=keys.__getitem__)]


def _largest(values: list[Value], keys: list[Value]) -> Value:
    return values[max(range(len(keys)), key=keys.__getitem__)]


def _smallest(values: list[Value], keys: list[Value]) -> Value:
    return values[min(range(len(keys)), key=keys.__getitem__)]


FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {  # arity (-1: any but none), function
    "length": (1, _length),
    "contains": (2, _contains),
    "starts_with": (2, _starts_with),
    "ends_with": (2, _ends_with),
    "join": (2, _join),
    "sum": (1, _sum),
    "not_null": (-1, _not_null),
    "to_string": (1, _to_string),
    "to_number": (1, _to_number),
    "keys": (1, _keys),
    "values": (1, _values),
    "map": (2, _map),
    "sort_by": (2, _by("sort_by", _sorted)),
    "max_by": (2, _by("max_by", _largest)),
    "min_by": (2, _by("min_by", _smallest)),
}
# Which argument of those is an `&expression`.
EXPRESSIONS: dict[str, int] = {"map": 0, "sort_by": 1, "max_by": 1, "min_by": 1}
