"""A server of HTTP on loopback that takes what is posted to it, and can be told to fail at any moment of it."""

import base64
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.transports.sending.contract import CANARY, in_thread
from transports.base import Secret, Sender, SendTools
from transports.http_sender import connect_sender

TAKEN = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"sid": "7"}'
_NO = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}"
_LOGIN = b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Post:
    """What was posted, and what is answered: `reply` after a whole request, `cut` says when it hangs up instead.

    `cut`: "accept" (before a byte is read), "unread" (the same, once the whole request has come), "head" (after the
    head), "body" (with the whole request), "reply" (in the middle of the answer), "hang" (never, and no answer comes);
    it holds once.
    """

    tools: SendTools
    reply: bytes = TAKEN
    cut: str = ""
    bodies: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""
    _is_over: threading.Event = field(default_factory=threading.Event)
    _listening: socket.socket | None = None

    def connect(self, *, login: bool = True, **settings: Any) -> AbstractContextManager[Sender]:
        auth = {"type": "basic", "username": "feeds", "password": Secret("PIN", CANARY if login else "wrong")}
        block = {"type": "http", "url": f"{self.url}/leads", "auth": auth, "allowPrivate": ["127.0.0.1"]}
        return connect_sender({**block, "timeout": "60s", **settings}, self.tools)

    def taken(self) -> list[bytes]:
        return self.bodies

    def leaves(self) -> None:
        assert self._listening is not None
        self._is_over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def says_no(self) -> None:
        self.reply = _NO

    def cuts_before(self) -> None:
        self.cut = "head"

    def cuts_after(self) -> None:
        self.cut = "body"

    # --- the server -------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator["Post"]:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # what is not read stays outside
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        in_thread(self._serve)
        try:
            yield self
        finally:
            self.leaves()

    def _serve(self) -> None:
        assert self._listening is not None
        while not self._is_over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            in_thread(lambda connection=connection: self._speak(connection))  # type: ignore[misc]

    def _speak(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            if self.cut in ("accept", "unread"):
                while self.cut == "unread" and not connection.recv(1 << 16, socket.MSG_PEEK).endswith(b"\r\n\r\nx"):
                    time.sleep(0.002)
                self.cut = ""
                return _abort(connection)
            file = connection.makefile("rb")
            while head := _head(file.readline):
                cut, self.cut = self.cut, ""
                if cut == "head":
                    return _abort(connection)
                length = next((int(line[15:]) for line in head if line.lower().startswith("content-length:")), 0)
                body = file.read(length)
                if len(body) < length:
                    return None
                self._answer(connection, head, body, cut)
        return None

    def _answer(self, connection: socket.socket, head: list[str], body: bytes, cut: str) -> None:
        expected = base64.b64encode(f"feeds:{CANARY}".encode()).decode()
        if f"Authorization: Basic {expected}" not in head:
            if cut == "body":
                raise OSError
            connection.sendall(_LOGIN)
            return
        self.heads.append("\n".join(head))
        if self.reply != _NO:
            self.bodies.append(body)
        if cut == "hang":
            self._is_over.wait()
        if cut in ("body", "hang"):
            raise OSError
        connection.sendall(self.reply[:20] if cut == "reply" else self.reply)
        if cut == "reply":
            raise OSError


def _head(readline: Callable[[], bytes]) -> list[str]:
    lines = []
    while (line := readline().strip()) or not lines:
        if not line:
            return []
        lines.append(line.decode("latin-1"))
    return lines


def _abort(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
