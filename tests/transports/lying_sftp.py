"""SFTP servers that lie, one flag for each way: what real ones have been seen to do, at will.

    with LyingServer(root) as server:
        server.lie = Lie(early_eof_at=1000)

Each flag names one behaviour of the catalogue, by its number; `at` offsets are where in a file it
begins. What no flag touches is answered honestly.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from tests.servers.sftp import Session, SftpServer


class NoBytes(bytes):
    """A zero-length answer that is no end of file: asyncssh takes plain `b""` for one."""

    def __bool__(self) -> bool:
        return True


@dataclass
class Lie:
    early_eof_at: int | None = None  # 1
    short_reads: int | None = None  # 2: at most so many bytes for each read
    empty_reads: int = 0  # 3: so many answers without a byte, then data
    fail_at: int | None = None  # 4
    drop_at: int | None = None  # 5
    stall_at: int | None = None  # 6
    drip: float | None = None  # 7: seconds for each byte
    size_off_by: int = 0  # 8, 9: what a stat says beyond the truth
    without_size: bool = False  # 10
    modified: int | None = None  # 11
    overwrite_at: int | None = None  # 12
    replace_at: int | None = None  # 13
    append_at: int | None = None  # 14
    vanish_at_open: bool = False  # 15
    unreadable: str | None = None  # 16
    unlistable: bool = False  # 17
    listing_cut_after: int | None = None  # 18
    empty_listing: bool = False  # 19
    doubled_listing: bool = False  # 20
    names: tuple[bytes, ...] = ()  # 21: these beside the true ones
    refused_removals: int = 0  # 22
    keeps_removed: bool = False  # 23
    refuses_renames: bool = False  # 24
    denies_renames: bool = False  # 24: does it, and says that it failed
    replacing_renames: bool = False  # its plain rename replaces what is there, as some servers' does
    chokes_above: int | None = None  # it never answers a read of more bytes
    listing_never_ends: bool = False


class LyingSession(Session):
    server: "LyingServer"

    @property
    def lie(self) -> Lie:
        return self.server.lie

    # --- reading ----------------------------------------------------------------------------

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if self.lie.vanish_at_open:
            Path(os.fsdecode(self.map_path(path))).unlink()
        if self.lie.unreadable and path.endswith(self.lie.unreadable.encode()):
            raise asyncssh.SFTPPermissionDenied("not for you")
        file = super().open(path, pflags, attrs)
        self.server.opened = Path(os.fsdecode(self.map_path(path)))
        return file

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        lie = self.lie
        end = offset + size
        if _reaches(end, lie.fail_at):
            raise asyncssh.SFTPFailure("disk error")
        if _reaches(end, lie.drop_at):
            self.connection.abort()
            return asyncio.sleep(3600, b"")
        if _reaches(end, lie.stall_at) or _reaches(size, lie.chokes_above):
            return asyncio.sleep(3600, b"")
        if lie.drip is not None:
            return asyncio.sleep(lie.drip, super().read(file_obj, offset, 1))
        if lie.empty_reads:
            lie.empty_reads -= 1
            return NoBytes()
        self._change(end)
        if lie.early_eof_at is not None:
            size = max(0, min(end, lie.early_eof_at) - offset)
        if lie.short_reads is not None:
            size = min(size, lie.short_reads)
        return super().read(file_obj, offset, size)

    def _change(self, end: int) -> None:
        """Change the file under the reader, once, when it has come that far."""
        lie, path = self.lie, self.server.opened
        if _reaches(end, lie.overwrite_at):
            lie.overwrite_at = None
            path.write_bytes(b"y" * path.stat().st_size)
        if _reaches(end, lie.append_at):
            lie.append_at = None
            with path.open("ab") as file:
                file.write(b"more")
        if _reaches(end, lie.replace_at):
            lie.replace_at = None
            newer = path.with_name("newer.part")
            newer.write_bytes(b"z" * path.stat().st_size)
            newer.replace(path)

    # --- what it says of files --------------------------------------------------------------

    def lstat(self, path: bytes) -> Any:
        return self._bent(asyncssh.SFTPAttrs.from_local(super().lstat(path)))

    def fstat(self, file_obj: Any) -> Any:
        return self._bent(asyncssh.SFTPAttrs.from_local(super().fstat(file_obj)))

    def _bent(self, attributes: asyncssh.SFTPAttrs) -> asyncssh.SFTPAttrs:
        if attributes.size is not None:
            attributes.size = None if self.lie.without_size else max(0, attributes.size + self.lie.size_off_by)
        if self.lie.modified is not None:
            attributes.mtime = self.lie.modified
        return attributes

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        lie = self.lie
        if lie.unlistable:
            raise asyncssh.SFTPPermissionDenied("not for you")
        names = [name async for name in super().scandir(path)]
        if lie.empty_listing:
            names = []
        if lie.doubled_listing:
            names = names * 2
            random.Random(20).shuffle(names)  # noqa: S311 - an order, not a secret
        names += [asyncssh.SFTPName(name, b"-rw-r--r-- " + name, _plain_file()) for name in lie.names]
        for number, name in enumerate(names):
            if number == lie.listing_cut_after:
                raise asyncssh.SFTPFailure("disk error")
            self._bent(name.attrs)
            yield name
        while lie.listing_never_ends:
            yield asyncssh.SFTPName(b"again.csv", b"-rw-r--r-- again.csv", _plain_file())
            await asyncio.sleep(0)

    # --- what it does with them -------------------------------------------------------------

    def remove(self, path: bytes) -> Any:
        if self.lie.refused_removals:
            self.lie.refused_removals -= 1
            raise asyncssh.SFTPPermissionDenied("read-only")
        return None if self.lie.keeps_removed else super().remove(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        if self.lie.refuses_renames:
            raise asyncssh.SFTPPermissionDenied("no renames here")
        rename = super().posix_rename if self.lie.replacing_renames else super().rename
        result = rename(oldpath, newpath)
        if self.lie.denies_renames:
            raise asyncssh.SFTPFailure("something went wrong")
        return result


class LyingServer(SftpServer):
    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, LyingSession, **options)
        self.lie = Lie()
        self.opened = root


def _reaches(end: int, at: int | None) -> bool:
    return at is not None and end > at


def _plain_file() -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=0, mtime=0)
