"""Exports by mail: the contract of senders, and what only mail can do."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.servers.smtp import USERNAME, MailServer
from tests.transports.http.room import Room
from tests.transports.http.test_tls import HERE, certificate
from tests.transports.sending.contract import CANARY, SenderContract, in_thread, parcel, tools_of
from transports.base import BadReply, Parcel, Refused, Secret, Sender, SendTools, Uncertain, Unreachable
from transports.mail import _addresses, _message, connect_sender

ADDRESSES = {"from": "Feeds <feeds@example.com>", "to": ["leads@example.com"], "subject": "New lead"}


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def payload(content: bytes) -> bytes:
    """What was sent: the file that comes with a mail, or the mail's own content."""
    message = read(content)
    part = next(iter(message.iter_attachments()), message) if message.is_multipart() else message
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


@dataclass
class Office:
    server: MailServer
    ca: str
    tools: SendTools
    port: int = 0

    def connect(self, *, login: bool = True, **settings: Any) -> AbstractContextManager[Sender]:
        how = {"host": "127.0.0.1", "port": self.port or self.server.port, "ca": self.ca, "timeout": "30s", **ADDRESSES}
        proof = {"username": USERNAME, "password": Secret("MAIL_PASSWORD", CANARY if login else "wrong")}
        return connect_sender({**how, **proof, **settings}, self.tools)

    def taken(self) -> list[bytes]:
        return [payload(each.content) for each in self.server.mails]

    def mails(self) -> list[EmailMessage]:
        return [read(each.content) for each in self.server.mails]

    def leaves(self) -> None:
        self.port = 1

    def says_no(self) -> None:
        self.server.answers["DATA"] = "554 5.7.1 not from here, Robin"

    def cuts_before(self) -> None:
        self.server.cut = "content"

    def cuts_after(self) -> None:
        self.server.cut = "answer"


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    return certificate(tmp_path_factory.mktemp("tls"), HERE, 30)


@pytest.fixture
def tools() -> SendTools:
    return tools_of(Room(real_time=True))


@pytest.fixture
def far(vouched: tuple[ssl.SSLContext, str], tools: SendTools) -> Iterator[Office]:
    with MailServer(vouched[0], CANARY) as server:
        yield Office(server, vouched[1], tools)


class TestMail(SenderContract):
    large = 8 << 20

    @pytest.fixture
    def far(self, vouched: tuple[ssl.SSLContext, str], tools: SendTools) -> Iterator[Office]:
        with MailServer(vouched[0], CANARY) as server:
            yield Office(server, vouched[1], tools)


# --- what a mail is -------------------------------------------------------------------------


def test_a_text_is_the_mail_itself(far: Office) -> None:
    text = "Zoë, your visit:\n.\n..\nFrom us\n"
    with far.connect() as sender:
        receipt = sender.send(Parcel("visits:1", text.encode(), "text/plain; charset=utf-8"))
    (mail,) = far.mails()
    assert mail.get_content().replace("\r\n", "\n") == text
    assert mail["Subject"] == "New lead"
    assert mail["From"] == "Feeds <feeds@example.com>"
    assert mail["Date"].datetime.isoformat() == "2024-05-31T12:00:00+00:00"
    assert receipt.id == mail["Message-ID"]
    assert receipt.status == 250
    assert far.server.mails[0].content.isascii()


def test_a_document_without_a_name_is_the_mail_and_one_with_a_name_comes_with_it(far: Office) -> None:
    with far.connect() as sender:
        sender.send(Parcel("1", b"<adf/>", "application/xml"))
        sender.send(Parcel("2", "a,Zoë\r\n".encode(), "text/csv; charset=utf-8", "visits\r\nX-Evil: 1.csv"))
    alone, beside = far.mails()
    assert (alone.get_content_type(), alone.get_content()) == ("application/xml", b"<adf/>")
    (file,) = beside.iter_attachments()
    assert file.get_content_type() == "text/csv"
    assert file.get_payload(decode=True) == "a,Zoë\r\n".encode()
    assert file.get_filename() == "visits__X-Evil: 1.csv"


def test_the_same_key_has_the_same_message_id_and_another_another(far: Office) -> None:
    with far.connect() as sender:
        ids = [sender.send(parcel(key)).id for key in ("leads:1", "leads:2", "leads:1")]
    assert ids[0] == ids[2] != ids[1]
    assert all(str(each).endswith("@example.com>") for each in ids)


@settings(max_examples=50, deadline=None)
@given(subject=st.text(st.characters(codec="utf-8")))
def test_no_subject_adds_a_header_or_a_recipient(subject: str) -> None:
    people = _addresses(["leads@example.com"], "to")
    made = _message(parcel(), subject, people[0], people).as_bytes()
    head = read(made)
    assert set(head.keys()) <= {
        *("From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
        *("Content-Transfer-Encoding", "Content-Disposition"),
    }
    assert head["To"] == "leads@example.com"


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\nb@example.com",
        "Group: a@example.com, b@example.com;",
        "a@example.com>\x00<b@example.com",
        "a",
        "",
        "@example.com",
        "zoë@example.com",
    ],
)
@pytest.mark.parametrize("key", ["to", "from"])
def test_what_is_not_one_address_is_refused_and_nobody_gets_anything(far: Office, key: str, address: str) -> None:
    value = ["leads@example.com", address] if key == "to" else address
    with far.connect() as sender, pytest.raises(Refused, match=f"`{key}`") as raised:
        sender.send(parcel(**{key: value}))
    assert len(address) < 2 or address not in str(raised.value)
    assert far.server.mails == []
    assert far.server.logins == 0


