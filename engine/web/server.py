"""The server of `feeds serve`: listens, follows the definitions as they change, and ends without dropping a request.

Knows nothing of what a request means.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import FeedError
from engine.intake.inbox import Inbox
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.metrics import CONTENT_TYPE, Metrics
from engine.web.commits import Commits
from engine.web.endpoints import Note, endpoints
from engine.web.hooks import Hooks, Limits
from engine.web.readiness import Readiness

_LOOK_EACH = 2.0  # seconds between two looks at the definitions, and at what waits
_GRACE = 30  # seconds that requests in flight are waited for at the end
_MOST_CONNECTIONS = 1_000
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class _Server(uvicorn.Server):
    """uvicorn, with its signals left to us: it would end by the signal itself, as if it had been killed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Receiver:
    """One server of webhooks.

    `project` and `secrets` are asked again and again: they give the same object while nothing has changed.
    """

    def __init__(
        self,
        inbox: Inbox,
        project: Callable[[], Project],
        secrets: Callable[[], Secrets],
        now: Callable[[], datetime],
        note: Note,
        limits: Limits | None = None,
        retired: Callable[[], Collection[str]] = tuple,
        watched: "Watched | None" = None,
    ) -> None:
        self._inbox, self._project, self._secrets, self._note = inbox, project, secrets, note
        self._retired, self._watched = retired, watched
        self._seen: tuple[Project, Secrets, Collection[str]] | None = None
        self._commits = Commits(inbox)
        self.hooks = Hooks(self._commits, now, note, limits or Limits())

    def look(self) -> int:
        """Take up the definitions as they are now; how many endpoints that makes."""
        project, secrets, retired = seen = self._project(), self._secrets(), self._retired()
        old = self._seen
        if old is None or project is not old[0] or secrets is not old[1] or retired != old[2]:
            self.hooks.endpoints = endpoints(project, secrets, self._note, self.hooks.endpoints, retired)
            if self.hooks.replies is not None:
                self.hooks.replies.take_up(project, secrets)
            self._seen = seen
        self.hooks.load = self._inbox.load()
        return len(self.hooks.endpoints)

    def serve(self, listening: socket.socket) -> None:
        """Answer until SIGTERM or SIGINT; then finish what is in flight."""
        asyncio.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        routes = [
            Route("/hooks/{path:path}", self._hook, methods=_METHODS),
            Route("/healthz", self.hooks.health),
            *(self._watched.routes() if self._watched is not None else ()),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            http="h11",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
        beside = [asyncio.create_task(self._commits.run()), asyncio.create_task(self._follow())]
        try:
            await server.serve(sockets=[listening])
        finally:
            for each in beside:
                each.cancel()

    async def _hook(self, incoming: Request) -> Response:
        answer = await self.hooks.hook(incoming)
        if self._watched is not None:
            self._watched.metrics.heard(_result(answer))
        return answer

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EACH)
            await self._looked()

    async def _looked(self) -> None:
        try:
            await asyncio.to_thread(self.look)
        except FeedError as error:
            # What was known goes on being served; the next look may find it mended.
            self._note("hooks.stale", {"reason": str(error), "level": "error"})


class Watched:
    """What tells others how we are: `/readyz` for whoever may ask, `/metrics` for this machine unless it is `open`."""

    def __init__(self, metrics: Metrics, readiness: Readiness, note: Note, is_open: bool = False) -> None:
        self.metrics = metrics
        self._readiness, self._note, self._is_open = readiness, note, is_open

    def routes(self) -> list[Route]:
        return [Route("/readyz", self._ready), Route("/metrics", self._metrics)]

    async def _ready(self, incoming: Request) -> Response:
        is_ready, checks = await asyncio.to_thread(self._readiness.look)
        return JSONResponse({"status": "ready" if is_ready else "unready", "checks": checks}, 200 if is_ready else 503)

    async def _metrics(self, incoming: Request) -> Response:
        if not self._is_open and not _is_near(incoming):
            return JSONResponse({"status": "unknown"}, 404)
        try:
            return Response(await asyncio.to_thread(self.metrics.text), media_type=CONTENT_TYPE)
        except FeedError as error:
            self._note("metrics.failed", {"reason": str(error), "level": "error"})
            return JSONResponse({"status": "unready"}, 503)


def _is_near(incoming: Request) -> bool:
    """Whether somebody on this machine asks, and not a proxy for somebody else."""
    host = incoming.client.host if incoming.client is not None else ""
    is_passed_on = any(name in incoming.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    return host in ("127.0.0.1", "::1", "") and not is_passed_on


def _result(answer: Response) -> str:
    """What a request came to, in the word that its sender was told."""
    if isinstance(answer, JSONResponse):
        return str(orjson.loads(bytes(answer.body))["status"])
    return "challenge" if isinstance(answer, PlainTextResponse) else "answered"
