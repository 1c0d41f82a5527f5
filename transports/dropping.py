"""A file put where others look for it: under a name of ours first, then renamed. For folders, wherever they are.

Nobody who lists the folder ever sees half a file under its own name, no file is ever replaced, and a file that is
there already with the same content has been sent: by this process, or by one that died right after.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from transports.base import (
    Fetched,
    FileVanished,
    Parcel,
    Receipt,
    Refused,
    RemoteFile,
    TransportError,
    Uncertain,
    Unreachable,
)
from transports.files import is_segment


class Drop(Protocol):
    """One open folder; each method as its transport of files says."""

    def stands(self, name: str) -> RemoteFile | None: ...
    def put(self, name: str, body: bytes) -> RemoteFile: ...
    def claim(self, file: RemoteFile, name: str) -> RemoteFile: ...
    def fetch(self, file: RemoteFile, target: Path) -> Fetched: ...
    def remove(self, file: RemoteFile) -> None: ...


@contextmanager
def dropping(destination: str, connect: Callable[[], AbstractContextManager[Drop]]) -> Iterator["DropSender"]:
    """A sender that connects when it first sends, and again after the connection broke."""
    sender = DropSender(destination, connect)
    try:
        yield sender
    finally:
        sender.close()


class DropSender:
    """See `transports.base.Sender` for what `send` promises."""

    def __init__(self, destination: str, connect: Callable[[], AbstractContextManager[Drop]]) -> None:
        self.destination = destination
        self._connect = connect
        self._stack = ExitStack()
        self._folder: Drop | None = None

    def send(self, parcel: Parcel) -> Receipt:
        name = parcel.name or _digest(parcel.key)
        if not is_segment(name):
            raise Refused(f"expected one file name, found {name!r}: look at `filename` and what is filled in there")
        try:
            if self._folder is None:
                self._folder = self._stack.enter_context(self._connect())
            return _dropped(self._folder, parcel, name)
        except (Unreachable, Uncertain):
            self.close()
            raise

    def close(self) -> None:
        self._folder = None
        self._stack.close()


def _dropped(folder: Drop, parcel: Parcel, name: str) -> Receipt:
    if (there := folder.stands(name)) is not None:
        return _compared(folder, there, parcel)
    # The same for the same key: what a process that died has left is found, and taken away.
    temporary = f".feeds-{_digest(parcel.key)}.part"
    if (left := folder.stands(temporary)) is not None:
        folder.remove(left)
    file = folder.put(temporary, parcel.body)
    try:
        folder.claim(file, name)
    except Refused:
        if (there := folder.stands(name)) is None:
            raise
        receipt = _compared(folder, there, parcel)  # somebody was faster, with the same content
        folder.remove(file)
        return receipt
    except (Unreachable, FileVanished) as error:
        raise Uncertain(f"{error}; it was uploaded whole, and may have been renamed to {name!r}") from error
    return Receipt(None, None, f"{len(parcel.body)} bytes as {name}")


def _compared(folder: Drop, there: RemoteFile, parcel: Parcel) -> Receipt:
    """A receipt for a file that is there already, if it is this one."""
    if there.size is not None and there.size != len(parcel.body):
        raise _other(there)
    with tempfile.TemporaryDirectory(prefix="feeds-") as near:
        try:
            found = folder.fetch(there, Path(near) / "copy")
        except Unreachable:
            raise
        except TransportError as error:
            text = f"{there.name!r} is there with the same size, and cannot be read: {error}"
            raise Uncertain(text) from error
    if found.sha256 != hashlib.sha256(parcel.body).hexdigest():
        raise _other(there)
    return Receipt(None, None, f"{found.size} bytes as {there.name}, which was there already")


def _other(there: RemoteFile) -> Refused:
    return Refused(
        f"there is another file of the name {there.name!r}, and it is never replaced: "
        "let `filename` hold what makes each one different"
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
