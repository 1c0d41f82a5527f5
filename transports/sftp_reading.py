"""Reads one open file over SFTP, ahead of the answers. Never writes it anywhere and never judges it."""

import struct
from collections import deque
from collections.abc import Generator
from typing import NamedTuple

from transports.sftp_wire import (
    FAILURE,
    FSTAT,
    LSTAT,
    NO_SUCH_FILE,
    READ,
    UNSUPPORTED,
    Attributes,
    Patience,
    Status,
    Wire,
    string,
)

_EMPTY_READS = 32
_SMALLEST_BLOCK = 512
_READS_UNDER_WAY = 64  # as many as OpenSSH's own client


class Pace(NamedTuple):
    """How much one READ asks for, and how much is under way at most, in bytes; four fifths at least."""

    block: int
    window: int


class Reading:
    """One pass over an open file: its bytes in order, then how the file stood after the last.

    Reads ahead up to `pace.window`, and asks again for what a short answer left out. `size` is
    what the server says the file has: exactly one byte is asked for beyond it, which shows a file
    that is longer, and no more.
    """

    def __init__(self, wire: Wire, path: bytes, handle: bytes, size: int, pace: Pace) -> None:
        self._wire = wire
        self._path = path
        self._handle = handle
        self._size = size
        self._pace = pace
        self._sent = 0
        self._waiting: deque[tuple[int, int, int]] = deque()  # number, offset, length
        self._stats: tuple[int, int] | None = None
        self._is_in_order = True  # no read was asked again
        self._empty = 0

    def blocks(self, patience: Patience) -> Generator[memoryview, None, None]:
        """Until the server says that the file ends, or sends more than it says the file has."""
        try:
            self._ask_ahead()
            while self._waiting:
                number, offset, length = self._waiting.popleft()
                block = self._wire.data(number, patience)
                if block is None or len(block) > length or self._is_stuck(block):
                    return
                if len(block) < length:
                    self._ask_again(offset + len(block), length - len(block), len(block))
                yield block
                self._ask_ahead()
        finally:
            self._wire.forget(*(number for number, _, _ in self._waiting))

    def stats(self, patience: Patience) -> tuple[Attributes | None, Attributes | None]:
        """The file behind the handle and the file of that name, after the last byte; None where there is none."""
        by_handle, by_path = self._stats or self._ask_stats()
        # Not every server can stat an open file: then the name alone must do.
        handle = self._told(by_handle, patience, (NO_SUCH_FILE, FAILURE, UNSUPPORTED))
        return handle, self._told(by_path, patience, (NO_SUCH_FILE,))

    def _ask_ahead(self) -> None:
        under_way = sum(length for _, _, length in self._waiting)
        if under_way > self._pace.window - self._pace.window // 5:
            return  # several reads leave in one packet: each packet has its price
        while self._sent <= self._size and under_way < self._pace.window and len(self._waiting) < _READS_UNDER_WAY:
            length = min(self._pace.block, self._size - self._sent) or 1
            self._waiting.append((self._read(self._sent, length), self._sent, length))
            self._sent += length
            under_way += length
        if self._sent > self._size and self._stats is None and self._is_in_order:
            # In the same breath as the last read, which saves a small file a round trip.
            self._stats = self._ask_stats()

    def _ask_again(self, offset: int, length: int, answered: int) -> None:
        self._waiting.appendleft((self._read(offset, length), offset, length))
        self._pace = Pace(min(self._pace.block, max(answered, _SMALLEST_BLOCK)), self._pace.window)
        self._is_in_order = False
        if self._stats is not None:  # asked before this read, so no longer after the last
            self._wire.forget(*self._stats)
            self._stats = None

    def _is_stuck(self, block: memoryview) -> bool:
        self._empty += not block
        return self._empty > _EMPTY_READS

    def _read(self, offset: int, length: int) -> int:
        return self._wire.ask(READ, string(self._handle) + struct.pack(">QI", offset, length))

    def _ask_stats(self) -> tuple[int, int]:
        return self._wire.ask(FSTAT, string(self._handle)), self._wire.ask(LSTAT, string(self._path))

    def _told(self, number: int, patience: Patience, untold: tuple[int, ...]) -> Attributes | None:
        try:
            return self._wire.attributes(number, patience)
        except Status as status:
            if status.code in untold:
                return None
            raise
