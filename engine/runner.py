"""The one data path: the only place that knows the order of steps, from due feed to deleted remote file."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine import report as reporting
from engine.connection import connected
from engine.errors import DecodeError, DeliveryRefused, FeedError, LeaseHeld
from engine.importing import Import, NotMine
from engine.intake import files as intake
from engine.intake import planned
from engine.intake.files import Pickup
from engine.intake.names import escaped, unescaped
from engine.intake.planned import Plan
from engine.intake.waiting import pattern
from engine.language import durations, fingerprint
from engine.model import DeliveryReport, Feed, FeedReport, Issue, RunReport
from engine.store import definitions, effects, journal, leases
from engine.store.journal import DONE, NOT_MINE, REFUSED, SEALED, STORED, TAKING, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.trials import tried
from engine.world import World, stamp
from transports.base import Files, LoginRefused, RemoteFile, TransportError, Unreachable

_RAW_KEPT = timedelta(days=90)  # text of quarantined rows, after they were dealt with
_HELD = timedelta(days=30)  # an activity that waits longer for another is a person's affair


def run_feeds(
    feeds: Sequence[Feed],
    world: World,
    everyone: Sequence[Feed] = (),
    dry_run: bool = False,
    plan: Plan | None = None,
) -> RunReport:
    """Run feeds one after the other and keep the report; one feed's fault never stops the next.

    `everyone` are all feeds of the project: those that share files with a feed have a say in
    when a file is removed. With a `plan` of the one feed, exactly its files, if all is as it was.
    """
    started = world.clock.now()
    run = None if dry_run else world.journal.begin_run(stamp(started))
    report = RunReport(run, started)
    for feed in feeds:
        try:
            report.feeds.append(run_feed(feed, world, run, _sharers(feed, everyone), dry_run, plan))
        except Exception as error:  # noqa: BLE001  (a fault of ours in one feed must not stop the others)
            report.feeds.append(_broken(feed, error, world))
    if run is not None:
        issues = [issue for one in report.feeds for issue in one.issues]
        outcome, told = reporting.outcome(report), reporting.plain(report)
        world.journal.finish_run(run, stamp(world.clock.now()), outcome, told, issues)
        _sweep(world)
    return report


def run_feed(
    feed: Feed,
    world: World,
    run: int | None = None,
    sharers: Sequence[Feed] = (),
    dry_run: bool = False,
    plan: Plan | None = None,
) -> FeedReport:
    """Import every waiting delivery of one feed, oldest first.

    A delivery is stored whole or not at all, and its remote file is removed only after that is
    durable. Running again after a crash at any point changes nothing that was stored and
    repeats only what was not.
    """
    report = FeedReport(feed.id)
    began = world.clock.monotonic()
    try:
        registered = world.journal.register(feed)
        if _is_paused(feed, registered, world, report):
            return finished(report, 0.0)
        with leased(feed, world) as lease:
            if not dry_run:
                definitions.keep(world.engine, registered.id, feed.written, feed.mapping_hash, stamp(world.clock.now()))
            fenced = replace(world, journal=world.journal.under(lease))
            visit = _Visit(feed, registered, fenced, lease, run, report, sharers, dry_run, plan)
            with connected(feed, _telling(world, report)) as far:
                visit.deliveries(far)
            _warn_of_held(registered, world, report)
    except LeaseHeld as error:
        end(report, "locked", Issue("feed.locked", str(error), "info"))
    except (Unreachable, LoginRefused) as error:
        report.unreachable = True
        end(report, "failed", Issue(code_of(error), str(error), "error"))
    except (FeedError, TransportError) as error:
        end(report, "failed", Issue(code_of(error), str(error), "error"))
    finished(report, world.clock.monotonic() - began)
    counts = {name: count for name, count in journal.counted(report.tally).items() if count}
    world.note("feed.finished", {"run": run, "feed": feed.id, "outcome": report.outcome, **counts})
    return report


def _broken(feed: Feed, error: Exception, world: World) -> FeedReport:
    """A feed that ran into a fault of the engine: where, for whoever mends it; never the values."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames[-6:]))
    world.note("feed.broken", {"level": "error", "feed": feed.id, "error": type(error).__name__, "where": where})
    report = FeedReport(feed.id)
    text = f"a fault of the engine ({type(error).__name__} at {where}); nothing of this step was kept, please report it"
    end(report, "failed", Issue("engine.fault", text, "error"))
    return finished(report, 0.0)


@dataclass(slots=True)
class _Visit:
    """One run at one feed's far side."""

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
                self._imported(pickup, entry)
            files = pickup.ordered(self._settled(pickup), str(self.feed.transport.get("order", "name")))
            if self.plan is not None:
                self._carry_out(self.plan, pickup, files)
                return
            for file in files:
                leases.renew(self.world.engine, self.lease)
                taken = pickup.take(file)
                if taken is not None:
                    self._imported(pickup, taken)
        finally:
            self.report.issues += pickup.issues

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
            taken = pickup.take(still[file.name])
            if taken is None or not file.is_of(taken):
                issue = planned.other_content(file.name)
                if taken is not None:
                    pickup.give_back(taken, VANISHED, issue.code, issue.message)
                self._refused([issue])
                return
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
            _judged_by(self.feed),
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
        again = self.world.journal.refused_before(self.registered.id, entry.sha256 or "", _judged_by(self.feed))
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
            number = self.world.journal.register(feed).id
            if not any(e.feed_id == number and intake.is_terminal(e) and e.state != VANISHED for e in same):
                return False
        return any(e.state in (STORED, DONE) for e in same)


