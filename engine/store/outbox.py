"""What goes out, as rows: queued by an import in its own transaction, claimed by whoever sends it, settled after.

An item's states, each with what becomes of it next:

    queued      nothing was tried, or somebody said so     is sent
    failed      the other side was certainly not reached   is sent again after `next_at`
    sending     claimed; on its way                        is settled by whoever claimed it
    sent        the other side has it                      nothing
    excluded    an exclusion keeps it back                 nothing; a later happening decides anew
    suppressed  consent, a condition or the like does      the same
    uncertain   it left, and no answer came                nothing, until somebody says so
    dead        given up                                   the same

`sending` is committed before anything leaves. Decides nothing about what is sent.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.exported import Happening
from engine.store import leases
from engine.store.bulk import decoded
from engine.store.database import reading, writing
from engine.store.desk import audited
from engine.store.leases import Owner
from engine.store.tables import breakers, outbox

QUEUED, FAILED, SENDING, SENT = "queued", "failed", "sending", "sent"
EXCLUDED, SUPPRESSED, UNCERTAIN, DEAD = "excluded", "suppressed", "uncertain", "dead"
STATES = (QUEUED, FAILED, SENDING, SENT, EXCLUDED, SUPPRESSED, UNCERTAIN, DEAD)
OPEN = (QUEUED, FAILED, SENDING)
_KEPT_BACK = (EXCLUDED, SUPPRESSED)
_A_NUMBER = re.compile(r"[0-9]{1,18}")
_SILENT = timedelta(minutes=10)  # a claim of another host that is older is nobody's any more
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Entry(NamedTuple):
    """An item to be queued, or kept back with the reason."""

    export: str
    key: str
    activity_id: int
    contact_id: int | None
    message: str
    happening: Happening
    state: str
    reason: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """An item that is this process's to send; `payload` is kept from a try of which nobody knows how it ended."""

    id: int
    fence: int
    key: str
    activity_id: int
    message: str
    happening: Happening
    attempts: int
    queued_at: datetime
    delivery_id: int | None
    media: str | None
    payload: bytes | None
    after_newer: bool  # one that was queued later has been sent by now

    @property
    def name(self) -> tuple[str, int]:
        return f"outbox {self.id}", self.fence


def queue(connection: Connection, dealer_id: int, delivery_id: int | None, entries: Sequence[Entry], now: str) -> None:
    """Add items in the caller's transaction. A key that is there already stays as it is, unless it was kept back
    and would go out now."""
    if entries:
        rows = [_row(connection, dealer_id, delivery_id, entry, now) for entry in entries]
        connection.execute(_queueing(connection.dialect.name), rows)


def _row(connection: Connection, dealer_id: int, delivery_id: int | None, entry: Entry, now: str) -> dict[str, Any]:
    values = entry._asdict()
    happening = values.pop("happening")
    return {
        **values,
        "happening": happening.kind,
        "snapshot": storable(connection, dict(happening.changes)),
        "dealer_id": dealer_id,
        "delivery_id": delivery_id,
        **dict.fromkeys(("queued_at", "updated_at", "next_at"), now),
        **dict.fromkeys(("attempts", "fence"), 0),
    }


@cache
def _queueing(dialect: str) -> Any:
    made = _INSERTS[dialect](outbox)
    news = ("state", "reason", "rule", "happening", "snapshot", "queued_at", "updated_at", "next_at", "delivery_id")
    return made.on_conflict_do_update(
        index_elements=["export", "key"],
        set_={name: made.excluded[name] for name in news},
        where=and_(or_(*(outbox.c.state == state for state in _KEPT_BACK)), made.excluded.state == QUEUED),
    )


# --- sending --------------------------------------------------------------------------------


def waiting(engine: Engine, now: str, exports: Iterable[str] | None = None) -> list[str]:
    """The exports of which something is to be sent now, or is on its way."""
    due = or_(outbox.c.state == SENDING, and_(outbox.c.state.in_((QUEUED, FAILED)), outbox.c.next_at <= now))
    statement = select(outbox.c.export).where(outbox.c.state.in_(OPEN), due).distinct().order_by(outbox.c.export)
    if exports is not None:
        statement = statement.where(outbox.c.export.in_(list(exports)))
    with reading(engine) as connection:
        return list(connection.execute(statement).scalars())


