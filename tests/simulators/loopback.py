"""What the simulated systems have in common: a server in threads, what was asked of it, and webhooks it sends.

Knows nothing of any system: it hands each request to one function and writes down what came.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson
import requests

_PATIENCE = 10  # seconds that a webhook's receiver has


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came. Header names are in lower case; of a parameter given twice the last counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(document: Any, status: int = 200, **headers: str) -> Answer:
    """A reply in JSON; `Retry_After="2"` is the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(document), {"Content-Type": "application/json; charset=utf-8", **named})


class Loopback:
    """A server at `url` while it is entered. `answer` is called by one thread at a time."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self._answer = answer
        self._turn = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.asked: list[Asked] = []
        self.url = ""

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self) -> None:
                outer._reply(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815  (names of the standard library)

            def log_message(self, *ignored: object) -> None:
                """Tests read `asked`; the standard error stream is theirs."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _reply(self, call: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(call.path)
        length = int(call.headers.get("Content-Length") or 0)
        asked = Asked(
            method=call.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in call.headers.items()},
            body=call.rfile.read(length),
        )
        with self._turn:
            self.asked.append(asked)
            answer = self._answer(asked)
        call.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            call.send_header(name, value)
        call.end_headers()
        call.wfile.write(answer.body)

    def asked_of(self, path: str, method: str = "GET") -> list[Asked]:
        """The requests of one path, in order."""
        return [each for each in self.asked if (each.method, each.path) == (method, path)]

    def forget(self) -> None:
        """Begin to count again."""
        self.asked.clear()


def sent(
    url: str,
    method: str,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    times: int = 1,
) -> Sequence[int]:
    """Send one webhook `times` times, byte for byte the same; the statuses that came back.

    `times=0` is a webhook that was lost.
    """
    statuses = []
    for _ in range(times):
        reply = requests.request(
            method, url, params=query, headers=dict(headers or {}), data=body, timeout=_PATIENCE, allow_redirects=False
        )
        statuses.append(reply.status_code)
    return statuses
