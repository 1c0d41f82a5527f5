"""Sends the requests of one feed: its turn, its login, redirects, tries and waits, rules on errors.

Never sends a secret to another origin than the one it belongs to, and never goes on after an error in silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

from transports import auth
from transports.base import (
    BadReply,
    Refused,
    Reply,
    Secret,
    SendTools,
    Settings,
    TransferCut,
    TransportError,
    Uncertain,
    Unreachable,
)
from transports.http_guard import NotConnected, NotTrusted
from transports.http_request import Request, Veil, origin, plain, readdressed, shown, without_secrets
from transports.http_request import name as name_of
from transports.http_rules import TAKE, Verdict, retry, throttled, verdict
from transports.http_wire import Wire

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_KEEPS_METHOD = (307, 308)
_SEE_OTHER = 303


@dataclass(slots=True)
class Answer:
    """A reply and the request that brought it, as it may be shown. `empty` as in an envelope, or "missing"."""

    request: Mapping[str, Any]
    url: str  # as it was asked, for relative addresses; may hold a secret
    reply: Reply
    tools: SendTools
    empty: str | None = None
    _document: list[Any] = field(default_factory=list)

    @property
    def document(self) -> Any:
        """The decoded body, decoded once; None where it cannot be, and for a reply that counts as empty."""
        if not self._document:
            self._document.append(None if self.empty else self.tools.document(self.reply))
        return self._document[0]

    @property
    def name(self) -> str:
        return name_of(self.request)


class Client:
    """What a feed speaks through. Its methods may be called from several threads."""

    def __init__(self, settings: Settings, wire: Wire, tools: SendTools, veil: Veil) -> None:
        self.veil = veil
        veil.revealed(settings)  # every secret is known before anything can be shown
        self._wire = wire
        self._tools = tools
        self._retry = retry(settings)
        self._rules: Sequence[Mapping[str, Any]] = settings.get("onError") or ()
        self._base = settings.get("baseUrl") or settings.get("request", {}).get("url")
        block = settings.get("auth")
        self._placing = block
        if block and block["type"] == "login":
            block = {**block, "baseUrl": settings.get("baseUrl")}
        self.query_secrets = auth.query_names(self._placing)
        self._auth = auth.made(block, tools, self._asked)

    def send(self, request: Request, foreign: bool = False, missing: Sequence[int] = ()) -> Answer:
        """The answer to a request, logged in, tried as often as `retry` says.

        `foreign`: the other side named the address. `missing`: statuses that mean there is nothing ("missing").
        Raises what a rule or the built-in meaning of the reply says.
        """
        if foreign and origin(str(self.veil.revealed(request.url))) != origin(str(self.veil.revealed(self._base))):
            return self._tried(without_secrets(request), None, missing)
        renewed = False
        while True:
            secret = self._auth.value(request)
            self.veil.revealed(secret)
            answer = self._tried(auth.placed(request, self._placing, secret), secret, missing)
            if answer.empty != "renew":
                return answer
            if renewed or not self._auth.renewed(secret):
                raise self._meaning(answer, missing).error or BadReply("the login was refused", answer.reply.status)
            renewed = True

    def once(self, request: Request) -> tuple[Answer, Verdict]:
        """The answer to one try, and what it means. A second one only with a new login: then nothing was taken.

        A redirect is an answer like any other. Raises Uncertain where the request left whole and no answer came.
        """
        secret = self._auth.value(request)
        answer, meaning = self._single(request, secret)
        if meaning.do == "renew" and self._auth.renewed(secret):
            answer, meaning = self._single(request, self._auth.value(request))
        return answer, meaning

    def _single(self, request: Request, secret: Secret | None) -> tuple[Answer, Verdict]:
        self.veil.revealed(secret)
        try:
            answer = self._answered(auth.placed(request, self._placing, secret))
        except (NotConnected, NotTrusted):
            raise
        except (Unreachable, TransferCut, BadReply) as error:
            raise Uncertain(f"{error}; the request had left, so that it may have been taken") from error
        return answer, self._meaning(answer, ())

    def _tried(self, request: Request, secret: Secret | None, missing: Sequence[int]) -> Answer:
        """One request until it is answered; `empty` is "renew" where the login has to be renewed."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._exchanged(request)
            except (Unreachable, TransferCut) as error:
                can = isinstance(error, NotConnected) or self._retry.covers(request.method, None)
                if isinstance(error, NotTrusted) or not can or attempt >= self._retry.attempts:
                    raise
                self._wait(attempt, None, name_of(shown(request, self.veil)), type(error).__name__)
                continue
            meaning = self._meaning(answer, missing)
            if meaning.do == "again":
                self._again(request, answer, meaning, attempt)
                continue
            if meaning.do == "raise" and meaning.error is not None:
                raise meaning.error
            answer.empty = {"empty": meaning.why, "renew": "renew"}.get(meaning.do)
            return answer

    def _again(self, request: Request, answer: Answer, meaning: Verdict, attempt: int) -> None:
        """Wait before the next try, or raise because there is none."""
        status = answer.reply.status
        if meaning.wait is not None and meaning.wait > self._retry.longest:
            raise throttled(answer.name, meaning.wait)
        is_ruled = meaning.why in ("retry", "wait")
        if attempt >= self._retry.attempts or not (is_ruled or self._retry.covers(request.method, status)):
            if status in (429, 503):
                raise throttled(answer.name, meaning.wait or self._retry.longest)
            raise meaning.error or BadReply(f"{answer.name} failed", status)
        self._wait(attempt, meaning.wait, answer.name, str(status))

    def _meaning(self, answer: Answer, missing: Sequence[int]) -> Verdict:
        answer.empty = None
        found = verdict(answer.reply, self._rules, lambda: answer.document, self._tools, answer.name, self.veil.shown)
        if found.do == "raise" and answer.reply.status in missing:
            return Verdict("empty", "missing")
        return found

    def _wait(self, attempt: int, floor: float | None, where: str, why: str) -> None:
        wait = self._retry.wait(attempt, floor, self._tools.chance())
        self._tools.note(
            "http.again", {"request": where, "because": why, "attempt": attempt, "seconds": round(wait, 1)}
        )
        self._tools.sleep(wait)

    def _exchanged(self, request: Request) -> Answer:
        """One exchange, redirects within the origin followed. Raises Refused for one that leads elsewhere."""
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._answered(request)
            if answer.reply.status not in _REDIRECTS or "location" not in answer.reply.headers:
                return answer
            request = self._redirected(request, answer.url, answer.reply)
        raise Refused(f"{answer.name} is redirected more than {_MOST_REDIRECTS} times")

    def _answered(self, request: Request) -> Answer:
        """One exchange, in its turn."""
        self._tools.turn()
        kept, url = shown(request, self.veil), str(self.veil.revealed(request.url))
        try:
            reply = self._wire.exchange(plain(request, self.veil), self._tools.progress)
        except TransportError as error:
            raise _masked(error, self.veil) from None
        return Answer(kept, url, reply, self._tools)

    def _redirected(self, request: Request, url: str, reply: Reply) -> Request:
        target = urljoin(url, reply.headers["location"])
        here, there = origin(url), origin(target)
        is_upgrade = (here[:2], there[:2]) == (("http", there[1]), ("https", here[1]))
        if here != there and not is_upgrade:
            raise Refused(
                f"{here[1]} redirects to {there[1]}: not followed, since the login would go along. "
                "Put the address that is meant into `baseUrl`"
            )
        if request.method in ("GET", "HEAD") or reply.status in _KEEPS_METHOD:
            return readdressed(request, target)
        if reply.status == _SEE_OTHER:
            return replace(readdressed(request, target), method="GET", kind=None, body=None)
        raise Refused(f"{request.method} is redirected with status {reply.status}: put the right address into `url`")

    def _asked(self, request: Request, again: bool) -> Reply:
        """For logins: no login, no rules; tried again only where nothing was sent, or where `again` allows it."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._exchanged(request)
            except (Unreachable, TransferCut) as error:
                if attempt >= self._retry.attempts or not (again or isinstance(error, NotConnected)):
                    raise
                self._wait(attempt, None, name_of(shown(request, self.veil)), type(error).__name__)
                continue
            meaning = verdict(answer.reply, (), lambda: None, self._tools, answer.name, self.veil.shown)
            if meaning is TAKE or answer.reply.status in (400, 401, 403):
                return answer.reply
            if meaning.do != "again" or not again:
                raise meaning.error or BadReply(f"{answer.name} brought no token", answer.reply.status, "http.token")
            self._again(request, answer, replace(meaning, why="retry"), attempt)


def _masked(error: TransportError, veil: Veil) -> TransportError:
    """The same error, sure to show no secret."""
    error.args = tuple(veil.shown(part) if isinstance(part, str) else part for part in error.args)
    return error