def taken(connection: Connection, export: str, now: str, owner: Owner, by_contact: bool) -> Claimed | None:
    """Claim the next item in the caller's transaction: the oldest for which no older one still waits.

    What is about one activity goes out in order, and with `by_contact` what goes to one person. The claim is
    the caller's to give up (`give_back`) where nothing comes of the transaction.
    """
    older = outbox.alias("older")
    same = older.c.activity_id == outbox.c.activity_id
    if by_contact:
        same = or_(same, older.c.contact_id == outbox.c.contact_id)
    waits = exists().where(older.c.export == outbox.c.export, older.c.id < outbox.c.id, older.c.state.in_(OPEN), same)
    statement = (
        select(outbox)
        .where(outbox.c.export == export, outbox.c.state.in_((QUEUED, FAILED)), outbox.c.state.in_(OPEN))
        .where(outbox.c.next_at <= now, ~waits)
        .order_by(outbox.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    claimed = _claimed(connection, row)
    owner.held.add(claimed.name)  # before the commit: who reads that row must find it here
    values = {"host": owner.host, "pid": owner.pid, "process_started": owner.started, "fence": claimed.fence}
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row.id)
        .values(state=SENDING, claimed_at=now, updated_at=now, reason=None, rule=None, **values)
    )
    return claimed


def _claimed(connection: Connection, row: Row[Any]) -> Claimed:
    newer = outbox.alias("newer")
    later = exists().where(
        newer.c.export == row.export,
        newer.c.activity_id == row.activity_id,
        newer.c.message == row.message,
        newer.c.id > row.id,
        newer.c.state == SENT,
    )
    is_again = row.state == QUEUED and row.payload is not None
    return Claimed(
        row.id,
        row.fence + 1,
        row.key,
        row.activity_id,
        row.message,
        Happening(row.happening, decoded(row.snapshot)),
        row.attempts,
        datetime.fromisoformat(row.queued_at),
        row.delivery_id,
        row.media if is_again else None,
        bytes(row.payload) if is_again else None,
        bool(connection.execute(select(later)).scalar_one()),
    )


def put_off(engine: Engine, export: str, now: str, until: str, reason: str) -> int:
    """Let what would be sent now wait until then; how many items that are."""
    due = (outbox.c.export == export, outbox.c.state.in_((QUEUED, FAILED)), outbox.c.next_at <= now)
    with writing(engine) as connection:
        values = {"next_at": until, "updated_at": now, "reason": reason}
        return connection.execute(update(outbox).where(*due).values(values)).rowcount


def keep(connection: Connection, claimed: Claimed, media: str, payload: bytes, destination: str) -> None:
    """What is about to leave, in the transaction of the claim."""
    values = {"media": media, "payload": payload, "destination": destination}
    connection.execute(update(outbox).where(outbox.c.id == claimed.id).values(values))


def settle(connection: Connection, claimed: Claimed, now: str, state: str, **columns: Any) -> bool:
    """Note what became of a claimed item; False where somebody else has claimed it since."""
    mine = and_(outbox.c.id == claimed.id, outbox.c.fence == claimed.fence, outbox.c.state.in_((SENDING, UNCERTAIN)))
    done = connection.execute(update(outbox).where(mine).values(state=state, updated_at=now, **columns))
    return bool(done.rowcount == 1)


def settled(engine: Engine, owner: Owner, claimed: Claimed, now: str, state: str, **columns: Any) -> bool:
    """The same in a transaction of its own; the claim is given up after it."""
    with writing(engine) as connection:
        done = settle(connection, claimed, now, state, **columns)
    give_back(owner, claimed)
    return done


def give_back(owner: Owner, claimed: Claimed) -> None:
    owner.held.discard(claimed.name)


def recover(
    engine: Engine,
    owner: Owner,
    export: str,
    now: str,
    is_safe: bool,
    started: Callable[[int], str | None] = leases.process_started,
) -> int:
    """What a dead process had claimed: sent again where that is safe, else nobody knows; how many there were."""
    with reading(engine) as connection:
        on_way = select(outbox).where(outbox.c.export == export, outbox.c.state == SENDING)
        rows = [row for row in connection.execute(on_way) if not _is_alive(row, owner, now, started)]
    if not rows:
        return 0
    unknown = (
        "whoever sent it died before the answer came: look on the other side whether it is there; "
        "`feeds exports retry` sends it again"
    )
    values = {"state": QUEUED, "next_at": now} if is_safe else {"state": UNCERTAIN, "reason": unknown}
    with writing(engine) as connection:
        for row in rows:
            same = (outbox.c.id == row.id, outbox.c.fence == row.fence, outbox.c.state == SENDING)
            connection.execute(update(outbox).where(*same).values(updated_at=now, **values))
    return len(rows)


def _is_alive(row: Row[Any], owner: Owner, now: str, started: Callable[[int], str | None]) -> bool:
    if row.host != owner.host:
        return datetime.fromisoformat(now) - datetime.fromisoformat(row.claimed_at) < _SILENT
    if (row.pid, row.process_started) == (owner.pid, owner.started):
        return (f"outbox {row.id}", row.fence) in owner.held
    return bool(started(row.pid) == row.process_started)


