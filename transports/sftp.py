"""Files on an SFTP server, by paramiko: the `Files` of `transports/base.py`.

Renames by the plain request alone, which never replaces a file, and deletes only what it has just
looked at. Never follows a link, never takes a remote name for a local path, and keeps no memory of
earlier connections.
"""

import posixpath
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import transports.sftp_wire as wire
from transports.base import (
    Fetched,
    FileChanged,
    FileVanished,
    Refused,
    RemoteFile,
    Secret,
    Settings,
    Tools,
    TransferCut,
    TransportError,
    Unreachable,
)
from transports.files import free_names, is_same, is_segment, segments
from transports.settings import octets, seconds
from transports.sftp_reading import Pace, Reading
from transports.sftp_wire import Attributes, Patience, Silent, Status, Wire, said, string
from transports.sftp_writing import Writing
from transports.ssh import Session, login
from transports.target import Target, written

_WINDOW = 5 << 19  # what is asked for ahead, never less than 2 MiB: 100 MB/s at a round trip of 20 ms
_BLOCK = 1 << 15  # every server takes this much in one read
_LARGE_BLOCK = 255 << 10  # OpenSSH's limit, beside its 256 KiB packet
_CAREFUL = Pace(_BLOCK, 4 * _BLOCK)
_LIMITS = b"limits@openssh.com"


@contextmanager
def connect(settings: Settings, tools: Tools) -> Iterator["SftpFiles"]:
    """One connection, logged in, to one directory. For one thread.

    `timeout` bounds the silence and each small request, `deadline` one whole transfer, and
    `minimumRate` (bytes a second) how slowly it may drip; what is missed is Unreachable.
    """
    with login(settings) as session:
        files = SftpFiles(session, settings, tools)
        try:
            yield files
        finally:
            files.close()


