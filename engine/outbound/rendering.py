"""What an export says of an activity: its fields, put together and written as its definition says. Pure.

What cannot be said as it has to be is Withheld, with the rule that forbids it: half a lead is not sent.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import re2

from engine.deferred import Reference
from engine.errors import RecordError
from engine.exported import ExportCase, OutField, Subject
from engine.language.references import fill, moved
from engine.mapping.keys import escaped, text_of
from engine.model import Const, Export, Value, ValueMap
from engine.outbound.seen import found, holds, seen
from engine.outbound.select import SUPPRESSED, Held
from engine.transforms import TRANSFORMS

_TABLE = "csv"  # a blank is an empty cell there, never a column less
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class Withheld(Exception):
    """Nothing goes out: `held` says why."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.reason)
        self.held = held


def rendered(
    export: Export,
    case: ExportCase,
    subject: Subject,
    now: datetime,
    versions: Mapping[str, str] | None = None,
    number: int = 0,
) -> tuple[dict[str, Any], dict[str, Value]]:
    """What the definition's names stand for, and the fields to encode: a dotted name is a map in a map.

    `versions` are those of the other side, where it has said so; `number` is the item's own, 0 before it is one.
    Raises Withheld.
    """
    what = seen(export, subject, now)
    what["message"] = {"name": case.name, "text": None, "item": str(number)}
    if case.text is not None:
        what["message"] |= {"text": _text(export, case, what)}
    writer = _Writer(export, what, versions or {})
    if export.fields:
        return what, writer.fields(export.fields, what)
    if case.text is None:
        return what, {}
    return what, {"to": found("contact.phone", what), "text": what["message"]["text"]}


def answered(
    export: Export,
    subject: Subject,
    asked: Mapping[str, Any],
    now: datetime,
    versions: Mapping[str, str],
    delivered: Collection[str] = (),
) -> tuple[dict[str, Value], list[str]]:
    """The fields of a reply to a request, of which `asked` are the parts; and what stands in it `once`.

    What was `delivered` of that is left out. Raises Withheld.
    """
    what = {**seen(export, subject, now), **asked}
    writer = _Writer(export, what, versions, delivered)
    return writer.fields(export.fields, what), writer.given


def _text(export: Export, case: ExportCase, what: Mapping[str, Any]) -> str:
    """The words of a message. Raises Withheld where they say what is forbidden."""
    text = text_of(fill(case.text, what, export.dealer.timezone))
    for pattern, where in case.forbidden:
        if re2.compile(pattern, _OPTIONS).search(text):
            raise Withheld(Held(SUPPRESSED, f"its text has what is forbidden: {pattern}", where))
    return text


class _Writer:
    def __init__(
        self, export: Export, what: Mapping[str, Any], versions: Mapping[str, str], delivered: Collection[str] = ()
    ) -> None:
        self.given: list[str] = []  # what stands in it `once`, each by its name
        self._delivered = delivered
        self._around: list[Value] = []  # the elements that are being written, the innermost last
        self._what = what
        self._zone = export.dealer.timezone
        self._versions = versions
        self._keeps_blanks = export.keeps_blanks or export.encode["format"] == _TABLE

    def fields(self, fields: Iterable[OutField], scope: Any) -> dict[str, Value]:
        made: dict[str, Any] = {}
        for field in fields:
            if not self._is_wanted(field, scope):
                continue
            value = self._value(field, scope)
            if field.required and _is_blank(value):
                raise Withheld(Held(SUPPRESSED, f"it has no {field.name}, which is required", field.where))
            if self._keeps_blanks or not _is_blank(value):
                _put(made, field.name.split("."), value)
        return made

    def _is_wanted(self, field: OutField, scope: Any) -> bool:
        if any(not _reaches(self._versions.get(name), least) for name, least in field.since.items()):
            return False
        return field.condition is None or holds(field.condition, scope if isinstance(scope, dict) else {})

    def _value(self, field: OutField, scope: Any) -> Value:
        if field.each is not None:
            return list(self._elements(field, scope))
        if field.fields and field.path is None:
            return self.fields(field.fields, scope)
        value = _left(self._source(field, scope), field.without)
        try:
            value = _transformed(field, value)
            value = _mapped(field, value)
            value = field.default if _is_blank(value) else value
            return None if value is None else _written(field, value, field.timezone or self._zone)
        except RecordError as error:
            raise Withheld(Held(SUPPRESSED, f"{field.name} cannot be written: {error}", field.where)) from None

    def _elements(self, field: OutField, scope: Any) -> Iterator[Value]:
        """The elements that are wanted, each as it is written; of those that `once` makes the same the first."""
        known = {*self._delivered}
        for each in _listed(found(str(field.each), scope)):
            mark = len(self.given)
            if field.once is not None:
                place = [_name(found(field.once, one), one) for one in (*self._around, each)]
                name = "|".join([field.name, *place])
                if name in known:
                    continue
                known.add(name)
                self.given.append(name)
            self._around.append(each)
            made = self.fields(field.fields, each) if field.fields else each
            self._around.pop()
            if field.needs and not any(name in made for name in field.needs):
                del self.given[mark:]
                continue
            yield made

    def _source(self, field: OutField, scope: Any) -> Value:
        if field.path is not None:
            value = found(field.path, scope)
            return self.fields(field.fields, value) if field.fields and isinstance(value, dict) else value
        if field.text is not None:
            return fill(field.text, self._what, self._zone)
        return field.const


