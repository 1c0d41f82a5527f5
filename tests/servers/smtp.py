"""A mail server on loopback, by aiosmtpd, that can be told to say no or to hang up at any moment of a mail.

    with MailServer(context) as server:
        connect_sender(server.settings(), tools)

It begins with STARTTLS where it has a context, and wants a login then. It hands no mail on to anybody.
"""

import asyncio
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope

USERNAME = "feeds"


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class MailServer:
    """`answers` gives what is said instead of yes, by the command ("MAIL", "RCPT", "DATA" for the whole mail).

    `cut`: "content" (in the middle of a mail), "answer" (with the whole mail); it holds once.
    """

    context: ssl.SSLContext | None = None
    password: str = ""
    is_tls_at_once: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    mails: list[Mail] = field(default_factory=list)
    logins: int = 0
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _started: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="smtp-server", daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        at_once = self.context if self.is_tls_at_once else None
        listening = self._loop.run_until_complete(self._loop.create_server(self._made, "127.0.0.1", 0, ssl=at_once))
        (door,) = listening.sockets
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # what is not read stays outside
        self.port = door.getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        listening.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        for _turn in range(3):  # what is cancelled still says so
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _made(self) -> SMTP:
        is_secured = self.context is not None and not self.is_tls_at_once
        return _Session(
            self,
            loop=self._loop,
            hostname="mail.example.com",
            tls_context=self.context if is_secured else None,
            require_starttls=is_secured,
            authenticator=self._authenticated,
            auth_required=bool(self.password),
            auth_require_tls=is_secured,
        )

    def _authenticated(self, server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.logins += 1
        right = (data.login, data.password) == (USERNAME.encode(), self.password.encode())
        return AuthResult(success=right, handled=False)

    # --- what aiosmtpd asks -----------------------------------------------------------------

    async def handle_MAIL(  # noqa: N802  # the names and arguments are aiosmtpd's
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 fine")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get(f"RCPT {address}", self.answers.get("RCPT", "250 fine"))

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if (answer := self.answers.get("DATA")) is not None:
            return answer
        assert isinstance(envelope.content, bytes)
        self.mails.append(Mail(str(envelope.mail_from), list(envelope.rcpt_tos), envelope.content))
        if self.cut == "answer":
            self.cut = ""
            server.transport.abort()
        return "250 2.0.0 taken as 7"


class _Session(SMTP):
    """One connection; hangs up in the middle of a mail where that is asked for."""

    def __init__(self, server: MailServer, **options: Any) -> None:
        self._ours = server
        super().__init__(server, **options)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if self._ours.cut != "content":
            await super().smtp_DATA(arg)
            return
        self._ours.cut = ""
        await self.push("354 go on")
        await self._reader.readline()
        self.transport.abort()