def receipted(
    connection: Connection,
    export: str,
    receipt: str | None,
    number: str | None,
    status: str,
    final: Sequence[str],
    now: str,
) -> bool:
    """Note in the caller's transaction what the other side told of an item, which it calls `receipt`; False where
    nothing that was sent is called that, and nothing with that `number` of ours has left without an answer.

    A word of `final` stays, whatever comes after it.
    """
    called = and_(outbox.c.receipt_id == (receipt or ""), outbox.c.state == SENT)  # never `IS NULL`
    left = and_(outbox.c.state.in_((UNCERTAIN, DEAD, QUEUED)), outbox.c.payload.is_not(None))
    unknown = and_(outbox.c.id == _number(number), outbox.c.receipt_id.is_(None), left)
    where = (outbox.c.export == export, or_(called, unknown))
    row = connection.execute(select(outbox).where(*where).with_for_update()).first()
    if row is None:
        return False
    values: dict[str, Any] = {} if row.receipt_status in final else {"receipt_status": status}
    if row.state != SENT:
        values |= {"state": SENT, "receipt_id": receipt, "sent_at": row.claimed_at, "reason": None, "rule": None}
    if values:
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(updated_at=now, **values))
    return True


def _number(text: str | None) -> int:
    """What a request gives as a number of ours; 0, which none has, for anything else."""
    return int(text) if text is not None and _A_NUMBER.fullmatch(text) else 0


# --- people ---------------------------------------------------------------------------------


def again(engine: Engine, number: int, now: str, actor: str) -> str | None:
    """Let an item be sent again that rests; why that cannot be, None where it can. Its destination rests no longer."""
    with writing(engine) as connection:
        refused = _again(connection, number, now)
        if refused is None:
            audited(connection, now, actor, "exports.retry", str(number), {})
        return refused


def _again(connection: Connection, number: int, now: str) -> str | None:
    row = connection.execute(select(outbox).where(outbox.c.id == number).with_for_update()).one_or_none()
    if row is None:
        return f"there is no item {number}"
    if row.state in (SENT, SENDING):
        return f"item {number} " + ("has been sent" if row.state == SENT else "is on its way")
    fresh = {} if row.state == UNCERTAIN else {"payload": None, "media": None}
    values = {"state": QUEUED, "attempts": 0, "next_at": now, "updated_at": now, "reason": None, "rule": None}
    connection.execute(update(outbox).where(outbox.c.id == number).values(**values, **fresh))
    connection.execute(delete(breakers).where(breakers.c.login == breaker(row.destination)))
    return None


def breaker(destination: str | None) -> str:
    """What the rest of a destination goes by, beside those of refused logins."""
    return f"out {destination}"


def found(
    engine: Engine,
    export: str | None = None,
    states: Sequence[str] = (),
    number: int | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Items as they are, newest first, with what was sent."""
    statement = select(outbox).order_by(outbox.c.id.desc())
    for column, value in ((outbox.c.export, export), (outbox.c.id, number)):
        if value is not None:
            statement = statement.where(column == value)
    if states:
        statement = statement.where(outbox.c.state.in_(states))
    with reading(engine) as connection:
        for row in connection.execute(statement if limit is None else statement.limit(limit)):
            yield {**row._mapping, "snapshot": decoded(row.snapshot)}


def counts(engine: Engine) -> dict[str, dict[str, int]]:
    """{export: {state: items}}."""
    made: dict[str, dict[str, int]] = {}
    grouped = select(outbox.c.export, outbox.c.state, func.count()).group_by(outbox.c.export, outbox.c.state)
    with reading(engine) as connection:
        for export, state, count in connection.execute(grouped):
            made.setdefault(export, {})[state] = int(count)
    return made


def storable(connection: Connection, value: Any) -> Any:
    """A JSON column takes text on SQLite and a value on PostgreSQL."""
    return orjson.dumps(value).decode() if connection.dialect.name == "sqlite" else value


def forget(engine: Engine, before: str) -> None:
    """Do away with what was sent, and with items that were kept back, before that time; keys of what was sent stay."""
    old = outbox.c.updated_at < before
    gone = {"payload": None, "receipt": None}
    with writing(engine) as connection:
        connection.execute(delete(outbox).where(outbox.c.state.in_(_KEPT_BACK), old))
        sent = update(outbox).where(outbox.c.state == SENT, outbox.c.payload.is_not(None), old)
        connection.execute(sent.values(**gone, snapshot=storable(connection, {})))
