"""Exports to an SFTP server: the contract of senders, and a server that ends at any moment of an upload."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.servers.sftp import Session, SftpServer
from tests.transports.http.room import Room
from tests.transports.sending.contract import CANARY, SenderContract, parcel, tools_of
from transports.base import HostKeyChanged, Refused, Secret, Sender, SendTools, TransferCut, Uncertain, Unreachable
from transports.sftp_sender import connect_sender


@dataclass
class Fault:
    """What goes wrong with the next upload; each holds once, but for what the server cannot do at all."""

    ends_at: str = ""  # open, write, close, before rename, after rename
    fails_at: str = ""  # the same words: answered with an error
    loses: int = 0  # bytes that the server takes and does not keep
    renames_and_says_it_failed: bool = False
    replaces: bool = False  # its rename replaces what is there, as no SFTP server should
    without_sync: bool = False
    seen: set[str] = field(default_factory=set)  # names that somebody who lists the folder saw meanwhile
    synced: int = 0


class Faulty(Session):
    server: "FaultyServer"

    def _at(self, moment: str) -> None:
        fault = self.server.fault
        if moment != "after rename":
            fault.seen |= {path.name for path in self.server.root.iterdir()}
        if fault.ends_at == moment:
            fault.ends_at = ""
            self.server.abort()
        if fault.fails_at == moment:
            fault.fails_at = ""
            raise asyncssh.SFTPFailure("no space left")

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if pflags & asyncssh.FXF_WRITE:
            self._at("open")
        return super().open(path, pflags, attrs)

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        self._at("write")
        return super().write(file_obj, offset, data[: len(data) - self.server.fault.loses])

    def fsync(self, file_obj: Any) -> Any:
        self.server.fault.synced += 1
        return super().fsync(file_obj)

    def close(self, file_obj: Any) -> Any:
        done = super().close(file_obj)
        self._at("close")
        return done

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._at("before rename")
        if self.server.fault.replaces:
            self._count("rename")
            os.replace(self.map_path(oldpath), self.map_path(newpath))  # noqa: PTH105  # names as bytes
            return None
        done = super().rename(oldpath, newpath)
        self._at("after rename")
        if self.server.fault.renames_and_says_it_failed:
            raise asyncssh.SFTPFailure("never mind")
        return done


class FaultyServer(SftpServer):
    def __init__(self, root: Path, fault: Fault, **options: Any) -> None:
        self.fault = fault
        super().__init__(root, Faulty, password=CANARY, **options)

    def abort(self) -> None:
        """End every connection, from inside the server's loop."""
        for connection in self.open_connections:
            connection.abort()
        raise asyncssh.SFTPConnectionLost("gone")


@dataclass
class Inbox:
    """The folder of a server where exports are put."""

    server: FaultyServer
    fault: Fault
    tools: SendTools
    was_there: tuple[bytes, ...] = ()

    def connect(self, *, login: bool = True, **settings: Any) -> AbstractContextManager[Sender]:
        auth = {"type": "password", "password": Secret("SFTP_PASSWORD", CANARY if login else "wrong")}
        return connect_sender({**self.server.settings(), "auth": auth, **settings}, self.tools)

    def taken(self) -> list[bytes]:
        files = [path for path in self.server.root.iterdir() if not path.name.startswith(".")]
        found = [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]
        return [each for each in found if each not in self.was_there]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.server.root.iterdir())

    def leaves(self) -> None:
        self.server.port = 1

    def says_no(self) -> None:
        self.was_there = (b"another",)
        (self.server.root / str(parcel().name)).write_bytes(b"another")

    def cuts_before(self) -> None:
        self.fault.ends_at = "write"

    def cuts_after(self) -> None:
        self.fault.ends_at = "after rename"


@pytest.fixture
def tools() -> SendTools:
    return tools_of(Room(real_time=True))


@pytest.fixture
def far(tmp_path: Path, tools: SendTools) -> Iterator[Inbox]:
    (tmp_path / "in").mkdir()
    fault = Fault()
    with FaultyServer(tmp_path / "in", fault) as server:
        yield Inbox(server, fault, tools)


class TestSftp(SenderContract):
    large = 1 << 20

    @pytest.fixture
    def far(self, tmp_path: Path, tools: SendTools) -> Iterator[Inbox]:
        (tmp_path / "in").mkdir()
        fault = Fault()
        with FaultyServer(tmp_path / "in", fault) as server:
            yield Inbox(server, fault, tools)


