"""A TCP proxy on loopback whose n-th connection is spoilt in one way; all others pass as they are.

    with Toxic(server.port, "reset", connection=3, at=900) as way:
        connect("127.0.0.1", way.port)

`at` is the number of bytes from the server after which it happens.
"""

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

TOXICS = (
    *("refuse", "silent", "reset at connect", "reset", "half close", "black hole"),
    *("latency", "jitter", "bandwidth", "drip", "flip", "doubled"),
)
_CHUNK = 1 << 14
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Toxic:
    def __init__(self, far: int, toxic: str, connection: int, at: int, seed: int = 1) -> None:
        self._far, self._toxic, self._nth, self._at = far, toxic, connection, at
        self._chance = random.Random(seed)  # noqa: S311  (the same disorder in every run)
        self._count = 0
        self._is_over = threading.Event()
        self._open: list[socket.socket] = []
        # Holds the port while nobody listens at it.
        self._keeper = self._bound(0)
        self.port = int(self._keeper.getsockname()[1])
        self._listening: socket.socket | None = None

    def __enter__(self) -> Self:
        self.heals()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._deafen()
        for each in (*self._open, self._keeper):
            each.close()

    def heals(self) -> None:
        """Listen, again where it had ceased to."""
        if self._listening is None:
            self._listening = self._bound(self.port)
            self._listening.listen(16)
            threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _bound(self, port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", port))
        return made

    def _deafen(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
            listening.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while not self._is_over.is_set():
                near, _ = listening.accept()
                self._count += 1
                self._open.append(near)
                if self._toxic == "refuse" and self._count == self._nth - 1:
                    self._deafen()  # the next one finds nobody
                toxic = self._toxic if self._count == self._nth else ""
                threading.Thread(target=self._carry, args=(near, toxic), daemon=True).start()

    def _carry(self, near: socket.socket, toxic: str) -> None:
        if toxic == "silent":
            return
        if toxic == "reset at connect":
            _reset(near)
            return
        with suppress(OSError):
            if toxic == "doubled":  # two connections to the server, one of which is dead
                self._open.append(socket.create_connection(("127.0.0.1", self._far)))
            far = socket.create_connection(("127.0.0.1", self._far))
            self._open.append(far)
            threading.Thread(target=_pump, args=(near, far, far.sendall), daemon=True).start()
            _pump(far, near, self._spoilt(near, toxic))

    def _spoilt(self, near: socket.socket, toxic: str) -> Callable[[bytes], None]:
        """What is done with bytes of the server."""
        sent = 0

        def send(chunk: bytes) -> None:
            nonlocal sent
            here, sent = self._at - sent, sent + len(chunk)
            if toxic in ("latency", "jitter"):
                time.sleep(0.2 if toxic == "latency" else self._chance.random() / 2)  # the slowness is what is tried
            is_now = toxic and here < len(chunk)
            if is_now and toxic == "flip":
                place = max(here, 0)
                chunk = chunk[:place] + bytes([chunk[place] ^ 0x20]) + chunk[place + 1 :]
                self._at = 1 << 60  # one byte
            if is_now and toxic in ("reset", "half close", "black hole", "drip"):
                near.sendall(chunk[: max(here, 0)])
                self._ends(near, toxic, chunk[max(here, 0) :])
                return
            for start in range(0, len(chunk), 1024) if toxic == "bandwidth" else (0,):
                near.sendall(chunk[start : start + 1024] if toxic == "bandwidth" else chunk)
                if toxic == "bandwidth":
                    time.sleep(0.03)

        return send

    def _ends(self, near: socket.socket, toxic: str, rest: bytes) -> None:
        if toxic == "reset":
            _reset(near)
        elif toxic == "half close":
            near.shutdown(socket.SHUT_WR)
        elif toxic == "drip":
            for byte in rest:
                near.sendall(bytes([byte]))
                if self._is_over.wait(1):
                    break
        self._is_over.wait(60)
        raise OSError("over")


def _pump(one: socket.socket, other: socket.socket, send: Callable[[bytes], None]) -> None:
    with suppress(OSError, ValueError):  # what was closed here has no number to wait for
        while True:
            # Never for long inside: a connection that another thread resets goes only when nobody reads from it.
            if select.select([one], [], [], 0.02)[0]:
                chunk = one.recv(_CHUNK)
                if not chunk:
                    break
                send(chunk)
        other.shutdown(socket.SHUT_WR)


def _reset(near: socket.socket) -> None:
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    near.close()
