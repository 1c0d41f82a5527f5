"""Which processes run feeds by their schedules, and when each of them said last that it lives.

One that has been silent for a minute counts as dead, on this host also one that the kernel does not know any more.
Never starts or stops one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.leases import Owner, process_started, this_process
from engine.store.tables import heartbeats

EACH = 15.0  # seconds between two beats
SILENT = timedelta(seconds=60)
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """`details` are counts, such as `running`."""

    host: str
    pid: int
    role: str  # scheduler, worker
    started: datetime
    at: datetime
    details: Mapping[str, Any]
    is_alive: bool


def beat(engine: Engine, owner: Owner, role: str, started: str, now: str, details: Mapping[str, Any]) -> None:
    """Say that this process lives."""
    with writing(engine) as connection:
        text = orjson.dumps(dict(details)).decode() if connection.dialect.name == "sqlite" else dict(details)
        maker = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(heartbeats)
        values = {"name": _name(owner), "role": role, "started_at": started, "at": now, "details": text}
        changed = {"role": role, "at": now, "details": text}
        connection.execute(maker.values(values).on_conflict_do_update(index_elements=["name"], set_=changed))
        old = (datetime.fromisoformat(now) - _FORGOTTEN).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.execute(delete(heartbeats).where(heartbeats.c.at < old))


def over(engine: Engine, owner: Owner) -> None:
    """It ends in order."""
    with writing(engine) as connection:
        connection.execute(delete(heartbeats).where(heartbeats.c.name == _name(owner)))


def beats(engine: Engine, now: datetime) -> list[Beat]:
    """Every process that has said so within a day, the newest word first."""
    with reading(engine) as connection:
        rows = connection.execute(select(heartbeats).order_by(heartbeats.c.at.desc())).all()
    here, found = this_process().host, []
    for row in rows:
        host, pid, born = row.name.rsplit(" ", 2)
        at = datetime.fromisoformat(row.at)
        is_there = host != here or process_started(int(pid)) == born.removeprefix("-")
        started = datetime.fromisoformat(row.started_at)
        found.append(Beat(host, int(pid), row.role, started, at, decoded(row.details), is_there and now - at < SILENT))
    return found


def _name(owner: Owner) -> str:
    return f"{owner.host} {owner.pid} {owner.started or '-'}"
