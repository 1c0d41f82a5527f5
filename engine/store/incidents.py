"""Incidents and who was told of them. Each word to somebody is claimed here before it goes out, by one process alone.

A claim whose process dies is not taken up again: whether the word went out is not known, and nobody is told twice.
One that was refused is tried again later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, and_, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import leases
from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.leases import Lease
from engine.store.tables import alerts, incidents

OPENED, RECOVERED = "opened", "recovered"
CLAIMED, SENT, REFUSED = "claimed", "sent", "refused"


@dataclass(frozen=True, slots=True)
class Incident:
    id: int
    key: str
    state: str
    level: str
    subject: str
    feeds: tuple[str, ...]
    sentence: str
    since: datetime
    opened: datetime
    closed: datetime | None
    ending: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to tell one channel of one incident, once."""

    incident: Incident
    channel: str
    event: str
    tries: int


def note(
    engine: Engine, lease: Lease, now: str, found: Sequence[Mapping[str, Any]], endings: Mapping[str, str]
) -> list[Incident]:
    """Make the open incidents be `found`, by their keys; all that are open now.

    What is not found any more is closed; `endings` say how its feeds are instead.
    """
    with writing(engine) as connection:
        leases.check(connection, lease)
        before = {row.key: row for row in connection.execute(select(incidents).where(incidents.c.closed_at.is_(None)))}
        for one in found:
            values = {**one, "feeds": _stored(connection, one["feeds"])}
            old = before.pop(one["key"], None)
            if old is None:
                connection.execute(insert(incidents).values(**values, opened_at=now))
            elif (old.level, old.subject, decoded(old.feeds)) != (one["level"], one["subject"], list(one["feeds"])):
                connection.execute(update(incidents).where(incidents.c.id == old.id).values(values))
        for row in before.values():
            ending = "; ".join(sorted({endings.get(feed, "gone") for feed in decoded(row.feeds)}))
            gone = {"closed_at": now, "ending": ending}
            connection.execute(update(incidents).where(incidents.c.id == row.id).values(gone))
        rows = connection.execute(select(incidents).where(incidents.c.closed_at.is_(None)).order_by(incidents.c.id))
        return [_incident(row) for row in rows]


def owed(engine: Engine, now: str) -> list[tuple[Incident, str]]:
    """The incidents that are over, with each channel that was told of them and not of their end."""
    end = alerts.alias()
    same = and_(end.c.incident_id == alerts.c.incident_id, end.c.channel == alerts.c.channel, end.c.event == RECOVERED)
    settled = exists().where(same, or_(end.c.state != REFUSED, end.c.again_at > now))
    statement = (
        select(incidents, alerts.c.channel)
        .join(alerts, alerts.c.incident_id == incidents.c.id)
        .where(incidents.c.closed_at.is_not(None), alerts.c.event == OPENED, alerts.c.state != REFUSED, ~settled)
        .order_by(incidents.c.id)
    )
    with reading(engine) as connection:
        return [(_incident(row), row.channel) for row in connection.execute(statement)]


def told(engine: Engine, now: str, ids: Iterable[int]) -> set[tuple[int, str]]:
    """Of these incidents the channels that know of them, or are not to be tried again yet."""
    known = alerts.c.event == OPENED, or_(alerts.c.state != REFUSED, alerts.c.again_at > now)
    statement = select(alerts.c.incident_id, alerts.c.channel).where(*known, alerts.c.incident_id.in_(list(ids)))
    with reading(engine) as connection:
        return {(row.incident_id, row.channel) for row in connection.execute(statement)}


def claim(engine: Engine, now: str, wanted: Iterable[tuple[Incident, str, str]]) -> list[Claim]:
    """Of these (incident, channel, event) the ones that nobody has told, or that were refused a while ago."""
    found = []
    with writing(engine) as connection:
        for incident, channel, event in wanted:
            tries = _claimed(connection, now, incident.id, channel, event)
            if tries is not None:
                found.append(Claim(incident, channel, event, tries))
    return found


def _claimed(connection: Connection, now: str, incident: int, channel: str, event: str) -> int | None:
    """How often it was tried before; None where it is not ours to tell."""
    maker = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(alerts)
    values = {"incident_id": incident, "channel": channel, "event": event, "state": CLAIMED, "at": now, "tries": 0}
    made = maker.values(values).on_conflict_do_nothing().returning(alerts.c.tries)
    if connection.execute(made).one_or_none() is not None:
        return 0
    mine = (alerts.c.incident_id == incident, alerts.c.channel == channel, alerts.c.event == event)
    again = (*mine, alerts.c.state == REFUSED, alerts.c.again_at <= now)
    if connection.execute(update(alerts).where(*again).values(state=CLAIMED, at=now)).rowcount != 1:
        return None
    return int(connection.execute(select(alerts.c.tries).where(*mine)).scalar_one())


def settle(engine: Engine, claims: Iterable[Claim], now: str, error: str | None, again: str | None) -> None:
    """Note that these went out, or why not and when they are tried again."""
    with writing(engine) as connection:
        for each in claims:
            values: dict[str, Any] = {"state": SENT if error is None else REFUSED, "at": now, "error": error}
            values |= {"tries": each.tries + 1, "again_at": again}
            mine = (alerts.c.incident_id == each.incident.id, alerts.c.channel == each.channel)
            connection.execute(update(alerts).where(*mine, alerts.c.event == each.event).values(values))


def listed(engine: Engine, only_open: bool, limit: int) -> list[tuple[Incident, list[dict[str, Any]]]]:
    """Incidents, newest first, each with who was told."""
    statement = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        rows = connection.execute(statement.where(incidents.c.closed_at.is_(None)) if only_open else statement).all()
        told: dict[int, list[dict[str, Any]]] = {}
        ids = [row.id for row in rows]
        words = select(alerts).where(alerts.c.incident_id.in_(ids)).order_by(alerts.c.channel, alerts.c.event)
        for row in connection.execute(words):
            names = ("channel", "event", "state", "at", "tries", "error")
            told.setdefault(row.incident_id, []).append({name: getattr(row, name) for name in names})
    return [(_incident(row), told.get(row.id, [])) for row in rows]


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        row.id,
        row.key,
        row.state,
        row.level,
        row.subject,
        tuple(decoded(row.feeds)),
        row.sentence,
        datetime.fromisoformat(row.since),
        datetime.fromisoformat(row.opened_at),
        None if row.closed_at is None else datetime.fromisoformat(row.closed_at),
        row.ending,
    )


def _stored(connection: Connection, names: Sequence[str]) -> Any:
    return orjson.dumps(list(names)).decode() if connection.dialect.name == "sqlite" else list(names)
