"""Projects that the tests of the command work in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.pages.conftest import api, orders  # noqa: F401  (fixtures: an API of orders)


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str) -> Shell:
    """A project on SQLite, with one feed and no file yet."""
    return Shell(tmp_path, sqlite_url)


@pytest.fixture
def both(tmp_path: Path, database_url: str) -> Shell:
    """The same on both databases."""
    return Shell(tmp_path, database_url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def read_only(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One project for a whole module that only reads it, on both databases."""
    home = tmp_path_factory.mktemp("project")
    if request.param == "sqlite":
        yield Shell(home, f"sqlite:///{home / 'feeds.db'}")
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.create()
    yield Shell(home, postgres.url(name))
    postgres.drop(name)
