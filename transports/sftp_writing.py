"""Writing one new file over an open SFTP session, whole, and on the server's disk where it can say so.

Never writes into a file that was there before, and never takes a file for whole by what was sent alone.
"""

import posixpath
import struct
from collections import deque
from dataclasses import dataclass

import transports.sftp_wire as wire
from transports.base import Refused, Tools, TransferCut, Unreachable
from transports.sftp_wire import Status, Wire, said, string

_NEW = struct.pack(">II", 0x02 | 0x08 | 0x20, 0)  # to write, made here, refused where it exists; no attributes
_BLOCK = 1 << 15  # every server takes this much in one write
_UNDER_WAY = 8  # blocks: what a slow line carries within one `timeout`
_SYNC = b"fsync@openssh.com"
# What does not change by itself: everything else (a full disk, a quota) may be over at the next try.
_LASTING = (wire.NO_SUCH_FILE, wire.PERMISSION_DENIED, wire.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Writing:
    """A file that is about to be made at `path`; `deadline` in seconds, for the whole."""

    line: Wire
    where: str
    path: bytes
    tools: Tools
    deadline: float

    def size_of(self, body: bytes) -> int:
        """Write it, and say how many bytes the server has of it, which are those of `body`.

        Raises Refused where no file may be made there, TransferCut where it did not become whole, Unreachable.
        """
        try:
            handle = self.line.handle(self.line.ask(wire.OPEN, string(self.path) + _NEW))
            self._write(handle, body)
            if _SYNC in self.line.extensions:
                self.line.done(self.line.ask(wire.EXTENDED, string(_SYNC) + string(handle)))
            self.line.done(self.line.ask(wire.CLOSE, string(handle)))  # some say only here that the disk is full
            found = self.line.attributes(self.line.ask(wire.LSTAT, string(self.path)))
        except Status as status:
            folder = posixpath.dirname(self.path).decode("utf-8", "backslashreplace")
            if status.code in _LASTING:
                raise Refused(f"{self.where}: no file can be made in {folder!r} ({said(status)})") from status
            raise TransferCut(f"{self.where}: the file did not become whole in {folder!r} ({said(status)})") from status
        if found.size != len(body):
            raise TransferCut(f"{self.where}: {len(body)} bytes were sent, and the file has {found.size}")
        return found.size

    def _write(self, handle: bytes, body: bytes) -> None:
        until = self.tools.clock() + self.deadline
        waiting: deque[tuple[int, int]] = deque()
        for start in range(0, len(body), _BLOCK):
            block = body[start : start + _BLOCK]
            asked = self.line.ask(wire.WRITE, string(handle) + struct.pack(">Q", start) + string(block))
            waiting.append((asked, len(block)))
            if len(waiting) == _UNDER_WAY:
                self._taken(waiting)
            if self.tools.clock() > until:
                self.line.close()
                raise Unreachable(f"{self.where}: the upload takes longer than {self.deadline:g} s (`deadline`)")
        while waiting:
            self._taken(waiting)

    def _taken(self, waiting: deque[tuple[int, int]]) -> None:
        asked, size = waiting.popleft()
        self.line.done(asked)
        self.tools.progress(size)
