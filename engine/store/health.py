"""What the store knows of how feeds are: a few queries for all of them, however many. Reads only; judges nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, select, text

from engine.due import Last
from engine.health import Bad, Facts, LastRun, Pause
from engine.store.database import reading
from engine.store.leases import process_started, this_process
from engine.store.retiring import BEGUN
from engine.store.tables import breakers, deliveries, feeds, last_runs, leases, quarantine, slots

_WAITS = text("state IN ('open', 'fixed')")  # as the index says it, or it is not used
RETIRED = "retired, ended for good"
_OPEN = text("state IN ('taking', 'sealed', 'stored')")


def facts(engine: Engine) -> dict[str, Facts]:
    """Of every feed that the store or a scheduler has met, by its name."""
    with reading(engine) as connection:
        joined = (
            select(feeds, last_runs, slots.c.slot, slots.c.begun_at, slots.c.ended_at)
            .outerjoin(last_runs, last_runs.c.feed_id == feeds.c.id)
            .outerjoin(slots, slots.c.feed == feeds.c.name)
        )
        waiting = select(quarantine.c.feed_id, func.count(), func.min(quarantine.c.created_at))
        rows = {row[0]: (row[1], row[2]) for row in connection.execute(waiting.where(_WAITS).group_by("feed_id"))}
        found = {row.name: _facts(row, *rows.get(row.id, (0, None))) for row in connection.execute(joined)}
        unmet = select(slots).where(slots.c.feed.not_in(select(feeds.c.name)))
        return found | {row.feed: Facts(0, slot=_slot(row)) for row in connection.execute(unmet)}


def running(engine: Engine, now: str) -> set[str]:
    """The leases that somebody holds at this time: a feed's bears its name, see `visits/leasing.py`."""
    with reading(engine) as connection:
        held = connection.execute(select(leases).where(leases.c.host.is_not(None))).all()
    return {row.name for row in held if _is_alive(row, now)}


def unfinished(engine: Engine) -> dict[str, int]:
    """How many deliveries of a feed are on their way, where there are any."""
    counted = select(feeds.c.name, func.count()).join(deliveries, deliveries.c.feed_id == feeds.c.id)
    with reading(engine) as connection:
        return _pairs(connection.execute(counted.where(_OPEN).group_by(feeds.c.name)))


def resting(engine: Engine, now: str) -> list[dict[str, Any]]:
    """The logins that were refused and are not tried again yet."""
    with reading(engine) as connection:
        found = select(breakers).where(breakers.c.until > now).order_by(breakers.c.until)
        return [{"login": row.login, "failures": row.failures, "until": row.until} for row in connection.execute(found)]


def _facts(row: Row[Any], quarantined: int, since: str | None) -> Facts:
    return Facts(
        id=row.id,
        pause=_pause(row),
        data_at=_moment(row.data_at),
        last_run=None if row.run_id is None else LastRun(row.run_id, _time(row.at), row.outcome, row.read),
        first_at=_moment(row.first_at),
        bad=None if row.bad_since is None else Bad(_time(row.bad_since), row.bad_run, row.bad_outcome, row.bad_code),
        slot=None if row.slot is None else _slot(row),
        quarantined=quarantined,
        quarantined_since=_moment(since),
    )


def _pause(row: Row[Any]) -> Pause | None:
    if row.retired_at is not None:
        why = "retired; its purge was cut short, the same command ends it" if row.purge == BEGUN else RETIRED
        return Pause(_time(row.retired_at), row.retired_by or "", why, None)
    if row.paused_at is None:
        return None
    return Pause(_time(row.paused_at), row.paused_by or "", row.paused_reason or "", _moment(row.paused_until))


def _slot(row: Row[Any]) -> Last:
    return Last(_time(row.slot), row.begun_at is None or row.ended_at is not None)


def _is_alive(row: Row[Any], now: str) -> bool:
    """Whether the owner of a lease may still be at work; one that was killed here is not."""
    if row.host == this_process().host:
        return bool(process_started(row.pid) == row.process_started)
    return bool(row.expires_at > now)


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _moment(stamp: str | None) -> datetime | None:
    return None if stamp is None else _time(stamp)


def _pairs(rows: Iterable[Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in rows}
