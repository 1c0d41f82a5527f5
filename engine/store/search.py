"""Activities as the shell, the console and the API show them: found by what people ask for.

Reads only, a stretch at a time: a search over everything does not fill the memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select

from engine.model import ActivityType
from engine.store import where
from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.tables import activities, contacts, dealers, deliveries, feeds, vehicles

_STRETCH = 1_000  # rows
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE_SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.000000Z")
PERSON = ("firstName", "lastName", "company", "email", "phone")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; None is anything. `since` and `until` are about `occurred`, both included."""

    dealer: str | None = None
    feed: str | None = None
    type: str | None = None
    state: str | None = None
    since: str | None = None
    until: str | None = None
    contact: int | None = None
    where: str | None = None
    limit: int | None = None


def activities_found(engine: Engine, query: Query, types: Mapping[str, ActivityType]) -> Iterator[dict[str, Any]]:
    """The activities, newest first. Raises WhereError before the first one."""
    statement = _statement(query, types, engine.dialect.name)
    return _read(engine, statement, types)


def activities_of(connection: Connection, contact: int, types: Mapping[str, ActivityType]) -> list[dict[str, Any]]:
    """The timeline of one contact, newest first."""
    statement = _statement(Query(contact=contact), types, connection.dialect.name)
    return [_shown(row, types) for row in connection.execute(statement)]


def _read(engine: Engine, statement: Select[Any], types: Mapping[str, ActivityType]) -> Iterator[dict[str, Any]]:
    with reading(engine) as connection, connection.execution_options(yield_per=_STRETCH).execute(statement) as rows:
        for row in rows:
            yield _shown(row, types)


def _statement(query: Query, types: Mapping[str, ActivityType], dialect: str) -> Select[Any]:
    statement = (
        select(
            activities,
            dealers.c.name.label("dealer"),
            feeds.c.name.label("feed"),
            deliveries.c.name.label("delivery"),
            deliveries.c.run_id.label("run"),
            contacts.c.first_name,
            contacts.c.last_name,
            contacts.c.company,
            contacts.c.fields.label("person"),
            vehicles.c.fields.label("vehicle"),
        )
        .join(dealers, dealers.c.id == activities.c.dealer_id)
        .join(feeds, feeds.c.id == activities.c.feed_id)
        .outerjoin(deliveries, deliveries.c.id == activities.c.delivery_id)
        .outerjoin(contacts, contacts.c.id == activities.c.contact_id)
        .outerjoin(vehicles, vehicles.c.id == activities.c.vehicle_id)
        .order_by(activities.c.occurred.desc().nulls_last(), activities.c.id.desc())
    )
    equal = (
        (dealers.c.name, query.dealer),
        (feeds.c.name, query.feed),
        (activities.c.type, query.type),
        (activities.c.state, query.state),
        (activities.c.contact_id, query.contact),
    )
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(activities.c.occurred >= query.since)
    if query.until is not None:
        statement = statement.where(_until(query.until))
    if query.where is not None:
        searched = [kind for name, kind in types.items() if query.type in (None, name)]
        statement = statement.where(where.clause(query.where, searched, dialect))
    return statement if query.limit is None else statement.limit(query.limit)


def _until(moment: str) -> Any:
    if _DAY.fullmatch(moment):  # the day with all its hours
        return activities.c.occurred < (date.fromisoformat(moment) + timedelta(days=1)).isoformat()
    return activities.c.occurred <= moment


def _shown(row: Row[Any], types: Mapping[str, ActivityType]) -> dict[str, Any]:
    kind = types.get(row.type)
    fields = dict.fromkeys(kind.fields) if kind is not None else {}
    return {
        "id": row.id,
        "dealer": row.dealer,
        "feed": row.feed,
        "type": row.type,
        "key": row.key,
        "occurred": printed(row.occurred),
        "state": row.state,
        "contact": None if row.contact_id is None else _person(row),
        "vehicle": None if row.vehicle_id is None else {"id": row.vehicle_id, **printed(decoded(row.vehicle))},
        "fields": fields | printed(decoded(row.fields)),
        "source": {"delivery": row.delivery, "line": row.line, "run": row.run, "match": row.match},
    }


def _person(row: Row[Any]) -> dict[str, Any]:
    fields = decoded(row.person) or {}
    return {
        "id": row.contact_id,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "company": row.company,
        "email": first(fields, "email", "emails"),
        "phone": first(fields, "phone", "phones"),
    }


def first(fields: Mapping[str, Any], one: str, many: str) -> Any:
    """The value of a field, or the first of its list."""
    several: Sequence[Any] = fields.get(many) or ()
    return fields.get(one) or (several[0] if several else None)


def printed(value: Any) -> Any:
    """A stored value as it is shown: a time of whole seconds has no fraction."""
    if isinstance(value, str):
        return f"{value[:19]}Z" if _WHOLE_SECOND.fullmatch(value) else value
    if isinstance(value, dict):
        return {name: printed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [printed(each) for each in value]
    return value
