"""Takes webhooks in: who may, how much, how fast; and a 2xx only for what is on disk.

Never imports anything: what is kept waits for a run of its feeds.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse, PlainTextResponse, Response

from engine.errors import FeedError
from engine.intake.inbox import Entry, Load
from engine.visits.listening import Party, taken
from engine.web.commits import Commits
from engine.web.endpoints import Endpoint, Listener, Note
from engine.web.replies import Replies
from transports import webhook
from transports.base import Secret

_TAKEN = 200
_UNKNOWN, _UNVERIFIED = {"status": "unknown"}, {"status": "unverified"}
_LONGEST_ECHO = 4_096  # characters
_NOBODY_LISTENS = webhook.Refusal(webhook.UNVERIFIED, "challenge")
_RETRY_SOON, _RETRY_LATER = "1", "60"  # seconds
_NOTED_EACH = timedelta(seconds=60)  # a stranger must not be able to fill our log


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much. `body_seconds` is for a whole body to arrive."""

    body_seconds: float = 10
    most_waiting: int = 100_000  # requests that no run has taken up
    most_bytes: int = 4 << 30  # of them
    most_at_once: int = 100  # requests of one endpoint that are being answered


class Hooks:
    """The receiver. `endpoints`, `load` and `replies` are put in place by whoever looks after them."""

    def __init__(self, commits: Commits, now: Callable[[], datetime], note: Note, limits: Limits) -> None:
        self.endpoints: Mapping[str, Endpoint] = {}
        self.load = Load(0, 0)
        self.replies: Replies | None = None
        self.limits = limits
        self._commits = commits
        self._now = now
        self._note = note
        self._busy: Counter[str] = Counter()
        self._refused: dict[tuple[str, str], datetime] = {}
        # What a path that nobody knows is compared with, so that it takes as long as a wrong token.
        self._nobody = [{"type": "token", "in": "path", "token": Secret("nobody", secrets.token_urlsafe(32))}]

    @property
    def is_full(self) -> bool:
        return self.load.requests >= self.limits.most_waiting or self.load.size >= self.limits.most_bytes

    async def health(self, incoming: Incoming) -> Response:
        if self.is_full:
            return _answer(503, {"status": "full"}, _RETRY_LATER)
        return _answer(200, {"status": "ok"})

    async def hook(self, incoming: Incoming) -> Response:
        """Answer one request below /hooks/."""
        endpoint, listeners = self._found(incoming.path_params["path"])
        if endpoint is None:
            return _answer(webhook.UNKNOWN, _UNKNOWN)
        if not endpoint.is_ready:
            return _answer(503, {"status": "unready"}, _RETRY_LATER)
        # Some senders ask with GET whether we are we, and send with POST.
        fitting = [each for each in listeners if incoming.method in (each.method, "GET" if each.echo else "")]
        if not fitting:
            methods = ", ".join(sorted({each.method for each in listeners}))
            return JSONResponse({"status": "method"}, 405, {"Allow": methods})
        if self.is_full:
            self._noted(endpoint.path, "the inbox is full: let the feeds run", "error")
            return _answer(503, {"status": "full"}, _RETRY_LATER)
        if self._busy[endpoint.path] >= self.limits.most_at_once:
            return _answer(429, {"status": "busy"}, _RETRY_SOON)
        self._busy[endpoint.path] += 1
        try:
            return await self._taken(incoming, endpoint, fitting)
        finally:
            self._busy[endpoint.path] -= 1

    def _found(self, path: str) -> tuple[Endpoint | None, Sequence[Listener]]:
        """Who listens at a path: by the whole of it, or with a token as its last part."""
        head, _, token = path.rpartition("/")
        exact, behind = self.endpoints.get(path), self.endpoints.get(head)
        plain = [each for each in exact.listeners if not each.has_path_token] if exact is not None else []
        guarded = [each for each in behind.listeners if each.has_path_token] if behind is not None else []
        opened = [each for each in guarded if webhook.opens(token, each.checks or ())]
        if not guarded:
            webhook.opens(token, self._nobody)
        if plain:
            return exact, plain
        if behind is not None and guarded and not opened:
            self._noted(behind.path, "path", "warning")
        return (behind, opened) if opened else (None, ())

    async def _taken(self, incoming: Incoming, endpoint: Endpoint, listeners: Sequence[Listener]) -> Response:
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                body = await _body(incoming, max(each.most_bytes for each in listeners))
        except TimeoutError:
            return JSONResponse({"status": "slow"}, 408, {"Connection": "close"})
        except ClientDisconnect:
            return _answer(400, {"status": "gone"})  # nobody hears it
        if body is None:
            return JSONResponse({"status": "large"}, 413, {"Connection": "close"})
        request = _request(incoming, body)
        now = self._now()
        if (echo := _echo(request, listeners, now)) is not None:
            return PlainTextResponse(echo, headers={"X-Content-Type-Options": "nosniff"})
        listeners = [each for each in listeners if each.method == request.method]
        refusals = [webhook.refusal(request, each.checks or (), now) for each in listeners]
        known = [each for each, refusal in zip(listeners, refusals, strict=True) if refusal is None]
        admitted = [each for each in known if len(body) <= each.most_bytes]
        if not admitted:
            missing = [] if known else [each for each in refusals if each is not None]
            return self._turned_away(endpoint, missing if missing or known else [_NOBODY_LISTENS])
        return await self._answered(request, endpoint, admitted, now)

    async def _answered(
        self, request: webhook.Request, endpoint: Endpoint, admitted: Sequence[Listener], now: datetime
    ) -> Response:
        """What a request that was let in is told: that it is kept, or what it asks for."""
        by, everyone = (
            [Party(each.feed, each.proof, each.checks or (), each.dedupe) for each in some if not each.is_reply]
            for some in (admitted, [each for each in endpoint.listeners if each.method == request.method])
        )
        export = next((each.feed for each in admitted if each.is_reply), "")
        replies = self.replies if export else None
        if replies is not None and (said := await replies.before(export, request)) is not None:
            return said
        kept = await self._kept(taken(request, endpoint.path, by, everyone, now)) if by else _answer(404, _UNKNOWN)
        if replies is None or (by and kept.status_code != _TAKEN):
            return kept
        return await replies.answer(export, request, [each.feed for each in by]) or kept

    def _turned_away(self, endpoint: Endpoint, refusals: Sequence[webhook.Refusal]) -> Response:
        if not refusals:
            return _answer(413, {"status": "large"})
        self._noted(endpoint.path, refusals[0].reason, "warning")
        status = min(refusal.status for refusal in refusals)
        return _answer(status, _UNKNOWN if status == webhook.UNKNOWN else _UNVERIFIED)

    async def _kept(self, entry: Entry) -> Response:
        try:
            is_new = await self._commits.accepted(entry)
        except FeedError as error:
            self._noted(entry.endpoint, str(error), "error")
            return _answer(503, {"status": "unready"}, _RETRY_LATER)
        return _answer(_TAKEN, {"status": "accepted" if is_new else "known"})

    def _noted(self, endpoint: str, reason: str, level: str) -> None:
        now, key = self._now(), (endpoint, reason)
        if key not in self._refused or now - self._refused[key] >= _NOTED_EACH:
            self._refused[key] = now
            self._note("hook.refused", {"endpoint": endpoint, "reason": reason, "level": level})


async def _body(incoming: Incoming, most: int) -> bytes | None:
    """The body's bytes; None where there are more than `most`."""
    length = incoming.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        return None
    found = bytearray()
    async for chunk in incoming.stream():
        found += chunk
        if len(found) > most:
            return None
    return bytes(found)


def _request(incoming: Incoming, body: bytes) -> webhook.Request:
    headers: dict[str, str] = {}
    for name, value in incoming.headers.items():
        # Several of one name are one list (RFC 9110, 5.3): two signatures in two headers are not the one expected.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = webhook.query(incoming.url.query)
    return webhook.Request(incoming.method, incoming.path_params["path"], query, headers, body)


def _echo(request: webhook.Request, listeners: Sequence[Listener], now: datetime) -> str | None:
    """What is given back to a sender who asks whether we are we; None for every other request."""
    for each in listeners:
        if each.echo and webhook.refusal(request, each.echo_checks, now) is None:
            value = webhook.part(request, each.echo)
            if isinstance(value, str) and len(value) <= _LONGEST_ECHO:
                return value
    return None


def _answer(status: int, content: Mapping[str, str], retry_after: str | None = None) -> Response:
    return JSONResponse(content, status, {"Retry-After": retry_after} if retry_after else None)
