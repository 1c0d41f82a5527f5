"""The `ftp` transport: the contract over FTPS and over plain FTP with lists in two forms, and who is let in how."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic

import pytest

from tests.servers.ftp import PASSWORD, Clear, FtpServer, Session, Strict
from tests.transports.contract import Place, TransportContract
from transports import ftp
from transports.base import Files, Tools


class WithoutFacts(Clear):
    """A server of before 2007: no MLSD and no MLST."""

    proto_cmds = {name: command for name, command in Clear.proto_cmds.items() if not name.startswith("MLS")}  # noqa: RUF012


class FtpContract(TransportContract):
    carries_odd_names = False  # a line break in a name would end the command; the other odd ones are below
    session: type[Session]

    @pytest.fixture
    def server(self, place: Place) -> Iterator[FtpServer]:
        with FtpServer(place.root, self.session) as server:
            yield server

    @pytest.fixture
    def reach(self, server: FtpServer, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": ftp.connect({**server.settings(), "directory": directory}, tools)


class TestFtps(FtpContract):
    session = Strict


class TestPlainFtp(FtpContract):
    session = Clear


class TestFtpWithoutFacts(FtpContract):
    session = WithoutFacts
    sees_links = False  # SIZE and MDTM follow them; LIST shows them, which is tested below
