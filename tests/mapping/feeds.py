"""Definitions built by hand: mapping is tested against the model, without the language."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping import FeedMapping, compile_mapping
from engine.model import (
    ActivitySpec,
    Batch,
    Column,
    ContactSpec,
    Dealer,
    Decoded,
    Feed,
    Field,
    Guards,
    KeyParts,
    MappedBatch,
    Path,
    Records,
    Stream,
    Value,
    VehicleSpec,
)

DEALER = Dealer("acme-rv", "Acme RV", ZoneInfo("America/New_York"), features=frozenset({"crm"}))
CONTEXT: Mapping[str, Value] = {
    "file": {"name": "ACME_IDS_20220131_SL.csv", "groups": {"day": "20220131"}},
    "run": {"date": "2022-01-31", "now": "2022-01-31T14:00:00.000000Z"},
}


def column(name: str, *headers: str, **more: Any) -> Field:
    return Field(name, Column(headers or (name,)), **more)


def path(name: str, *expressions: str, **more: Any) -> Field:
    return Field(name, Path(expressions or (name,)), **more)


def activity(*key: Any, values: Iterable[str] = (), **more: Any) -> ActivitySpec:
    items = tuple(KeyParts((item,)) if isinstance(item, str) else item for item in key)
    more = {"occurred": None, "state": None, "type": "soldUnit", **more}
    return ActivitySpec(key=items, values=tuple((name, name) for name in values), **more)


def stream(
    *fields: Field,
    activities: Iterable[ActivitySpec] = (),
    contact: Iterable[tuple[str, str]] | ContactSpec | None = None,
    vehicle: Iterable[tuple[str, str]] | VehicleSpec | None = None,
    **more: Any,
) -> Stream:
    records = {name: more.pop(name) for name in list(more) if name in Records.__slots__}
    if contact is not None and not isinstance(contact, ContactSpec):
        contact = ContactSpec(tuple(contact))
    if vehicle is not None and not isinstance(vehicle, VehicleSpec):
        vehicle = VehicleSpec(tuple(vehicle))
    return Stream(
        name=more.pop("name", ""),
        records=Records(**records),
        fields={field.name: field for field in fields},
        contact=contact,
        vehicle=vehicle,
        activities=tuple(activities),
        **more,
    )


def feed(*streams: Stream, dealer: Dealer = DEALER, **decode: Value) -> Feed:
    return Feed(
        id="acme-rv/ids-sales",
        title="Sales",
        definition="ids/sales",
        namespace="ids",
        dealer=dealer,
        enabled=True,
        reason="",
        transport={},
        decode={"format": "csv", **decode},
        streams=streams,
        activity_types={},
        schedule={},
        guards=Guards(),
    )


def opened(feed: Feed, header: Iterable[str] | None = None, whole: bool = False) -> FeedMapping:
    return compile_mapping(feed, Decoded(None if header is None else tuple(header), iter(()), whole))


def batch(rows: list[Any]) -> Batch:
    lines = list(range(2, len(rows) + 2))
    return Batch(rows, lines, [",".join(map(str, row)) if isinstance(row, list) else repr(row) for row in rows], [])


def mapped(
    feed: Feed,
    rows: list[Any],
    header: Iterable[str] | None = None,
    whole: bool = False,
    context: Mapping[str, Value] = CONTEXT,
) -> list[MappedBatch]:
    """What each stream makes of the rows, portion by portion."""
    mapping = opened(feed, header, whole)
    results: list[MappedBatch] = []
    for portion in mapping.portions(batch(rows)):
        results += [made for _, made in mapping.map(portion, range(len(portion.rows)), context)]
    return results


def single(feed: Feed, row: Any, header: Iterable[str] | None = None, **more: Any) -> MappedBatch:
    """What the first stream makes of one row."""
    return mapped(feed, [row], header, **more)[0]
