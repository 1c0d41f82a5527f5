"""Scenes for the fault tests, and the counts that each group of them prints at the end (see `counts.py`)."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.faults.counts import GROUP, pytest_terminal_summary
from tests.faults.scene import Studio, fast_folder

__all__ = ["pytest_terminal_summary"]  # the hook, where this folder is named to pytest


@pytest.fixture(scope="session")
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    home = fast_folder()
    made = Studio(home, lambda: request.getfixturevalue("postgres"))
    yield made
    made.close()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Say how many cases of a group held, of how many."""
    return lambda group, held, cases: record_property(GROUP, [group, held, cases])


@pytest.fixture
def counting(counted: Callable[[str, int, int], None]) -> Callable[[str, int], AbstractContextManager[None]]:
    """`with counting("group A", 3):` counts three cases of a group, as held when the block ends well."""

    @contextmanager
    def count(group: str, cases: int) -> Iterator[None]:
        counted(group, 0, cases)
        yield
        counted(group, cases, 0)

    return count
