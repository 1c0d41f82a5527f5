"""Contacts as the support desk sees them: found by whatever a caller says, shown with their timeline.

Reads only. A contact that was merged into another is not found; the other one is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Row,
    Select,
    Text,
    cast,
    exists,
    func,
    or_,
    select,
    true,
)

from engine.model import ActivityType
from engine.store.bulk import decoded
from engine.store.database import reading
from engine.store.names import folded
from engine.store.search import activities_of, first, printed
from engine.store.tables import activity_changes, contact_keys, contacts, dealers, deliveries, feeds, reviews

_STRETCH = 500  # contacts
_FEWEST_DIGITS = 4
_PHONE = re.compile(r"[\d\s()+./x-]+")
ADDRESS = ("street", "street2", "city", "state", "postalCode", "country")
CONSENT = ("allowText", "allowEmail", "allowCall", "textsStopped")
_REST = ("middleName", "suffix", "birthDate", "language")


def contacts_found(
    engine: Engine, text: str = "", dealer: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Contacts by name, company, e-mail, phone in any notation or the sender's own number.

    Without a text: all. In the order of their last names.
    """
    with reading(engine) as connection:
        statement = _statement(text, dealer, connection).order_by(contacts.c.last_key, contacts.c.id)
        with connection.execution_options(yield_per=_STRETCH).execute(statement) as found:
            rows = (row for row in found if row.by_key or _is_named(row, text))
            wanted = islice(rows, limit)
            while stretch := list(islice(wanted, _STRETCH)):
                yield from _shown(connection, stretch)


def contact(engine: Engine, number: int, types: Mapping[str, ActivityType]) -> dict[str, Any] | None:
    """One contact with its timeline, each activity with its changes; None where there is none."""
    with reading(engine) as connection:
        statement = _selected(true()).where(contacts.c.id == number)
        row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        (shown,) = _shown(connection, [row])
        timeline = activities_of(connection, number, types)
        changes = _changes(connection, [each["id"] for each in timeline])
        return {
            **shown,
            **{name: value for name in _REST if (value := decoded(row.fields).get(name)) is not None},
            "mergedInto": row.merged_into,
            "provenance": _provenance(connection, row),
            "review": _reviews(connection, number),
            "timeline": [{**each, "changes": changes.get(each["id"], [])} for each in timeline],
        }


# --- finding --------------------------------------------------------------------------------


def _selected(by_key: ColumnElement[bool]) -> Select[Any]:
    return select(contacts, dealers.c.name.label("dealer"), by_key.label("by_key")).join(
        dealers, dealers.c.id == contacts.c.dealer_id
    )


def _statement(text: str, dealer: str | None, connection: Connection) -> Select[Any]:
    keyed = _keyed(text.strip())
    statement = _selected(keyed if text.strip() else true()).where(contacts.c.merged_into.is_(None))
    if text.strip():
        statement = statement.where(or_(keyed, _maybe_named(text, connection)))
    return statement if dealer is None else statement.where(dealers.c.name == dealer)


def _keyed(text: str) -> ColumnElement[bool]:
    """By e-mail, by the end of a phone number, or by the sender's own number."""
    value, kind = contact_keys.c.value, contact_keys.c.kind
    ways = [(kind == "external") & (value == text), (kind == "email") & (value == text.casefold())]
    digits = "".join(c for c in text if c.isdecimal()) if _PHONE.fullmatch(text) else ""
    # Stored as +15555550101: however it is written down, it ends alike, or does behind the zeros.
    ends = {end for end in (digits, digits.lstrip("0")) if len(end) >= _FEWEST_DIGITS}
    ways += [(kind == "phone") & value.endswith(end, autoescape=True) for end in ends]
    return exists().where(contact_keys.c.contact_id == contacts.c.id, or_(*ways)).correlate(contacts)


def _maybe_named(text: str, connection: Connection) -> ColumnElement[bool]:
    """More than those whose name has a word of the text: whoever's name only looks alike is left out later.

    Databases fold case for plain letters only, so a name with others is always looked at.
    """
    words = folded(text)
    if not words:
        return contacts.c.id.is_(None)
    columns = (contacts.c.first_name, contacts.c.last_name, contacts.c.company)
    alike = [func.lower(column).contains(word, autoescape=True) for column in columns for word in words]
    return or_(
        contacts.c.last_key.contains(words[0], autoescape=True), *alike, *(_is_odd(c, connection) for c in columns)
    )


def _is_odd(column: ColumnElement[str], connection: Connection) -> ColumnElement[bool]:
    """Whether a text has characters beyond ASCII, or an apostrophe, which `folded` drops."""
    size = func.length(cast(column, LargeBinary)) if connection.dialect.name == "sqlite" else func.octet_length(column)
    return or_(size != func.length(column), cast(column, Text).contains("'"))


