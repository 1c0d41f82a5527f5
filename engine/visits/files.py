"""A run at a place with files: each is taken, sealed, imported, and only then removed.

Knows the order of these steps; how each is done is known by intake and by importing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import DecodeError, DeliveryRefused
from engine.importing import Import, NotMine
from engine.intake import files as intake
from engine.intake import planned
from engine.intake.files import Pickup
from engine.intake.names import escaped, unescaped
from engine.intake.planned import Plan
from engine.intake.waiting import pattern
from engine.language import durations, fingerprint
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store import effects, leases
from engine.store.journal import DONE, NOT_MINE, REFUSED, SEALED, STORED, TAKING, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.trials import tried
from engine.visits.ending import end
from engine.world import World, stamp
from transports.base import Files, RemoteFile


@dataclass(slots=True)
class FileVisit:
    """One run at one feed's place."""

    feed: Feed
    registered: Registered
    world: World
    lease: Lease
    run: int | None
    report: FeedReport
    sharers: Sequence[Feed]
    dry_run: bool
    plan: Plan | None

    def deliveries(self, far: Files) -> None:
        """Finish what an earlier run left, then take what waits, in order."""
        pickup = self._pickup(far)
        pickup.look()
        try:
            if self.dry_run:
                tried(self.feed, self.registered, self.world, self.lease, pickup, self.report)
                return
            if self.plan is not None and self._refused(self._outdated(self.plan, pickup)):
                return
            for entry in pickup.resume():
                with self.world.step("delivery", delivery=entry.name):
                    self._imported(pickup, entry)
            files = pickup.ordered(self._settled(pickup), str(self.feed.transport.get("order", "name")))
            if self.plan is not None:
                self._carry_out(self.plan, pickup, files)
                return
            for file in files:
                leases.renew(self.world.engine, self.lease)
                with self.world.step("delivery", delivery=escaped(file.name)):
                    taken = self._taken(pickup, file)
                    if taken is not None:
                        self._imported(pickup, taken)
        finally:
            self.report.issues += pickup.issues

    def _taken(self, pickup: Pickup, file: RemoteFile) -> Entry | None:
        with self.world.step("fetch"):
            return pickup.take(file)

    def _outdated(self, plan: Plan, pickup: Pickup) -> list[Issue]:
        """All that is no longer as the plan has it."""
        return [
            *planned.redefined(plan, self.feed),
            *planned.left_over(self.world.journal.unfinished(self.registered.id), (TAKING, SEALED)),
            *planned.moved_on(plan, effects.position(self.world.engine, self.registered.dealer_id)),
            *planned.replaced(plan, pickup.listing, pickup.candidates()),
        ]

    def _carry_out(self, plan: Plan, pickup: Pickup, settled: Sequence[RemoteFile]) -> None:
        """Take exactly the files of the plan; the first that is not what was planned ends the run."""
        still = {escaped(file.name): file for file in settled}
        outdated = [*planned.replaced(plan, pickup.listing, pickup.candidates()), *planned.unsettled(plan, still)]
        if self._refused(outdated):
            return
        for file in plan.files:
            leases.renew(self.world.engine, self.lease)
            taken = self._taken(pickup, still[file.name])
            if taken is None or not file.is_of(taken):
                issue = planned.other_content(file.name)
                if taken is not None:
                    pickup.give_back(taken, VANISHED, issue.code, issue.message)
                self._refused([issue])
                return
            with self.world.step("delivery", delivery=file.name):
                self._imported(pickup, taken)
        self.report.issues += planned.differing(plan, self.report.deliveries)

    def _refused(self, found: Sequence[Issue]) -> bool:
        for issue in found:
            end(self.report, "refused", issue)
        return bool(found)

    def _pickup(self, far: Files) -> Pickup:
        now = self.world.clock.now()
        return Pickup(
            far,
            self.world.journal,
            self.world.archive,
            self.registered.id,
            judged_by(self.feed),
            intake.manner(self.feed.transport),
            pattern(self.feed.transport),
            self.world.journal.tag(self.world.fresh_tag),
            stamp(now),
            now.astimezone(self.feed.dealer.timezone).date().isoformat(),
            self.run,
            self._others_done,
        )

    def _settled(self, pickup: Pickup) -> Sequence[Any]:
        """The files to take, once they have stood still; this run waits for those that have not."""
        settle = durations.seconds(str(self.feed.transport.get("settle", "30s")))
        files = pickup.candidates()
        still, wait = pickup.settled(files, settle, self.world.clock.now())
        while len(still) < len(files):
            # A second later than it takes, for clocks that tick in whole seconds.
            self.world.clock.sleep(min(wait, settle) + 0.01)
            leases.renew(self.world.engine, self.lease)
            pickup.look()
            pickup.now = stamp(self.world.clock.now())
            before, files = len(files), pickup.candidates()
            still, wait = pickup.settled(files, settle, self.world.clock.now())
            if len(still) < len(files) and len(files) >= before:
                still_growing = ", ".join(escaped(f.name) for f in files if f not in still)
                pickup.issues.append(Issue("file.unsettled", f"still being written: {still_growing}", "info"))
                break
        return still

    def _imported(self, pickup: Pickup, entry: Entry) -> None:
        """Store one sealed delivery, then dispose of its file; or give it back with the reason."""
        report = DeliveryReport(entry.name, entry.state, entry.sha256 or "", entry.size or 0, number=entry.id)
        self.report.deliveries.append(report)
        if entry.state == REFUSED:  # for its size, before it was fetched
            return
        again = self.world.journal.refused_before(self.registered.id, entry.sha256 or "", judged_by(self.feed))
        if again is not None and again.id != entry.id:
            text = "these very bytes were refused before and the definition has not changed since"
            pickup.give_back(entry, REFUSED, again.error_code or "file.refused", text)
            report.state = REFUSED
            return
        self._warn_of_repeats(entry)
        work = Import(self.feed, self.registered, entry, entry.id, self.world, self.lease)
        try:
            work.run()
        except NotMine as error:
            pickup.give_back(entry, NOT_MINE, error.code, str(error), "warning")
            report.state = NOT_MINE
        except (DecodeError, DeliveryRefused) as error:
            pickup.give_back(entry, REFUSED, error.code, str(error))
            report.state = REFUSED
        else:
            report.tally = work.tally
            with self.world.step("dispose"):
                pickup.dispose(self._current(entry))
            report.state = self._current(entry).state
        self.report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]
        details = {"run": self.run, "feed": self.feed.id, "dealer": self.feed.dealer.name, "delivery": entry.name}
        self.world.note(f"delivery.{report.state}", details | {"read": report.tally.read})

    def _warn_of_repeats(self, entry: Entry) -> None:
        """The same bytes under another name or time may be a mistake of the sender; they do no harm."""
        same = self.world.journal.same_content(self.registered.id, entry.sha256 or "", entry.id)
        if same is not None:
            text = f"the same content as {same.name}, delivery {same.id}"
            self.report.issues.append(Issue("file.sameContent", text, "info", delivery=entry.name))

    def _current(self, entry: Entry) -> Entry:
        current = self.world.journal.delivery(entry.id)
        assert current is not None  # noqa: S101  (deliveries are never removed while their feed is leased)
        return current

    def _others_done(self, entry: Entry) -> bool:
        """Whether every feed that shares this file needs it no longer, and at least one has stored it."""
        entries = self.world.journal.sharing(entry.source, entry.name)
        same = [e for e in entries if e.is_same_file(entry.name, entry.size, entry.modified)]
        for feed in self.sharers:
            if pattern(feed.transport).matches(unescaped(entry.name)) is None:
                continue
            registered = self.world.journal.register(feed)
            if registered.retired is not None:
                continue  # it takes nothing any more, and must not hold the file
            if not any(e.feed_id == registered.id and intake.is_terminal(e) and e.state != VANISHED for e in same):
                return False
        return any(e.state in (STORED, DONE) for e in same)


def judged_by(feed: Feed) -> str:
    """All in the definition that may refuse a file or leave it to another feed: once it changes, that is over."""
    limits = [feed.transport.get(name) for name in ("ours", "maxBytes")]
    return fingerprint.digest(feed.mapping_hash, feed.guards, limits)
