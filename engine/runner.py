"""The one data path: the only place that knows the order of steps, from due feed to deleted remote file."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

from engine import report as reporting
from engine.connection import asked, connected
from engine.errors import FeedError, LeaseHeld
from engine.intake.inbox import KEEP_DAYS
from engine.intake.planned import Plan
from engine.log import situated
from engine.model import Feed, FeedReport, Issue, RunReport
from engine.sending.rounds import after_run
from engine.store import definitions, forgetting, journal, outbox
from engine.store.journal import Registered
from engine.store.leases import Lease
from engine.visits.ending import code_of, end, fault, finished
from engine.visits.files import FileVisit
from engine.visits.hooks import HookVisit
from engine.visits.leasing import leased, sharers_of
from engine.visits.pages import PageVisit
from engine.visits.telling import telling
from engine.world import World, stamp
from transports import FILES
from transports.base import LoginRefused, TransportError, Unreachable

_RAW_KEPT = timedelta(days=90)  # text of quarantined rows, after they were dealt with; what was sent
_HELD = timedelta(days=30)  # an activity that waits longer for another is a person's affair


def run_feeds(
    feeds: Sequence[Feed],
    world: World,
    everyone: Sequence[Feed] = (),
    dry_run: bool = False,
    plan: Plan | None = None,
    lease: Lease | None = None,
    is_woken: bool = False,
) -> RunReport:
    """Run feeds one after the other and keep the report; one feed's fault never stops the next.

    `everyone` are all feeds of the project: those that share files with a feed have a say in
    when a file is removed. With a `plan` of the one feed, exactly its files, if all is as it was.
    A run that `is_woken` by requests takes up what waits in the inbox, and no more than that asks for.
    Whoever holds the `lease` of the one feed already also sweeps, when there is time for it.
    """
    started = world.clock.now()
    run = None if dry_run else world.journal.begin_run(stamp(started))
    report = RunReport(run, started)
    with world.step("run", run=run):
        for feed in feeds:
            facts = {"feed": feed.id, "dealer": feed.dealer.name}
            with situated(**facts):
                try:
                    with world.step("feed", **facts):
                        sharers = sharers_of(feed, everyone)
                        one = run_feed(feed, world, run, sharers, dry_run, plan, lease, is_woken)
                except Exception as error:  # noqa: BLE001  (a fault of ours in one feed must not stop the others)
                    one = _broken(feed, error, world)
            report.feeds.append(one)
    if run is not None and lease is None:  # whoever runs feeds by their schedules sends beside them
        report.exports += after_run(feeds, everyone, world)
    if run is not None:
        issues = [issue for one in report.feeds for issue in one.issues]
        outcome, told = reporting.outcome(report), reporting.plain(report)
        world.journal.finish_run(run, stamp(world.clock.now()), outcome, told, issues)
        if lease is None:
            sweep(world)
    return report


def run_feed(
    feed: Feed,
    world: World,
    run: int | None = None,
    sharers: Sequence[Feed] = (),
    dry_run: bool = False,
    plan: Plan | None = None,
    held: Lease | None = None,
    is_woken: bool = False,
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
        with leased(feed, world) if held is None else nullcontext(held) as lease:
            if not dry_run:
                definitions.keep(world.engine, registered.id, feed.written, feed.mapping_hash, stamp(world.clock.now()))
            fenced = replace(world, journal=world.journal.under(lease))
            telltale = telling(world, report)
            visited = (feed, registered, fenced, lease, run, report)
            hooks = HookVisit(*visited, lambda: asked(feed, telltale), dry_run, is_woken)
            if plan is None:
                hooks.deliveries()
            if is_woken and not hooks.wants_list:
                pass
            elif feed.transport["type"] in FILES:
                visit = FileVisit(*visited, sharers, dry_run, plan)
                with connected(feed, telltale) as far:
                    visit.deliveries(far)
            elif feed.transport["type"] != "webhook":
                _ask(PageVisit(*visited), telltale, dry_run)
            hooks.polled()
            _warn_of_held(registered, world, report)
            _warn_of_unread(feed, report)
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


def _ask(visit: PageVisit, world: World, dry_run: bool) -> None:
    with asked(visit.feed, world) as far:
        if dry_run:
            visit.tried(far)
        else:
            visit.deliveries(far)


def _broken(feed: Feed, error: Exception, world: World) -> FeedReport:
    """A feed that ran into a fault of the engine."""
    where, issue = fault(error)
    what = {"level": "error", "feed": feed.id, "error": type(error).__name__, "where": where}
    world.note("feed.broken", what | {"stage": getattr(error, "stage", "feed")})
    report = FeedReport(feed.id)
    end(report, "failed", issue)
    return finished(report, 0.0)


# --- around a run -----------------------------------------------------------------------------


def _is_paused(feed: Feed, registered: Registered, world: World, report: FeedReport) -> bool:
    """The definition's `enabled: false` always wins; then its end; else an operator's pause, while it lasts."""
    if not feed.enabled:
        reason = f": {feed.reason}" if feed.reason else ""
        end(report, "paused", Issue("feed.disabled", f"disabled in its definition{reason}", "info"))
        return True
    if registered.retired is not None:
        text = f"retired on {registered.retired[:10]}: `feeds resume {feed.id}` lets it run again"
        end(report, "paused", Issue("feed.retired", text, "info"))
        return True
    until = registered.paused_until
    if registered.paused is not None and (until is None or until > stamp(world.clock.now())):
        text = f"paused by an operator: {registered.paused}" + (f" (until {until})" if until else "")
        end(report, "paused", Issue("feed.paused", text, "info"))
        return True
    return False


def _warn_of_unread(feed: Feed, report: FeedReport) -> None:
    """An export with a mistake queues nothing, and what happens meanwhile is not queued later."""
    for name in feed.unread_exports:
        text = f"nothing is queued for {name} while its definition has errors: `feeds validate` shows them"
        report.issues.append(Issue("export.unread", text, "warning"))


def _warn_of_held(registered: Registered, world: World, report: FeedReport) -> None:
    count = world.journal.held_too_long(registered.id, stamp(world.clock.now() - _HELD))
    if count:
        where = "see `feeds activities search --state held`"
        text = f"{count} activities have waited for another for more than {_HELD.days} days: {where}"
        report.issues.append(Issue("activity.heldLong", text, "warning"))


def sweep(world: World) -> None:
    """Forget what has rested for as long as we keep it: copies, rows that were dealt with, requests, empty runs."""
    before = stamp(world.clock.now() - timedelta(days=world.keep_days))
    for among in world.archive.digests():
        for digest in world.journal.archived(among, before):
            world.archive.forget(digest)
    world.archive.sweep_aside()
    world.journal.forget_raw(stamp(world.clock.now() - _RAW_KEPT))
    outbox.forget(world.engine, stamp(world.clock.now() - _RAW_KEPT))
    world.inbox.forget(stamp(world.clock.now() - timedelta(days=KEEP_DAYS)))
    if forgotten := forgetting.forget(world.engine, world.clock.now()):
        world.note("runs.forgotten", forgotten)