def _is_named(row: Row[Any], text: str) -> bool:
    """Whether each word of the text begins a word of the name or the company."""
    words = folded(text)
    own = (*folded(row.first_name), *folded(row.last_name), *folded(row.company))
    return bool(words) and all(any(mine.startswith(word) for mine in own) for word in words)


# --- showing --------------------------------------------------------------------------------


def _shown(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    keys = _keys(connection, [row.id for row in rows])
    marks = {row.id: _marks(row) for row in rows}
    names = _deliveries(connection, {number for each in marks.values() for number, _ in each})
    return [_contact(row, keys.get(row.id, []), marks[row.id], names) for row in rows]


def _contact(
    row: Row[Any],
    keys: Sequence[tuple[str, str, str]],
    marks: Iterable[tuple[int, int]],
    names: Mapping[int, tuple[str, str]],
) -> dict[str, Any]:
    fields = decoded(row.fields)
    sources = [{"feed": names[d][0], "delivery": names[d][1], "line": line} for d, line in sorted(marks) if d in names]
    return {
        "id": row.id,
        "dealer": row.dealer,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "company": row.company,
        "emails": _ordered(keys, "email", first(fields, "email", "emails")),
        "phones": _ordered(keys, "phone", first(fields, "phone", "phones")),
        "externalIds": _external(keys),
        "address": {name: fields[name] for name in ADDRESS if fields.get(name) is not None},
        "consent": {name: fields[name] for name in CONSENT if fields.get(name) is not None},
        "sources": sources,
    }


def _keys(connection: Connection, ids: Sequence[int]) -> dict[int, list[tuple[str, str, str]]]:
    found: dict[int, list[tuple[str, str, str]]] = {}
    statement = (
        select(contact_keys)
        .where(contact_keys.c.contact_id.in_(ids))
        .order_by(contact_keys.c.kind, contact_keys.c.namespace, contact_keys.c.value)
    )
    for row in connection.execute(statement):
        found.setdefault(row.contact_id, []).append((row.kind, row.namespace, row.value))
    return found


def _ordered(keys: Iterable[tuple[str, str, str]], kind: str, main: Any) -> list[str]:
    """All of one kind, the contact's own first."""
    return sorted((value for each, _, value in keys if each == kind), key=lambda value: (value != main, value))


def _external(keys: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """{namespace: number}; a list where one sender knows the contact under several."""
    found: dict[str, list[str]] = {}
    for kind, namespace, value in keys:
        if kind == "external":
            found.setdefault(namespace, []).append(value)
    return {namespace: values[0] if len(values) == 1 else values for namespace, values in found.items()}


def _marks(row: Row[Any]) -> set[tuple[int, int]]:
    return {(mark[0], mark[1]) for mark in decoded(row.provenance).values()}


def _deliveries(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """{delivery: (feed, file name)}."""
    wanted, found = sorted(ids), {}
    for start in range(0, len(wanted), _STRETCH):
        statement = (
            select(deliveries.c.id, feeds.c.name.label("feed"), deliveries.c.name)
            .join(feeds, feeds.c.id == deliveries.c.feed_id)
            .where(deliveries.c.id.in_(wanted[start : start + _STRETCH]))
        )
        found.update({row.id: (row.feed, row.name) for row in connection.execute(statement)})
    return found


def _provenance(connection: Connection, row: Row[Any]) -> dict[str, dict[str, Any]]:
    """Which feed, file and line each field of the contact comes from."""
    marks = decoded(row.provenance)
    names = _deliveries(connection, {mark[0] for mark in marks.values()})
    return {
        field: {"feed": names[mark[0]][0], "delivery": names[mark[0]][1], "line": mark[1]}
        for field, mark in sorted(marks.items())
        if mark[0] in names
    }


def _reviews(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Other contacts that may be the same person."""
    statement = (
        select(reviews)
        .where(reviews.c.state == "open", or_(reviews.c.contact_id == number, reviews.c.candidate_id == number))
        .order_by(reviews.c.id)
    )
    return [
        {"contact": row.candidate_id if row.contact_id == number else row.contact_id, "reason": row.reason}
        for row in connection.execute(statement)
    ]


def _changes(connection: Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """What later deliveries changed, oldest first, by activity."""
    found: dict[int, list[dict[str, Any]]] = {}
    for start in range(0, len(ids), _STRETCH):
        statement = (
            select(activity_changes, deliveries.c.name.label("delivery"))
            .outerjoin(deliveries, deliveries.c.id == activity_changes.c.delivery_id)
            .where(activity_changes.c.activity_id.in_(ids[start : start + _STRETCH]))
            .order_by(activity_changes.c.id)
        )
        for row in connection.execute(statement):
            change = {"at": printed(row.at), "delivery": row.delivery, "line": row.line}
            found.setdefault(row.activity_id, []).append({**change, "changes": printed(decoded(row.changes))})
    return found
