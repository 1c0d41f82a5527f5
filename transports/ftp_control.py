# ruff: noqa: S321  FTP is what this module is for; it is encrypted unless the definition insists
"""ftplib's client with what it lacks: a deadline, names byte for byte, a pinned certificate, resumed TLS sessions.

Never sends a password before the certificate is found good, and never goes back to a clear data channel.
"""

import ftplib
import hashlib
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import closing, suppress

from transports.base import HostKeyChanged, TransferCut

GONE = 421  # the server says goodbye, whatever was asked
NOT_LOGGED_IN = 530

_CHUNK = 1 << 18
_LONGEST_LINE = 8192
_LONGEST_REPLY = 1 << 20
_LARGEST_LISTING = 64 << 20
_FAREWELL = 5.0  # seconds for the server's last word on a transfer given up, or on QUIT


def wire(text: str) -> str:
    """Text as `Control` takes it: one character for each byte that goes out."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def code(refusal: ftplib.Error) -> int:
    digits = str(refusal)[:3]
    return int(digits) if digits.isdecimal() else 0


def said(refusal: BaseException) -> str:
    """What the server answered, fit to be printed: one line, no control characters, not long."""
    text = str(refusal).encode("latin-1", "replace").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)[:200].strip()


class Control(ftplib.FTP_TLS):
    """One control connection. `until` is when, on `clock`, whatever is under way is given up.

    ftplib decodes in its `encoding`: latin-1 there lets every byte pass unchanged in both
    directions; `wire` and `ftp_listing.lines` are the other half.
    """

    def __init__(self, context: ssl.SSLContext, fingerprint: str | None, silence: float, clock: Callable[[], float]):
        super().__init__(context=context, timeout=silence, encoding="latin-1")
        self.until = clock() + silence
        self._silence = silence  # seconds without a byte that we bear
        self._clock = clock
        self._fingerprint = fingerprint
        self._unread = b""
        self._heard = 0

    @property
    def is_open(self) -> bool:
        return self.sock is not None

    def getline(self) -> str:
        while b"\n" not in self._unread:
            chunk = self._received(self._control(), _LONGEST_LINE)
            if not chunk:
                raise EOFError("the server closed the connection")
            self._unread += chunk
            self._heard += len(chunk)
            if len(self._unread) > 2 * _LONGEST_LINE or self._heard > _LONGEST_REPLY:
                raise ftplib.error_proto("a reply without an end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line.removesuffix(b"\r").decode("latin-1")

    def putcmd(self, line: str) -> None:
        self._heard = 0
        self._control().settimeout(self._left())
        super().putcmd(line)

    def auth(self) -> str:
        reply = super().auth()
        if self._unread:  # slipped in by somebody on the line, to be taken for replies under TLS
            raise ftplib.error_proto("clear text after the server agreed to TLS")
        self._check(self._control())
        return reply

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        channel, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = self._control()
        if not isinstance(control, ssl.SSLSocket):
            return channel, size
        channel.settimeout(self._left())
        # Servers that want proof that both channels are one client's ask for the same session.
        safe = self.context.wrap_socket(channel, server_hostname=self.host, session=control.session)
        try:
            self._check(safe)
        except HostKeyChanged:
            safe.close()
            raise
        return safe, size

    def chunks(self, command: str) -> Generator[bytes, None, None]:
        """What the data channel brings. Raises TransferCut unless the server then says that this was all.

        Is to be closed where it is not read to its end.
        """
        channel = self.transfercmd(command)
        try:
            while chunk := self._received(channel, _CHUNK):
                yield chunk
        except GeneratorExit:
            channel.close()
            self._hear_out()
            raise
        except ConnectionError as error:  # the data channel alone: the control channel may live
            with suppress(ftplib.error_temp, ftplib.error_perm):
                self.getresp()
            raise TransferCut(f"{command[:4]}: the data channel broke") from error
        finally:
            channel.close()
        try:
            self.voidresp()
        except (ftplib.error_temp, ftplib.error_perm) as refusal:
            if code(refusal) == GONE:
                raise
            raise TransferCut(f"{command[:4]}: the server broke off: {said(refusal)}") from refusal

    def listing(self, command: str) -> bytes:
        content = bytearray()
        with closing(self.chunks(command)) as chunks:
            for chunk in chunks:
                content += chunk
                if len(content) > _LARGEST_LISTING:
                    raise TransferCut(f"{command[:4]}: a listing of more than {_LARGEST_LISTING >> 20} MiB")
        return bytes(content)

    def bye(self) -> None:
        """Leave politely where that is possible; nothing depends on it."""
        self.until = self._clock() + _FAREWELL
        if self.is_open:
            with suppress(*ftplib.all_errors):
                self.voidcmd("QUIT")
        self.close()

    def _hear_out(self) -> None:
        """Take the reply on a transfer that we gave up; left unread it would be taken for the next one's."""
        self.until = self._clock() + _FAREWELL
        try:
            self.voidresp()
        except (ftplib.error_temp, ftplib.error_perm):
            return
        except ftplib.all_errors:
            self.close()

    def _control(self) -> socket.socket:
        if self.sock is None:
            raise EOFError("the connection is closed")
        return self.sock

    def _left(self) -> float:
        left = self.until - self._clock()
        if left <= 0:
            raise TimeoutError("it took longer than its deadline")
        return min(left, self._silence)

    def _received(self, channel: socket.socket, size: int) -> bytes:
        channel.settimeout(self._left())
        return channel.recv(size)

    def _check(self, channel: socket.socket) -> None:
        """Compare with the pinned certificate, where there is one; without one the context has checked."""
        if self._fingerprint is None or not isinstance(channel, ssl.SSLSocket):
            return
        found = hashlib.sha256(channel.getpeercert(binary_form=True) or b"").hexdigest()
        if found != self._fingerprint:
            raise HostKeyChanged(
                f"{self.host} shows another certificate than the pinned one: sha256:{found}. "
                "Nothing was sent. Ask the server's operator, then change `fingerprint`"
            )