def test_nobody_who_lists_the_folder_sees_half_a_file(far: Inbox) -> None:
    with far.connect() as sender:
        sender.send(parcel(body=b"x" * 1_000_003))
    assert far.taken() == [b"x" * 1_000_003]
    assert far.names() == [parcel().name]
    assert far.fault.seen
    assert all(name.startswith(".feeds-") for name in far.fault.seen)
    assert far.server.requests["rename"] == 1
    assert far.server.requests["posix_rename"] == 0
    assert far.fault.synced == 1


def test_one_login_serves_many_parcels(far: Inbox) -> None:
    with far.connect() as sender:
        for number in range(5):
            sender.send(parcel(f"leads:{number}", b"1"))
    assert far.server.auth_attempts <= 2
    assert far.server.connections == 1


@pytest.mark.parametrize("moment", ["open", "write", "close"])
def test_a_server_that_ends_before_the_rename_has_taken_nothing(far: Inbox, moment: str) -> None:
    far.fault.ends_at = moment
    with far.connect() as sender:
        with pytest.raises(Unreachable):
            sender.send(parcel())
        assert far.taken() == []
        sender.send(parcel())
    assert far.taken() == [parcel().body]
    assert far.names() == [parcel().name]


@pytest.mark.parametrize("moment", ["before rename", "after rename"])
def test_a_server_that_ends_at_the_rename_leaves_it_open_and_the_next_try_finds_out(far: Inbox, moment: str) -> None:
    far.fault.ends_at = moment
    with far.connect() as sender:
        with pytest.raises(Uncertain):
            sender.send(parcel())
        assert len(far.names()) == 1
        receipt = sender.send(parcel())
    assert ("already" in receipt.text) == (moment == "after rename")
    assert far.taken() == [parcel().body]
    assert far.names() == [parcel().name]


@pytest.mark.parametrize("moment", ["write", "close"])
def test_a_server_that_cannot_keep_it_is_tried_again_later(far: Inbox, moment: str) -> None:
    far.fault.fails_at = moment
    with far.connect() as sender:
        with pytest.raises(TransferCut):
            sender.send(parcel())
        assert far.taken() == []
        sender.send(parcel())
    assert far.names() == [parcel().name]


def test_a_file_that_came_out_shorter_is_not_renamed(far: Inbox) -> None:
    far.fault.loses = 1
    with far.connect() as sender, pytest.raises(TransferCut, match="6 bytes were sent, and the file has 5"):
        sender.send(parcel())
    assert far.taken() == []


def test_a_rename_that_is_done_and_called_a_failure_is_done(far: Inbox) -> None:
    far.fault.renames_and_says_it_failed = True
    with far.connect() as sender:
        sender.send(parcel())
    assert far.names() == [parcel().name]


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("content", [b"another", b"<adf>.", b""], ids=["longer", "as long", "empty"])
def test_another_content_under_that_name_is_refused_and_stays(far: Inbox, content: bytes, replaces: bool) -> None:
    far.fault.replaces = replaces
    (far.server.root / str(parcel().name)).write_bytes(content)
    with far.connect() as sender, pytest.raises(Refused, match="never replaced"):
        sender.send(parcel())
    assert far.taken() == [content]
    assert far.names() == [parcel().name]


def test_a_folder_that_is_not_there_is_refused(far: Inbox) -> None:
    with far.connect(directory="missing") as sender, pytest.raises(Refused, match="missing"):
        sender.send(parcel())


def test_a_server_with_another_key_gets_nothing(far: Inbox) -> None:
    with far.connect(hostKey="SHA256:" + "A" * 43) as sender, pytest.raises(HostKeyChanged):
        sender.send(parcel())
    assert far.server.auth_attempts == 0


def test_a_file_that_is_there_and_cannot_be_read_leaves_it_open(far: Inbox) -> None:
    with far.connect() as sender:
        sender.send(parcel())
        far.fault.fails_at = ""
        unreadable(far)
        with pytest.raises(Uncertain, match="cannot be read"):
            sender.send(parcel())
    assert far.names() == [parcel().name]


def unreadable(far: Inbox) -> None:
    def opened(self: Faulty, path: bytes, pflags: int, attrs: Any) -> Any:
        raise asyncssh.SFTPPermissionDenied("a folder to drop things in")

    far.server._session.open = opened  # type: ignore[method-assign]


def test_destinations_are_told_apart_by_server_user_and_folder(tools: SendTools) -> None:
    settings = {"host": "SFTP.example.com", "username": Secret("SFTP_USER", CANARY), "auth": {}, "filename": "x"}
    with connect_sender({**settings, "directory": "/in/leads/"}, tools) as sender:
        assert sender.destination == "sftp://$SFTP_USER@sftp.example.com:22/in/leads"
    with connect_sender({**settings, "port": 2222, "username": "acme"}, tools) as sender:
        assert sender.destination == "sftp://acme@sftp.example.com:2222/~"
