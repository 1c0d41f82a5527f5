"""Sealed deliveries imported once more, whole or some of their rows; nothing is fetched or removed.

A replay keeps the version and the day of the original, so it never overwrites what came later,
and the counts of the original stay as they were.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from engine.errors import DecodeError, DeliveryRefused, FeedError, LeaseHeld
from engine.importing import Import
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store.journal import DONE, REFUSED, SEALED, Entry, Registered
from engine.store.leases import Lease
from engine.store.quarantine import places
from engine.visits.ending import code_of, end, finished
from engine.visits.leasing import leased
from engine.world import World, stamp


def replay_delivery(feed: Feed, delivery: int, world: World, run: int | None = None) -> FeedReport:
    """Import a sealed delivery again as it came, under the definition of today."""
    return _replayed(feed, {delivery: None}, world, run)


def replay_rows(feed: Feed, quarantined: Sequence[int], world: World, run: int | None = None) -> FeedReport:
    """Import these quarantined rows again, with what a person has corrected in them."""
    wanted: dict[int, Collection[int] | None] = {}
    for delivery, line in places(world.engine, quarantined):
        lines = wanted.setdefault(delivery, set())
        if isinstance(lines, set):
            lines.add(line)
    return _replayed(feed, wanted, world, run)


def _replayed(feed: Feed, wanted: dict[int, Collection[int] | None], world: World, run: int | None) -> FeedReport:
    report = FeedReport(feed.id)
    began = world.clock.monotonic()
    try:
        registered = world.journal.register(feed)
        with leased(feed, world) as lease:
            fenced = replace(world, journal=world.journal.under(lease))
            for delivery, lines in sorted(wanted.items()):
                original = _original(feed, registered, delivery, fenced)
                _replay(feed, registered, original, fenced, lease, lines, run, report)
    except LeaseHeld as error:
        end(report, "locked", Issue("feed.locked", str(error), "info"))
    except DeliveryRefused as error:
        end(report, "refused", Issue(error.code, str(error), "error"))
    except FeedError as error:
        end(report, "failed", Issue(code_of(error), str(error), "error"))
    return finished(report, world.clock.monotonic() - began)


def _original(feed: Feed, registered: Registered, delivery: int, world: World) -> Entry:
    original = world.journal.delivery(delivery)
    if original is None or original.feed_id != registered.id:
        raise DeliveryRefused("replay.unknown", f"{feed.id} has no delivery {delivery}; see `feeds runs show`")
    if not world.archive.holds(original.sha256):
        kept = f"deliveries are kept for {world.keep_days} days"
        raise DeliveryRefused("replay.gone", f"our copy of {original.name} is no longer there ({kept})")
    return original


def _replay(
    feed: Feed,
    registered: Registered,
    original: Entry,
    world: World,
    lease: Lease,
    lines: Collection[int] | None,
    run: int | None,
    report: FeedReport,
) -> None:
    now = stamp(world.clock.now())
    entry = world.journal.open(
        now,
        feed_id=registered.id,
        run_id=run,
        kind="replay",
        parent_id=original.parent_id or original.id,
        source=original.source,
        name=original.name,
        size=original.size,
        modified=original.modified,
        sha256=original.sha256,
        state=SEALED,
        run_date=original.run_date,
        run_now=original.run_now,
    )
    one = DeliveryReport(entry.name, REFUSED, entry.sha256 or "", entry.size or 0, number=entry.id)
    report.deliveries.append(one)
    work = Import(feed, registered, entry, original.parent_id or original.id, world, lease, lines, guarded=False)
    try:
        work.run()
    except (DecodeError, DeliveryRefused) as error:
        world.journal.mark(entry.id, now, state=REFUSED, error_code=error.code, error=str(error))
        report.issues.append(Issue(error.code, str(error), "error", delivery=entry.name))
    else:
        one.state, one.tally = DONE, work.tally
        world.journal.mark(entry.id, now, state=DONE)
    report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]
