"""One batch on its way into the store: its activities, and the columns they become. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.model import ActivitySpec, Field, MappedActivity, MappedRecord, Stream
from engine.store.activities import waiting_name
from engine.store.changes import HELD, Stored, merged_fields
from engine.store.contacts import Found
from engine.store.origin import Origin
from engine.store.vehicles import Vehicle

UNCHANGED, UPDATED, INSERTED = 0, 1, 2  # the class of a record is the highest of its activities'


@dataclass(frozen=True, slots=True)
class Rows:
    """What the runner knows of a portion's records: their text, line and digest, by index."""

    raws: Sequence[str]
    lines: Sequence[int]
    digests: Sequence[str]


@dataclass(slots=True, eq=False)
class Entry:
    """One activity of one record (`record` is its place in the batch)."""

    record: int
    spec: ActivitySpec
    activity: MappedActivity
    stored: Stored | None = None
    waits: bool = False  # for an activity that is not there yet
    grade: int = UNCHANGED

    @property
    def name(self) -> tuple[str, str]:
        return self.spec.type, self.activity.keys[0]


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch whose people and vehicles are known: turns its entries into columns."""

    stream: Stream
    records: Sequence[MappedRecord]
    rows: Rows
    people: Sequence[Found | None]
    vehicles: Sequence[Vehicle | None]
    parts: Sequence[int]  # activities per record
    origin: Origin

    def columns(self, fresh: Sequence[Entry]) -> dict[str, Sequence[Any]]:
        """What differs from row to row of new activities, for Activities.insert."""
        founds = [self.people[e.record] for e in fresh]
        owned = [self.vehicles[e.record] for e in fresh]
        indexes = [self.records[e.record].index for e in fresh]
        return {
            "key": [e.activity.keys[0] for e in fresh],
            "contact_id": [None if f is None else f.person.id for f in founds],
            "vehicle_id": [None if v is None else v.id for v in owned],
            "occurred": [e.activity.occurred for e in fresh],
            "state": [HELD if e.waits else e.activity.state for e in fresh],
            "fields": [_json(e.activity.fields) for e in fresh],
            "version": [self.records[e.record].version for e in fresh],
            "line": [self.rows.lines[i] for i in indexes],
            "match": [None if f is None else f.how for f in founds],
            "digest": [self.rows.digests[i] for i in indexes],
            "parts": [self.parts[e.record] for e in fresh],
            "group_key": [self._group(e) for e in fresh],
            "waits_for": [_awaited(e) for e in fresh],
            "held_state": [e.activity.state if e.waits else None for e in fresh],
        }

    def after(self, entry: Entry, sources: Mapping[str, Field]) -> dict[str, Any]:
        """All columns of a stored activity as they stand once this record is in."""
        stored, record = entry.stored, self.records[entry.record]
        assert stored is not None  # noqa: S101  (entries to be inserted do not come here)
        activity, found, vehicle = entry.activity, self.people[entry.record], self.vehicles[entry.record]
        state, held_state = self._states(entry, stored)
        moved = found is not None and not record.lapsed
        return {
            "key": activity.keys[0],
            "contact_id": found.person.id if found is not None and moved else stored.contact_id,
            "vehicle_id": vehicle.id if vehicle is not None else stored.vehicle_id,
            "occurred": activity.occurred or stored.occurred,
            "state": state,
            "fields": stored.fields if record.lapsed else merged_fields(entry.spec, sources, activity, stored),
            "version": record.version if record.version is not None else stored.version,
            "feed_id": self.origin.feed_id,
            "delivery_id": self.origin.delivery_id,
            "line": self.rows.lines[record.index],
            "match": found.how if found is not None and found.how != "stored" else stored.match,
            "digest": self.rows.digests[record.index],
            "parts": self.parts[entry.record],
            "group_key": self._group(entry),
            "waits_for": _awaited(entry),
            "held_state": held_state,
            "updated_at": self.origin.now,
            "also_feed_id": stored.feed_id if stored.feed_id != self.origin.feed_id else stored.also_feed_id,
        }

    def _states(self, entry: Entry, stored: Stored) -> tuple[str | None, str | None]:
        """(state, state once released) after the update."""
        wanted = entry.activity.state
        if entry.waits:
            return HELD, wanted or stored.held_state
        if wanted is None and stored.state == HELD:
            return stored.held_state, None
        return (wanted if wanted is not None else stored.state), None

    def _group(self, entry: Entry) -> str | None:
        return None if entry.spec.gone is None else self.group_name(entry)

    def group_name(self, entry: Entry) -> str | None:
        """The record an element belongs to: named after its first activity that is no element."""
        for activity in self.records[entry.record].activities:
            spec = self.stream.activities[activity.spec]
            if spec.each is None:
                return waiting_name(spec.type, activity.keys[0])
        return None


def _awaited(entry: Entry) -> str | None:
    return waiting_name(*entry.activity.after) if entry.waits and entry.activity.after is not None else None


def _json(fields: Mapping[str, Any]) -> str:
    return orjson.dumps({name: value for name, value in fields.items() if value is not None}).decode()
