"""What goes out by HTTP: one request for each parcel. The contract is `Sender` of `transports/base.py`.

Never sends a request a second time, but for a login that ran out, and never follows a redirect: whoever calls knows
what has been sent before, and whether it may go out again.
"""

import hashlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from transports.base import (
    BadReply,
    Parcel,
    Receipt,
    Secret,
    Sender,
    SendTools,
    Settings,
    Uncertain,
)
from transports.http_client import Answer, Client
from transports.http_guard import Resolve
from transports.http_request import Request, Veil, built
from transports.http_rules import Verdict, is_true, throttled
from transports.http_wire import opened

_BODILESS = ("GET", "DELETE")
_OVERRIDES = ("url", "query", "headers", "method")
_MOST_SAID = 500  # characters of a reply that are kept for people
_UNTOUCHED = (408, 425, 429, 503)  # with these a server says that it did nothing
_IN_BETWEEN = (502, 504)  # with these a gateway says that it does not know what became of it
_UNSUITABLE = re.compile(r"[^\x21-\x7e]")
_LONGEST_KEY = 255
_DEFAULT_METHOD = "POST"


@contextmanager
def connect_sender(settings: Settings, tools: SendTools, resolve: Resolve = socket.getaddrinfo) -> Iterator[Sender]:
    """The way out of a `transport` block. A parcel's `url`, `query`, `headers` and `method` stand over its own."""
    veil = Veil()
    wire = opened(settings, tools, veil, resolve)
    try:
        yield HttpSender(settings, Client(_ruled(settings), wire, tools, veil), tools, veil)
    finally:
        wire.close()


class HttpSender:
    """See `transports.base.Sender` for what `send` promises."""

    def __init__(self, settings: Settings, client: Client, tools: SendTools, veil: Veil) -> None:
        self._settings = settings
        self._client = client
        self._tools = tools
        self._veil = veil
        self._accepted: Mapping[str, Any] = settings.get("accepted") or {}
        self._knows_again = bool(settings.get("idempotency"))
        self.destination = _destination(settings, tools)

    def send(self, parcel: Parcel) -> Receipt:
        try:
            answer, meaning = self._client.once(self._request(parcel))
        except Uncertain as error:
            error.again = self._knows_again
            raise
        if meaning.do == "again":
            self._put_off(answer, meaning)
        if meaning.why in ("ignored", "skipped"):
            return Receipt(None, answer.reply.status, "taken by a rule of `onError`")
        if meaning.error is not None:
            raise meaning.error
        if meaning.why == "unchanged":
            raise self._unaccepted(answer, "status 304 says that nothing changed")
        return self._receipt(answer)

    def _request(self, parcel: Parcel) -> Request:
        block = {**self._settings, **{name: parcel.settings[name] for name in _OVERRIDES if name in parcel.settings}}
        block = {"method": _DEFAULT_METHOD} | {name: block[name] for name in _OVERRIDES if name in block}
        request = replace(built(block, self._settings.get("baseUrl"), {}, self._tools), is_private=True)
        if request.method not in _BODILESS:
            request = replace(request, kind="bytes", body=parcel.body)
            if not any(name.lower() == "content-type" for name in request.headers):
                request = request.with_header("Content-Type", parcel.media)
        if place := self._settings.get("idempotency"):
            with_key = request.with_query if place["in"] == "query" else request.with_header
            request = with_key(place["name"], _key(parcel.key))
        return request

    def _put_off(self, answer: Answer, meaning: Verdict) -> NoReturn:
        """Raise what says when it may be sent again, or that it may not, or that nobody knows."""
        status = answer.reply.status
        if meaning.wait is not None or (meaning.why == "status" and status in _UNTOUCHED):
            raise throttled(answer.name, meaning.wait or 0.0)
        may_repeat = meaning.why in ("retry", "wait") or self._knows_again or "retry" in self._settings
        text = f"{answer.name} answered with status {status}"
        if may_repeat:
            raise BadReply(text, status, "http.status" if meaning.why == "status" else "http.rule", again=True)
        if status in _IN_BETWEEN:
            raise Uncertain(f"{text}: a gateway does not know what became of it, so that it may have been taken")
        raise BadReply(f"{text}; it is sent again by itself where the transport has `retry` or `idempotency`", status)

    def _receipt(self, answer: Answer) -> Receipt:
        reply = answer.reply
        said = reply.body[: 4 * _MOST_SAID].decode("utf-8", "replace")
        text = self._veil.shown(said)[:_MOST_SAID]
        expected = self._accepted.get("status")
        if expected is not None and reply.status != expected:
            raise self._unaccepted(answer, f"expected status {expected} (`accepted.status`), found {reply.status}")
        if "if" in self._accepted:
            seen = {"status": reply.status, "headers": dict(reply.headers), "body": answer.document}
            if not is_true(self._tools.search(self._accepted["if"], seen)):
                raise self._unaccepted(answer, f"`accepted.if` does not hold ({self._accepted['if']})")
        found = self._tools.search(self._accepted["id"], answer.document) if "id" in self._accepted else None
        return Receipt(None if found is None else str(found), reply.status, text)

    def _unaccepted(self, answer: Answer, why: str) -> BadReply:
        return BadReply(f"{answer.name} did not take it: {why}", answer.reply.status, "http.notAccepted")


def _ruled(settings: Settings) -> Settings:
    """The settings with one more rule, behind those of the author: the status that means success does."""
    status = (settings.get("accepted") or {}).get("status")
    rules = [*(settings.get("onError") or ())]
    if status is not None:
        rules.append({"if": f"status == `{status}`", "do": "success"})
    return {**settings, "onError": rules}


def _key(key: str) -> str:
    """The key where a header can hold it, else what stands for it."""
    fits = len(key) <= _LONGEST_KEY and _UNSUITABLE.search(key) is None
    return key if fits else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _destination(settings: Settings, tools: SendTools) -> str:
    """Address and user, without what differs by parcel and without a secret."""
    auth = settings.get("auth") or {}
    user = auth.get("username")
    shown = f"${user.name}@" if isinstance(user, Secret) else f"{user}@" if user else ""
    address = tools.address(settings["url"], {})
    base = settings.get("baseUrl")
    if isinstance(address, str) and (base or "://" in address):
        whole = address if "://" in address else f"{str(base).rstrip('/')}/{address.lstrip('/')}"
    elif isinstance(address, Secret) and not base:
        parts = urlsplit(address.reveal())
        whole = f"{parts.scheme}://{parts.hostname or ''}"
    elif base:
        whole = str(base)
    else:  # the address is another for each parcel: what tells one such export from another
        digest = hashlib.sha256(json.dumps(settings, default=str, sort_keys=True).encode()).hexdigest()
        return f"http:{shown}{digest[:16]}"
    parts = urlsplit(whole)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{shown}{(parts.hostname or '').lower()}{port}{parts.path}"
