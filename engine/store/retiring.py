"""The end of a feed in the store: what is its own, counted, and removed where that is asked for.

What another feed has a part in is never its own: an activity that it wrote as well, a contact or a vehicle that
it named. Of what was removed the ledger keeps name, hash and counts of each delivery. Knows no file and no request.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, text, update
from sqlalchemy.engine import Row

from engine.store import leases
from engine.store.database import lock_dealer, reading, writing
from engine.store.desk import DeskError, audited
from engine.store.journal import OPEN, VANISHED
from engine.store.leases import Lease
from engine.store.tables import feeds

_BUSY = ", ".join(f"'{state}'" for state in OPEN)
BEGUN, DONE = "begun", "done"  # of a purge
CHUNK = 1_000  # rows of one transaction: others who write wait no longer than for a small file

# Whoever was purged owns nothing any more; all others do.
_OTHERS = "f.id <> :feed AND f.purge IS NULL"
_ACTIVITY = f"""
    (a.feed_id = :feed OR a.also_feed_id = :feed OR EXISTS (
        SELECT 1 FROM deliveries d WHERE d.id = a.created_in AND d.feed_id = :feed))
    AND NOT EXISTS (
        SELECT 1 FROM feeds f WHERE {_OTHERS} AND f.id IN (a.feed_id, a.also_feed_id))
    AND NOT EXISTS (
        SELECT 1 FROM deliveries d JOIN feeds f ON f.id = d.feed_id
        WHERE d.id IN (a.created_in, a.delivery_id) AND {_OTHERS})
    AND NOT EXISTS (
        SELECT 1 FROM activity_changes c JOIN deliveries d ON d.id = c.delivery_id JOIN feeds f ON f.id = d.feed_id
        WHERE c.activity_id = a.id AND {_OTHERS})"""
# `{marks}` are the places that the fields of a row come from, as the database at hand takes JSON apart.
_SOURCED = """
    EXISTS (SELECT 1 FROM {marks} JOIN deliveries d ON d.id = {delivery})
    AND NOT EXISTS (
        SELECT 1 FROM {marks} JOIN deliveries d ON d.id = {delivery} JOIN feeds f ON f.id = d.feed_id WHERE {others})
    AND NOT EXISTS (SELECT 1 FROM activities a WHERE a.{reference} = t.id AND NOT ({activity}))"""
_CONTACT = f"""{_SOURCED}
    AND t.id NOT IN (SELECT merged_into FROM contacts WHERE merged_into IS NOT NULL)
    AND NOT EXISTS (
        SELECT 1 FROM contact_keys k JOIN feeds f ON f.namespace = k.namespace AND f.dealer_id = k.dealer_id
        WHERE k.contact_id = t.id AND k.kind = 'external' AND f.namespace <> :namespace AND {_OTHERS})"""
_JSON = {
    "sqlite": {"marks": "json_each(t.provenance) AS m", "delivery": "json_extract(m.value, '$[0]')"},
    "postgresql": {"marks": "jsonb_each(t.provenance) AS m", "delivery": "CAST(m.value->>0 AS bigint)"},
}


@dataclass(frozen=True, slots=True)
class Retiring:
    """A feed on its way out. `keeps_people`: another feed may know contacts without leaving a trace of it."""

    id: int
    name: str
    dealer_id: int
    namespace: str
    keeps_people: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        return {"feed": self.id, "dealer": self.dealer_id, "namespace": self.namespace}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows that are looked for by id, a stretch at a time, and what goes before each of them."""

    name: str
    table: str
    condition: Callable[[str], str]  # by dialect; of the row `t`, or `a` of activities
    before: tuple[str, ...] = ()  # statements over `:ids`
    of_people: bool = False


def _sourced(template: str, reference: str) -> Callable[[str], str]:
    def condition(dialect: str) -> str:
        filled = template.format(**_JSON[dialect], others=_OTHERS, reference=reference, activity=_ACTIVITY)
        return f"t.dealer_id = :dealer AND {filled}"

    return condition


