"""A TCP proxy on loopback that makes the way longer, in a thread of its own, and counts round trips.

    with Delay("127.0.0.1", server.port, seconds=0.010) as way:   # each way: 20 ms there and back
        connect({**server.settings(), "port": way.port}, tools)

It delays and drops nothing, and keeps the order of bytes.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

_CHUNK = 1 << 18
_UNDER_WAY = 64  # chunks that may be on the way at once: more than any window in these tests


class Delay:
    """`turns` counts how often the client spoke after the server had: round trips, whatever was asked in each."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.connections = 0
        self.turns = 0
        self._far = (host, port)
        self._seconds = seconds
        self._server_spoke = True
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="delay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._joined, self.host, 0, limit=_CHUNK))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        for _turn in range(3):  # what is aborted still says so
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(*self._far, limit=_CHUNK)
        self._writers += [writer, far_writer]
        await asyncio.gather(
            self._carry(reader, far_writer, self._client_says), self._carry(far_reader, writer, self._server_says)
        )

    def _client_says(self) -> None:
        self.turns += self._server_spoke
        self._server_spoke = False

    def _server_says(self) -> None:
        self._server_spoke = True

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Callable[[], None]
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
        delivery = asyncio.create_task(self._deliver(queue, writer))
        chunk = b"-"
        with suppress(OSError):
            while chunk:
                chunk = await reader.read(_CHUNK)
                heard()
                await queue.put((self._loop.time() + self._seconds, chunk))
        await delivery

    async def _deliver(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                due, chunk = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
        writer.close()
