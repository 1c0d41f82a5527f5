"""The server and the project that the tests of definitions work with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feeds.project import Project
from tests.servers.sftp import SftpServer


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """Started once; each test turns it to a folder of its own."""
    with SftpServer(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def server(one_server: SftpServer, tmp_path: Path) -> SftpServer:
    """The vendor's server, empty, its counts at zero."""
    one_server.root = tmp_path / "server"
    one_server.root.mkdir()
    one_server.sessions = 0
    return one_server


@pytest.fixture
def shop(server: SftpServer, tmp_path: Path, sqlite_url: str) -> Project:
    """A project on SQLite, with a vendor's server and no dealer yet."""
    return Project(tmp_path, server, sqlite_url)
