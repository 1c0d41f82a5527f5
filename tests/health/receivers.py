"""Those who are told: a mail server and an HTTP receiver on loopback, which may refuse."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


class Mailbox:
    """Mail as it came; refused with `code` where that is set."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.code: int | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  (the server's name for it)
        if self.code is not None:
            return f"{self.code} not now"
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    """A mail server and its port."""
    box, loop = Mailbox(), asyncio.new_event_loop()
    made = loop.create_server(lambda: SMTP(box, hostname="mail.example.com", loop=loop, **options), "127.0.0.1", 0)
    server = loop.run_until_complete(made)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield box, server.sockets[0].getsockname()[1]
    finally:
        # In the loop's own thread: beside it, a connection that ends just now would wake whoever waits twice.
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(server.wait_closed())
        loop.close()


class Receiver(ThreadingHTTPServer):
    """What was posted, and how often it was called; answers with `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.calls = 0
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def told(self, event: str) -> list[int]:
        """The incidents of which this was told, each as often as it was."""
        return [one["id"] for each in self.posted if each["event"] == event for one in each["incidents"]]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.server.calls += 1
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.posted.append(json.loads(body))
            self.server.headers.append(dict(self.headers))
        self._answer()

    def _answer(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
