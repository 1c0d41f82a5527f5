"""Words to people: by mail, as JSON to an address, in the shape of Slack; and a call that says that we live.

Each is sent once: an answer other than "taken" is a TransportError. Nothing is known here of what the words say.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import orjson
from requests import Request

from transports.base import LoginRefused, Refused, Secret, Settings, Unreachable
from transports.http_guard import Allowed, Deadline, connected
from transports.http_wire import Wire

SECONDS = 20.0  # the longest silence of the other side that is borne
_TLS_PORT, _PORT = 465, 587
_MOST_BYTES = 1 << 20  # of an answer that nobody reads
_TAKEN = range(200, 300)


@dataclass(frozen=True, slots=True)
class Notice:
    """`id` is the same whenever the same words are sent again. `content` is what programs get."""

    id: str
    subject: str
    text: str
    content: Mapping[str, Any]


def send(settings: Settings, notice: Notice) -> str:
    """Tell it by the channel of these settings; a remark where not everybody got it. Raises TransportError."""
    kind = settings["type"]
    if kind == "email":
        return _mail(settings, notice)
    if kind == "slack":
        _post(settings, {"text": f"*{notice.subject}*\n{notice.text}"}, {})
    else:
        token = settings.get("token")
        headers = {"Idempotency-Key": notice.id, **({"Authorization": f"Bearer {_told(token)}"} if token else {})}
        _post(settings, notice.content, headers)
    return ""


def ping(settings: Settings) -> None:
    """Call the address. Raises TransportError."""
    _exchange(settings, Request("GET", _told(settings["url"])))


# --- HTTP -------------------------------------------------------------------------------------


def _post(settings: Settings, content: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    given = {"Content-Type": "application/json", **headers}
    _exchange(settings, Request("POST", _told(settings["url"]), headers=given, data=orjson.dumps(content)))


def _exchange(settings: Settings, plain: Request) -> None:
    allowed, deadline = Allowed(map(str, settings.get("allowPrivate") or ())), Deadline(time.monotonic)
    wire = Wire(
        lambda host, port: connected(host, port, allowed, socket.getaddrinfo, deadline),
        deadline,
        SECONDS,
        _MOST_BYTES,
        settings.get("ca"),
    )
    try:
        status = wire.exchange(plain, lambda size: None).status
    except Refused as error:
        raise Refused(str(error).replace("`transport.allowPrivate`", "the channel's `allowPrivate`")) from error
    finally:
        wire.close()
    if status not in _TAKEN:
        raise Refused(f"the channel answered with status {status}")


# --- mail -------------------------------------------------------------------------------------


def _mail(settings: Settings, notice: Notice) -> str:
    message = EmailMessage()
    message["From"], message["To"] = _line(settings["from"]), ", ".join(map(_line, settings["to"]))
    message["Subject"], message["Date"] = _line(notice.subject), formatdate()
    message["Message-ID"] = f"<{notice.id}@{_line(settings['from']).rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    try:
        missed = _hand_over(settings, message)
    except smtplib.SMTPAuthenticationError as error:
        raise LoginRefused(f"the mail server refused the login (code {error.smtp_code})") from error
    except smtplib.SMTPResponseException as error:
        raise Refused(f"the mail server refused the mail (code {error.smtp_code})") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise Refused(f"the mail server refused {len(error.recipients)} of the recipients") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unreachable(f"the mail server {settings['host']} cannot be reached ({type(error).__name__})") from error
    return f"the mail server refused {missed} of the recipients" if missed else ""


def _hand_over(settings: Settings, message: EmailMessage) -> int:
    """How many of the recipients were refused, where others were not."""
    host, port = str(settings["host"]), int(settings.get("port", _PORT))
    trusted = ssl.create_default_context(cafile=settings.get("ca"))
    is_clear = bool(settings.get("insecure"))
    if port == _TLS_PORT and not is_clear:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trusted)
    else:
        server = smtplib.SMTP(host, port, timeout=SECONDS)
    with server:
        if not is_clear:
            if port != _TLS_PORT:
                server.starttls(context=trusted)
            if settings.get("password"):
                server.login(str(settings.get("username", "")), _told(settings["password"]))
        return len(server.send_message(message))


def _line(value: Any) -> str:
    """Of one line, whatever stands in it: a header ends at a line's end."""
    return " ".join(str(value).split())


def _told(value: Any) -> str:
    """A secret, or what is none, as it goes out."""
    return value.reveal() if isinstance(value, Secret) else str(value)
