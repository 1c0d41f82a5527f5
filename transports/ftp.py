# ruff: noqa: S321  FTP is what this module is for; it is encrypted unless the definition insists
"""Files on an FTP server, through explicit TLS unless the definition says `insecure: true`.

Never asks for a port of ours, never connects where a PASV reply points, never transfers as text, and never
sends a password before the server is known to be the right one.
"""

import ftplib
import hashlib
import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from transports.base import (
    Fetched,
    FileChanged,
    Files,
    FileVanished,
    HostKeyChanged,
    LoginRefused,
    Refused,
    RemoteFile,
    Secret,
    Settings,
    Tools,
    TransferCut,
    Unreachable,
)
from transports.files import free_names, is_same, is_segment, segments
from transports.ftp_control import GONE, Control, code, said, wire
from transports.ftp_listing import Entry, facts, lines, listed, moment
from transports.settings import plain, seconds
from transports.target import written

# A command that the server has not, or not in this form. 550 and others speak about the file.
_UNKNOWN = {500, 501, 502, 504}
_NO_CONNECTION = {GONE, 425}
_NOT_LOGGED_IN = 530


@contextmanager
def connect(settings: Settings, tools: Tools) -> Iterator[Files]:
    host, port = str(settings["host"]), int(settings.get("port", 21))
    silence, deadline = seconds(settings.get("timeout", 60)), seconds(settings.get("deadline", "30m"))
    control = Control(_context(settings), _fingerprint(settings), silence, tools.clock)
    try:
        with _spoken(control, f"connecting to {host}:{port}"):
            control.connect(host, port)
        if settings.get("insecure") is not True:
            _secure(control, host)
        _log_in(control, settings)
        yield Directory(control, _source(control, settings, port), deadline, tools)
    finally:
        control.bye()


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
                self._tools.note("name.unsafe", {"source": self.source, "name": repr(entry.name)})
                continue
            if self._has_facts:
                yield RemoteFile(entry.name, entry.size, entry.modified)
            else:
                with self._speaking(f"looking at {entry.name!r}"):
                    file = self._measured(entry)
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
            for chunk in self._read(file):
                copy.write(chunk)
                self._tools.progress(len(chunk))
                if file.size is not None and copy.size > file.size:  # or a server could fill our disk
                    break
            with self._speaking(f"fetching {file.name!r}"):
                now = self._expect_same(file, self._standing(file.name))
            size = file.size if now.size is None else now.size
            if size is None:
                self._tools.note("size.unknown", {"source": self.source, "name": repr(file.name)})
            elif size != copy.size:
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

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        parts = segments(folder)
        with self._speaking(f"moving {file.name!r} to {folder!r}"):
            now = self._standing(_checked(file.name))
            if now is None:
                return
            self._expect_same(file, now)
            self._make(parts)
            new = next(path for free in free_names(name) if not self._is_there(path := _path(parts, _checked(free))))
            self._rename(file.name, new)

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
            self._tools.note("listing.unreadable", {"source": self.source, "line": repr(line[:200])})
        return entries

    def _standing(self, path: str) -> RemoteFile | None:
        """How a file stands now, None when it is gone. Raises FileChanged when it is no plain file any more."""
        if self._has_facts:
            entry = self._fact(path)
        else:
            size = self._size(path)
            entry = Entry(path, True, size, None) if size is not None else self._found(path)
        if entry is None:
            return None
        if not entry.is_plain:
            raise FileChanged(f"{path!r} is no plain file any more")
        name = path.rpartition("/")[2]
        modified = entry.modified if self._has_facts else self._modified(path)
        return RemoteFile(name, entry.size, modified)

    def _fact(self, path: str) -> Entry | None:
        try:
            reply = self._control.sendcmd(f"MLST {wire(path)}")
        except ftplib.error_perm as refusal:
            if code(refusal) in _UNKNOWN:
                return self._found(path)
            return None
        for line in reply.split("\n")[1:-1]:
            entry = facts(line.lstrip(" "))
            if entry is not None:
                return entry
        raise ftplib.error_proto("MLST answered without facts")

    def _found(self, path: str) -> Entry | None:
        folder, _, name = path.rpartition("/")
        return next((entry for entry in self._entries(folder) if entry.name == name), None)

    def _measured(self, entry: Entry) -> RemoteFile:
        size = self._size(entry.name)
        return RemoteFile(entry.name, entry.size if size is None else size, self._modified(entry.name))

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
            if code(refusal) == _NOT_LOGGED_IN:
                raise
            return ""
        return reply[4:].strip()

    def _is_there(self, path: str) -> bool:
        """Whether there is anything of this name, plain file or not."""
        if self._has_facts:
            return self._fact(path) is not None
        # Where SIZE works it has the last word on files, and only a file would be replaced.
        return self._size(path) is not None or (not self._has_sizes and self._found(path) is not None)

    def _expect_same(self, file: RemoteFile, now: RemoteFile | None) -> RemoteFile:
        if now is None:
            raise FileVanished(f"{file.name!r} is gone")
        if not is_same(file, now):
            raise FileChanged(f"{file.name!r} is not the file that was seen: another size or time")
        return now

    # --- what we ask it to do ------------------------------------------------------------------

    def _read(self, file: RemoteFile) -> Iterator[bytes]:
        with self._speaking(f"fetching {file.name!r}"):
            try:
                with closing(self._control.chunks(f"RETR {wire(file.name)}")) as chunks:
                    yield from chunks
            except ftplib.error_perm as refusal:
                if code(refusal) == _NOT_LOGGED_IN or self._standing(file.name) is not None:
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
        with _spoken(self._control, f"{self.source}: {doing}"):
            yield


