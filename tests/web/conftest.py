"""A project whose feeds listen, on both databases."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.web.receiver import listening


@pytest.fixture
def shell(tmp_path: Path, database_url: str) -> Shell:
    return listening(Shell(tmp_path, database_url))


@pytest.fixture
def spooling(tmp_path: Path, sqlite_url: str) -> Shell:
    """The same, on SQLite alone."""
    return listening(Shell(tmp_path, sqlite_url))
