"""The list of one API, read page by page: slices, windows, passes and pages, and what else belongs to each.

Never asks for a page before the one before it was taken, and never moves a position ahead of what was handed over.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from transports import http_windows as windows
from transports import paging
from transports.base import BadReply, Coverage, Page, PageTools, Settings
from transports.envelope import Envelope, sealed
from transports.http_asking import NONE, Asking, is_named
from transports.http_client import Answer, Client
from transports.http_includes import Includes
from transports.http_jobs import Failed, Jobs, Ready
from transports.http_position import Progress, conditions, validators
from transports.http_request import Request, Veil, absolute, built
from transports.http_request import masked as masked_value
from transports.http_slices import Slice, slices
from transports.http_sweep import Sweep
from transports.http_windows import Cursor, Window, stamp

_MISSING = (404, 410)


@dataclass(slots=True)
class _Read:
    """One reply, looked at: its raw records, and the place after it."""

    answer: Answer
    records: Sequence[Any]
    after: paging.Place | None
    highest: Cursor | None
    names: Mapping[str, Any]


class Listing:
    """The contract `Pages` on one API."""

    def __init__(self, settings: Settings, client: Client, includes: Includes, tools: PageTools, veil: Veil) -> None:
        self.source = _source(settings, veil)
        self.coverage = Coverage(None, 0, 0)
        self._settings = settings
        self._incremental: Settings | None = settings.get("incremental")
        self._read_by = settings  # these, or what `incremental.backfill` makes of them
        self._client = client
        self._asking = Asking(settings, client, tools)
        self._includes = includes
        self._tools = tools
        self._is_skipped = False
        self._jobs = Jobs(settings, client, tools) if "job" in settings else None
        self._ready: Ready | None = None

    def pages(self, position: Mapping[str, Any]) -> Iterator[Page]:
        progress = Progress(position, self._now())
        has_left = "round" in position
        waiting = self._waiting(progress)
        current = next(waiting, None)
        if current is None and has_left:
            # Whatever the last round still had to read is no longer there: it is over.
            progress = progress.renewed(self._now())
            waiting = self._waiting(progress)
            current = next(waiting, None)
        while current is not None:
            # One ahead, so that the last page of all knows that it is the last.
            following = next(waiting, None)
            yield from self._slice(progress, current, following is None)
            current = following
        self.coverage = progress.coverage

    def one(self, id: str, trigger: Mapping[str, Any]) -> Page | None:
        block = self._settings["byId"]
        names = {"trigger": {**trigger, "id": id}}
        answer = self._client.send(built(block, self._settings.get("baseUrl"), names, self._tools), missing=_MISSING)
        read = block.get("read", "@")
        found = None if answer.empty else self._tools.search(read, answer.document)
        if found is None and answer.empty != "ignored":
            if block.get("notFound") == "fail":
                raise BadReply(f"{answer.name} is not there (`byId.notFound: fail`)", answer.reply.status)
            return None
        records = [] if found is None else found if isinstance(found, list) else [found]
        return self._page(_Read(answer, records, None, None, names), {}, {}, Slice(), None, read)

    def _waiting(self, progress: Progress) -> Iterator[Slice]:
        """Slices that this round has still to read; those without a change are left out where that is asked for."""
        begun: set[str] = set()
        for each in slices(self._settings, self._asking.resource, self._tools.search):
            is_known = each.digest is not None and progress.parents.get(each.key) == each.digest
            if each.key in begun or each.key in progress.done:
                continue
            begun.add(each.key)
            if progress.slice == each.key or not is_known:
                yield each

    def _slice(self, progress: Progress, each: Slice, is_last: bool) -> Iterator[Page]:
        goes_on = progress.begins(each.key)
        self._is_skipped = False
        settings = self._incremental
        if settings is None:
            yield from self._window(progress, each, True, is_last)
            return
        if not (goes_on and progress.window):
            cursor = progress.cursors.get(self._cursor_key(each))
            progress.is_backfill = cursor is None and "backfill" in settings
            slicing = {**settings, "window": None} if progress.is_backfill else settings
            progress.enters(windows.first(slicing, cursor, progress.until))
        self._read_by = windows.backfill(self._settings) if progress.is_backfill else self._settings
        while progress.window is not None and not self._is_skipped:
            following = windows.following(settings, progress.window, progress.until)
            yield from self._window(progress, each, following is None, is_last)
            if progress.slice is None:
                return

    def _window(self, progress: Progress, each: Slice, is_last_window: bool, is_last: bool) -> Iterator[Page]:
        """Every pass over one window; `progress` stands at the next one afterwards, or at the end of the slice."""
        jobs, self._ready = self._jobs if self._read_by.get("job") else None, None
        if jobs is not None and not (yield from self._made(jobs, progress, each, is_last_window, is_last)):
            return
        sweep = Sweep(self._read_by, progress.seen, progress.passes, progress.totals)
        window = progress.window
        if sweep.is_swept:
            progress.place = paging.Place()  # such a list has no order to go on in
        another = True
        while another:
            another = yield from self._pass(progress, each, window, sweep, is_last_window, is_last)

    def _made(
        self, jobs: Jobs, progress: Progress, each: Slice, is_last_window: bool, is_last: bool
    ) -> Generator[Page, None, bool]:
        """Have the list of this window made, and wait for it; False where there is none to read.

        What began it is a page without records, so that its position is saved: nobody begins it again.
        """
        names, window = self._names(each, progress.window), progress.window

        def ends() -> None:
            self._ends(progress, each, window, is_last_window or self._is_skipped, is_last)

        if progress.job is not None and jobs.is_over(progress.job):
            progress.forgets_job()
        job = progress.job
        if job is None:
            answer, job = jobs.begun(names)
            if job is None:  # a rule of `onError` says that there is nothing
                self._is_skipped = answer.empty == "skipped"
                yield self._bare(progress, each, answer, names, ends)
                return False
            yield self._bare(progress, each, answer, names, partial(progress.begins_job, job))
        found = jobs.awaited(job, names)
        if isinstance(found, Failed):
            yield self._bare(progress, each, found.answer, names, progress.forgets_job)
            raise found.error
        if found.addresses == ():
            yield self._bare(progress, each, found.answer, names, ends)
            return False
        self._ready = found
        return True

    def _bare(
        self, progress: Progress, each: Slice, answer: Answer, names: Mapping[str, Any], moves: Callable[[], None]
    ) -> Page:
        """A page without records, for the position that it moves."""
        before, told, window = progress.written(), progress.told(True), progress.window
        answer.empty = answer.empty or "job"
        moves()
        return self._page(_Read(answer, (), None, None, names), before, progress.written(), each, window, None, told)

    def _pass(
        self, progress: Progress, each: Slice, window: Window | None, sweep: Sweep, is_last_window: bool, is_last: bool
    ) -> Generator[Page, None, bool]:
        trail = paging.Trail(is_stable=not sweep.is_swept)
        place: paging.Place | None = progress.place
        trail.begins(progress.place)
        another = False
        while place is not None:
            before, told = progress.written(), progress.told(self._is_hidden)
            read = self._read(progress, place, each, window, trail, sweep)
            narrower = self._narrower(read, progress, window)
            if narrower is not None:
                progress.enters(narrower)
                yield self._page(read, before, progress.written(), each, window, None, told)
                return False
            progress.seen, progress.totals = sweep.seen, sweep.totals
            if read.highest is not None:
                progress.highest = windows.greater(progress.highest, read.highest)
            self._is_skipped = read.answer.empty == "skipped"
            place = read.after
            if place is not None:
                progress.place = place
                if self._incremental and self._incremental.get("ordered"):
                    self._move(progress, each, window, False)
            else:
                another = sweep.another() and not self._is_skipped
                progress.most_passes = max(progress.most_passes, progress.passes)
                if another:
                    progress.begins_pass(progress.passes + 1)
                else:
                    self._ends(progress, each, window, is_last_window or self._is_skipped, is_last)
            self.coverage = progress.coverage
            yield self._page(read, before, progress.written(), each, window, None, told)
        return another

    def _narrower(self, read: _Read, progress: Progress, window: Window | None) -> Window | None:
        """Half of the window instead of it, where its first page does not hold it all (`sweep.split`)."""
        shortest = (self._settings.get("sweep") or {}).get("split")
        promised = progress.promised or 0
        if shortest is None or progress.passes > 1 or progress.place.pages or promised <= len(read.records):
            return None
        return windows.half(window, shortest)

    def _ends(
        self, progress: Progress, each: Slice, window: Window | None, is_last_window: bool, is_last: bool
    ) -> None:
        """The last page of the last pass of a window: here, and only here, the cursor moves."""
        if self._incremental and not self._is_skipped:
            self._move(progress, each, window, is_last_window)
        until = progress.until
        progress.leaves_window()
        if is_last_window:
            progress.leaves_slice(is_last, each.digest)
            if is_last and progress.shared is not None:
                progress.cursors[""] = progress.shared
        elif self._incremental and window is not None:
            progress.enters(windows.following(self._incremental, window, until))

    def _move(self, progress: Progress, each: Slice, window: Window | None, is_last_window: bool) -> None:
        if self._incremental is None or window is None:
            return
        key, until = self._cursor_key(each), progress.until
        is_shared = self._incremental.get("scope") == "shared"
        known = progress.cursors.get(key)
        cursor = windows.moved(self._incremental, known, window, progress.highest, is_last_window, until)
        if cursor is None:
            return
        if is_shared:
            progress.shared = windows.greater(progress.shared, cursor)
        else:
            progress.cursors[key] = cursor

    def _read(
        self,
        progress: Progress,
        place: paging.Place,
        each: Slice,
        window: Window | None,
        trail: paging.Trail,
        sweep: Sweep,
    ) -> _Read:
        names, ready = self._names(each, window), self._ready
        block = self._read_by["request"]
        if ready is not None:
            names, block = {**names, "job": ready.names}, ready.block(block, place)
        request = self._asking.request(block, self._paging, place, names)
        asked = progress.validators.get(each.key) if self._is_conditional(request) else None
        for header, value in conditions(asked).items():
            request = request.with_header(header, value)
        is_theirs = is_named(self._paging, place) or (ready is not None and ready.addresses is not None)
        answer = self._client.send(request, foreign=is_theirs)
        is_unchanged = answer.empty == "unchanged"
        if is_unchanged and asked is None:
            text = f"{answer.name} answered 304 (unchanged), and nobody asked whether it is"
            raise BadReply(text, answer.reply.status, "http.conditional")
        if self._is_conditional(request):
            progress.remembers(each.key, validators(asked, answer.reply.headers, is_unchanged))
        records = () if answer.empty else self._tools.records(answer.reply)
        trail.page(records)
        total = paging.promised(self._paging, answer.document, self._tools.search)
        progress.promised = progress.promised if total is None else total
        sweep.page(self._tools.identities(records) if sweep.needs_identities else (), len(records), total)
        highest = self._tools.highest(records) if self._incremental and records else None
        after = trail.next(self._asking.after(self._paging, place, answer, len(records), request), len(records))
        if after is None and ready is not None:
            after = ready.following(place, len(records))
        if after is not None and self._has_passed(records, window):
            after = None
        return _Read(answer, records, after, highest, {**names, "page": paging.names(self._paging, place)})

    @property
    def _paging(self) -> Settings:
        return self._read_by.get("pagination") or NONE

    @property
    def _is_hidden(self) -> bool:
        """Whether two pages have one address, so that it takes more to tell them apart."""
        block: Settings = self._read_by["request"]
        has_body = any(block.get(kind) is not None for kind in ("json", "form", "text"))
        return has_body or bool(self._read_by.get("job")) or self._paging.get("in", "query") in ("body", "header")

    def _names(self, each: Slice, window: Window | None) -> dict[str, Any]:
        if self._incremental is None:
            return each.names
        return {**each.names, "window": windows.names(self._incremental, window)}

    def _has_passed(self, records: Sequence[Any], window: Window | None) -> bool:
        """Whether a list with the newest first has come to what is known."""
        if not (self._incremental and self._incremental.get("newestFirst") and records):
            return False
        return windows.is_before(self._tools.highest(records[-1:]), window)

    def _is_conditional(self, request: Request) -> bool:
        """Whether "unchanged" would mean the whole of what is imported: one reply, all of it, and nothing beside it."""
        others = ("incremental", "include", "sweep", "job")
        is_whole = self._paging["type"] == "none" and not any(self._settings.get(name) for name in others)
        return is_whole and request.method == "GET"

    def _page(
        self,
        read: _Read,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        each: Slice,
        window: Window | None,
        path: str | None,
        told: str = "",
    ) -> Page:
        answer = read.answer
        document = None if answer.empty else self._tools.carried(answer.reply)  # before others are asked for
        envelope = Envelope(
            request=answer.request,
            status=answer.reply.status,
            media=answer.reply.headers.get("content-type", ""),
            body=b"" if answer.empty else answer.reply.body,
            empty=answer.empty,
            read=path,
            parent=each.values,
            window=windows.kept(self._incremental or {}, window),
            trigger=masked_value(read.names.get("trigger", {})),
            before=before,
            after=after,
            includes=self._includes.replies(self._imported(read.records, window), read.names) if read.records else {},
        )
        return Page(f"{answer.name}{told}", sealed(envelope), after, document)

    def _imported(self, records: Sequence[Any], window: Window | None) -> Sequence[Any]:
        """The records, None for each that came unasked and is left out by those who import."""
        if (self._incremental or {}).get("filter") != "client":
            return records
        return [None if windows.is_before(self._tools.highest([each]), window) else each for each in records]

    def _cursor_key(self, each: Slice) -> str:
        return "" if self._incremental and self._incremental.get("scope") == "shared" else each.key

    def _now(self) -> str:
        return stamp(self._tools.now())


def _source(settings: Settings, veil: Veil) -> str:
    url = settings["request"]["url"]
    whole = absolute(settings.get("baseUrl"), url if isinstance(url, str) and "${" not in url else "")
    return veil.shown(str(masked_value(whole))).partition("://")[2].partition("?")[0].rstrip("/")
