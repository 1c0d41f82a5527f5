"""Finding and writing the vehicles of a dealer, a batch at a time; never guesses one without a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.model import MappedVehicle, VehicleSpec
from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.origin import Origin
from engine.store.seen import Seen

_COLUMNS = "w.value, v.id, v.key, v.fields, v.provenance"
_BY_KEY = Wanted(_COLUMNS, "vehicles v", "v.dealer_id = ? AND v.key = w.value")
_BY_WEAKER_KEY = Wanted(
    _COLUMNS,
    "vehicle_keys k",
    "k.dealer_id = ? AND k.value = w.value",
    "JOIN vehicles v ON v.id = k.vehicle_id",
)


@dataclass(slots=True, eq=False)
class Vehicle:
    id: int | None
    key: str
    fields: dict[str, Any]
    provenance: dict[str, list[int]]
    is_changed: bool = False


class Vehicles:
    """The vehicles of one dealer during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin) -> None:
        self._bulk = bulk
        self._origin = origin
        self._seen = Seen(not bulk.rows("SELECT 1 FROM vehicles WHERE dealer_id = ? LIMIT 1", origin.dealer_id))

    def settle(
        self, spec: VehicleSpec, wanted: Sequence[MappedVehicle | None], lines: Sequence[int]
    ) -> tuple[list[Vehicle | None], list[bool]]:
        """The vehicle of each record, made where it is new, and whether the record changed it."""
        known = self._known({key for one in wanted if one is not None for key in one.keys}, len(spec.match) > 1)
        fresh: list[Vehicle] = []
        weaker: list[tuple[str, Vehicle]] = []
        results: list[Vehicle | None] = []
        touched: list[bool] = []
        for one, line in zip(wanted, lines, strict=True):
            vehicle = None if one is None else next((known[key] for key in one.keys if key in known), None)
            changed = False
            if one is not None and vehicle is None and one.keys and spec.on_none == "create":
                mark = [self._origin.root, line]
                vehicle = Vehicle(None, one.keys[0], dict(one.fields), dict.fromkeys(one.fields, mark))
                fresh.append(vehicle)
                changed = True
            elif one is not None and vehicle is not None:
                changed = self._absorbed(vehicle, one, line)
            if one is not None and vehicle is not None:
                for key in one.keys:
                    if key not in known:
                        known[key] = vehicle
                        if key != vehicle.key:
                            weaker.append((key, vehicle))
            results.append(vehicle)
            touched.append(changed)
        self._write(fresh, [v for v in dict.fromkeys(known.values()) if v.is_changed and v.id is not None], weaker)
        return results, touched

    def _known(self, keys: set[str], several: bool) -> dict[str, Vehicle]:
        wanted = self._seen.possible(keys)
        if not wanted:
            return {}
        rows = self._bulk.found(_BY_KEY, wanted, self._origin.dealer_id)
        if several:
            rows += self._bulk.found(_BY_WEAKER_KEY, wanted, self._origin.dealer_id)
        vehicles: dict[int, Vehicle] = {}
        return {
            value: vehicles.setdefault(number, Vehicle(number, key, decoded(fields), decoded(provenance)))
            for value, number, key, fields, provenance in rows
        }

    def _absorbed(self, vehicle: Vehicle, one: MappedVehicle, line: int) -> bool:
        changed = False
        mark = [self._origin.root, line]
        for name, value in one.fields.items():
            old = vehicle.provenance.get(name)
            if vehicle.fields.get(name) != value and (old is None or mark >= old):
                vehicle.fields[name] = value
                vehicle.provenance[name] = mark
                changed = True
        vehicle.is_changed = vehicle.is_changed or changed
        return changed

    def _write(
        self, fresh: Sequence[Vehicle], changed: Sequence[Vehicle], weaker: Sequence[tuple[str, Vehicle]]
    ) -> None:
        origin = self._origin
        for vehicle, number in zip(fresh, self._bulk.reserve("vehicles", len(fresh)) if fresh else (), strict=True):
            vehicle.id = number
        self._seen.add(vehicle.key for vehicle in fresh)
        self._seen.add(key for key, _ in weaker)
        self._bulk.insert(
            "vehicles",
            {
                "id": [v.id for v in fresh],
                "dealer_id": Same(origin.dealer_id),
                "key": [v.key for v in fresh],
                **_columns(fresh),
                "updated_at": Same(origin.now),
            },
            len(fresh),
        )
        self._bulk.update(
            "vehicles",
            {"id": [v.id for v in changed], **_columns(changed), "updated_at": Same(origin.now)},
            len(changed),
        )
        self._bulk.insert(
            "vehicle_keys",
            {
                "dealer_id": Same(origin.dealer_id),
                "value": [key for key, _ in weaker],
                "vehicle_id": [vehicle.id for _, vehicle in weaker],
            },
            len(weaker),
        )


def _columns(vehicles: Sequence[Vehicle]) -> dict[str, list[str]]:
    return {
        "fields": [orjson.dumps(v.fields).decode() for v in vehicles],
        "provenance": [orjson.dumps(v.provenance).decode() for v in vehicles],
    }
