"""Items for activities whose day has come: found again and again, queued once. Sends nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engine.exported import Brought, Happening, Occasion
from engine.model import Export
from engine.outbound.queueing import entered
from engine.outbound.select import DUE
from engine.store import outbox
from engine.store.bulk import bulk_of
from engine.store.database import writing
from engine.store.subjects import come_due, subjects
from engine.world import World, stamp

_LATEST = timedelta(days=30)  # what was due before nobody wants to hear of: an export that is new begins with its day


def note_due(exports: Sequence[Export], world: World, brought: Mapping[str, Brought]) -> int:
    """Queue what is due of these exports now; how many items there are more."""
    return sum(
        _noted(export, occasion, world, brought)
        for export in exports
        if export.enabled
        for occasion in dict.fromkeys(case.occasion for case in export.cases if case.occasion.happening == DUE)
    )


def _noted(export: Export, occasion: Occasion, world: World, brought: Mapping[str, Brought]) -> int:
    now = world.clock.now()
    names = occasion.activities or tuple(export.activity_types)
    count = 0
    with writing(world.engine) as connection:
        for kind in (export.activity_types[name] for name in names if name in export.activity_types):
            found = come_due(connection, export.id, export.dealer.name, kind, occasion.state, _times(export, now))
            for number, dealer in found:
                (subject,) = subjects(bulk_of(connection), [number])
                entry = entered(export, subject, Happening(DUE), now, brought)
                if entry is not None:
                    outbox.queue(connection, dealer, None, [entry], stamp(now))
                    count += 1
    return count


def _times(export: Export, now: datetime) -> tuple[str, str, str, str]:
    """The dealer's day and the moment; the same before which it is too late."""
    today = now.astimezone(export.dealer.timezone).date()
    return today.isoformat(), stamp(now), (today - _LATEST).isoformat(), stamp(now - _LATEST)
