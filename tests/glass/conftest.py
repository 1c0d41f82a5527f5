"""A glass shop on SQLite, and a server that takes its texts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import counted, counting  # noqa: F401  (fixtures)
from tests.glass.room import Room
from tests.simulators.crm import Crm
from tests.simulators.twilio import Twilio


@pytest.fixture
def texts() -> Iterator[Twilio]:
    with Twilio() as far:
        yield far


@pytest.fixture
def crm() -> Iterator[Crm]:
    with Crm() as far:
        yield far


@pytest.fixture
def opened(tmp_path: Path, sqlite_url: str, texts: Twilio, crm: Crm) -> Iterator[Callable[[str], Room]]:
    """`opened("elmo/glass")`: the shop with this definition."""
    rooms: list[Room] = []

    def room(definition: str) -> Room:
        rooms.append(Room(tmp_path, sqlite_url, texts, crm, definition))
        return rooms[-1]

    yield room
    for each in rooms:
        each.world.engine.dispose()


@pytest.fixture
def shop(opened: Callable[[str], Room]) -> Room:
    return opened("elmo/glass")
