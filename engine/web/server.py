"""The server of `feeds serve`: listens, follows the definitions as they change, and ends without dropping a request.

Knows nothing of what a request means.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from engine.errors import FeedError
from engine.intake.inbox import Inbox
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.web.commits import Commits
from engine.web.endpoints import Note, endpoints
from engine.web.hooks import Hooks, Limits

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
    ) -> None:
        self._inbox, self._project, self._secrets, self._note = inbox, project, secrets, note
        self._seen: tuple[Project, Secrets] | None = None
        self._commits = Commits(inbox)
        self.hooks = Hooks(self._commits, now, note, limits or Limits())

    def look(self) -> int:
        """Take up the definitions as they are now; how many endpoints that makes."""
        seen = self._project(), self._secrets()
        if self._seen is None or seen[0] is not self._seen[0] or seen[1] is not self._seen[1]:
            self.hooks.endpoints = endpoints(*seen, self._note, self.hooks.endpoints)
            self._seen = seen
        self.hooks.load = self._inbox.load()
        return len(self.hooks.endpoints)

    def serve(self, listening: socket.socket) -> None:
        """Answer until SIGTERM or SIGINT; then finish what is in flight."""
        asyncio.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        routes = [
            Route("/hooks/{path:path}", self.hooks.hook, methods=_METHODS),
            Route("/healthz", self.hooks.health),
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
