"""Requests that arrive together go to disk together, and each sender hears of it when they are there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from engine.intake.inbox import Entry, Inbox

_MOST = 200  # requests in one commit


class _Waiting(NamedTuple):
    entry: Entry
    answer: "asyncio.Future[bool]"


class Commits:
    """One writer for all requests: while it waits for the disk, the next ones gather."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: list[_Waiting] = []
        self._has_some = asyncio.Event()
        self._writer = ThreadPoolExecutor(1, "inbox")

    async def accepted(self, entry: Entry) -> bool:
        """Whether the request is new, once it is on disk. Raises DiskError or StoreError."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entry, answer))
        self._has_some.set()
        return bool(await answer)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._has_some.wait()
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if not self._waiting:
                self._has_some.clear()
            await self._write(batch)

    async def _write(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._writer, self._inbox.accept, [each.entry for each in batch])
        except Exception as error:  # noqa: BLE001  (whatever it is, each sender has to hear that nothing was kept)
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        for each, is_new in zip(batch, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(is_new)
