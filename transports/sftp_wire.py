"""SFTP version 3 over one SSH channel: requests out, answers in, any number under way at once.

The protocol is draft-ietf-secsh-filexfer-02. paramiko's own client is not used: it fails a whole
listing for one name that is no UTF-8, drops the server's extensions, and copies its receive buffer
at every read. Nothing here touches a local file or decides what the state of a file means.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, NoReturn, TypeVar

from paramiko import Channel, SSHException

from transports.base import Unreachable

# Requests, answers and status codes: sections 3, 6 and 7 of the draft.
INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
OPENDIR, READDIR, REMOVE, MKDIR, REALPATH, RENAME = 11, 12, 13, 14, 16, 18
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
OK, END_OF_FILE, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = range(5)
NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = 6, 7, 8

READ_ONLY = struct.pack(">II", 1, 0)  # the flags of OPEN, and no attributes

# Above any answer we ask for; a server that greets with text instead of SFTP shows here.
_LARGEST_PACKET = 1 << 20
# More than the channel's window: all that has come in is taken at once. paramiko moves the rest of
# its buffer down at each read that leaves something behind.
_ALL = 1 << 24

T = TypeVar("T")


class Silent(Unreachable):
    """Nothing was heard for as long as we wait: perhaps too much was asked at once."""


class Status(Exception):
    """The server's answer to one request, where it is not what was asked for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def said(status: Status) -> str:
    """The server's words, fit to be shown."""
    return ascii(status.text)[1:-1][:200] or f"status {status.code}"


class Attributes(NamedTuple):
    """What the server says of a file; None where it does not say."""

    size: int | None
    mode: int | None
    modified: float | None


class Entry(NamedTuple):
    name: bytes
    line: bytes  # as `ls -l` would show it
    attributes: Attributes


class Patience:
    """How long to wait: for the next byte, for the whole, and how slowly it may drip.

    `silence`, `whole` and `over` are in seconds, `rate` in bytes a second, measured anew `over` and over.
    """

    def __init__(
        self, clock: Callable[[], float], silence: float, whole: float, rate: float = 0, over: float = 60
    ) -> None:
        self._clock = clock
        self._silence = silence
        self._whole = whole
        self._rate = rate
        self._over = over
        self._ends = clock() + whole
        self._window = clock()
        self._heard = 0

    def left(self) -> float:
        """Seconds that the next byte may take. Raises Unreachable when the whole takes too long."""
        now = self._clock()
        if now >= self._ends:
            raise Unreachable(f"takes longer than {self._whole:.3g} s")
        if now - self._window >= self._over:
            if self._heard < self._rate * (now - self._window):
                raise Unreachable(f"sends less than {self._rate:g} bytes a second")
            self._window, self._heard = now, 0
        return min(self._silence, self._ends - now)

    def heard(self, count: int) -> None:
        self._heard += count