@contextmanager
def _spoken(control: Control, doing: str) -> Iterator[None]:
    """Say in the contract's errors what the server, or the silence, said."""
    try:
        yield
    except (ftplib.error_temp, ftplib.error_perm) as refusal:
        if code(refusal) in _NO_CONNECTION:
            control.close()
            raise Unreachable(f"{doing}: {said(refusal)}") from refusal
        kind = LoginRefused if code(refusal) == _NOT_LOGGED_IN else Refused
        raise kind(f"{doing}: {said(refusal)}") from refusal
    except (ftplib.error_proto, ftplib.error_reply) as error:
        control.close()
        raise Unreachable(f"{doing}: not what an FTP server answers: {said(error)}") from error
    except ssl.SSLCertVerificationError as error:
        control.close()
        raise HostKeyChanged(
            f"{doing}: the server's certificate is not trusted: {error.verify_message}. No password was sent. "
            "For a certificate of its own making give `caFile` or `fingerprint`"
        ) from error
    except (OSError, EOFError) as error:
        control.close()
        raise Unreachable(f"{doing}: {said(error) or type(error).__name__}") from error


def _secure(control: Control, host: str) -> None:
    with _spoken(control, f"securing the connection to {host}"):
        try:
            control.auth()
        except (ftplib.error_temp, ftplib.error_perm) as refusal:
            if code(refusal) == GONE:
                raise
            raise Refused(
                f"{host} offers no TLS ({said(refusal)}). No password was sent; `insecure: true` would send it "
                "in clear text"
            ) from refusal


def _log_in(control: Control, settings: Settings) -> None:
    user, password = plain(settings["username"]), plain(settings["auth"]["password"])
    if any(character in user + password for character in "\r\n\0"):
        raise LoginRefused("the user name or the password holds a line break or a NUL: nothing was sent")
    with _spoken(control, f"logging in to {control.host}"):
        try:
            control.login(wire(user), wire(password), secure=False)
        except ftplib.error_perm as refusal:
            answer = said(refusal).replace(password, "***") if password else said(refusal)
            raise LoginRefused(f"{control.host} refused the login: {answer}") from None
        if settings.get("insecure") is not True:
            control.prot_p()
        with suppress(ftplib.error_perm):
            control.voidcmd("OPTS UTF8 ON")  # some servers speak their code page until they are asked
        control.voidcmd("TYPE I")


def _source(control: Control, settings: Settings, port: int) -> str:
    """Change to the directory; what the server calls it there is the same however the definition spells it."""
    directory = str(settings.get("directory", "."))
    if any(character in directory for character in "\r\n\0"):
        raise Refused("`directory` holds a line break or a NUL")
    with _spoken(control, f"changing to {directory!r} on {control.host}"):
        if directory not in ("", "."):
            control.voidcmd(f"CWD {wire(directory)}")
        path = control.pwd().encode("latin-1")
    user = settings["username"]
    # A user name that is a secret must not be readable in the ledger, and must tell two users apart.
    name = hashlib.sha256(user.reveal().encode()).hexdigest()[:12] if isinstance(user, Secret) else str(user)
    return f"ftp://{quote(name, safe='')}@{control.host.lower()}:{port}/{quote(path.strip(b'/'))}"


def _can_be_said(name: str) -> bool:
    """Whether a command can carry this name: a line break would end it."""
    return is_segment(name) and not any(character in name for character in "\r\n")


def _checked(name: str) -> str:
    if not _can_be_said(name):
        raise Refused(f"{name!r} is not one file name that FTP can say")
    return name


def _path(parts: list[str], name: str) -> str:
    return "/".join([*parts, name])


def _fingerprint(settings: Settings) -> str | None:
    pinned = settings.get("fingerprint")
    return None if pinned is None else re.sub(r"^sha256:|:", "", plain(pinned).strip().lower())


def _context(settings: Settings) -> ssl.SSLContext:
    """What checks the server: the machine's authorities or `caFile`; with `fingerprint` that alone decides."""
    ca_file = settings.get("caFile")
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:
        raise Refused(f"`caFile` {str(ca_file)!r} cannot be read: {error.strerror or error}") from error
    if settings.get("fingerprint") is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
