"""A run that keeps nothing: what would come in, found out by doing it and undoing it.

Nothing is claimed, kept or removed on the far side. The files are fetched into a folder that goes
again, then imported by the one data path in a transaction that is rolled back: each sees what
those before it would have stored.
"""

from collections import deque
from dataclasses import dataclass, replace

from engine.effect import Effect
from engine.errors import DecodeError, DeliveryRefused
from engine.importing import Import, NotMine
from engine.intake.files import Manner, Pickup
from engine.intake.names import escaped
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store import effects, journal, leases
from engine.store.database import Connection, undone
from engine.store.journal import NOT_MINE, REFUSED, SEALED, TAKING, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.world import World
from transports.base import FileChanged, FileVanished, Refused, RemoteFile, TransferCut

# Seconds of one transaction, in whole files: others who write wait for it, and give up after a minute.
_TOGETHER = 30.0
_MOST_CHANGES = 20  # of one file that are listed; all are counted


def tried(feed: Feed, registered: Registered, world: World, lease: Lease, pickup: Pickup, report: FeedReport) -> None:
    """Report what a run would do with each file that waits, settled or not."""
    waiting = [e for e in world.journal.unfinished(registered.id) if e.state in (SEALED, TAKING)]
    if waiting:
        text = f"a run finishes these first: {', '.join(e.name for e in waiting)}; what they bring is not foreseen here"
        report.issues.append(Issue("delivery.unfinished", text))
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
        """Try them in one transaction, or in several where it would last too long for others who write."""
        left = deque(files)
        while left:
            leases.renew(self.world.engine, self.lease)
            began = self.world.clock.monotonic()
            with undone(self.world.engine) as connection:
                self._try(connection, left.popleft())
                while left and self.world.clock.monotonic() - began < _TOGETHER:
                    self._try(connection, left.popleft())
            if left:
                text = f"from {escaped(left[0].file.name)} on, files were tried without what those before it bring"
                self.report.issues.append(Issue("trial.apart", text, "info"))

    def _try(self, connection: Connection, found: _Fetched) -> None:
        before = effects.mark(connection)
        entry = self._noted(connection, found)
        seen = Effect(found.file.size, found.file.modified)
        one = DeliveryReport(entry.name, "trial", found.sha256, found.size, effect=seen)
        self.report.deliveries.append(one)
        again = self.world.journal.refused_before(self.registered.id, found.sha256, self.pickup.judged_by)
        work = Import(self.feed, self.registered, entry, entry.id, self.world, self.lease, within=connection)
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
            one.tally = work.tally
            one.effect = self._effect(connection, work, found, before)
        self.report.issues += [replace(issue, delivery=entry.name) for issue in work.issues]

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

    def _effect(self, connection: Connection, work: Import, found: _Fetched, before: effects.Mark) -> Effect:
        changed, unchanged = effects.activities_changed(connection, work.entry.id, work.memory)
        return Effect(
            found.file.size,
            found.file.modified,
            _action(self.pickup.manner),
            self.pickup.manner.move_to,
            effects.vehicles_created(connection, self.registered.dealer_id, before),
            changed,
            unchanged,
            dict(sorted(work.codes.items())),
            effects.changes(connection, work.entry.id, before, _MOST_CHANGES),
        )


def _action(manner: Manner) -> str:
    """What becomes of the remote file once its rows are stored."""
    if manner.move_to is not None:
        return "move"
    if not manner.delete:
        return "leave"
    return "removeWhenAllHaveIt" if manner.shared else "remove"
