"""Reading and writing activities by the batch; decides nothing about people or quarantine."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.changes import COLUMNS, HELD, Stored, difference
from engine.store.happenings import Happenings
from engine.store.origin import Origin

_SELECTED = (
    "a.id, a.type, a.key, a.contact_id, a.vehicle_id, a.occurred, a.state, a.fields, a.version, a.feed_id,"
    " a.delivery_id, a.line, a.match, a.digest, a.parts, a.group_key, a.waits_for, a.held_state, a.created_in,"
    " a.updated_at, COALESCE(d.parent_id, d.id), a.also_feed_id"
)
_DELIVERY = "JOIN deliveries d ON d.id = a.delivery_id"
_MINE = "a.dealer_id = ? AND a.namespace = ?"
_BY_KEY = Wanted(_SELECTED, "activities a", f"{_MINE} AND a.type = ? AND a.key = w.value", _DELIVERY)
_BY_GROUP = Wanted(_SELECTED, "activities a", f"{_MINE} AND a.type = ? AND a.group_key = w.value", _DELIVERY)
_BY_DIGEST = Wanted(_SELECTED, "activities a", "a.digest = w.value", _DELIVERY, kind="digest")
_WAITING_FOR = Wanted(_SELECTED, "activities a", f"{_MINE} AND a.waits_for = w.value", _DELIVERY)
_PLACES = Wanted("w.i, a.id, a.parts", "activities a", "a.digest = w.value", kind="digest")
_STANDING = Wanted(
    "w.value, a.contact_id",
    "activities a",
    f"{_MINE} AND a.type = ? AND a.key = w.value AND COALESCE(a.state, '') <> '{HELD}'",
)
_FIELDS = 7  # place of `fields` in a row of _SELECTED
_DIGEST = 13


def _stored(row: Sequence[Any]) -> Stored:
    values = list(row)
    values[_FIELDS] = decoded(values[_FIELDS])
    values[_DIGEST] = _hex(values[_DIGEST])
    return Stored(*values)


def _hex(digest: Any) -> str:
    return digest if isinstance(digest, str) else str(digest.hex)


class Activities:
    """The activities of one dealer and namespace during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin, happenings: Happenings | None = None) -> None:
        self._bulk = bulk
        self._origin = origin
        self.happenings = happenings or Happenings()  # hears of what is written of the types that it watches

    def is_empty(self, kind: str) -> bool:
        """Whether nothing of this type is stored yet, so that look-ups can wait for a collision."""
        return not self._bulk.rows(
            "SELECT 1 FROM activities WHERE dealer_id = ? AND namespace = ? AND type = ? LIMIT 1",
            self._origin.dealer_id,
            self._origin.namespace,
            kind,
        )

    def has_held(self) -> bool:
        return bool(
            self._bulk.rows(
                "SELECT 1 FROM activities WHERE dealer_id = ? AND waits_for IS NOT NULL LIMIT 1",
                self._origin.dealer_id,
            )
        )

    def unchanged(self, digests: Sequence[str]) -> dict[int, list[int]]:
        """{place: ids} of the records all of whose activities are stored just as they were made."""
        rows = self._bulk.found(_PLACES, digests)
        found: dict[int, list[int]] = {}
        parts: dict[int, int] = {}
        for place, number, count in rows:
            found.setdefault(place, []).append(number)
            parts[place] = count
        return {place: ids for place, ids in found.items() if len(ids) == parts[place]}

    def stored(self, kind: str, keys: Iterable[str]) -> dict[str, Stored]:
        """Those of a type, by key."""
        rows = self._bulk.found(_BY_KEY, list(keys), self._origin.dealer_id, self._origin.namespace, kind)
        return {one.key: one for one in map(_stored, rows)}

    def of_record(self, digest: str) -> list[Stored]:
        """Everything one raw record made."""
        return [_stored(row) for row in self._bulk.found(_BY_DIGEST, [digest])]

    def of_groups(self, kind: str, groups: Iterable[str]) -> list[Stored]:
        """Elements of a type that belong to these records."""
        rows = self._bulk.found(_BY_GROUP, list(groups), self._origin.dealer_id, self._origin.namespace, kind)
        return [_stored(row) for row in rows]

    def others(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
        """{(type, key): contact} of the activities that stand (a held one does not)."""
        by_type: dict[str, set[str]] = {}
        for kind, key in wanted:
            by_type.setdefault(kind, set()).add(key)
        found: dict[tuple[str, str], int | None] = {}
        for kind, keys in by_type.items():
            rows = self._bulk.found(_STANDING, list(keys), self._origin.dealer_id, self._origin.namespace, kind)
            for key, contact in rows:
                found[kind, key] = contact
        return found

    def insert(self, kind: str, rows: Mapping[str, Sequence[Any]], count: int) -> Sequence[int]:
        """Insert new ones and give their ids, in order. Raises IntegrityError when a key is taken.

        `rows` holds the columns that differ by row: key, contact_id, vehicle_id, occurred, state,
        fields (JSON text), version, line, match, digest, parts, group_key, waits_for, held_state.
        """
        origin = self._origin
        ids = self._bulk.reserve("activities", count)
        self._bulk.insert(
            "activities",
            {
                "id": ids,
                "dealer_id": Same(origin.dealer_id),
                "namespace": Same(origin.namespace),
                "type": Same(kind),
                **rows,
                "feed_id": Same(origin.feed_id),
                "delivery_id": Same(origin.delivery_id),
                "created_in": Same(origin.delivery_id),
                "created_at": Same(origin.now),
                "updated_at": Same(origin.now),
            },
            count,
        )
        if kind in self.happenings.types:
            self.happenings.born(ids, rows["state"])
        return ids

    def update(self, updates: Sequence[tuple[Stored, dict[str, Any]]]) -> list[bool]:
        """Write new columns over stored ones, keep the difference; whether each was a change."""
        differences = [difference(stored, after) for stored, after in updates]
        self._bulk.update(
            "activities",
            {
                "id": [stored.id for stored, _ in updates],
                **{name: [_column(name, after[name]) for _, after in updates] for name in COLUMNS},
            },
            len(updates),
        )
        changed = [(s, after, d) for (s, after), d in zip(updates, differences, strict=True) if d]
        self._bulk.insert(
            "activity_changes",
            {
                "id": self._bulk.reserve("activity_changes", len(changed)) if changed else (),
                "activity_id": [stored.id for stored, _, _ in changed],
                "at": Same(self._origin.now),
                "delivery_id": [after["delivery_id"] for _, after, _ in changed],
                "line": [after["line"] for _, after, _ in changed],
                "changes": [orjson.dumps(d).decode() for _, _, d in changed],
                "before": [orjson.dumps(stored.columns()).decode() for stored, _, _ in changed],
            },
            len(changed),
        )
        for stored, after, what in changed:
            if stored.type in self.happenings.types:
                self.happenings.altered(stored, after, what)
        return [bool(d) for d in differences]

    def take_back(self, stored: Stored) -> str:
        """Undo what this delivery did to one activity; what it had been: inserted, updated, unchanged."""
        here = self._origin.delivery_id
        self.happenings.undone(stored.id)
        if stored.created_in == here:
            self._bulk.rows("DELETE FROM activities WHERE id = ?", stored.id)
            self._bulk.rows("DELETE FROM activity_changes WHERE activity_id = ?", stored.id)
            return "inserted"
        rows = self._bulk.rows(
            "SELECT id, before FROM activity_changes WHERE activity_id = ? AND delivery_id = ? ORDER BY id DESC",
            stored.id,
            here,
        )
        if not rows:
            return "unchanged"
        before = decoded(rows[-1][1])
        self._bulk.update(
            "activities",
            {"id": [stored.id], **{name: [_column(name, before.get(name))] for name in COLUMNS}},
            1,
        )
        self._bulk.rows("DELETE FROM activity_changes WHERE activity_id = ? AND delivery_id = ?", stored.id, here)
        return "updated"

    def release(self, awaited: Iterable[tuple[str, str]]) -> int:
        """Let go the held ones that waited for these, and those that waited for them in turn.

        They get the awaited one's contact if they have none.
        """
        count = 0
        while awaited:
            released = self._released(awaited)
            count += len(released)
            awaited = released
        return count

    def _released(self, awaited: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        contacts = {waiting_name(*pair): contact for pair, contact in self.others(awaited).items()}
        rows = self._bulk.found(_WAITING_FOR, list(contacts), self._origin.dealer_id, self._origin.namespace)
        updates = []
        for stored in map(_stored, rows):
            after = stored.columns()
            after.update(state=stored.held_state, held_state=None, waits_for=None, updated_at=self._origin.now)
            if stored.contact_id is None:
                after["contact_id"] = contacts[stored.waits_for or ""]
            updates.append((stored, after))
        self.update(updates)
        return [(stored.type, stored.key) for stored, _ in updates]


def waiting_name(kind: str, key: str) -> str:
    """How an activity that others wait for is named in `waits_for`."""
    return f"{kind}|{key}"


def _column(name: str, value: Any) -> Any:
    return orjson.dumps(value).decode() if name == "fields" else value
