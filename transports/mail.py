"""Exports by mail: SMTP through TLS, one mail and one connection for each parcel. `Sender` of `transports/base.py`.

Never sends a password or a mail in clear text unless that is said, never to somebody whom a line break in a value has
added, and to all of its recipients or to none.
"""

import hashlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from transports.base import (
    BadReply,
    LoginRefused,
    Parcel,
    Receipt,
    Refused,
    Secret,
    Sender,
    SendTools,
    Settings,
    Uncertain,
    Unreachable,
)
from transports.settings import plain, seconds

_PORT, _TLS_PORT = 587, 465
_OVERRIDES = ("to", "from", "subject")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463: all of an answer that repeats no address
_TAKEN, _LATER, _NEVER = 2, 4, 5  # the first digit of an answer
_GO_ON, _DONE = 354, (250, 251, 252)
# Seven bits a byte: no server on the way has to know more.
_POLICY = policy.SMTP.clone(cte_type="7bit")


@contextmanager
def connect_sender(settings: Settings, tools: SendTools) -> Iterator[Sender]:
    """The way out through `host`. A parcel's `to`, `from` and `subject` stand over the transport's own."""
    yield MailSender(settings, tools)


class MailSender:
    """See `transports.base.Sender` for what `send` promises."""

    def __init__(self, settings: Settings, tools: SendTools) -> None:
        self._settings = settings
        self._tools = tools
        self._port = int(settings.get("port") or _PORT)
        self._where = f"{settings['host']}:{self._port}"
        user = settings.get("username")
        shown = f"${user.name}@" if isinstance(user, Secret) else f"{user}@" if user else ""
        self.destination = f"smtp://{shown}{self._where.lower()}"

    def send(self, parcel: Parcel) -> Receipt:
        block = {**self._settings, **{name: parcel.settings[name] for name in _OVERRIDES if name in parcel.settings}}
        sender, recipients = _addresses(block["from"], "from")[0], _addresses(block["to"], "to")
        message = _message(parcel, str(block.get("subject") or ""), sender, recipients)
        message["Date"] = format_datetime(self._tools.now())
        with self._session() as session:
            return self._handed_over(session, message, [each.addr_spec for each in (sender, *recipients)])

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection that is secured and logged in. Raises Unreachable, LoginRefused, Refused."""
        is_clear, user = bool(self._settings.get("insecure")), self._settings.get("username")
        if is_clear and user:
            raise Refused(f"{self._where}: no password is sent without TLS: leave out `insecure`, or `username`")
        try:
            session = self._opened(is_clear)
        except ssl.SSLError as error:
            raise Unreachable(f"{self._where}: no TLS: {error.reason or error}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{self._where}: the server has no STARTTLS, and nothing was sent in clear text") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"{self._where}: no connection: {type(error).__name__}") from error
        try:
            if user:
                self._log_in(session, plain(user), plain(self._settings.get("password") or ""))
            yield session
            with suppress(smtplib.SMTPException, OSError):
                session.putcmd("QUIT")  # the mail is taken: nothing hangs on the answer
        finally:
            session.close()

    def _opened(self, is_clear: bool) -> smtplib.SMTP:
        host, timeout = str(self._settings["host"]), seconds(self._settings.get("timeout", "60s"))
        # Its own name is told as it is: smtplib would ask the name servers for it, and wait.
        name = socket.gethostname()
        if is_clear:
            return smtplib.SMTP(host, self._port, name, timeout)
        trusted = ssl.create_default_context(cafile=self._settings.get("ca"))
        if self._port == _TLS_PORT:
            return smtplib.SMTP_SSL(host, self._port, name, timeout=timeout, context=trusted)
        session = smtplib.SMTP(host, self._port, name, timeout)
        try:
            session.starttls(context=trusted)
        except BaseException:
            session.close()
            raise
        return session

    def _log_in(self, session: smtplib.SMTP, user: str, password: str) -> None:
        try:
            session.login(user, password)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code // 100 == _LATER:
                raise self._refusal("the login", error.smtp_code, b"") from None
            raise LoginRefused(f"{self._where}: the login was refused (status {error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError as error:
            raise LoginRefused(f"{self._where}: the server takes no login that is known here") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"{self._where}: the connection broke at the login: {type(error).__name__}") from None

    def _handed_over(self, session: smtplib.SMTP, message: EmailMessage, addresses: Sequence[str]) -> Receipt:
        sender, *recipients = addresses
        try:
            session.ehlo_or_helo_if_needed()
            self._expect(session.mail(sender), _DONE, "the sender")
            for number, recipient in enumerate(recipients, 1):
                self._expect(session.rcpt(recipient), _DONE, f"recipient {number}")
            self._expect(session.docmd("DATA"), (_GO_ON,), "a mail")
            session.send(_stuffed(message.as_bytes()))
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"{self._where}: the connection broke: {type(error).__name__}") from error
        try:
            answer = session.getreply()
        except (smtplib.SMTPException, OSError) as error:
            text = f"{self._where}: no answer came to the whole mail ({type(error).__name__}): it may have been taken"
            raise Uncertain(text) from error
        if answer[0] // 100 not in (_TAKEN, _LATER, _NEVER):
            raise Uncertain(f"{self._where}: the answer to the whole mail is none: it may have been taken")
        self._expect(answer, _DONE, "the mail")
        return Receipt(str(message["Message-ID"]), answer[0], answer[1].decode("utf-8", "replace")[:500])

    def _expect(self, answer: tuple[int, bytes], codes: Sequence[int], what: str) -> None:
        if answer[0] not in codes:
            raise self._refusal(what, *answer)

    def _refusal(self, what: str, code: int, said: bytes) -> BadReply | Refused:
        """What a no means. The server's own words may repeat an address, and are not shown."""
        found = _ENHANCED.search(said.decode("ascii", "replace"))
        text = f"{self._where}: the server does not take {what} (status {code}{f', {found[0]}' if found else ''})"
        return BadReply(text, code, "mail.later", again=True) if code // 100 == _LATER else Refused(text)


