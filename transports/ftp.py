"""Files on an FTP server, by ftplib: the `Files` of `transports/base.py`.

Passive and binary, always. Never trusts a time out of LIST, never renames over a file, and deletes only what it
has just looked at.
"""

import ftplib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from transports.base import (
    Fetched,
    FileChanged,
    Files,
    FileVanished,
    Refused,
    RemoteFile,
    Secret,
    Settings,
    Tools,
    TransferCut,
)
from transports.files import free_names, is_same, is_segment, segments
from transports.ftp_control import NOT_LOGGED_IN, Control, code, wire
from transports.ftp_listing import Entry, facts, lines, listed, moment
from transports.ftp_login import login, spoken
from transports.settings import seconds
from transports.target import written

# A command that the server has not, or not in this form. 550 and others speak about the file.
_UNKNOWN = {500, 501, 502, 504}


@contextmanager
def connect(settings: Settings, tools: Tools) -> Iterator[Files]:
    with login(settings, tools.clock) as control:
        yield Directory(control, _source(control, settings), seconds(settings.get("deadline", "2h")), tools)


class Directory:
    """The contract `Files` on one directory of an FTP server.

    Sizes and times come from MLSD and MLST, or, where a server has not got these, from SIZE and MDTM; never
    from both, because a server may be right in the one and wrong by its time zone in the other.
    """

    def __init__(self, control: Control, source: str, deadline: float, tools: Tools) -> None:
        self.source = source
        self._control = control
        self._deadline = deadline
        self._tools = tools
        self._has_facts = True  # until MLSD is refused
        self._has_sizes = False  # until SIZE has answered

    def files(self) -> Iterator[RemoteFile]:
        with self._speaking("listing"):
            entries = self._entries()
        for entry in entries:
            if not entry.is_plain:
                continue
            if not _can_be_said(entry.name):
                self._tools.note("name.unsafe", {"where": self.source, "name": ascii(entry.name)})
                continue
            with self._speaking(f"looking at {entry.name!r}"):
                size = None if self._has_facts and entry.size is not None else self._size(entry.name)
                file = self._measured(entry.name, entry, size)
            yield file

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        with self._speaking(f"renaming {file.name!r}"):
            if self._is_there(_checked(name)):
                raise Refused(f"{name!r} is there already, and it is never replaced")
            self._rename(_checked(file.name), name)
            claimed = self._standing(name)
        if claimed is None:
            raise FileVanished(f"{file.name!r} is gone, just after it was renamed")
        return claimed

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        with self._speaking(f"fetching {file.name!r}"):
            self._expect_same(file, self._standing(_checked(file.name)))
        with written(target) as copy:
            with closing(self._read(file)) as chunks:
                for chunk in chunks:
                    copy.write(chunk)
                    self._tools.progress(len(chunk))
                    if file.size is not None and copy.size > file.size:  # or a server could fill our disk
                        break
            with self._speaking(f"fetching {file.name!r}"):
                size = self._expect_same(file, self._standing(file.name))
            if size != copy.size:
                raise TransferCut(f"{file.name!r} has {size} bytes, {copy.size} came")
        return copy.fetched

    def remove(self, file: RemoteFile) -> None:
        with self._speaking(f"removing {file.name!r}"):
            now = self._standing(_checked(file.name))
            if now is None:
                return
            self._expect_same(file, now)
            try:
                self._control.voidcmd(f"DELE {wire(file.name)}")
            except ftplib.error_perm:
                if self._standing(file.name) is not None:
                    raise
            left = self._standing(file.name)
            if left is not None and is_same(file, left):
                raise Refused(f"the server says that {file.name!r} is deleted, and still has it")

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        parts = segments(folder)
        with self._speaking(f"moving {file.name!r} to {folder!r}"):
            now = self._standing(_checked(file.name))
            if now is None:
                return
            self._expect_same(file, now)
            self._make(parts)
            paths = ("/".join([*parts, _checked(free)]) for free in free_names(name))
            path = next(path for path in paths if not self._is_there(path))
            self._rename(file.name, path)
            moved = self._standing(path)
            if moved is not None and not is_same(file, moved):  # slipped in at the last moment
                if not self._is_there(file.name):
                    self._rename(path, file.name)
                raise FileChanged(f"{file.name!r} was replaced just before it was moved")

    # --- what the server says about its files --------------------------------------------------

    def _entries(self, folder: str = "") -> list[Entry]:
        """The lines of a listing that can be read. Raises Refused when there are some, and none can."""
        argument = f" {wire(folder)}" if folder else ""
        if self._has_facts:
            try:
                return self._understood(self._control.listing(f"MLSD{argument}"), by_facts=True)
            except ftplib.error_perm as refusal:
                if code(refusal) not in _UNKNOWN:
                    raise
                self._has_facts = False
        self._control.voidcmd("TYPE A")  # some servers list in text only
        try:
            return self._understood(self._control.listing(f"LIST{argument}"), by_facts=False)
        finally:
            self._control.voidcmd("TYPE I")

    def _understood(self, listing: bytes, by_facts: bool) -> list[Entry]:
        entries, unread = [], []
        for line in lines(listing):
            entry = facts(line) if by_facts else listed(line)
            if entry is not None:
                entries.append(entry)
            elif not line.startswith("total "):
                unread.append(line)
        if unread and not entries:
            raise Refused(f"{self.source}: a listing in a form that is not known, such as {unread[0][:100]!r}")
        for line in unread:
            self._tools.note("listing.unreadable", {"where": self.source, "line": ascii(line[:200])})
        return entries

    def _standing(self, path: str) -> RemoteFile | None:
        """How a file stands now, None when it is gone. Raises FileChanged when it is no plain file any more."""
        size = None
        if self._has_facts:
            entry = self._fact(path)
        else:
            size = self._size(path)
            entry = Entry(path, True, size, None) if size is not None else self._found(path)
        if entry is None:
            return None
        if not entry.is_plain:
            raise FileChanged(f"{path!r} is no plain file any more")
        if self._has_facts and entry.size is None:
            size = self._size(path)
        return self._measured(path, entry, size)

    def _fact(self, path: str) -> Entry | None:
        try:
            reply = self._control.sendcmd(f"MLST {wire(path)}")
        except ftplib.error_perm as refusal:
            if code(refusal) in _UNKNOWN:
                return self._found(path)
            return None
        told = (facts(line.lstrip(" ")) for line in reply.split("\n")[1:-1])
        return next((entry for entry in told if entry is not None), None) or self._found(path)

    def _found(self, path: str) -> Entry | None:
        folder, _, name = path.rpartition("/")
        return next((entry for entry in self._entries(folder) if entry.name == name), None)

    def _measured(self, path: str, entry: Entry, size: int | None) -> RemoteFile:
        """An entry with what SIZE says, where it was asked, and its time, never by another clock than before."""
        modified = entry.modified if self._has_facts else self._modified(path)
        return RemoteFile(path.rpartition("/")[2], entry.size if size is None else size, modified)

    def _size(self, path: str) -> int | None:
        answer = self._answer(f"SIZE {wire(path)}")
        if not answer.isdecimal():
            return None
        self._has_sizes = True
        return int(answer)

    def _modified(self, path: str) -> float | None:
        return moment(self._answer(f"MDTM {wire(path)}"))

    def _answer(self, command: str) -> str:
        """What follows the number of a good reply; nothing where the server has no answer."""
        try:
            reply = self._control.sendcmd(command)
        except ftplib.error_perm as refusal:
            if code(refusal) == NOT_LOGGED_IN:
                raise
            return ""
        return reply[4:].strip()

    def _is_there(self, path: str) -> bool:
        """Whether there is anything of this name, plain file or not."""
        if self._has_facts:
            return self._fact(path) is not None
        # Where SIZE works it has the last word on files, and only a file would be replaced.
        return self._size(path) is not None or (not self._has_sizes and self._found(path) is not None)

    def _expect_same(self, file: RemoteFile, now: RemoteFile | None) -> int:
        """The size of the file that stands there, which must be the one that was seen."""
        if now is None:
            raise FileVanished(f"{file.name!r} is gone")
        if not is_same(file, now):
            raise FileChanged(f"{file.name!r} is not the file that was seen: another size or time")
        if now.size is None:
            raise Refused(
                f"the server does not say how many bytes {file.name!r} has: a transfer cut short would look whole"
            )
        return now.size

    # --- what we ask it to do ------------------------------------------------------------------

    def _read(self, file: RemoteFile) -> Generator[bytes, None, None]:
        with self._speaking(f"fetching {file.name!r}"):
            try:
                with closing(self._control.chunks(f"RETR {wire(file.name)}")) as chunks:
                    yield from chunks
            except ftplib.error_perm as refusal:
                if code(refusal) == NOT_LOGGED_IN or self._standing(file.name) is not None:
                    raise
                raise FileVanished(f"{file.name!r} is gone") from refusal

    def _rename(self, name: str, path: str) -> None:
        """Rename to a path that is free. A server that refuses and has renamed all the same has renamed."""
        try:
            self._control.sendcmd(f"RNFR {wire(name)}")
            self._control.voidcmd(f"RNTO {wire(path)}")
        except ftplib.error_perm as refusal:
            if self._is_there(name):
                raise
            if not self._is_there(path):
                raise FileVanished(f"{name!r} is gone") from refusal

    def _make(self, parts: list[str]) -> None:
        """Make folders. That one is there already cannot be told from a refusal: the rename will tell."""
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            with suppress(ftplib.error_perm):
                self._control.voidcmd(f"MKD {wire(path)}")

    @contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        self._control.until = self._tools.clock() + self._deadline
        with spoken(self._control, f"{self.source}: {doing}"):
            yield


def _source(control: Control, settings: Settings) -> str:
    """Change to the directory; what the server calls it there is the same however the definition spells it."""
    directory = str(settings.get("directory", "."))
    if any(character in directory for character in "\r\n\0"):
        raise Refused("`directory` holds a line break or a NUL")
    with spoken(control, f"changing to {directory!r} on {control.host}"):
        if directory not in ("", "."):
            control.voidcmd(f"CWD {wire(directory)}")
        path = control.pwd().encode("latin-1")
    user = settings["username"]
    shown = f"${user.name}" if isinstance(user, Secret) else quote(str(user), safe="")
    return f"ftp://{shown}@{control.host.lower()}:{control.port}/{quote(path.strip(b'/'))}"


def _can_be_said(name: str) -> bool:
    """Whether a command can carry this name: a line break would end it."""
    return is_segment(name) and not any(character in name for character in "\r\n")


def _checked(name: str) -> str:
    if not _can_be_said(name):
        raise Refused(f"{name!r} is not one file name that FTP can say")
    return name
