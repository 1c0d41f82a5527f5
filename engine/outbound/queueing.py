"""What became of activities in a transaction becomes items of the outbox, in that same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from engine.exported import Brought, Happening, Subject
from engine.model import Export
from engine.outbound.seen import stamp
from engine.outbound.select import QUEUED, chosen
from engine.store import outbox
from engine.store.bulk import bulk_of
from engine.store.database import Connection
from engine.store.happenings import Happenings
from engine.store.outbox import Entry
from engine.store.subjects import subjects

_STRETCH = 1_000  # activities that are looked at together


def watched(exports: Sequence[Export]) -> frozenset[str]:
    """The types of activities of which something may go out."""
    return frozenset(name for export in exports for name in export.watched)


def queue(
    connection: Connection,
    exports: Sequence[Export],
    happenings: Happenings,
    origin: tuple[int, int],
    now: datetime,
    brought: Mapping[str, Brought],
) -> None:
    """Items for everything that happened; `origin` are the numbers of the dealer and the delivery.

    Set-based: a part of a delivery costs a few statements for a thousand activities, and nothing where none is
    of a type that an export watches.
    """
    found = happenings.all()
    bulk = bulk_of(connection)
    left = iter(found)
    while ids := list(islice(left, _STRETCH)):
        known = {each.id: each for each in subjects(bulk, ids)}
        entries = [
            entry
            for number in ids
            if number in known
            for export in exports
            if (entry := entered(export, known[number], found[number], now, brought)) is not None
        ]
        outbox.queue(connection, *origin, entries, stamp(now))


def entered(
    export: Export, subject: Subject, happening: Happening, now: datetime, brought: Mapping[str, Brought]
) -> Entry | None:
    """An item, or None where nothing of the export names what happened."""
    choice = chosen(export, subject, happening, now, brought)
    if choice is None:
        return None
    held = choice.held
    return Entry(
        export.id,
        choice.key,
        subject.id,
        subject.contact_id,
        choice.case.name,
        happening,
        QUEUED if held is None else held.state,
        None if held is None else held.reason,
        None if held is None else held.rule,
    )
