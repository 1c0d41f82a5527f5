"""Rows that could not be used: kept exactly, with the reason, until a person has dealt with them.

Never decides that a row is bad; it only keeps, recognises and repairs.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Engine, select

from engine.model import Value
from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.database import reading
from engine.store.origin import Origin
from engine.store.tables import quarantine as table

_ON = "q.digest = w.value AND q.feed_id = ?"
_FIXES = Wanted(
    "w.i, q.fix",
    "quarantine q",
    f"{_ON} AND q.fix IS NOT NULL AND q.state <> 'discarded'",
    "ORDER BY q.id",
    kind="digest",
)
_OPEN = Wanted("w.i, q.code", "quarantine q", f"{_ON} AND q.state = 'open'", kind="digest")
_WAITING = Wanted("q.id", "quarantine q", f"{_ON} AND q.state IN ('open', 'fixed')", kind="digest")


@dataclass(frozen=True, slots=True)
class Bad:
    """One row to keep: where it stood, why it failed, and its text as it was sent."""

    line: int
    code: str
    message: str
    raw: str
    field: str | None = None
    value: str | None = None


def raw_digest(raw: str) -> str:
    """What makes a raw row the same again, whatever the definition says by then."""
    return blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Quarantine:
    """What one feed has in quarantine, during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin) -> None:
        self._bulk = bulk
        self._origin = origin
        self._has_fixes = self._any("fix IS NOT NULL AND state <> 'discarded'")
        self._has_waiting = self._any("state IN ('open', 'fixed')")

    def _any(self, condition: str) -> bool:
        statement = f"SELECT 1 FROM quarantine WHERE feed_id = ? AND {condition} LIMIT 1"
        return bool(self._bulk.rows(statement, self._origin.feed_id))

    def fixes(self, raws: Sequence[str]) -> dict[int, Mapping[str, Value]]:
        """{place: corrected values} of the rows a person has repaired before."""
        if not self._has_fixes:
            return {}
        rows = self._bulk.found(_FIXES, [raw_digest(raw) for raw in raws], self._origin.feed_id)
        return {place: decoded(fix) for place, fix in rows}

    def keep(self, bad: Sequence[Bad]) -> None:
        """Store the rows that are not waiting already for the same reason."""
        if not bad:
            return
        digests = [raw_digest(one.raw) for one in bad]
        known = {(place, code) for place, code in self._bulk.found(_OPEN, digests, self._origin.feed_id)}
        fresh = {
            (digest, one.code, one.raw): (one, digest)
            for place, (one, digest) in enumerate(zip(bad, digests, strict=True))
            if (place, one.code) not in known
        }
        rows = list(fresh.values())
        origin = self._origin
        self._bulk.insert(
            "quarantine",
            {
                "id": self._bulk.reserve("quarantine", len(rows)) if rows else (),
                "feed_id": Same(origin.feed_id),
                "delivery_id": Same(origin.delivery_id),
                "line": [one.line for one, _ in rows],
                "code": [one.code for one, _ in rows],
                "field": [one.field for one, _ in rows],
                "value": [_storable(one.value) for one, _ in rows],
                "message": [one.message for one, _ in rows],
                "raw": [_storable(one.raw) for one, _ in rows],
                "digest": [digest for _, digest in rows],
                "state": Same("open"),
                "created_at": Same(origin.now),
            },
            len(rows),
        )

    def resolve(self, raws: Sequence[str]) -> None:
        """Close the rows of these raws that waited here: they have now been stored."""
        if not self._has_waiting or not raws:
            return
        found = self._bulk.found(_WAITING, [raw_digest(raw) for raw in raws], self._origin.feed_id)
        self._bulk.update(
            "quarantine",
            {"id": [n for (n,) in found], "state": Same("replayed"), "resolved_at": Same(self._origin.now)},
            len(found),
        )


def places(engine: Engine, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """(delivery, line) of quarantined rows: where each stands in the file it came in."""
    with reading(engine) as connection:
        statement = select(table.c.delivery_id, table.c.line).where(table.c.id.in_(list(numbers)))
        return [(row.delivery_id, row.line) for row in connection.execute(statement)]


def _storable(text: str | None) -> str | None:
    # PostgreSQL keeps no NUL and no lone surrogate; both databases get the same visible stand-in.
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def patched(header: Sequence[str] | None, row: Any, fix: Mapping[str, Value]) -> Any:
    """The row with a person's corrections laid over it: by column, or by dotted path in a record."""
    if header is not None:
        cells = list(row)
        for column, value in fix.items():
            if column in header:
                cells[list(header).index(column)] = "" if value is None else str(value)
        return cells
    record = deepcopy(row)
    for path, value in fix.items():
        *parents, last = path.split(".")
        at = record
        for name in parents:
            at = at.setdefault(name, {}) if isinstance(at, dict) else {}
        if isinstance(at, dict):
            at[last] = value
    return record
