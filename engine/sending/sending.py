"""What waits in the outbox is sent: after the commit that queued it, each item once, one export beside the other.

The order of steps for each item, and what remains where the process dies:

    claimed and rendered, committed as `sending`    nothing has left: yet nobody can tell that from the next
    sent                                            whoever comes next finds a dead claim: sent again only where the
                                                    other side knows it again, else it stands as `uncertain`
    settled, committed as `sent`                    nothing is left to do

Never sends inside a transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from engine.connection import RESTS
from engine.errors import FeedError, StoreError
from engine.exported import Brought, SentReport
from engine.language import durations
from engine.model import Export, Feed
from engine.outbound.select import Held
from engine.sending import ways
from engine.sending.parcels import Making
from engine.store import outbox
from engine.store.bulk import bulk_of
from engine.store.database import Connection, writing
from engine.store.outbox import DEAD, FAILED, QUEUED, SENT, UNCERTAIN, Claimed
from engine.store.subjects import subjects
from engine.visits.ending import fault
from engine.world import World, stamp
from transports.base import (
    BadReply,
    HostKeyChanged,
    LoginRefused,
    Parcel,
    Receipt,
    Sender,
    Throttled,
    TransferCut,
    TransportError,
    Uncertain,
    Unreachable,
)

_ATTEMPTS = 12  # about seven hours
_BASE, _MOST = 60, 3_600  # seconds between tries: 1, 2, 4 ... 60 minutes
_AWAY = {n: timedelta(minutes=min(2 ** (n - 1), 60)) for n in range(1, 8)}  # of a destination that is not reached
_PATIENCE = (0.5, 1.0, 2.0)  # seconds: what has been sent is noted as soon as the database is there again


def brought_by(feeds: Iterable[Feed]) -> Mapping[str, Brought]:
    """What the definitions of these feeds say of exports now."""
    return {feed.id: Brought(feed.id, feed.excluded, feed.excluded_where) for feed in feeds}


def send(
    exports: Sequence[Export],
    world: World,
    brought: Mapping[str, Brought],
    goes_on: Callable[[], bool] = lambda: True,
) -> list[SentReport]:
    """Send what waits of these exports. One that cannot be reached holds up no other; a fault of ours stops one.

    `goes_on` is asked before each item whether there is still time for it.
    """
    known = {export.id: export for export in exports if ways.has_way(export)}
    waiting = outbox.waiting(world.engine, stamp(world.clock.now()), known) if known else []
    return [_sent(known[name], world, brought, goes_on) for name in waiting]


def _sent(export: Export, world: World, brought: Mapping[str, Brought], goes_on: Callable[[], bool]) -> SentReport:
    report = SentReport(export.id)
    try:
        with world.step("export", export=export.id):
            Visit(export, world, brought, report, goes_on).run()
    except FeedError as error:  # a secret without a value, say
        report.waits = str(error)
    except Exception as error:  # noqa: BLE001  (a fault of ours in one export must not stop the others)
        where, issue = fault(error)
        world.note("export.broken", {"level": "error", "export": export.id, "where": where})
        report.waits = issue.message
    if report.waits:
        world.note("export.waits", {"level": "warning", "export": export.id, "reason": report.waits})
    return report


@dataclass(slots=True)
class Visit:
    """One visit to what waits of an export."""

    export: Export
    world: World
    brought: Mapping[str, Brought]
    report: SentReport
    goes_on: Callable[[], bool]
    _stopped: bool = False
    _is_proven: bool = field(default=False)  # the destination has taken something

    def run(self) -> None:
        """Item by item, the oldest first, until none is left or the destination wants no more for now."""
        outbox.recover(self.world.engine, self.world.owner, self.export.id, self._now, ways.knows_again(self.export))
        if not self.export.enabled:
            self.report.waits = f"disabled in its definition{f': {self.export.reason}' if self.export.reason else ''}"
            return
        with ways.way_out(self.export, self.world) as sender:
            resting = self.world.journal.login_refused_until(outbox.breaker(sender.destination), self._now)
            if resting is not None:
                self.report.waits = f"not tried again before {resting[0]}: {resting[1]}"
                return
            while (
                not self._stopped
                and not self._is_quiet()
                and self.goes_on()
                and (taken := self._next(sender)) is not None
            ):
                self._carry(sender, *taken)

    def _is_quiet(self) -> bool:
        """Whether nothing goes out now; what would have gone waits for the end of that."""
        now, quiet = self.world.clock.now(), self.export.quiet
        until = None if quiet is None else quiet.until(now, self.export.dealer.timezone)
        if until is None:
            return False
        reason = f"quiet until {until:%H:%M} on the dealer's clock"
        if outbox.put_off(self.world.engine, self.export.id, stamp(now), stamp(until), reason):
            self.report.waits = reason
        return True

    @property
    def _now(self) -> str:
        return stamp(self.world.clock.now())

    def _next(self, sender: Sender) -> tuple[Claimed, Parcel] | None:
        """The next item, claimed and ready: committed before anything leaves. None where nothing may go out now."""
        while not self._is_quiet():
            claimed, parcel = None, None
            try:
                with writing(self.world.engine) as connection:
                    claimed = self._claim(connection)
                    if claimed is not None:
                        parcel = self._prepared(connection, claimed, sender)
            finally:
                if claimed is not None and parcel is None:
                    outbox.give_back(self.world.owner, claimed)
            if claimed is None:
                return None
            if parcel is not None:
                return claimed, parcel
        return None

    def _claim(self, connection: Connection) -> Claimed | None:
        has_messages = any(case.name for case in self.export.cases)
        return outbox.taken(connection, self.export.id, self._now, self.world.owner, by_contact=has_messages)

    def _prepared(self, connection: Connection, claimed: Claimed, sender: Sender) -> Parcel | None:
        """The item as it goes out, or None after noting what keeps it back."""
        found = subjects(bulk_of(connection), [claimed.activity_id])
        making = Making(self.export, self.world.secrets, self.world.clock.now(), self.brought)
        made = making.parcel(claimed, found[0] if found else None)
        if isinstance(made, Held):
            outbox.settle(connection, claimed, self._now, made.state, reason=made.reason, rule=made.rule)
            self._count(made.state)
            return None
        outbox.keep(connection, claimed, made.media, made.body, sender.destination)
        return made

    def _carry(self, sender: Sender, claimed: Claimed, parcel: Parcel) -> None:
        try:
            receipt = sender.send(parcel)
        except TransportError as error:
            self._not_taken(sender, claimed, error)
        except Exception as error:
            # Whatever it was, it may have left.
            self._unknown(claimed, f"a fault of the engine while it was sent ({fault(error)[0]})")
            raise
        else:
            self._taken(sender, claimed, receipt)

    def _taken(self, sender: Sender, claimed: Claimed, receipt: Receipt) -> None:
        status = None if receipt.status is None else str(receipt.status)
        said = {"receipt_id": receipt.id, "receipt_status": status, "receipt": receipt.text or None}
        self._settle(claimed, SENT, sent_at=self._now, reason=None, rule=None, **said)
        if not self._is_proven:
            self._is_proven = True
            self.world.journal.login_worked(outbox.breaker(sender.destination))

    def _not_taken(self, sender: Sender, claimed: Claimed, error: TransportError) -> None:
        """What the far side's error means for this item, and for those behind it (see `transports/base.py`)."""
        now, text = self.world.clock.now(), str(error)
        if isinstance(error, Uncertain):
            self._unknown(claimed, text, error.again)
        elif isinstance(error, Throttled):
            until = now + timedelta(seconds=max(error.wait, 1))
            self._rest(sender, text, {1: until - now})
            self._settle(claimed, FAILED, reason=text, next_at=stamp(until))
        elif isinstance(error, LoginRefused | HostKeyChanged):
            self._rest(sender, text, RESTS)
            self._settle(claimed, FAILED, reason=text, next_at=stamp(now))
        elif isinstance(error, Unreachable):
            self._rest(sender, text, _AWAY)
            self._settle(claimed, FAILED, reason=text, next_at=stamp(now))
        elif isinstance(error, TransferCut) or (isinstance(error, BadReply) and error.again):
            self._again(claimed, FAILED, DEAD, text)
        else:
            self._settle(claimed, DEAD, reason=text, attempts=claimed.attempts + 1)

    def _unknown(self, claimed: Claimed, text: str, again: bool = False) -> None:
        """It may have been taken: sent again by itself only where the other side would know it again."""
        if again or ways.knows_again(self.export):
            self._again(claimed, QUEUED, UNCERTAIN, text)
        else:
            self._settle(claimed, UNCERTAIN, reason=text)

    def _again(self, claimed: Claimed, state: str, at_last: str, text: str) -> None:
        retry = self.export.transport.get("retry") or {}
        attempts = claimed.attempts + 1
        if attempts >= int(retry.get("attempts", _ATTEMPTS)):
            self._settle(claimed, at_last, reason=f"given up after {attempts} tries: {text}", attempts=attempts)
            return
        base, most = (
            durations.seconds(str(retry[name])) if name in retry else default
            for name, default in (("base", _BASE), ("max", _MOST))
        )
        wait = base if retry.get("backoff") == "constant" else base * 2 ** (attempts - 1)
        later = self.world.clock.now() + timedelta(seconds=min(wait, most))
        self._settle(claimed, state, reason=text, attempts=attempts, next_at=stamp(later))

    def _rest(self, sender: Sender, text: str, rests: Mapping[int, timedelta]) -> None:
        """Leave the destination alone for a while: longer each time."""
        now = self.world.clock.now()
        until = {number: stamp(now + rest) for number, rest in rests.items()}
        again = self.world.journal.login_refused(outbox.breaker(sender.destination), text, until)
        self.report.waits = f"not tried again before {again}: {text}"
        self._stopped = True

    def _settle(self, claimed: Claimed, state: str, **columns: object) -> None:
        """Note what became of it; nothing that was sent is forgotten for a database that is away for a moment."""
        for pause in (*_PATIENCE, None):
            try:
                mine = outbox.settled(self.world.engine, self.world.owner, claimed, self._now, state, **columns)
                break
            except StoreError:
                if pause is None:
                    outbox.give_back(self.world.owner, claimed)  # whoever comes next finds that nobody has it
                    raise
                self.world.clock.sleep(pause)
        self._count(state)
        self.world.note(
            "export.item",
            {"export": self.export.id, "item": claimed.id, "state": state, **({} if mine else {"late": True})},
        )

    def _count(self, state: str) -> None:
        name = FAILED if state == QUEUED else state
        setattr(self.report, name, getattr(self.report, name) + 1)
