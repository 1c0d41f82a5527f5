"""Requests that are answered with what is known: after what they bring themselves is imported, and in time.

Lets nobody in and keeps no request: that is `hooks.py`.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from engine.errors import FeedError, LeaseHeld
from engine.intake.inbox import WAITING
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.model import Feed
from engine.runner import run_feeds
from engine.sending.answering import Answering, Refused
from engine.store.replies import Given
from engine.visits.ending import fault
from engine.visits.leasing import leased
from engine.visits.listening import endpoints
from engine.world import World
from transports.webhook import Request

LIMIT = 2.0  # seconds: a person waits at the other end
_TOO_OLD, _NONE, _NOT_NOW = 422, 404, 503
_AGAIN = {"Retry-After": "1"}
_LOOKED_EACH = 0.05  # seconds, while another process runs a feed
_AT_ONCE = 8


class Replies:
    """Answers of the exports of a project, which is put in place by whoever looks after it."""

    def __init__(self, world: World, limit: float = LIMIT) -> None:
        self._world, self._limit = world, limit
        self._project: Project | None = None
        self._workers = ThreadPoolExecutor(_AT_ONCE, "replies")

    def take_up(self, project: Project, secrets: Secrets) -> None:
        self._project, self._world = project, replace(self._world, secrets=secrets)

    async def before(self, export: str, request: Request) -> Response | None:
        """What the same request was answered before; also where there is no time to look."""
        return await self._in_time(lambda: _said(self._answering(export, request).given()), export)

    async def answer(self, export: str, request: Request, feeds: Sequence[str]) -> Response | None:
        """The reply, once these feeds have imported what waits for them.

        None where the request names no activity, and brings something: it is answered as others that do.
        """
        return await self._in_time(lambda: self._made(export, request, feeds), export)

    async def _in_time(self, work: Callable[[], Response | None], export: str) -> Response | None:
        """What is begun is finished, whether or not anybody waits for it: the sender asks again."""
        doing: Future[Response | None] = self._workers.submit(work)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(doing)), self._limit)
        except (TimeoutError, LeaseHeld):
            reason = f"no answer within {self._limit:g} s"
        except FeedError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  (whatever it is, the sender asks again and no other request suffers)
            where, issue = fault(error)
            reason = f"{issue.message} ({where})"
        self._world.note("reply.late", {"level": "warning", "export": export, "reason": reason})
        return JSONResponse({"status": "late"}, _NOT_NOW, _AGAIN)

    def _made(self, export: str, request: Request, feeds: Collection[str]) -> Response | None:
        answering = self._answering(export, request)
        self._import(feeds)
        if feeds and not answering.names_one:
            return None
        try:
            given = answering.answer()
        except Refused as error:
            return JSONResponse({"status": "refused", "reason": str(error)}, _TOO_OLD)
        return _said(given) or JSONResponse({"status": "none"}, _NONE)

    def _answering(self, export: str, request: Request) -> Answering:
        found = self._project.exports.get(export) if self._project is not None else None
        if found is None:
            raise FeedError(f"{export} is there no longer")
        return Answering(found, request.parts, self._world)

    def _import(self, names: Collection[str]) -> None:
        """What waits for these feeds; of those that read a list besides, nothing: that may take its time."""
        until = time.monotonic() + self._limit
        feeds = self._project.feeds if self._project is not None else {}
        for feed in [feeds[name] for name in names if name in feeds]:
            if feed.transport["type"] == "webhook":
                _imported(feed, self._world, until)


def _imported(feed: Feed, world: World, until: float) -> None:
    """Whoever runs the feed at this moment may take up ours as well; else we do. Raises LeaseHeld after `until`."""
    while world.inbox.counts(feed.id, endpoints(feed))[WAITING]:
        try:
            with leased(feed, world) as lease:
                run_feeds([feed], world, lease=lease, is_woken=True)
            return
        except LeaseHeld:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOKED_EACH)


def _said(given: Given | None) -> Response | None:
    headers: Mapping[str, str] = {"X-Content-Type-Options": "nosniff"}
    return None if given is None else Response(given.payload, 200, headers, given.media)