class SftpFiles:
    """See `transports.base.Files` for what each method promises."""

    def __init__(self, session: Session, settings: Settings, tools: Tools) -> None:
        self._session = session
        self._where = session.where
        self._tools = tools
        self._timeout = session.timeout
        self._deadline = seconds(settings.get("deadline", "2h"))
        self._rate = octets(settings.get("minimumRate", "1KiB"))
        self._directory = posixpath.normpath(str(settings.get("directory") or "."))
        # Section 6.5 of the draft lets no rename replace a file. OpenSSH keeps to it; others are asked first.
        self._may_replace = "OpenSSH" not in session.version
        self._wire = self._opened()
        self._pace, home = self._introduced()
        self.source = source(settings, self._where, posixpath.join(home, self._directory))

    # --- what the contract promises ---------------------------------------------------------

    def files(self) -> Iterator[RemoteFile]:
        line = self._wire
        handle = self._directory_handle(line)
        seen: set[bytes] = set()
        waited = 0.0
        try:
            while True:
                began = self._tools.clock()
                entries = self._next_entries(line, handle, len(seen))
                waited += self._tools.clock() - began
                if entries is None:
                    return
                if waited > self._deadline:
                    line.close()
                    raise Unreachable(f"{self._where}: the listing does not end")
                for entry in entries:
                    if entry.name not in seen and self._is_wanted(entry):
                        yield RemoteFile(_text(entry.name), entry.attributes.size, entry.attributes.modified)
                    seen.add(entry.name)
        finally:
            if line.is_open:
                line.tell(wire.CLOSE, string(handle))

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        there = self._renamed(file, self._path(file.name), self._path(name))
        if there is None:
            raise Refused(f"{self._where}: {file.name!r} is not renamed: there is a file {name!r} already")
        return RemoteFile(name, there.size, there.modified)

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        with written(target) as ours:
            ends = self._tools.clock() + self._deadline
            # A server that chokes on what is under way is found out early, and asked for less.
            silence = self._timeout if self._pace == _CAREFUL else self._timeout / 4
            try:
                self._copy(file, ours, self._patience(silence, ends))
            except Silent:
                if self._pace == _CAREFUL:
                    raise
                self._slow_down()
                ours.restart()
                self._copy(file, ours, self._patience(self._timeout, ends))
        return ours.fetched

    def remove(self, file: RemoteFile) -> None:
        path = self._path(file.name)
        here = self._stat(path)
        if here is None:
            return
        self._compare(file, here)
        removed = self._wire.ask(wire.REMOVE, string(path))
        looked = self._wire.ask(wire.LSTAT, string(path))
        failure = self._failure(removed)
        there = self._told(looked)
        if there is None:
            return
        if failure is not None:
            raise self._refusal(failure, f"does not delete {file.name!r}")
        # Asked together with the deletion; a server that answers out of turn gets a second chance.
        if _is_same(file, there) and (there := self._stat(path)) and _is_same(file, there):
            raise Refused(f"{self._where}: the server says that {file.name!r} is deleted, and still has it")

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        path = self._path(file.name)
        here = self._stat(path)
        if here is None:
            return
        self._compare(file, here)
        destination = posixpath.join(self._directory, *segments(folder))
        self._make(destination)
        for candidate in free_names(name):
            with suppress(FileVanished):
                if self._renamed(file, path, _bytes(posixpath.join(destination, candidate))) is None:
                    continue
            return

    # --- what a sender needs beside it ------------------------------------------------------

    def stands(self, name: str) -> RemoteFile | None:
        """The plain file of this name; None where there is none. Raises Refused where something else has the name."""
        found = self._stat(self._path(name))
        if found is None:
            return None
        if found.mode is not None and stat.S_IFMT(found.mode) and not stat.S_ISREG(found.mode):
            raise Refused(f"{self._where}: {name!r} is there, and is no plain file")
        return RemoteFile(name, found.size, found.modified)

    def put(self, name: str, body: bytes) -> RemoteFile:
        """A new file with this content. Raises TransferCut where it is not whole there, Refused where it may not be."""
        writing = Writing(self._wire, self._where, self._path(name), self._tools, self._deadline)
        return RemoteFile(name, writing.size_of(body), None)  # its time is the server's, and may still change

    def close(self) -> None:
        self._wire.close()

    # --- opening ----------------------------------------------------------------------------

    def _opened(self) -> Wire:
        return Wire(self._session.sftp(), self._where, self._tools.clock, self._timeout)

    def _introduced(self) -> tuple[Pace, str]:
        """How much one read may ask for, and the directory that relative ones begin at."""
        limits = self._wire.ask(wire.EXTENDED, string(_LIMITS)) if _LIMITS in self._wire.extensions else None
        home = self._wire.ask(wire.REALPATH, string(b"."))
        block = _BLOCK
        if limits is not None:
            with suppress(Status):
                _, most, _, _ = self._wire.extended(limits, "QQQQ")
                # Zero says that there is no limit.
                block = min(_LARGE_BLOCK, max(most or _LARGE_BLOCK, _BLOCK))
        try:
            entries = self._wire.entries(home)
        except Status:  # a server that does not say where we begin: from its root, for want of better
            entries = None
        return Pace(block, _WINDOW), _text(entries[0].name) if entries else "/"

    def _slow_down(self) -> None:
        """Begin anew with small reads and few of them, for the rest of this connection."""
        self._tools.note("transfer.slowed", {"where": self._where})
        self._pace = _CAREFUL
        self._wire.close()
        self._wire = self._opened()

    def _patience(self, silence: float, ends: float) -> Patience:
        return Patience(self._tools.clock, silence, max(0.0, ends - self._tools.clock()), self._rate, self._timeout)

    # --- listing ----------------------------------------------------------------------------

    def _directory_handle(self, line: Wire) -> bytes:
        try:
            return line.handle(line.ask(wire.OPENDIR, string(_bytes(self._directory))))
        except Status as status:
            raise self._unlisted(status) from status

    def _next_entries(self, line: Wire, handle: bytes, so_far: int) -> list[wire.Entry] | None:
        try:
            return line.entries(line.ask(wire.READDIR, string(handle)))
        except Status as status:
            if so_far == 0 and status.code in (wire.NO_SUCH_FILE, wire.PERMISSION_DENIED):
                raise self._unlisted(status) from status
            # What has come so far may be half of it: nobody may go on as if it were all.
            line.close()
            raise Unreachable(
                f"{self._where}: the listing of {self._directory!r} broke off after {so_far} names ({said(status)})"
            ) from status

    def _unlisted(self, status: Status) -> Refused:
        return Refused(f"{self._where}: the directory {self._directory!r} cannot be listed ({said(status)})")

    def _is_wanted(self, entry: wire.Entry) -> bool:
        if entry.name in (b".", b".."):
            return False
        if not is_segment(name := _text(entry.name)):
            self._tools.note("name.unsafe", {"where": self._where, "name": ascii(name)})
            return False
        mode = entry.attributes.mode
        # Servers that leave the kind out of the mode still draw it in the line for people.
        return stat.S_ISREG(mode) if mode and stat.S_IFMT(mode) else entry.line.startswith(b"-")

    # --- fetching ---------------------------------------------------------------------------

    def _copy(self, file: RemoteFile, ours: Target, patience: Patience) -> None:
        line, path = self._wire, self._path(file.name)
        looked = line.ask(wire.LSTAT, string(path))
        opened = line.ask(wire.OPEN, string(path) + wire.READ_ONLY)
        before = self._told(looked)
        try:
            handle = line.handle(opened)
        except Status as status:
            self._compare(file, before)
            raise self._refusal(status, f"does not open {file.name!r}") from status
        try:
            size = self._compare(file, before)
            reading = Reading(line, path, handle, size, self._pace)
            self._write(file, reading, ours, patience)
            self._judge(file, ours.size, *reading.stats(patience))
        except Status as status:
            raise self._refusal(status, f"does not stat {file.name!r}") from status
        finally:
            if line.is_open:
                line.tell(wire.CLOSE, string(handle))

    def _write(self, file: RemoteFile, reading: Reading, ours: Target, patience: Patience) -> None:
        try:
            with closing(reading.blocks(patience)) as blocks:
                for block in blocks:
                    ours.write(block)
                    self._tools.progress(len(block))
        except Status as status:
            if status.code in (wire.PERMISSION_DENIED, wire.UNSUPPORTED):
                raise self._refusal(status, f"does not let {file.name!r} be read") from status
            raise TransferCut(
                f"{self._where}: {file.name!r} broke off after {ours.size} bytes ({said(status)})"
            ) from status

    def _judge(self, file: RemoteFile, count: int, by_handle: Attributes | None, by_path: Attributes | None) -> None:
        """Is what we hold the whole file, and still the file that was listed?"""
        size = self._compare(file, by_path)
        if by_handle is not None and by_path is not None and not _is_alike(by_handle, by_path):
            raise FileChanged(f"{self._where}: {file.name!r} was replaced while it was read")
        if count != size:
            raise TransferCut(f"{self._where}: {file.name!r} has {size} bytes, and {count} came")

    def _compare(self, file: RemoteFile, found: Attributes | None) -> int:
        """The size of the file found, which must be the one that was listed."""
        if found is None:
            raise FileVanished(f"{self._where}: {file.name!r} is no longer there")
        if not _is_same(file, found):
            raise FileChanged(f"{self._where}: {file.name!r} is no longer the file that was listed")
        if found.size is None:
            raise Refused(
                f"{self._where}: the server does not say how many bytes {file.name!r} has: "
                "a transfer that is cut short would look whole"
            )
        return found.size

    # --- renaming ---------------------------------------------------------------------------

    def _renamed(self, file: RemoteFile, path: bytes, new: bytes) -> Attributes | None:
        """The file under its new name; None when that name is taken."""
        if self._may_replace and self._stat(new) is not None:
            return None
        renamed = self._wire.ask(wire.RENAME, string(path) + string(new))
        looked = self._wire.ask(wire.LSTAT, string(new))
        failure = self._failure(renamed)
        there = self._told(looked) or self._stat(new)
        here = self._stat(path) if failure is not None or there is None else None
        if here is None and there is not None and (failure is None or _is_same(file, there)):
            return there  # some servers rename and then report a failure
        if here is None:
            raise FileVanished(f"{self._where}: {file.name!r} is no longer there")
        if there is not None:
            return None
        raise self._refusal(failure or Status(wire.FAILURE, "it says it did"), f"does not rename {file.name!r}")

    def _make(self, folder: str) -> None:
        """Make a folder, and those above it, where they are missing."""
        if self._stat(_bytes(folder)) is not None:
            return
        above = posixpath.dirname(folder)
        if above not in ("", "/"):
            self._make(above)
        failure = self._failure(self._wire.ask(wire.MKDIR, string(_bytes(folder)) + bytes(4)))
        if failure is not None and self._stat(_bytes(folder)) is None:
            raise self._refusal(failure, f"does not make the folder {folder!r}")

    # --- single questions -------------------------------------------------------------------

    def _path(self, name: str) -> bytes:
        return _bytes(posixpath.join(self._directory, name))

    def _stat(self, path: bytes) -> Attributes | None:
        return self._told(self._wire.ask(wire.LSTAT, string(path)))

    def _told(self, number: int) -> Attributes | None:
        """A file as it stands, links not followed; None when there is none."""
        try:
            return self._wire.attributes(number)
        except Status as status:
            if status.code == wire.NO_SUCH_FILE:
                return None
            raise self._refusal(status, "does not say how a file stands") from status

    def _failure(self, number: int) -> Status | None:
        try:
            self._wire.done(number)
        except Status as status:
            return status
        return None

    def _refusal(self, status: Status, what: str) -> TransportError:
        kinds: dict[int, type[TransportError]] = {
            wire.NO_SUCH_FILE: FileVanished,
            wire.NO_CONNECTION: Unreachable,
            wire.CONNECTION_LOST: Unreachable,
        }
        return kinds.get(status.code, Refused)(f"{self._where}: the server {what} ({said(status)})")


def _is_alike(one: Attributes, other: Attributes) -> bool:
    return (one.size, one.modified) == (other.size, other.modified)


def _is_same(file: RemoteFile, found: Attributes) -> bool:
    """A plain file of this size and time; what either side does not say is not compared."""
    if found.mode is not None and stat.S_IFMT(found.mode) and not stat.S_ISREG(found.mode):
        return False
    return is_same(file, RemoteFile(file.name, found.size, found.modified))


def source(settings: Settings, where: str, path: str) -> str:
    """Kind, user, host, port and directory; a user name that is a secret shows as the secret's name."""
    user = settings["username"]
    shown = f"${user.name}" if isinstance(user, Secret) else quote(str(user))
    return f"sftp://{shown}@{where.lower()}{quote(posixpath.normpath(path))}"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
