"""A run at an API: each page is asked for, sealed, imported, and only then is the next one asked for.

Where the process dies: before a page is sealed it is asked for again, sealed it is imported without the network,
stored it is behind us, since its position was saved in the transaction that stored it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engine.errors import DecodeError, DeliveryRefused
from engine.importing import Import
from engine.mapping import Kept
from engine.model import Decoded, DeliveryReport, Feed, FeedReport, Issue
from engine.store import leases, positions
from engine.store.journal import DONE, PAGE, REFUSED, SEALED, TAKING, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.trials import tried_pages
from engine.visits.ending import end
from engine.world import World, stamp
from transports.base import Coverage, Page, Pages


@dataclass(slots=True)
class PageVisit:
    """One run at one feed's API."""

    feed: Feed
    registered: Registered
    world: World
    lease: Lease
    run: int | None
    report: FeedReport
    kept: Kept = field(default_factory=Kept)

    def deliveries(self, far: Pages) -> None:
        """Finish the page that a dead run left, then read on from the saved position; a refused page ends it."""
        for entry in self._left():
            if not self._imported(entry):
                return
        try:
            pages = far.pages(positions.load(self.world.engine, self.registered.id))
            while (page := self._fetched(pages)) is not None:
                leases.renew(self.world.engine, self.lease)
                if not self._imported(self.sealed(far.source, page), page.document):
                    return
        except (DecodeError, DeliveryRefused) as error:  # of a reply that is no page: nothing of it was sealed
            end(self.report, "refused", Issue(error.code, str(error), "error"))
            return
        self._report_coverage(far.coverage)
        for path in self.kept.never_filled:
            text = f"no record of any page had a value at {path}"
            self.report.issues.append(Issue("path.neverFilled", text))

    def _fetched(self, pages: Iterator[Page]) -> Page | None:
        with self.world.step("fetch"):
            return next(pages, None)

    def tried(self, far: Pages) -> None:
        """What the first pages would bring; nothing is kept and no position moves."""
        tried_pages(self.feed, self.registered, self.world, self.lease, far, self.report)

    def _left(self) -> Iterator[Entry]:
        """Pages that an earlier run had sealed; those it had not are asked for again, from the same position."""
        for entry in self.world.journal.unfinished(self.registered.id):
            if entry.kind != PAGE:
                continue
            if entry.state == SEALED and self.world.archive.holds(entry.sha256):
                yield entry
            else:
                self.world.archive.drop_part(entry.id)
                self.world.journal.mark(entry.id, self._now, state=VANISHED)

    def sealed(self, source: str, page: Page, kind: str = PAGE) -> Entry:
        """Our copy of a page, on disk before anything is made of it."""
        entry = self.world.journal.open(self._now, state=TAKING, **self._columns(source, page, kind))
        sha256, size = self.world.archive.keep(entry.id, page.envelope)
        self.world.journal.mark(entry.id, self._now, state=SEALED, sha256=sha256, size=size)
        return replace(entry, state=SEALED, sha256=sha256, size=size)

    def _columns(self, source: str, page: Page, kind: str) -> dict[str, object]:
        now = self.world.clock.now()
        today = now.astimezone(self.feed.dealer.timezone).date().isoformat()
        columns = {"feed_id": self.registered.id, "run_id": self.run, "kind": kind, "source": source}
        return {**columns, "name": page.name, "run_date": today, "run_now": stamp(now)}

    def _imported(self, entry: Entry, fresh: Decoded | None = None) -> bool:
        """Store one sealed page with its position; False where it is refused: what comes behind it must wait."""
        with self.world.step("delivery", delivery=entry.name):
            return self._stored(entry, fresh)

    def _stored(self, entry: Entry, fresh: Decoded | None) -> bool:
        one = DeliveryReport(entry.name, SEALED, entry.sha256 or "", entry.size or 0, number=entry.id)
        self.report.deliveries.append(one)
        work = Import(self.feed, self.registered, entry, entry.id, self.world, self.lease, kept=self.kept)
        work.fresh = fresh
        try:
            work.run()
        except (DecodeError, DeliveryRefused) as error:
            self.world.journal.mark(entry.id, self._now, state=REFUSED, error_code=error.code, error=str(error))
            work.issues.append(Issue(error.code, str(error), "error"))
            one.state = REFUSED
        else:
            one.state, one.tally = DONE, work.tally
        self.report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]
        details = {"run": self.run, "feed": self.feed.id, "dealer": self.feed.dealer.name, "delivery": entry.name}
        self.world.note(f"delivery.{one.state}", details | {"read": one.tally.read})
        return one.state == DONE

    def _report_coverage(self, coverage: Coverage) -> None:
        self.report.coverage = {"promised": coverage.promised, "seen": coverage.seen, "passes": coverage.passes}
        if coverage.promised is not None and coverage.promised != coverage.seen:
            passes = f"{coverage.passes} pass{'' if coverage.passes == 1 else 'es'}"
            text = f"the API promised {coverage.promised} records and {coverage.seen} were seen in {passes}"
            self.report.issues.append(Issue("coverage.differs", text))

    @property
    def _now(self) -> str:
        return stamp(self.world.clock.now())
