"""What conditions, paths and texts of an export see of an activity, and what they make of it. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.errors import RecordError
from engine.exported import Subject
from engine.language.resolution import facts
from engine.mapping.compiler import compiled_condition, compiled_path
from engine.model import ActivityType, Export, Value

Seen = Mapping[str, Any]
_AMOUNTS = frozenset({"decimal", "money"})
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def seen(export: Export, subject: Subject, now: datetime, message: Mapping[str, Value] | None = None) -> dict[str, Any]:
    """By the names that a definition uses: activity, contact, vehicle, dealer, params, run, message."""
    kind = export.activity_types.get(subject.type)
    named = {"label": kind.label, "category": kind.category} if kind is not None else {}
    day = now.astimezone(export.dealer.timezone).date()
    return {
        "activity": {**subject.activity, **named},
        "contact": subject.contact,
        "vehicle": subject.vehicle,
        "dealer": facts(export.dealer),
        "params": export.params,
        "run": {"now": stamp(now), "date": day.isoformat()},
        "message": message,
    }


def stamp(moment: datetime) -> str:
    """A moment as the store writes it."""
    return moment.astimezone(UTC).strftime(_STAMP)


def weighed(what: Seen, kind: ActivityType | None) -> Seen:
    """The same for a condition: amounts are numbers there, so that they can be compared."""
    fields = what["activity"]["fields"]
    amounts = {
        name for name in fields if kind is not None and name in kind.fields and kind.fields[name].type in _AMOUNTS
    }
    if not amounts:
        return what
    numbers = {name: _number(value) if name in amounts else value for name, value in fields.items()}
    return {**what, "activity": {**what["activity"], "fields": numbers}}


def holds(condition: str, what: Seen) -> bool:
    """Whether it is true; one that a blank leaves open is not."""
    try:
        return compiled_condition(condition)(what) is True
    except RecordError:
        return False


def found(path: str, what: Any) -> Value:
    """None also where the expression cannot be applied to what is there."""
    try:
        return compiled_path(path)(what)
    except RecordError:
        return None


def _number(value: Value) -> Value:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
