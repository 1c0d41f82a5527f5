"""The receiver and the room of these tests."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import counted, counting
from tests.sending.room import Receiver, Room

__all__ = ["counted", "counting"]  # fixtures


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def room(tmp_path: Path, sqlite_url: str, receiver: Receiver) -> Room:
    return Room(tmp_path, sqlite_url, receiver)


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address at which nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/in"
