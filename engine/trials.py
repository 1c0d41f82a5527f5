"""A run that keeps nothing: what would come in, found out by doing it and undoing it.

Nothing is claimed, kept or removed on the far side; the transaction of each delivery is rolled
back, and what stood in the ledger and the archive for its sake goes again.
"""

from dataclasses import replace

from engine.errors import DecodeError, DeliveryRefused
from engine.importing import DryRun, Import
from engine.intake.files import Pickup
from engine.intake.names import escaped
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store.journal import REFUSED, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.world import World
from transports.base import RemoteFile


def tried(feed: Feed, registered: Registered, world: World, lease: Lease, pickup: Pickup, report: FeedReport) -> None:
    """Report what a run would do with each file that waits, settled or not."""
    for file in pickup.ordered(pickup.candidates(), str(feed.transport.get("order", "name"))):
        if (too_large := pickup.manner.too_large(file)) is not None:
            report.issues.append(Issue("file.tooLarge", too_large, "error", delivery=escaped(file.name)))
            continue
        entry = _noted(registered, world, pickup, file)
        try:
            _try(feed, registered, world, lease, pickup, file, entry, report)
        finally:
            world.archive.drop_part(entry.id)
            world.journal.drop(entry.id)


def _noted(registered: Registered, world: World, pickup: Pickup, file: RemoteFile) -> Entry:
    return world.journal.open(
        pickup.now,
        feed_id=registered.id,
        kind="trial",
        source=pickup.far.source,
        name=escaped(file.name),
        size=file.size,
        modified=file.modified,
        state=VANISHED,
        run_date=pickup.today,
        run_now=pickup.now,
    )


def _try(
    feed: Feed,
    registered: Registered,
    world: World,
    lease: Lease,
    pickup: Pickup,
    file: RemoteFile,
    entry: Entry,
    report: FeedReport,
) -> None:
    part = world.archive.part(entry.id)
    with world.archive.usable():
        fetched = pickup.far.fetch(file, part)
    is_kept = world.archive.holds(fetched.sha256)  # by a delivery that is real
    if not is_kept:
        world.archive.seal(part, fetched.sha256)
    one = DeliveryReport(entry.name, "trial", fetched.sha256, fetched.size)
    report.deliveries.append(one)
    sealed = replace(entry, sha256=fetched.sha256)
    work = Import(feed, registered, sealed, entry.id, world, lease, dry_run=True)
    try:
        work.run()
    except DryRun:
        one.tally = work.tally
    except (DecodeError, DeliveryRefused) as error:
        one.state = REFUSED
        report.issues.append(Issue(error.code, str(error), "error", delivery=entry.name))
    finally:
        if not is_kept:
            world.archive.forget(fetched.sha256)
    report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]
