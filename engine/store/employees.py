"""The employees of a dealer, as senders tell of them: stored a batch at a time, and read.

An employee has no history and no clash: what was said last counts, also within one delivery.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, select

from engine.model import MappedRecord
from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.database import reading
from engine.store.entries import INSERTED, UNCHANGED, UPDATED
from engine.store.origin import Origin
from engine.store.tables import dealers, employees

_BY_KEY = Wanted(
    "w.value, e.id, e.state, e.fields, e.version, COALESCE(d.parent_id, e.delivery_id)",
    "employees e",
    "e.dealer_id = ? AND e.namespace = ? AND e.key = w.value",
    "LEFT JOIN deliveries d ON d.id = e.delivery_id",
)


@dataclass(slots=True, eq=False)
class _Employee:
    id: int | None
    key: str
    state: str | None
    fields: dict[str, Any]
    version: str | None
    root: int  # the delivery that told of it last
    line: int = 0
    is_changed: bool = False


class Employees:
    """The employees of one dealer during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin) -> None:
        self._bulk = bulk
        self._origin = origin

    def settle(self, records: Sequence[MappedRecord], lines: Sequence[int]) -> dict[int, int]:
        """{place: what it came to} of the records that tell of one. A record that lapsed makes nobody up."""
        told = [(place, one) for place, record in enumerate(records) if (one := record.employee) is not None]
        known = self._known({one.keys[0] for _, one in told})
        grades: dict[int, int] = {}
        for place, one in told:
            record, key = records[place], one.keys[0]
            if key in known:
                grades[place] = UPDATED if self._takes_up(known[key], record, lines[place]) else UNCHANGED
            elif not record.lapsed:
                fields = {name: value for name, value in one.fields.items() if value is not None}
                known[key] = _Employee(None, key, one.state, fields, record.version, self._origin.root, lines[place])
                grades[place] = INSERTED
        self._write(known.values())
        return grades

    def _known(self, keys: set[str]) -> dict[str, _Employee]:
        wanted, origin = sorted(keys), self._origin
        rows = self._bulk.found(_BY_KEY, wanted, origin.dealer_id, origin.namespace) if wanted else []
        return {key: _Employee(number, key, state, decoded(said), *more) for key, number, state, said, *more in rows}

    def _takes_up(self, known: _Employee, record: MappedRecord, line: int) -> bool:
        """Lay the record over what is known: an absent field stays, a blank one is cleared. False: nothing is new."""
        one = record.employee
        assert one is not None  # noqa: S101  (only such come here)
        if record.version is not None and known.version is not None:
            is_older = record.version < known.version
        else:
            is_older = self._origin.root < known.root  # a replay of what is behind us
        if is_older:
            return False
        fields = {name: value for name, value in {**known.fields, **one.fields}.items() if value is not None}
        state = one.state if one.state is not None else known.state
        if (fields, state) == (known.fields, known.state):
            return False
        known.fields, known.state, known.line, known.is_changed = fields, state, line, True
        known.version = record.version if record.version is not None else known.version
        return True

    def _write(self, some: Any) -> None:
        origin = self._origin
        fresh = [one for one in some if one.id is None]
        changed = [one for one in some if one.id is not None and one.is_changed]
        place = {"dealer_id": Same(origin.dealer_id), "namespace": Same(origin.namespace)}
        if fresh:
            self._bulk.insert(
                "employees", {**place, "key": [one.key for one in fresh], **self._columns(fresh)}, len(fresh)
            )
        self._bulk.update("employees", {"id": [one.id for one in changed], **self._columns(changed)}, len(changed))

    def _columns(self, some: Sequence[_Employee]) -> dict[str, Any]:
        return {
            "state": [one.state for one in some],
            "fields": [orjson.dumps(one.fields).decode() for one in some],
            "version": [one.version for one in some],
            "feed_id": Same(self._origin.feed_id),
            "delivery_id": Same(self._origin.delivery_id),
            "line": [one.line for one in some],
            "updated_at": Same(self._origin.now),
        }


def employees_found(
    engine: Engine, dealer: str | None = None, role: str | None = None, state: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """Who is known, by dealer and key."""
    statement = (
        select(employees, dealers.c.name.label("dealer"))
        .join(dealers, dealers.c.id == employees.c.dealer_id)
        .order_by(dealers.c.name, employees.c.namespace, employees.c.key)
    )
    if dealer is not None:
        statement = statement.where(dealers.c.name == dealer)
    if state is not None:
        statement = statement.where(employees.c.state == state)
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    for row in rows:
        fields = dict(decoded(row.fields))
        roles = fields.pop("roles", [])
        if role is None or role in roles:
            yield {
                **{"dealer": row.dealer, "system": row.namespace, "key": row.key, "state": row.state, "roles": roles},
                **{"fields": fields, "updated": row.updated_at},
            }