def test_a_mail_goes_to_all_that_the_item_names(far: Office) -> None:
    with far.connect() as sender:
        sender.send(
            parcel(to=["Ana Ruiz <ana@example.com>", "b@example.com"], subject="For  you\r\nBcc: c@example.com")
        )
    assert far.server.mails[0].recipients == ["ana@example.com", "b@example.com"]
    assert far.mails()[0]["Subject"] == "For you Bcc: c@example.com"
    assert far.mails()[0]["Bcc"] is None


# --- what an answer means -------------------------------------------------------------------

NOES: dict[str, tuple[dict[str, str], type[Exception]]] = {
    "the sender, for ever": ({"MAIL": "550 5.7.1 no"}, Refused),
    "a recipient, for ever": ({"RCPT b@example.com": "550 5.1.1 <b@example.com> unknown"}, Refused),
    "a recipient, for now": ({"RCPT b@example.com": "451 4.7.1 greylisted, b@example.com"}, BadReply),
    "the mail, for ever": ({"DATA": "554 5.6.0 no"}, Refused),
    "the mail, for now": ({"DATA": "452 4.3.1 full"}, BadReply),
}


@pytest.mark.parametrize(("answers", "kind"), NOES.values(), ids=NOES)
def test_a_no_at_any_moment_means_that_nobody_got_it(
    far: Office, answers: dict[str, str], kind: type[Exception]
) -> None:
    far.server.answers |= answers
    with far.connect() as sender, pytest.raises(kind) as raised:
        sender.send(parcel(to=["a@example.com", "b@example.com"]))
    assert getattr(raised.value, "again", False) == (kind is BadReply)
    assert "b@example.com" not in str(raised.value)
    assert far.server.mails == []


HELLO = (b"220 hello\r\n", b"250 hello\r\n", b"250 fine\r\n", b"250 fine\r\n", b"354 go on\r\n")


@contextmanager
def scripted(*lines: bytes) -> Iterator[int]:
    """A server that says these lines, one for each that it hears, then hangs up; with b"" it is silent."""
    is_over = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as heard, suppress(OSError):
            for number, line in enumerate(lines):
                while number and heard.readline() not in (b".\r\n", b"") and number == len(HELLO):
                    pass  # the whole mail
                if not line:
                    is_over.wait()
                connection.sendall(line)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = in_thread(serve)
        try:
            yield listening.getsockname()[1]
        finally:
            is_over.set()
            thread.join(5)


def clear(port: int, **settings: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "insecure": True, **ADDRESSES, **settings}


def test_a_server_that_is_silent_after_the_whole_mail_leaves_it_open(tools: SendTools) -> None:
    with scripted(*HELLO, b"") as port, connect_sender(clear(port, timeout="3s"), tools) as sender:
        with pytest.raises(Uncertain) as raised:
            sender.send(parcel())
        assert not raised.value.again


def test_an_answer_that_is_none_leaves_it_open(tools: SendTools) -> None:
    with scripted(*HELLO, b"what?\r\n") as port, connect_sender(clear(port), tools) as sender, pytest.raises(Uncertain):
        sender.send(parcel())


@pytest.mark.parametrize("count", range(5))
def test_a_server_that_ends_before_the_mail_has_taken_nothing(tools: SendTools, count: int) -> None:
    with scripted(*HELLO[:count]) as port, connect_sender(clear(port), tools) as sender, pytest.raises(Unreachable):
        sender.send(parcel())


# --- whom it speaks to ----------------------------------------------------------------------


def test_a_server_that_nobody_vouches_for_gets_no_password(far: Office, tmp_path: Path) -> None:
    _, other = certificate(tmp_path, HERE, 30)
    with far.connect(ca=other) as sender, pytest.raises(Unreachable, match="TLS"):
        sender.send(parcel())
    assert far.server.logins == 0


def test_a_server_without_starttls_gets_nothing(tools: SendTools) -> None:
    with MailServer() as server:
        how = {"host": "127.0.0.1", "port": server.port, **ADDRESSES}
        with connect_sender(how, tools) as sender, pytest.raises(Refused, match="STARTTLS"):
            sender.send(parcel())
        assert server.mails == []
        with connect_sender({**how, "insecure": True}, tools) as sender:
            sender.send(parcel())
        assert len(server.mails) == 1
        proof = {"insecure": True, "username": USERNAME, "password": Secret("P", CANARY)}
        with connect_sender({**how, **proof}, tools) as sender, pytest.raises(Refused, match="without TLS"):
            sender.send(parcel())
        assert server.logins == 0


def test_port_465_is_tls_from_the_first_byte(
    vouched: tuple[ssl.SSLContext, str], tools: SendTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MailServer(vouched[0], is_tls_at_once=True) as server:
        monkeypatch.setattr("transports.mail._TLS_PORT", server.port)
        how = {"host": "127.0.0.1", "port": server.port, "ca": vouched[1], **ADDRESSES}
        with connect_sender(how, tools) as sender:
            sender.send(parcel())
        assert len(server.mails) == 1


def test_a_destination_names_user_and_server(tools: SendTools) -> None:
    how = {"host": "SMTP.example.com", "username": Secret("MAIL_USER", CANARY), **ADDRESSES}
    with connect_sender(how, tools) as sender:
        assert sender.destination == "smtp://$MAIL_USER@smtp.example.com:587"
