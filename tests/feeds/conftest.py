"""The project that each test of a definition works in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feeds.project import Project, project


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str) -> Iterator[Project]:
    """A project on SQLite, with a vendor's server and no dealer yet."""
    with project(tmp_path, sqlite_url) as made:
        yield made
