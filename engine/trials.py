"""A run that keeps nothing: what would come in, found out by doing it and undoing it.

Nothing is claimed, kept or removed on the far side. Files and pages are fetched into a folder that goes
again, then imported by the one data path in a transaction that is rolled back: each sees what
those before it would have stored.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from engine.effect import Effect
from engine.errors import DecodeError, DeliveryRefused
from engine.importing import Import, NotMine
from engine.intake.files import Manner, Pickup
from engine.intake.names import escaped
from engine.mapping import Kept
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store import effects, journal, leases, positions
from engine.store.database import Connection, undone
from engine.store.journal import NOT_MINE, REFUSED, SEALED, TAKING, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.world import World, stamp
from transports.base import FileChanged, FileVanished, Pages, Refused, RemoteFile, TransferCut

# Seconds of one transaction, in whole deliveries: others who write wait for it, and give up after a minute.
_TOGETHER = 30.0
_MOST_CHANGES = 20  # of one delivery that are listed; all are counted
_MOST_PAGES = 20  # of an API: a page may cost it a request for each record, and it counts them


def tried(feed: Feed, registered: Registered, world: World, lease: Lease, pickup: Pickup, report: FeedReport) -> None:
    """Report what a run would do with each file that waits, settled or not."""
    _tell_unfinished(registered, world, report)
    with world.archive.aside() as archive:
        trial = _Trial(feed, registered, replace(world, archive=archive), lease, pickup, report)
        files = pickup.ordered(pickup.candidates(), str(feed.transport.get("order", "name")))
        # All of them before the first transaction: while one is open, nothing is asked of the network.
        fetched = [found for number, file in enumerate(files) if (found := trial.fetched(number, file)) is not None]
        trial.in_turn(fetched)


@dataclass(frozen=True, slots=True)
class _Fetched:
    file: RemoteFile
    size: int
    sha256: str


@dataclass(slots=True)
class _Trial:
    """The waiting files of one feed. `world.archive` is a folder of their own."""

    feed: Feed
    registered: Registered
    world: World
    lease: Lease
    pickup: Pickup
    report: FeedReport

    def fetched(self, number: int, file: RemoteFile) -> _Fetched | None:
        """Our passing copy of a file; None, with the reason in the report, where there is nothing to try."""
        name = escaped(file.name)
        if (too_large := self.pickup.manner.too_large(file)) is not None:
            one = DeliveryReport(name, REFUSED, "", file.size or 0, effect=Effect(file.size, file.modified))
            self.report.deliveries.append(one)
            self.report.issues.append(Issue("file.tooLarge", too_large, "error", delivery=name))
            return None
        part = self.world.archive.part(number)
        try:
            with self.world.archive.usable():
                found = self.pickup.far.fetch(file, part)
        except FileVanished:
            return None
        except (FileChanged, TransferCut, Refused) as error:
            code = {FileChanged: "file.changed", TransferCut: "transfer.cut"}.get(type(error), "file.unreadable")
            self.report.issues.append(Issue(code, f"it could not be read now: {error}", "error", delivery=name))
            return None
        self.world.archive.seal(part, found.sha256)
        return _Fetched(file, found.size, found.sha256)

    def in_turn(self, files: list[_Fetched]) -> None:
        steps = [_Step(escaped(file.file.name), partial(self._try, file)) for file in files]
        _in_turn(steps, self.world, self.lease, self.report)

    def _try(self, found: _Fetched, connection: Connection) -> None:
        entry = self._noted(connection, found)
        manner = self.pickup.manner
        seen = Effect(found.file.size, found.file.modified, _action(manner), manner.move_to)
        again = self.world.journal.refused_before(self.registered.id, found.sha256, self.pickup.judged_by)
        work = Import(self.feed, self.registered, entry, entry.id, self.world, self.lease, within=connection)
        _attempted(connection, work, self.report, seen, again)

    def _noted(self, connection: Connection, found: _Fetched) -> Entry:
        return journal.noted(
            connection,
            self.pickup.now,
            feed_id=self.registered.id,
            kind="trial",
            source=self.pickup.far.source,
            name=escaped(found.file.name),
            size=found.file.size,
            modified=found.file.modified,
            sha256=found.sha256,
            state=VANISHED,
            run_date=self.pickup.today,
            run_now=self.pickup.now,
        )


def _action(manner: Manner) -> str:
    """What becomes of the remote file once its rows are stored."""
    if manner.move_to is not None:
        return "move"
    if not manner.delete:
        return "leave"
    return "removeWhenAllHaveIt" if manner.shared else "remove"


# --- an API ---------------------------------------------------------------------------------


def tried_pages(feed: Feed, registered: Registered, world: World, lease: Lease, far: Pages, report: FeedReport) -> None:
    """Report what a run would do with the first pages that it would read; no position moves."""
    _tell_unfinished(registered, world, report)
    with world.archive.aside() as archive:
        trial = _PageTrial(feed, registered, replace(world, archive=archive), lease, far, report)
        # All of them before the first transaction, as with files.
        pages = list(trial.fetched())
        steps = [_Step(page.name, partial(trial.attempt, page)) for page in pages]
        _in_turn(steps, trial.world, lease, report)
    if len(pages) == _MOST_PAGES:
        text = f"only the first {_MOST_PAGES} pages were tried; a run reads on where there are more"
        report.issues.append(Issue("trial.firstPage", text, "info"))


@dataclass(frozen=True, slots=True)
class _Page:
    name: str
    sha256: str
    size: int


@dataclass(slots=True)
class _PageTrial:
    """The pages of one feed. `world.archive` is a folder of their own."""

    feed: Feed
    registered: Registered
    world: World
    lease: Lease
    far: Pages
    report: FeedReport
    kept: Kept = field(default_factory=Kept)

    def fetched(self) -> Iterator[_Page]:
        """Our passing copies; a reply that is no page ends them."""
        pages = self.far.pages(positions.load(self.world.engine, self.registered.id))
        try:
            for number, page in enumerate(islice(pages, _MOST_PAGES)):
                yield _Page(page.name, *self.world.archive.keep(number, page.envelope))
                leases.renew(self.world.engine, self.lease)
        except (DecodeError, DeliveryRefused) as error:
            self.report.outcome = "refused"
            self.report.issues.append(Issue(error.code, str(error), "error"))

    def attempt(self, page: _Page, connection: Connection) -> None:
        now = self.world.clock.now()
        entry = journal.noted(
            connection,
            stamp(now),
            feed_id=self.registered.id,
            kind="trial",
            source=self.far.source,
            name=page.name,
            size=page.size,
            sha256=page.sha256,
            state=VANISHED,
            run_date=now.astimezone(self.feed.dealer.timezone).date().isoformat(),
            run_now=stamp(now),
        )
        work = Import(
            self.feed, self.registered, entry, entry.id, self.world, self.lease, within=connection, kept=self.kept
        )
        _attempted(connection, work, self.report, Effect(action=""))


# --- one after the other --------------------------------------------------------------------


def _tell_unfinished(registered: Registered, world: World, report: FeedReport) -> None:
    waiting = [e for e in world.journal.unfinished(registered.id) if e.state in (SEALED, TAKING)]
    if waiting:
        text = f"a run finishes these first: {', '.join(e.name for e in waiting)}; what they bring is not foreseen here"
        report.issues.append(Issue("delivery.unfinished", text))


@dataclass(frozen=True, slots=True)
class _Step:
    """One delivery to be tried."""

    name: str
    attempt: Callable[[Connection], None]


def _in_turn(steps: Sequence[_Step], world: World, lease: Lease, report: FeedReport) -> None:
    """Try them in one transaction, or in several where it would last too long for others who write."""
    left = deque(steps)
    while left:
        leases.renew(world.engine, lease)
        began = world.clock.monotonic()
        with undone(world.engine) as connection:
            left.popleft().attempt(connection)
            while left and world.clock.monotonic() - began < _TOGETHER:
                left.popleft().attempt(connection)
        if left:
            text = f"from {left[0].name} on, deliveries were tried without what those before them bring"
            report.issues.append(Issue("trial.apart", text, "info"))


def _attempted(
    connection: Connection, work: Import, report: FeedReport, seen: Effect, again: Entry | None = None
) -> None:
    """Import a delivery and report what came of it; `again` is one of the same bytes that was refused before."""
    before, entry = effects.mark(connection), work.entry
    one = DeliveryReport(entry.name, "trial", entry.sha256 or "", entry.size or 0)
    one.effect = replace(seen, action=seen.action and "leave", folder=None)
    report.deliveries.append(one)
    try:
        if again is not None:
            text = "these very bytes were refused before and the definition has not changed since"
            raise DeliveryRefused(again.error_code or "file.refused", text)
        work.run()
    except NotMine as error:
        one.state = NOT_MINE
        work.issues.append(Issue(error.code, str(error), "warning"))
    except (DecodeError, DeliveryRefused) as error:
        one.state = REFUSED
        work.issues.append(Issue(error.code, str(error), "error"))
    else:
        changed, unchanged = effects.activities_changed(connection, entry.id, work.memory)
        one.tally = work.tally
        one.effect = replace(
            seen,
            vehicles_created=effects.vehicles_created(connection, work.registered.dealer_id, before),
            activities_changed=changed,
            activities_unchanged=unchanged,
            codes=dict(sorted(work.codes.items())),
            changes=effects.changes(connection, entry.id, before, _MOST_CHANGES),
        )
    report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]
