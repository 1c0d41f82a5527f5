"""The SFTP transport against an honest server in this process: the contract, the login, the settings."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.servers.sftp import SftpServer
from tests.transports.contract import Place, TransportContract
from transports.base import Files, Tools
from transports.sftp import connect


@pytest.fixture
def server(place: Place) -> Iterator[SftpServer]:
    with SftpServer(place.root) as server:
        yield server


class TestSftp(TransportContract):
    @pytest.fixture
    def reach(self, server: SftpServer, tools: Tools) -> Callable[..., AbstractContextManager[Files]]:
        return lambda directory=".": connect({**server.settings(), "directory": directory}, tools)
