"""One field's raw value through nullValues, transforms, type, map and pattern, composed once into a function.

Knows no record: where a value comes from is `fields.py`.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import re2

from engine.errors import DefinitionError, RecordError
from engine.mapping.keys import text_of
from engine.model import Const, Dealer, Field, Value, ValueMap
from engine.transforms import TAKE_BLANKS, TRANSFORMS, TYPES
from engine.transforms.vin import canonical

Read = Callable[[Value], Value]


def reader(field: Field, dealer: Dealer) -> Read:
    """What reads a raw value that is not blank into the field's type. Raises DefinitionError."""
    make = TYPES.get(field.type)
    if make is None:
        raise DefinitionError(f"{field.where or field.name}: there is no type {field.type!r}")
    options = {name: value for name, value in field.options.items() if value is not None}
    if field.type == "phone":
        options.setdefault("region", dealer.region)
    elif field.type in {"date", "dateTime"}:
        options["timezone"] = _zone_name(options.get("timezone"), dealer)
    return make(**options)


def _zone_name(timezone: Value, dealer: Dealer) -> str:
    return str(timezone) if timezone else dealer.timezone.key


def chain(field: Field, nulls: frozenset[str], dealer: Dealer) -> Read:
    """The whole way of a value; None for a blank. Raises RecordError that names the field."""
    steps = [
        (name in TAKE_BLANKS, partial(_transform(name, field), **arguments)) for name, arguments in field.transforms
    ]
    read = reader(field, dealer)
    finish = finished(field)

    def value_of(value: Value) -> Value:
        if value.__class__ is str and value.strip() in nulls:
            value = None
        try:
            for takes_blank, transform in steps:
                if value is not None or takes_blank:
                    value = transform(value)
                    if value == "" and value.__class__ is str:
                        value = None
            if value is None:
                return None
            value = read(value)
            return value if finish is None else finish(value)
        except RecordError as error:
            error.field = error.field or field.name
            raise

    return value_of


def _transform(name: str, field: Field) -> Callable[..., Value]:
    transform = TRANSFORMS.get(name)
    if transform is None:
        raise DefinitionError(f"{field.where or field.name}: there is no transform {name!r}")
    return transform


def finished(field: Field) -> Read | None:
    """`map`, then `pattern`, of a typed value; None where the field has neither."""
    if field.map is None and field.pattern is None:
        return None
    mapped = None if field.map is None else mapping(field.map)
    pattern = None if field.pattern is None else _pattern(field)

    def finish(value: Value) -> Value:
        if mapped is not None:
            value = mapped(value)
        if pattern is not None and value is not None and pattern.search(text_of(value)) is None:
            raise RecordError("pattern.mismatch", "the value does not match the field's pattern")
        return value

    return finish


def _pattern(field: Field) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(field.pattern, options)
    except re2.error as error:
        raise DefinitionError(f"{field.where or field.name}: {error}") from None


def mapping(rule: ValueMap) -> Read:
    """A value by its words, then its ranges, else by `otherwise`.

    Raises RecordError ("map.unknown") for what is named nowhere when `otherwise` is "quarantine".
    The value is not in the message: any text may stand in it.
    """
    exact, ranges, otherwise = dict(rule.exact), rule.ranges, rule.otherwise

    def mapped(value: Value) -> Value:
        text = text_of(value)
        if text in exact:
            return exact[text]
        digits = text.strip()
        if ranges and digits.lstrip("-").isdigit() and digits.isascii():
            number = int(digits)
            for low, high, result in ranges:
                if low <= number <= high:
                    return result
        if isinstance(otherwise, Const):
            return otherwise.value
        if otherwise == "blank":
            return None
        raise RecordError("map.unknown", "the value is none of those that `map` names")

    return mapped


def kept(field: Field) -> Callable[[Value], Value]:
    """What `onError: warn` keeps of a value that could not be read: its text."""
    if field.type == "vin":
        return lambda value: canonical(value) if isinstance(value, str) else value
    return lambda value: value.strip() if isinstance(value, str) else value


def total(elements: Value, name: str) -> str | None:
    """The exact sum of a field over the elements of a list; None where no element has one.

    Raises RecordError ("sum.unreadable").
    """
    if elements is None:
        return None
    amounts = [element.get(name) for element in elements if isinstance(element, dict)]
    try:
        numbers = [Decimal(text_of(amount)) for amount in amounts if amount is not None]
    except InvalidOperation:
        raise RecordError("sum.unreadable", f"an element's {name} is no number") from None
    if not all(number.is_finite() for number in numbers):
        raise RecordError("sum.unreadable", f"an element's {name} is no number")
    return format(sum(numbers, Decimal(0)), "f") if numbers else None
