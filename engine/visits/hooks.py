"""What requests from outside have brought, taken out of the inbox: imported, fetched, or stated of what is known.

A request is settled in the transaction that stores what came of it. Where the process dies before that, it still
waits and is taken again; after that, nothing is left to do. Never answers a request.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.errors import DecodeError, DeliveryRefused, FeedError, LeaseHeld, RecordError, SecretMissing
from engine.importing import Import
from engine.intake.inbox import DONE, FAILED, FILTERED, WAITING
from engine.intake.inbox import Entry as Request
from engine.mapping import Kept
from engine.model import DeliveryReport, Feed, FeedReport, Issue
from engine.store import journal, leases
from engine.store.database import Connection, refresh_statistics, undone, writing
from engine.store.journal import HOOK, NUDGE, REFUSED, SEALED, VANISHED, Entry, Registered
from engine.store.leases import Lease
from engine.visits import ending, listening
from engine.visits.listening import FETCH, POLL_NOW, Heard, Trigger
from engine.visits.pages import PageVisit
from engine.visits.waiting import EARLY, again, debounce, still
from engine.world import World, stamp
from transports.base import BadReply, Page, Pages, TransportError

_TOGETHER, _TOGETHER_BYTES = 100, 16 << 20  # requests in one transaction: others who write wait for it
_GIVE_UP = timedelta(days=7)  # an object that the API answers with an error, for so long
_AGAIN = "it is fetched again"
_MOST_FAILURES = 3  # of an API one after the other, before it is left alone for this run

_STRANGER = Issue(
    "hook.unproven",
    "what the feed's triggers ask for at this address (`verify`) was changed since the request came: "
    "nobody can tell for which of them it was",
    "error",
)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A request and what is to be done with it: `trigger` is None where no condition holds."""

    request: Request
    trigger: Trigger | None = None
    heard: Heard | None = None
    object: tuple[int, str] | None = None  # the trigger's place, and the id of what it fetches
    issue: Issue | None = None  # why it came to nothing

    @property
    def does(self) -> str:
        return "" if self.trigger is None else self.trigger.does


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a request, told when it is committed."""

    state: str
    report: DeliveryReport | None = None
    issues: Sequence[Issue] = ()


@dataclass(slots=True)
class HookVisit:
    """One run at what waits for one feed. `api` opens what objects are fetched from, once there is one to fetch.

    A run that the requests themselves have woken takes up what is due of them; any other run all of them.
    """

    feed: Feed
    registered: Registered
    world: World
    lease: Lease
    run: int | None
    report: FeedReport
    api: Callable[[], AbstractContextManager[Pages]]
    dry_run: bool = False
    is_woken: bool = False
    wants_list: bool = False  # whether the whole list is asked for, and is due
    _batch: list[_Taken] = field(default_factory=list)
    _polls: list[_Taken] = field(default_factory=list)  # those that ask for it, and stand for the others
    _later: list[tuple[Request, str]] = field(default_factory=list)  # what waits on, and till when
    _far: Pages | None = None
    _trouble: Exception | None = None  # with the API: what has to be fetched from it waits for the next run
    _failures: int = 0
    _kept: Kept = field(default_factory=Kept)
    _counts: Counter[str] = field(default_factory=Counter)

    def deliveries(self) -> None:
        """Take what waits, the oldest first. Raises what the API raised, once all that needs no API is done."""
        triggers = listening.triggers(self.feed)
        if not triggers:
            return
        self._drop_left()
        endpoints = listening.endpoints(self.feed)
        waiting = self.world.inbox.waiting(self.feed.id, endpoints)
        with ExitStack() as opened:
            while some := [self._taken(each, triggers) for each in _some(waiting)]:
                leases.renew(self.world.engine, self.lease)
                self._in_turn(some, opened)
            self.wants_list = bool(self._polls) and self._is_due(self._polls, are_counted=True)
            self._store_later()
            if not self.dry_run:
                self.world.inbox.tidy(endpoints)
            self._tell_counts()
            if self._trouble is not None:
                raise self._trouble

    def polled(self) -> None:
        """The whole list was read after they came: requests for that are done with."""
        if not self.wants_list or self.dry_run:
            return
        if self.report.outcome != "ok":
            self._put_off(self._polls)
            self._store_later()
            return
        self._counts[WAITING] -= len(self._polls)
        self._batch += self._polls
        self._store()
        self.world.inbox.tidy(listening.endpoints(self.feed))
        self._tell_counts()

    # --- one after the other ------------------------------------------------------------------

    def _taken(self, request: Request, triggers: Sequence[Trigger]) -> _Taken:
        """Whatever is wrong with a request, or with us because of it, concerns nobody behind it."""
        try:
            heard = listening.heard(request, self.feed)
            for place, trigger in enumerate(triggers):
                if trigger.takes(heard):
                    found = _Taken(request, trigger, heard)
                    return replace(found, object=(place, trigger.id(heard))) if found.does == FETCH else found
            if listening.is_stranger(heard, self.feed):
                return _Taken(request, issue=_STRANGER)
            return _Taken(request)
        except Exception as error:  # noqa: BLE001  (as above)
            return _Taken(request, issue=self._reason(error))

    def _in_turn(self, some: Sequence[_Taken], opened: ExitStack) -> None:
        same: dict[tuple[int, str], list[_Taken]] = {}
        for each in some:
            if each.object is not None:
                same.setdefault(each.object, []).append(each)
        for each in some:
            if each.object is None:
                self._put(each)
            elif same[each.object][-1] is each:  # the others are served by what is fetched after the last of them
                self._store()
                if self._is_due(same[each.object]):
                    self._fetch(same[each.object], opened)
        self._store()
        self._store_later()

    def _put(self, each: _Taken) -> None:
        """Into the batch; of requests for a look at the whole list the last waits until that is done.

        Where it depends on how long they have been restless, the first as well.
        """
        if each.does != POLL_NOW:
            self._batch.append(each)
            return
        if len(self._polls) < (2 if self.is_woken else 1):
            self._counts[WAITING] += 1
        else:
            self._batch.append(self._polls.pop())
        self._polls.append(each)

    def _is_due(self, same: Sequence[_Taken], are_counted: bool = False) -> bool:
        """Whether it is time for what these ask for; where it is not, they wait."""
        if not self.is_woken:
            return True
        now = self.world.clock.now()
        asked = [each for each in same if each.request.due_at is None or each.request.due_at <= stamp(now)]
        wait = debounce(same[-1].trigger.settings) if same[-1].trigger is not None else timedelta()
        until = still(_came(same[0]), _came(same[-1]), wait)
        if asked and (not wait or until <= now):
            return True
        if not are_counted:
            self._counts[WAITING] += len(same)
        if asked:
            self._put_off(same, until)
        return False

    # --- what needs no network ----------------------------------------------------------------

    def _store(self) -> None:
        """All that is in hand, in one transaction."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        with self._keeping() as world:
            copies = [self._copy(each, world) for each in batch]
            transaction = undone if self.dry_run else writing
            with transaction(world.engine) as connection:
                leases.check(connection, self.lease)
                ended = [self._end(connection, *each, world) for each in copies]
        for each in ended:
            self._tell(each)
        refresh_statistics(self.world.engine, sum(each.report.tally.inserted for each in ended if each.report))

    def _copy(self, each: _Taken, world: World) -> tuple[_Taken, tuple[str, int] | None]:
        """The request sealed, before the transaction opens; None where nothing of it is imported."""
        if each.trigger is None or each.heard is None or each.does == POLL_NOW:
            return each, None
        try:
            content = each.trigger.delivery(each.heard)
        except Exception as error:  # noqa: BLE001  (one request's fault is no other's)
            return replace(each, issue=self._reason(error)), None
        return each, world.archive.keep(f"{each.request.name}.{each.request.turn}-{self.registered.id}", content)

    def _end(self, connection: Connection, each: _Taken, copy: tuple[str, int] | None, world: World) -> _Ended:
        if copy is not None:
            entry = journal.noted(connection, self._now, **self._columns(each.request, *copy))
            ended = self._imported(connection, entry, world)
            self._settle(connection, each, ended.state, entry.id)
            return ended
        if each.issue is not None:
            ended = _Ended(FAILED, issues=[replace(each.issue, delivery=_name(each.request))])
        else:
            ended = _Ended(DONE if each.does == POLL_NOW else FILTERED)
        self._settle(connection, each, ended.state)
        return ended

    def _columns(self, request: Request, sha256: str, size: int) -> dict[str, object]:
        """A request came when it was received, not when a run takes it up."""
        came = datetime.fromisoformat(request.received_at)
        columns = {"feed_id": self.registered.id, "run_id": self.run, "kind": HOOK, "state": SEALED}
        place = {"source": f"hooks/{request.endpoint}", "name": _name(request), "sha256": sha256, "size": size}
        today = came.astimezone(self.feed.dealer.timezone).date().isoformat()
        return {**columns, **place, "run_date": today, "run_now": request.received_at}

    def _imported(self, connection: Connection, entry: Entry, world: World) -> _Ended:
        """A sealed delivery within the transaction; one that is refused leaves its reason in the ledger."""
        one = DeliveryReport(entry.name, REFUSED, entry.sha256 or "", entry.size or 0, number=entry.id)
        is_whole = entry.kind == HOOK  # guards say nothing of a single object that was asked for
        given = (self.feed, self.registered, entry, entry.id, world, self.lease)
        work = Import(*given, guarded=is_whole, within=connection, kept=self._kept)
        try:
            with world.step("delivery", delivery=entry.name):
                work.run()
        except Exception as error:  # noqa: BLE001  (what is nobody's but this request's is told of it alone)
            issue = self._reason(error)
            values = {"error_code": issue.code, "error": issue.message}
            journal.mark(connection, entry.id, self._now, state=REFUSED, **values)
            return _Ended(FAILED, one, [replace(each, delivery=entry.name) for each in (*work.issues, issue)])
        one.state, one.tally = journal.DONE, work.tally
        return _Ended(DONE, one, [replace(each, delivery=entry.name) for each in work.issues])

    # --- an object that is fetched ------------------------------------------------------------

    def _fetch(self, same: Sequence[_Taken], opened: ExitStack) -> None:
        """The object that these requests name, as it is now; it is one delivery for all of them."""
        last = same[-1]
        if self.dry_run or self._trouble is not None or self._failures >= _MOST_FAILURES:
            self._counts[WAITING] += len(same)
            if self._failures >= _MOST_FAILURES:
                self._put_off(same)
            return
        assert last.object is not None and last.heard is not None  # noqa: S101  (only such are fetched)
        try:
            if self._far is None:
                self._far = opened.enter_context(self.api())
            with self.world.step("fetch"):
                page = self._far.one(last.object[1], last.heard.parts)
            self._failures = 0
        except BadReply as error:
            self._failures += 1
            code = ending.code_of(error)
            self._leave(
                same, _GIVE_UP, Issue(code, f"{error}; {_AGAIN}", "error"), Issue(code, f"{error}; given up", "error")
            )
        except (TransportError, SecretMissing, LeaseHeld) as error:
            self._trouble = error
            self._counts[WAITING] += len(same)
        except Exception as error:  # noqa: BLE001  (one object's fault is no other's)
            self._close(same, FAILED, self._reason(error))
        else:
            self._found(same, self._far, page)

    def _found(self, same: Sequence[_Taken], far: Pages, page: Page | None) -> None:
        name = same[-1].object[1] if same[-1].object is not None else ""
        if page is None:
            if (self.feed.transport.get("byId") or {}).get("notFound", "retry") == "ignore":
                self._close(same, FILTERED, None)
                return
            text = f"the API does not have {name}, of which a request told"
            over = Issue("hook.notFound", f"{text}; given up", "warning")
            self._leave(same, EARLY, Issue("hook.early", f"{text}; {_AGAIN}", "info"), over)
            return
        visit = PageVisit(self.feed, self.registered, self.world, self.lease, self.run, self.report)
        entry = visit.sealed(far.source, page, NUDGE)
        with writing(self.world.engine) as connection:
            leases.check(connection, self.lease)
            ended = self._imported(connection, entry, self.world)
            for each in same:
                self._settle(connection, each, ended.state, entry.id)
        self._counts[ended.state] += len(same) - 1
        self._tell(ended)

    def _leave(self, same: Sequence[_Taken], most: timedelta, told: Issue, over: Issue) -> None:
        """It is taken up again, unless it has waited for too long."""
        request = same[-1].request
        if self.world.clock.now() - _came(same[-1]) >= most:
            self._close(same, FAILED, over)
            return
        self._counts[WAITING] += len(same)
        self._put_off(same)
        self.report.issues.append(replace(told, delivery=_name(request)))

    def _put_off(self, same: Sequence[_Taken], until: datetime | None = None) -> None:
        """They wait, and wake nobody before that time."""
        due_at = stamp(until or again(_came(same[-1]), self.world.clock.now()))
        self._later += [(each.request, due_at) for each in same]

    def _store_later(self) -> None:
        later, self._later = self._later, []
        if not later or self.dry_run:
            return
        with writing(self.world.engine) as connection:
            leases.check(connection, self.lease)
            for request, due_at in later:
                self.world.inbox.put_off(connection, request, self.feed.id, due_at)

    def _close(self, same: Sequence[_Taken], state: str, issue: Issue | None) -> None:
        with writing(self.world.engine) as connection:
            leases.check(connection, self.lease)
            for each in same:
                self._settle(connection, each, state)
        self._counts[state] += len(same) - 1
        self._tell(_Ended(state, issues=[replace(issue, delivery=_name(same[-1].request))] if issue else ()))

    # --- the ledger, and what is told ---------------------------------------------------------

    def _settle(self, connection: Connection, each: _Taken, state: str, delivery: int | None = None) -> None:
        self.world.inbox.settle(connection, each.request, self.feed.id, state, self._now, delivery)

    def _tell(self, ended: _Ended) -> None:
        self._counts[ended.state] += 1
        self.report.issues += ended.issues
        if ended.report is None:
            return
        if self.dry_run:
            ended.report.state = "trial" if ended.state == DONE else ended.report.state
            ended.report.number = None
        self.report.deliveries.append(ended.report)
        details = {"run": self.run, "feed": self.feed.id, "dealer": self.feed.dealer.name}
        details |= {"delivery": ended.report.name, "read": ended.report.tally.read}
        self.world.note(f"delivery.{ended.report.state}", details)

    def _tell_counts(self) -> None:
        self.report.hooks = {state: self._counts[state] for state in (DONE, FILTERED, FAILED, WAITING)}

    def _reason(self, error: Exception) -> Issue:
        """What is wrong with one request. What is wrong around it, with the disk or the database, is raised again."""
        if isinstance(error, DecodeError | DeliveryRefused | RecordError):
            return Issue(error.code, str(error), "error")
        if isinstance(error, FeedError | TransportError):
            raise error
        where, issue = ending.fault(error)
        self.world.note(
            "feed.broken", {"level": "error", "feed": self.feed.id, "error": type(error).__name__, "where": where}
        )
        return issue

    @contextmanager
    def _keeping(self) -> Iterator[World]:
        """The world with the archive that copies go to: a passing one, where nothing is kept."""
        if not self.dry_run:
            yield self.world
            return
        with self.world.archive.aside() as archive:
            yield replace(self.world, archive=archive)

    def _drop_left(self) -> None:
        """Objects that a dead run had fetched: their requests wait still, and they are fetched again."""
        for entry in self.world.journal.unfinished(self.registered.id) if not self.dry_run else ():
            if entry.kind == NUDGE:
                self.world.archive.drop_part(entry.id)
                self.world.journal.mark(entry.id, self._now, state=VANISHED)

    @property
    def _now(self) -> str:
        return stamp(self.world.clock.now())


def _some(waiting: Iterator[Request]) -> list[Request]:
    """The next ones, as many as one transaction takes."""
    some: list[Request] = []
    while len(some) < _TOGETHER and sum(len(each.content) for each in some) < _TOGETHER_BYTES:
        following = next(waiting, None)
        if following is None:
            break
        some.append(following)
    return some


def _came(each: _Taken) -> datetime:
    return datetime.fromisoformat(each.request.received_at)


def _name(request: Request) -> str:
    """How the ledger and its readers call a request."""
    return f"{request.endpoint} {request.name[:12]}" + (f".{request.turn}" if request.turn else "")