# --- around a run -----------------------------------------------------------------------------


def _judged_by(feed: Feed) -> str:
    """All in the definition that may refuse a file or leave it to another feed: once it changes, that is over."""
    limits = [feed.transport.get(name) for name in ("ours", "maxBytes")]
    return fingerprint.digest(feed.mapping_hash, feed.guards, limits)


def _is_paused(feed: Feed, registered: Registered, world: World, report: FeedReport) -> bool:
    """The definition's `enabled: false` always wins; else an operator's pause, while it lasts."""
    if not feed.enabled:
        reason = f": {feed.reason}" if feed.reason else ""
        end(report, "paused", Issue("feed.disabled", f"disabled in its definition{reason}", "info"))
        return True
    until = registered.paused_until
    if registered.paused is not None and (until is None or until > stamp(world.clock.now())):
        text = f"paused by an operator: {registered.paused}" + (f" (until {until})" if until else "")
        end(report, "paused", Issue("feed.paused", text, "info"))
        return True
    return False


def _telling(world: World, report: FeedReport) -> World:
    """The world, where what a listing has to leave out is told in the report and not in the log alone."""

    def note(event: str, details: Mapping[str, object]) -> None:
        world.note(event, details)
        if event == "name.unsafe":
            text = f"left alone: {details.get('name')} is no file name that is safe to use; ask the sender for another"
            issue = Issue(event, text, "warning")
            report.issues += [issue] if issue not in report.issues else []

    return replace(world, note=note)


@contextmanager
def leased(feed: Feed, world: World) -> Iterator[Lease]:
    """The right to run this feed, for the length of the block. Raises LeaseHeld."""
    lease = leases.take(world.engine, _lease_name(feed), world.owner)
    try:
        yield lease
    finally:
        leases.release(world.engine, lease)


def _lease_name(feed: Feed) -> str:
    """One lease per feed; feeds that share their files have one together."""
    return f"shared {_place(feed)}" if feed.transport.get("shared") else feed.id


def _place(feed: Feed) -> str:
    """Where a feed's files lie, from its definition alone; feeds of one place have the same text."""
    names = ("type", "host", "port", "username", "directory")
    return " ".join(str(feed.transport.get(name, "")) for name in names)


def _sharers(feed: Feed, everyone: Sequence[Feed]) -> tuple[Feed, ...]:
    """The enabled feeds that read the same files as this one, itself among them."""
    if not feed.transport.get("shared"):
        return ()
    place = _place(feed)
    others = (one for one in everyone if one.enabled and one.transport.get("shared") and _place(one) == place)
    return tuple({one.id: one for one in (feed, *others)}.values())


def _warn_of_held(registered: Registered, world: World, report: FeedReport) -> None:
    count = world.journal.held_too_long(registered.id, stamp(world.clock.now() - _HELD))
    if count:
        where = "see `feeds activities search --state held`"
        text = f"{count} activities have waited for another for more than {_HELD.days} days: {where}"
        report.issues.append(Issue("activity.heldLong", text, "warning"))


def _sweep(world: World) -> None:
    """Forget sealed copies whose deliveries have rested for as long as we keep them."""
    before = stamp(world.clock.now() - timedelta(days=world.keep_days))
    for digest in world.journal.archived(before):
        world.archive.forget(digest)
    world.archive.sweep_aside()
    world.journal.forget_raw(stamp(world.clock.now() - _RAW_KEPT))


def finished(report: FeedReport, seconds: float) -> FeedReport:
    """The report with its outcome, once nothing more is added."""
    report.seconds = seconds
    report.outcome = report.outcome if report.outcome != "ok" else _outcome(report)
    report.issues = [replace(issue, feed=report.feed) for issue in report.issues]
    return report


def end(report: FeedReport, outcome: str, issue: Issue) -> None:
    """Note why a run came to nothing, or stopped."""
    report.outcome = outcome
    report.issues.append(issue)


def _outcome(report: FeedReport) -> str:
    """In plain words, the worst first."""
    tally = report.tally
    states = [delivery.state for delivery in report.deliveries]
    if REFUSED in states:
        return "refused"
    if tally.quarantined or any(issue.severity == "error" for issue in report.issues):
        return "partial"
    return "ok" if tally.read else "empty"


def code_of(error: Exception) -> str:
    """The stable code of an error that has none of its own: "transport.loginRefused"."""
    own = getattr(error, "code", None)
    if own:
        return str(own)
    name = type(error).__name__
    room = "transport" if isinstance(error, TransportError) else "engine"
    return f"{room}.{name[0].lower()}{name[1:]}"