class _Body:
    """The fields of an answer, read one after the other. Raises struct.error where it is too short."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def number(self, form: str = ">I") -> int:
        (number,) = struct.unpack_from(form, self._view, self._at)
        self._at += struct.calcsize(form)
        return int(number)

    def view(self) -> memoryview:
        length = self.number()
        if self._at + length > len(self._view):
            raise struct.error("text longer than its packet")
        self._at += length
        return self._view[self._at - length : self._at]

    def text(self) -> bytes:
        return bytes(self.view())

    def attributes(self) -> Attributes:
        flags = self.number()
        size = self.number(">Q") if flags & 1 else None
        if flags & 2:  # owner and group
            self.number(">Q")
        mode = self.number() if flags & 4 else None
        modified = None
        if flags & 8:
            self.number()  # last read
            modified = float(self.number())
        for _ in range(self.number() * 2 if flags & 0x8000_0000 else 0):
            self.view()
        return Attributes(size, mode, modified)

    def rest(self) -> Iterator[tuple[bytes, bytes]]:
        while self._at < len(self._view):
            yield self.text(), self.text()


def string(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


class Wire:
    """One SFTP session. Requests of one thread; after Unreachable it is closed and stays so.

    Requests that name the same file are answered as if each had waited for the one before
    (section 6.1 of the draft), so a stat may be asked together with the reads it follows.
    """

    def __init__(self, channel: Channel, where: str, clock: Callable[[], float], timeout: float) -> None:
        self._channel = channel
        self._where = where
        self._clock = clock
        self._timeout = timeout
        self._out: list[bytes] = []
        self._asked: set[int] = set()
        self._forgotten: set[int] = set()
        self._answers: dict[int, tuple[int, memoryview]] = {}
        self._last = 0
        self._in = memoryview(b"")
        self._patience = self.patience()
        self.is_open = True
        self.extensions = self._introduced()

    def patience(self) -> Patience:
        """What a request of no great size deserves."""
        return Patience(self._clock, self._timeout, self._timeout)

    # --- requests ---------------------------------------------------------------------------

    def ask(self, kind: int, body: bytes) -> int:
        """Put a request with those under way; it leaves with the next wait for an answer."""
        self._last += 1
        self._out.append(struct.pack(">IBI", len(body) + 5, kind, self._last) + body)
        self._asked.add(self._last)
        return self._last

    def forget(self, *numbers: int) -> None:
        """Nobody will wait for these answers; they are thrown away when they come."""
        for number in numbers:
            self._answers.pop(number, None)
            if number in self._asked:
                self._asked.discard(number)
                self._forgotten.add(number)

    def tell(self, kind: int, body: bytes) -> None:
        """A request whose answer nobody will wait for."""
        self.forget(self.ask(kind, body))

    def done(self, number: int) -> None:
        """Wait for a plain OK. Raises Status for any other answer, here and below."""
        self._answer(number, STATUS, lambda body: None)

    def handle(self, number: int) -> bytes:
        return self._answer(number, HANDLE, _Body.text)

    def attributes(self, number: int, patience: Patience | None = None) -> Attributes:
        return self._answer(number, ATTRS, _Body.attributes, patience)

    def data(self, number: int, patience: Patience | None = None) -> memoryview | None:
        """The bytes of a READ; None at the end of the file."""
        return self._unless_ended(number, DATA, _Body.view, patience)

    def entries(self, number: int, patience: Patience | None = None) -> list[Entry] | None:
        """Some names of a READDIR, at least one; None when there are no more."""
        return self._unless_ended(number, NAME, _entries, patience)

    def extended(self, number: int, form: str) -> tuple[int, ...]:
        """The numbers of the answer to an extension's request."""
        return self._answer(number, EXTENDED_REPLY, lambda body: tuple(body.number(f">{each}") for each in form))

    def close(self) -> None:
        """What was told is still sent, if it can be; no answer is waited for."""
        if self.is_open:
            self.is_open = False
            with suppress(OSError, EOFError, SSHException):
                self._channel.settimeout(0)
                self._channel.sendall(b"".join(self._out))
            with suppress(OSError, EOFError, SSHException):
                self._channel.close()

    # --- answers ----------------------------------------------------------------------------

    def _unless_ended(self, number: int, kind: int, read: Callable[[_Body], T], patience: Patience | None) -> T | None:
        try:
            return self._answer(number, kind, read, patience)
        except Status as status:
            if status.code == END_OF_FILE:
                return None
            raise

    def _answer(self, number: int, expected: int, read: Callable[[_Body], T], patience: Patience | None = None) -> T:
        kind, view = self._awaited(number, patience or self.patience())
        body = _Body(view)
        try:
            if kind == STATUS:
                code = body.number()
                if (code, expected) != (OK, STATUS):
                    # Some servers leave the text out, some send it in an encoding of their own.
                    text = body.text().decode("utf-8", "backslashreplace") if len(view) > 4 else ""  # noqa: PLR2004 - the code
                    raise Status(code, text)
            elif kind != expected:
                self._fail(f"answered with packet {kind} where {expected} was due")
            return read(body)
        except struct.error:
            self._fail("sent an answer that cannot be read")

    def _awaited(self, number: int, patience: Patience) -> tuple[int, memoryview]:
        self._patience = patience
        self._flush()
        while number not in self._answers:
            kind, which, view = self._packet()
            if which in self._forgotten:
                self._forgotten.discard(which)
            elif which in self._asked:
                self._asked.discard(which)
                self._answers[which] = kind, view
            else:
                self._fail("answered what was not asked")
        return self._answers.pop(number)

    def _introduced(self) -> dict[bytes, bytes]:
        """Say which version we speak and hear which one, and which extensions, the server does."""
        self._out.append(struct.pack(">IBI", 5, INIT, 3))
        self._flush()
        kind, version, view = self._packet()
        if kind != VERSION or version < 3:  # noqa: PLR2004 - the version
            self._fail("does not speak SFTP version 3")
        try:
            return dict(_Body(view).rest())
        except struct.error:
            self._fail("sent a greeting that cannot be read")

    # --- bytes ------------------------------------------------------------------------------

    def _flush(self) -> None:
        if not self.is_open:
            raise Unreachable(f"the connection to {self._where} is closed")
        if self._out:
            out, self._out = b"".join(self._out), []
            try:
                self._channel.settimeout(self._left())
                self._channel.sendall(out)
            except TimeoutError:
                self._fail("takes no more requests", Silent)
            except (OSError, EOFError, SSHException) as error:
                # What it said before it hung up tells more than that it did: that is read first.
                if not self._channel.recv_ready():
                    self._fail(f"ended the connection ({_reason(error)})")

    def _packet(self) -> tuple[int, int, memoryview]:
        length, kind, number = struct.unpack(">IBI", self._taken(9))
        if not 5 <= length <= _LARGEST_PACKET:  # noqa: PLR2004 - kind and number
            self._fail("sent something that is not SFTP; some servers greet with a text for people")
        return kind, number, self._taken(length - 5)

    def _taken(self, count: int) -> memoryview:
        pieces: list[memoryview] = []
        missing = count
        while missing > len(self._in):
            pieces.append(self._in)
            missing -= len(self._in)
            self._in = self._received()
        piece, self._in = self._in[:missing], self._in[missing:]
        return memoryview(b"".join([*pieces, piece])) if pieces else piece

    def _received(self) -> memoryview:
        try:
            self._channel.settimeout(self._left())
            chunk = self._channel.recv(_ALL)
        except TimeoutError:
            self._left()  # says so if it is the whole that took too long
            self._fail("is silent for too long", Silent)
        except (OSError, EOFError, SSHException) as error:
            self._fail(f"ended the connection ({_reason(error)})")
        if not chunk:
            cause = self._channel.get_transport().get_exception()
            self._fail("ended the connection" + (f" ({_reason(cause)})" if cause else ""))
        self._patience.heard(len(chunk))
        return memoryview(chunk)

    def _left(self) -> float:
        try:
            return self._patience.left()
        except Unreachable as overdue:
            self._fail(str(overdue))

    def _fail(self, what: str, kind: type[Unreachable] = Unreachable) -> NoReturn:
        self.close()
        raise kind(f"{self._where}: the server {what}")


def _entries(body: _Body) -> list[Entry]:
    entries = [Entry(body.text(), body.text(), body.attributes()) for _ in range(body.number())]
    if not entries:
        raise struct.error("a listing goes on for ever without a name")
    return entries


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