def _message(parcel: Parcel, subject: str, sender: Address, recipients: Sequence[Address]) -> EmailMessage:
    """The mail: its text is the parcel, or the parcel comes with it as a file where it has a name."""
    message = EmailMessage(_POLICY)
    message["From"], message["To"] = sender, tuple(recipients)
    message["Subject"] = " ".join(_CONTROLS.sub(" ", subject).split())
    # The same for the same key, so that a mail that goes out again is known by it.
    key = hashlib.sha256(parcel.key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    message["Message-ID"] = f"<{key}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    media, _, parameters = parcel.media.partition(";")
    maintype, _, subtype = media.strip().partition("/")
    if media.strip() == "text/plain" and parcel.name is None:
        message.set_content(parcel.body.decode("utf-8"))
        return message
    how: Mapping[str, Any] = {"maintype": maintype, "subtype": subtype, "cte": "base64"}
    charset = {"charset": "utf-8"} if "charset=utf-8" in parameters.lower() else None
    if parcel.name is None:
        message.set_content(parcel.body, **how, params=charset)
        return message
    name = _CONTROLS.sub("_", parcel.name)
    message.set_content(f"{name}\n")
    message.add_attachment(parcel.body, **how, params=charset, filename=name)
    return message


def _addresses(value: Any, key: str) -> list[Address]:
    """One address for each text. Raises Refused, and says which one it was, not what it is."""
    found = []
    for number, each in enumerate([value] if isinstance(value, str | Secret) else value or (), 1):
        text = plain(each)
        header: Any = None if _CONTROLS.search(text) else _POLICY.header_factory(key, text)
        one = header.addresses[0] if header is not None and not header.defects and len(header.addresses) == 1 else None
        if one is None or not one.username or not one.domain or not one.addr_spec.isascii():
            raise Refused(f"expected one address in each text of `{key}`, found something else in number {number}")
        found.append(one)
    if not found:
        raise Refused(f"expected an address in `{key}`, found none")
    return found


def _stuffed(content: bytes) -> bytes:
    """The mail as it stands on the line, with its end (RFC 5321 4.5.2)."""
    lines = re.sub(rb"(?m)^\.", b"..", content)
    return lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"