def _listed(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _name(value: Value, element: Value) -> str:
    """What tells an element apart; all that it has where that is blank."""
    return escaped(text_of(value) if value is not None else json.dumps(element, sort_keys=True, default=str))


def _left(value: Value, without: tuple[Value, ...]) -> Value:
    if isinstance(value, list):
        return [each for each in value if each not in without]
    return None if value in without else value


def _transformed(field: OutField, value: Value) -> Value:
    for name, arguments in field.transforms:
        if value is not None or name in ("isBlank", "not"):
            value = TRANSFORMS[name](value, **arguments)
    return value


def _mapped(field: OutField, value: Value) -> Value:
    if field.map is None or value is None:
        return value
    made = _of(field.map, text_of(value))
    if made == "quarantine" and not isinstance(made, Const):
        raise RecordError("map.unknown", "its map does not know this value")
    return made.value if isinstance(made, Const) else None


def _of(known: ValueMap, text: str) -> Const | str:
    if text in known.exact:
        return Const(known.exact[text])
    number = int(text) if text.removeprefix("-").isdecimal() else None
    within = (value for low, high, value in known.ranges if number is not None and low <= number <= high)
    return next((Const(value) for value in within), known.otherwise)


def _written(field: OutField, value: Value, zone: ZoneInfo) -> Value:
    """By `type` and `format`; a time is written in the zone of the field, else the dealer's."""
    if field.type in ("date", "dateTime") and isinstance(value, str):
        return _time(field, value, zone)
    if field.type == "integer":
        return _whole(value)
    if field.type == "boolean":
        return value if isinstance(value, bool) else text_of(value).casefold() in ("true", "yes", "1")
    return text_of(value) if field.type == "string" else value


def _time(field: OutField, value: str, zone: ZoneInfo) -> str:
    if field.format is not None:
        return moved(value, Reference((field.name,), format=field.format), zone)
    if "T" not in value:
        return value
    local = datetime.fromisoformat(value).astimezone(zone)
    return local.date().isoformat() if field.type == "date" else local.isoformat(timespec="seconds")


def _whole(value: Value) -> int:
    try:
        return int(text_of(value).partition(".")[0])
    except ValueError:
        raise RecordError("integer.unreadable", "expected a whole number") from None


def _put(made: dict[str, Any], names: list[str], value: Value) -> None:
    for name in names[:-1]:
        below = made.setdefault(name, {})
        made = below if isinstance(below, dict) else {}
    made[names[-1]] = value


def _is_blank(value: Value) -> bool:
    return value is None or value in ("", [], {})


def _reaches(version: str | None, least: str) -> bool:
    """Versions compare as numbers, part by part; one that is not known reaches nothing."""
    try:
        return version is not None and [*map(int, version.split("."))] >= [*map(int, least.split("."))]
    except ValueError:
        return False
