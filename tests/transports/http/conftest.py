"""A server for each test that asks for one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.transports.http.room import Answers, Api, Room


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], Api]]:
    """Starts a server that answers as a function says; stopped after the test."""
    with ExitStack() as stack:
        yield lambda answers: stack.enter_context(Api(answers).running())


@pytest.fixture
def room() -> Room:
    return Room()