# In this order: a contact goes once the activities that refer to it have gone.
_KINDS = (
    _Kind(
        "activities",
        "activities a",
        lambda _: f"a.dealer_id = :dealer AND {_ACTIVITY}",
        (
            "DELETE FROM activity_changes WHERE activity_id IN :ids",
            # What was sent stays known, so that it is never sent twice; what was in it does not.
            "DELETE FROM outbox WHERE activity_id IN :ids AND state IN ('queued', 'failed')",
            "UPDATE outbox SET payload = NULL, snapshot = '{}', receipt = NULL WHERE activity_id IN :ids",
            "DELETE FROM replies WHERE activity_id IN :ids",
        ),
    ),
    _Kind(
        "contacts",
        "contacts t",
        _sourced(_CONTACT, "contact_id"),
        (
            "DELETE FROM contact_keys WHERE contact_id IN :ids",
            "DELETE FROM reviews WHERE contact_id IN :ids OR candidate_id IN :ids",
        ),
        of_people=True,
    ),
    _Kind(
        "vehicles",
        "vehicles t",
        _sourced(_SOURCED, "vehicle_id"),
        ("DELETE FROM vehicle_keys WHERE dealer_id = :dealer AND vehicle_id IN :ids",),
        of_people=True,
    ),
    # Nobody says who else has told of a person at work: as long as another feed may have, all stay.
    _Kind(
        "employees",
        "employees t",
        lambda _: (
            f"""t.dealer_id = :dealer AND t.namespace = :namespace
            AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = t.delivery_id AND d.feed_id = :feed) AND NOT EXISTS (
                SELECT 1 FROM feeds f WHERE f.dealer_id = :dealer AND f.namespace = :namespace AND {_OTHERS})"""
        ),
    ),
    _Kind("quarantined", "quarantine t", lambda _: "t.feed_id = :feed"),
    _Kind("issues", "issues t", lambda _: "t.feed_id = :feed"),
)
_MEMORY = (  # what it remembers between runs
    "DELETE FROM cursors WHERE feed_id = :feed",
    "DELETE FROM sightings WHERE feed_id = :feed",
    "DELETE FROM last_definitions WHERE feed_id = :feed",
    "DELETE FROM slots WHERE feed = :name",
    "DELETE FROM last_runs WHERE feed_id = :feed",
)
_SHARED = f"""
    SELECT count(*) FROM activities a WHERE a.dealer_id = :dealer AND NOT ({_ACTIVITY})
    AND (a.feed_id = :feed OR a.also_feed_id = :feed OR EXISTS (
        SELECT 1 FROM deliveries d WHERE d.id = a.created_in AND d.feed_id = :feed))"""
_COPIES = f"""
    SELECT DISTINCT d.sha256 FROM deliveries d WHERE d.feed_id = :feed AND d.sha256 > :after AND NOT EXISTS (
        SELECT 1 FROM deliveries o JOIN feeds f ON f.id = o.feed_id WHERE o.sha256 = d.sha256 AND {_OTHERS})
    ORDER BY d.sha256 LIMIT :most"""


def state(engine: Engine, feed: str) -> Row[Any] | None:
    """The feed's row: whether it was retired, by whom, and how far its purge is."""
    with reading(engine) as connection:
        return connection.execute(select(feeds).where(feeds.c.name == feed)).one_or_none()


def retired(engine: Engine) -> frozenset[str]:
    """The names of all feeds that were retired."""
    with reading(engine) as connection:
        return frozenset(connection.execute(select(feeds.c.name).where(feeds.c.retired_at.is_not(None))).scalars())


def counts(engine: Engine, me: Retiring) -> dict[str, int]:
    """What a purge would remove, by kind; and what stays for other feeds wrote it as well (`shared`)."""
    with reading(engine) as connection:
        dialect = connection.dialect.name

        def count(statement: str) -> int:
            return int(connection.execute(text(statement), me.parameters | {"name": me.name}).scalar_one())

        found = {
            kind.name: 0 if kind.of_people and me.keeps_people else count(_counting(kind, dialect)) for kind in _KINDS
        }
        mine = "SELECT count(*) FROM deliveries WHERE feed_id = :feed"
        return found | {
            "shared": count(_SHARED),
            "cursors": count("SELECT count(*) FROM cursors WHERE feed_id = :feed"),
            "deliveries": count(mine),
            "unfinished": count(f"{mine} AND state IN ({_BUSY})"),
        }


def _counting(kind: _Kind, dialect: str) -> str:
    return f"SELECT count(*) FROM {kind.table} WHERE {kind.condition(dialect)}"


def begin(engine: Engine, lease: Lease, me: Retiring, purge: bool, by: str, now: str) -> None:
    """Let the feed never run again, until it is resumed; from now on it owns nothing where it is to be purged."""
    with writing(engine) as connection:
        leases.check(connection, lease)
        values: dict[str, Any] = {"retired_at": now, "retired_by": by}
        connection.execute(update(feeds).where(feeds.c.id == me.id, feeds.c.retired_at.is_(None)).values(values))
        if purge:
            connection.execute(update(feeds).where(feeds.c.id == me.id).values(purge=BEGUN))
        audited(connection, now, by, "feed.retire", me.name, {"purge": purge})


