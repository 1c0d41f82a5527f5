"""Activities with whom and what they are about and who brought them, as they stand now. Reads only."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from engine.exported import Brought, Subject
from engine.store.bulk import Bulk, Wanted, decoded
from engine.store.changes import HELD
from engine.store.search import first
from engine.store.tables import activities, contacts, dealers, outbox
from engine.terms import ActivityType

_NUMBER = (
    "(SELECT min(k.value) FROM contact_keys k WHERE k.contact_id = c.id AND k.kind = 'external'"
    " AND k.namespace = a.namespace)"
)
_AROUND = Wanted(
    "a.id, d.name, a.dealer_id, a.namespace, a.type, a.key, a.occurred, a.state, a.fields, a.version, a.delivery_id,"
    " a.line, a.created_at, a.updated_at, a.contact_id, c.id, c.first_name, c.last_name, c.company, c.fields,"
    f" {_NUMBER}, v.id, v.fields, f.name, f.excluded, b.name, b.excluded",
    "activities a",
    "a.id = w.value",
    "JOIN dealers d ON d.id = a.dealer_id"
    " LEFT JOIN contacts m ON m.id = a.contact_id LEFT JOIN contacts c ON c.id = COALESCE(m.merged_into, m.id)"
    " LEFT JOIN vehicles v ON v.id = a.vehicle_id"
    " LEFT JOIN feeds f ON f.id = a.feed_id"
    " LEFT JOIN deliveries o ON o.id = a.created_in LEFT JOIN feeds b ON b.id = o.feed_id",
    kind="id",
)
# Who has said STOP at a number, under whatever name a dealer's systems know them.
_STOPPED = Wanted(
    "w.value, c.fields",
    "contact_keys k",
    "k.dealer_id = ? AND k.kind = 'phone' AND k.value = w.value AND k.namespace = ''",
    "JOIN contacts c ON c.id = k.contact_id",
)
_STATE = 7  # its place among these columns
# States in which nothing is due any more.
_OVER = ("closed", "withdrawn", "voided", "cancelled", "completed", "done", HELD)


def subjects(bulk: Bulk, ids: Sequence[int]) -> list[Subject]:
    """Those of these activities that are there, in no promised order; one that is held is not."""
    found = [_subject(row) for row in bulk.found(_AROUND, list(ids)) if row[_STATE] != HELD]
    by_dealer: dict[int, list[Subject]] = {}
    for dealer_id, subject in found:
        by_dealer.setdefault(dealer_id, []).append(subject)
    return [each for dealer_id, some in by_dealer.items() for each in _with_stops(bulk, dealer_id, some)]


def _with_stops(bulk: Bulk, dealer_id: int, some: Sequence[Subject]) -> list[Subject]:
    """A STOP is about a number: it counts for every contact of the dealer who is texted there."""
    numbers = sorted({each.contact["phone"] for each in some if each.contact and each.contact["phone"]})
    rows = bulk.found(_STOPPED, numbers, dealer_id)
    stopped = {number for number, fields in rows if decoded(fields).get("textsStopped") is True}
    return [
        replace(each, contact={**each.contact, "textsStopped": True})
        if each.contact and each.contact["phone"] in stopped
        else each
        for each in some
    ]


def _subject(row: Sequence[Any]) -> tuple[int, Subject]:
    number, dealer, dealer_id, namespace, kind, key, occurred, state, fields, version, delivery, line, *rest = row
    created, updated, contact_id, person, one, last, company, details, external, unit, about, *feeds = rest
    activity = {
        "id": number,
        "type": kind,
        "key": key,
        "namespace": namespace,
        "occurred": occurred,
        "state": state,
        "fields": decoded(fields),
        # Something that differs for each version of it, also where the sender says none.
        "version": version if version is not None else f"{delivery}.{line}",
        "createdAt": created,
        "updatedAt": updated,
    }
    contact = None
    if person is not None:
        known = decoded(details)
        contact = {
            **known,
            "id": person,
            "firstName": one or None,
            "lastName": last or None,
            "company": company or None,
            "name": known.get("name") or " ".join(part for part in (one, last) if part) or company or None,
            "email": first(known, "email", "emails"),
            "phone": first(known, "phone", "phones"),
            "externalId": external,
        }
    vehicle = None if unit is None else {**decoded(about), "id": unit}
    brought = {feed: Brought(feed, tuple(decoded(excluded))) for feed, excluded in (feeds[:2], feeds[2:]) if feed}
    subject = Subject(number, dealer, kind, state, contact_id, activity, contact, vehicle, tuple(brought.values()))
    return dealer_id, subject


def newest(connection: Connection, dealer: str, kind: str, limit: int) -> list[int]:
    """Ids of a dealer's activities of a type, the newest first."""
    statement = (
        select(activities.c.id)
        .join(dealers, dealers.c.id == activities.c.dealer_id)
        .where(dealers.c.name == dealer, activities.c.type == kind)
        .order_by(activities.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def come_due(
    connection: Connection, export: str, dealer: str, kind: ActivityType, state: str | None, times: "Sequence[str]"
) -> list[tuple[int, int]]:
    """(id, dealer's id) of activities whose day, or moment, has come and of which this export has no item for that.

    `times` are the dealer's day, the moment, and the day and moment before which it is too late to say so.
    """
    today, now, late_day, late = times
    when = _when(kind, connection)
    is_day = func.length(when) == len("2022-01-28")
    came = case((is_day, and_(when <= today, when >= late_day)), else_=and_(when <= now, when >= late))
    told = select(outbox.c.id).where(
        outbox.c.export == export, outbox.c.activity_id == activities.c.id, outbox.c.happening == "due"
    )
    statement = (
        select(activities.c.id, activities.c.dealer_id)
        .join(dealers, dealers.c.id == activities.c.dealer_id)
        .where(dealers.c.name == dealer, activities.c.type == kind.name, came, ~told.exists())
        .order_by(activities.c.id)
    )
    stands = func.coalesce(activities.c.state, "")
    statement = statement.where(stands.not_in(_OVER) if state is None else stands == state)
    return [(row.id, row.dealer_id) for row in connection.execute(statement)]


def _when(kind: ActivityType, connection: Connection) -> ColumnElement[Any]:
    """Its due date where it has one, else when it occurred."""
    if "dueDate" not in kind.fields:
        return activities.c.occurred
    if connection.dialect.name == "sqlite":
        return func.coalesce(func.json_extract(activities.c.fields, "$.dueDate"), activities.c.occurred)
    return func.coalesce(activities.c.fields.op("->>")("dueDate"), activities.c.occurred)


def alone(connection: Connection, dealer: str) -> int:
    """How many contacts of a dealer have no activity."""
    has_one = select(activities.c.id).where(activities.c.contact_id == contacts.c.id)
    statement = (
        select(func.count())
        .select_from(contacts)
        .join(dealers, dealers.c.id == contacts.c.dealer_id)
        .where(dealers.c.name == dealer, contacts.c.merged_into.is_(None), ~has_one.exists())
    )
    return int(connection.execute(statement).scalar_one())
