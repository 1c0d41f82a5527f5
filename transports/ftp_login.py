"""The way into an FTP server: explicit TLS unless the definition says `insecure: true`, one login, its errors in ours.

Never sends a user name or a password before the server is known to be the right one, and never tries a login twice.
"""

import ftplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from transports.base import HostKeyChanged, LoginRefused, Refused, Settings, Unreachable
from transports.ftp_control import GONE, NOT_LOGGED_IN, Control, code, said, wire
from transports.settings import plain, seconds

_NO_CONNECTION = {GONE, 425}


@contextmanager
def login(settings: Settings, clock: Callable[[], float]) -> Iterator[Control]:
    """A control connection, logged in, in binary mode. `timeout` bounds each silence, here the whole way in as well."""
    host, port = str(settings["host"]), int(settings.get("port", 21))
    control = Control(_context(settings), _fingerprint(settings), seconds(settings.get("timeout", "60s")), clock)
    try:
        with spoken(control, f"connecting to {host}:{port}"):
            control.connect(host, port)
        if settings.get("insecure") is not True:
            _secure(control, host)
        _log_in(control, settings)
        yield control
    finally:
        control.bye()


@contextmanager
def spoken(control: Control, doing: str) -> Iterator[None]:
    """Say in the contract's errors what the server, or the silence, said."""
    try:
        yield
    except (ftplib.error_temp, ftplib.error_perm) as refusal:
        if code(refusal) in _NO_CONNECTION:
            control.close()
            raise Unreachable(f"{doing}: {said(refusal)}") from refusal
        kind = LoginRefused if code(refusal) == NOT_LOGGED_IN else Refused
        raise kind(f"{doing}: {said(refusal)}") from refusal
    except (ftplib.error_proto, ftplib.error_reply) as error:
        control.close()
        raise Unreachable(f"{doing}: not what an FTP server answers: {said(error)}") from error
    except ssl.SSLCertVerificationError as error:
        control.close()
        raise HostKeyChanged(
            f"{doing}: the server's certificate is not trusted: {error.verify_message}. Nothing is sent to a server "
            "that cannot show who it is. For a certificate of its own making give `caFile` or `fingerprint`"
        ) from error
    except (OSError, EOFError) as error:
        control.close()
        raise Unreachable(f"{doing}: {said(error) or type(error).__name__}") from error


def _secure(control: Control, host: str) -> None:
    with spoken(control, f"securing the connection to {host}"):
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
    with spoken(control, f"logging in to {control.host}"):
        try:
            control.login(wire(user), wire(password), secure=False)
        except (ftplib.error_temp, ftplib.error_perm) as refusal:
            if code(refusal) == GONE:
                raise
            answer = said(refusal).replace(password, "***") if password else said(refusal)
            raise LoginRefused(f"{control.host} refused the login: {answer}") from None
        if settings.get("insecure") is not True:
            control.prot_p()
        with suppress(ftplib.error_temp, ftplib.error_perm):
            control.voidcmd("OPTS UTF8 ON")  # some servers speak their code page until they are asked
        control.voidcmd("TYPE I")  # SIZE counts bytes in this mode only


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