def purge(engine: Engine, lease: Lease, me: Retiring) -> Iterator[tuple[str, int]]:
    """Remove what is the feed's own, a stretch at a time: (kind, how many) after each transaction.

    Whatever was cut short is found again by the same questions: called once more, it goes on.
    """
    for kind in _KINDS:
        if kind.of_people and me.keeps_people:
            continue
        yield from _all(engine, lease, kind, me)
    with writing(engine) as connection:
        _held(connection, lease, me)
        for statement in _MEMORY:
            connection.execute(text(statement), {"feed": me.id, "name": me.name})
        _forget_texts(connection, me)
    yield "memory", 1


def _all(engine: Engine, lease: Lease, kind: _Kind, me: Retiring) -> Iterator[tuple[str, int]]:
    """Look through the rows until a whole look finds none: one may have to wait for another to go first."""
    found, after = 0, 0
    while (ids := _next(engine, kind, me, after)) or found:
        if not ids:
            found, after = 0, 0
            continue
        leases.renew(engine, lease)
        removed = _removed(engine, lease, kind, me, ids)
        found, after = found + removed, ids[-1]
        yield kind.name, removed


def _next(engine: Engine, kind: _Kind, me: Retiring, after: int) -> list[int]:
    with reading(engine) as connection:
        row = kind.table.split()[-1]
        statement = (
            f"SELECT {row}.id FROM {kind.table} WHERE {row}.id > :after AND {kind.condition(connection.dialect.name)}"
        )
        found = connection.execute(
            text(f"{statement} ORDER BY {row}.id LIMIT :most"), me.parameters | {"after": after, "most": CHUNK}
        )
        return list(found.scalars())


def _removed(engine: Engine, lease: Lease, kind: _Kind, me: Retiring, ids: Sequence[int]) -> int:
    """Remove those of them that are still the feed's own: asked again, now that nobody else writes."""
    table, row = kind.table.split()
    with writing(engine) as connection:
        _held(connection, lease, me)
        mine = f"SELECT {row}.id FROM {kind.table} WHERE {row}.id IN :ids AND {kind.condition(connection.dialect.name)}"
        still = list(connection.execute(_over(mine), me.parameters | {"ids": ids}).scalars())
        if still:
            for statement in (*kind.before, f"DELETE FROM {table} WHERE id IN :ids"):
                connection.execute(_over(statement), me.parameters | {"ids": still})
        return len(still)


def _over(statement: str) -> Any:
    return text(statement).bindparams(bindparam("ids", expanding=True))


def _held(connection: Connection, lease: Lease, me: Retiring) -> None:
    """Nobody of the dealer writes beside us, and nobody has taken the feed over."""
    lock_dealer(connection, me.dealer_id)
    leases.check(connection, lease)


def _forget_texts(connection: Connection, me: Retiring) -> None:
    """Of its deliveries stay names, hashes and counts; what was on its way is not waited for."""
    for values, condition in (
        ("error = NULL, progress = NULL", "(error IS NOT NULL OR progress IS NOT NULL)"),
        (f"state = '{VANISHED}'", f"state IN ({_BUSY})"),
    ):
        connection.execute(text(f"UPDATE deliveries SET {values} WHERE feed_id = :feed AND {condition}"), me.parameters)


def copies(engine: Engine, me: Retiring) -> Iterator[str]:
    """The hashes of the sealed copies that no other feed has brought as well."""
    after = ""
    while True:
        with reading(engine) as connection:
            found = connection.execute(text(_COPIES), {"feed": me.id, "after": after, "most": CHUNK}).scalars().all()
        yield from found
        if len(found) < CHUNK:
            return
        after = found[-1]


def finish(engine: Engine, lease: Lease, me: Retiring, removed: Mapping[str, int], by: str, now: str) -> None:
    """The last word: nothing of the feed is left but its deliveries' names, hashes and counts."""
    with writing(engine) as connection:
        leases.check(connection, lease)
        connection.execute(update(feeds).where(feeds.c.id == me.id).values(purge=DONE))
        audited(connection, now, by, "feed.purged", me.name, removed)


def resume(engine: Engine, feed: str, by: str, now: str) -> bool:
    """Let a retired feed run again; False where it was not. Raises DeskError in the middle of its purge."""
    with writing(engine) as connection:
        row = connection.execute(select(feeds.c.retired_at, feeds.c.purge).where(feeds.c.name == feed)).one_or_none()
        if row is None or row.retired_at is None:
            return False
        if row.purge == BEGUN:
            raise DeskError(f"the purge of {feed} was cut short: `feeds retire {feed} --purge` ends it first")
        none = {"retired_at": None, "retired_by": None, "purge": None}
        connection.execute(update(feeds).where(feeds.c.name == feed).values(none))
        audited(connection, now, by, "feed.resume", feed, {"wasRetired": True})
        return True
