"""What a record changes about an activity that is already stored. Pure; never reads or writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.model import ActivitySpec, Field, MappedActivity, Value

HELD = "held"


@dataclass(slots=True, eq=False)
class Stored:
    """An activity as the store has it. `root` orders its last delivery among the others."""

    id: int
    type: str
    key: str
    contact_id: int | None
    vehicle_id: int | None
    occurred: str | None
    state: str | None
    fields: dict[str, Value]
    version: str | None
    feed_id: int
    delivery_id: int
    line: int
    match: str | None
    digest: str
    parts: int
    group_key: str | None
    waits_for: str | None
    held_state: str | None
    created_in: int
    updated_at: str
    root: int
    also_feed_id: int | None

    def columns(self) -> dict[str, Any]:
        """The row's own columns, enough to put it back as it was."""
        return {name: getattr(self, name) for name in COLUMNS}


# Everything an update may set, in the order of the table.
COLUMNS = (
    "key",
    "contact_id",
    "vehicle_id",
    "occurred",
    "state",
    "fields",
    "version",
    "feed_id",
    "delivery_id",
    "line",
    "match",
    "digest",
    "parts",
    "group_key",
    "waits_for",
    "held_state",
    "updated_at",
    "also_feed_id",
)


def is_older(version: str | None, order: tuple[int, int], stored: Stored) -> bool:
    """Whether a record is of an older version than what is stored.

    By the feed's `version` field where both have one, else by (delivery, line).
    """
    if version is not None and stored.version is not None:
        return version < stored.version
    return order < (stored.root, stored.line)


def merged_fields(
    spec: ActivitySpec, sources: Mapping[str, Field], activity: MappedActivity, stored: Stored
) -> dict[str, Value]:
    """The stored fields with the record's laid over them.

    An absent field is kept, a blank one cleared, one in `keepFirst` is never moved once set.
    Elements of a list with `by` are laid over what is stored of them, as far as `keep` and `partial` say.
    """
    fields = dict(stored.fields)
    for name, value in activity.fields.items():
        if name in spec.keep_first and name in stored.fields:
            continue
        if value is None:
            fields.pop(name, None)
            continue
        source = sources.get(name)
        if source is not None and source.by and isinstance(value, list):
            value = paired(source, value, stored.fields.get(name) or [])
        fields[name] = value
    return fields


def paired(source: Field, elements: list[Any], before: list[Any]) -> list[Any]:
    """The elements, each over what was stored of the same `by`; with `partial` the others stay, in their order."""
    by = str(source.by)
    old = {name: each for each in before if isinstance(each, dict) and (name := each.get(by)) is not None}
    made = [_over(source, each, old.get(each.get(by))) if isinstance(each, dict) else each for each in elements]
    if not source.partial or not old:
        return made
    named = {each[by]: each for each in made if isinstance(each, dict) and each.get(by) in old}
    more = [each for each in made if not isinstance(each, dict) or each.get(by) not in old]
    return [named.get(name, each) for name, each in old.items()] + more


def _over(source: Field, element: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    """An element with what a blank does not take away of it; lists inside it by the same rule."""
    if earlier is None:
        return element
    names = earlier if source.partial else source.keep
    kept = {name: earlier[name] for name in names if earlier.get(name) is not None and element.get(name) is None}
    for name, field in source.fields.items():
        if field.by and isinstance(element.get(name), list) and isinstance(earlier.get(name), list):
            kept[name] = paired(field, element[name], earlier[name])
    return {**element, **kept} if kept else element


def difference(stored: Stored, after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """{name: [before, after]} of what a person would call a change: fields, state, time, people."""
    changes: dict[str, list[Any]] = {}
    for name in ("key", "contact_id", "vehicle_id", "occurred", "state", "held_state"):
        if getattr(stored, name) != after[name]:
            changes[name] = [getattr(stored, name), after[name]]
    fields = after["fields"]
    for name in {**stored.fields, **fields}:
        if stored.fields.get(name) != fields.get(name):
            changes[f"fields.{name}"] = [stored.fields.get(name), fields.get(name)]
    return changes
