"""An API on loopback that answers as a test says, and the tools that a transport of pages is given there.

The server is a real one, on a real socket; the tools are plain jmespath and json.
"""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import jmespath

from transports import connect_pages
from transports.base import Moment, Page, PageTools, Reply, Secret, Token
from transports.envelope import Envelope, opened

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
_REFERENCE = re.compile(r"\$\{([\w.]+)(?::([^}]+))?\}")


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Said:
    """What is answered. `body` as bytes, or as a value that is written as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = Callable[[Asked], Any]


class Api:
    """A server and what it was asked, in order."""

    def __init__(self, answers: Answers, context: ssl.SSLContext | None = None) -> None:
        self.answers = answers
        self.asked: list[Asked] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                api.handled(self)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing: the tests look at what was asked."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # clients hang up here
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http{'' if context is None else 's'}://{self.host}"

    def handled(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)
        self.asked.append(asked)
        said = self.answers(asked)
        said = said if isinstance(said, Said) else Said(said)
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        handler.send_response(said.status)
        for name, value in {"Content-Type": "application/json", **said.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    @contextmanager
    def running(self) -> Iterator["Api"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@contextmanager
def raw_server(*replies: bytes | Sequence[bytes]) -> Iterator[str]:
    """Sends these bytes, a reply for each connection (the last for all further), then hangs up. Gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        number = 0
        while not is_over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(1 << 16)
                    parts = replies[min(number, len(replies) - 1)]
                    for part in (parts,) if isinstance(parts, bytes) else parts:
                        connection.sendall(part)
                        is_over.wait(0 if isinstance(parts, bytes) else 0.05)
                except OSError:
                    pass
            number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        is_over.set()
        with socket.create_connection(listening.getsockname()[:2]):
            pass
        listening.close()
        thread.join()


class Clock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class Kept:
    """Tokens that outlive a connection; `held` is a lock of this process."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.log: list[str] = []
        self._lock = threading.Lock()

    def load(self, name: str) -> Token | None:
        return self.tokens.get(name)

    def save(self, name: str, token: Token) -> None:
        self.log.append(f"saved {token.refresh}")
        self.tokens[name] = token

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        with self._lock:
            yield


class NoPath(Exception):
    """`records.path` is not there."""


@dataclass
class Room:
    """What stands around a transport in a test."""

    path: str = "data"
    key: str = "id"
    cursor: str = "updatedAt"
    clock: Clock = field(default_factory=Clock)
    tokens: Kept = field(default_factory=Kept)
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    turns: int = 0
    real_time: bool = False

    def tools(self) -> PageTools:
        return PageTools(
            clock=time.monotonic if self.real_time else self.clock.monotonic,
            now=self.clock.now,
            sleep=self.clock.sleep,
            chance=lambda: 1.0,
            document=_document,
            records=self._records,
            search=jmespath.search,
            fill=fill,
            address=address,
            transform=_transform,
            identities=lambda records: [str(record.get(self.key, "")) for record in records],
            highest=self._highest,
            tokens=self.tokens,
            turn=self._turn,
            note=lambda event, details: self.notes.append((event, details)),
        )

    def _turn(self) -> None:
        self.turns += 1

    def _records(self, reply: Reply) -> Sequence[Any]:
        found = jmespath.search(self.path, _document(reply))
        if found is None:
            raise NoPath(self.path)
        return found if isinstance(found, list) else [found]

    def _highest(self, records: Sequence[Any]) -> str | int | None:
        return max((record[self.cursor] for record in records if record.get(self.cursor) is not None), default=None)

    def read(self, api: Api | str, position: Mapping[str, Any] | None = None, **settings: Any) -> "Result":
        """One whole reading of a list, from a position on."""
        with connect_pages("http", self.settings(api, **settings), self.tools()) as far:
            pages = list(far.pages(position or {}))
            return Result(pages, far.coverage, far.source)

    def one(self, api: Api, id: str, **settings: Any) -> Page | None:
        with connect_pages("http", self.settings(api, **settings), self.tools()) as far:
            return far.one(id, {"operation": "Update"})

    def settings(self, api: Api | str, **settings: Any) -> dict[str, Any]:
        base = api if isinstance(api, str) else api.url
        return {
            "type": "http",
            "baseUrl": base,
            "request": {"url": "/order"},
            "allowPrivate": ["127.0.0.1"],
            **settings,
        }


@dataclass
class Result:
    pages: list[Page]
    coverage: Any
    source: str

    @property
    def envelopes(self) -> list[Envelope]:
        return [opened(page.envelope) for page in self.pages]

    @property
    def after(self) -> Mapping[str, Any]:
        return self.pages[-1].after

    def ids(self, path: str = "data[].id") -> list[Any]:
        return [
            each
            for envelope in self.envelopes
            if envelope.body
            for each in jmespath.search(path, json.loads(envelope.body)) or []
        ]


def rows(*ids: Any, **members: Any) -> list[dict[str, Any]]:
    return [{"id": each, **members} for each in ids]


def fill(value: Any, names: Mapping[str, Any]) -> Any:
    return _filled(value, names, lambda text: text)


def address(value: Any, names: Mapping[str, Any]) -> Any:
    return _filled(value, names, lambda text: quote(text, safe=""))


def _filled(value: Any, names: Mapping[str, Any], quoted: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(inner, names, quoted) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, names, quoted) for inner in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if whole := _REFERENCE.fullmatch(value):
        found = _found(whole, names)
        return quoted(found) if isinstance(found, str) else found
    found = [_found(match, names) for match in _REFERENCE.finditer(value)]
    if any(each is None for each in found):
        return None
    texts = iter(found)
    return _REFERENCE.sub(lambda match: quoted(str(next(texts))), value)


def _found(match: "re.Match[str]", names: Mapping[str, Any]) -> Any:
    value: Any = names
    for name in match[1].split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, Moment):
        return value.at.strftime(match[2]) if match[2] and value.at else value.text
    return value


def _document(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


def _transform(text: str, steps: Sequence[Any]) -> str:
    for step in steps:
        text = text.lower() if step == "lower" else text.replace(step["remove"], "")
    return text


def secret(value: str) -> Secret:
    return Secret("API_KEY", value)
