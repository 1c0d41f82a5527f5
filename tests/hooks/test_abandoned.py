"""What waits for a feed that does not listen there any more is told, and comes to its end."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.intake.inbox import Load
from engine.store import desk
from engine.visits.abandoned import Abandoned, abandoned, end
from engine.world import stamp
from tests.hooks.room import PUSHED, Room, event
from tests.scheduler.conftest import Log

NAME = "shop/orders-pushed"


@pytest.fixture
def room(tmp_path: Path, sqlite_url: str) -> Room:
    room = Room(tmp_path, sqlite_url, {"orders/pushed": PUSHED})
    room.send(event("A", 1), event("B", 1))
    return room


def changed(room: Room, old: str, new: str, file: str = "vendors/orders/pushed.yaml") -> None:
    path = room.home / "feeds" / file
    path.write_text(path.read_text().replace(old, new))
    room.__dict__.pop("project", None)


MOVES = {
    "it listens elsewhere": ("vendors/orders/pushed.yaml", "shop/${dealer.name}", "other/${dealer.name}"),
    "it is gone": ("dealers/shop.yaml", "  - uses: orders/pushed\n", "  []\n"),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_they_are_told_and_end_with_the_time_that_requests_are_kept(
    room: Room,
    move: tuple[str, str, str],
) -> None:
    (file, old, new), log = move, Log()
    object.__setattr__(room.world, "note", log.note)
    assert abandoned(room.world.inbox, room.project) == []
    since = stamp(room.clock.now() - timedelta(milliseconds=1))
    changed(room, old, new, file)
    assert abandoned(room.world.inbox, room.project) == [Abandoned(NAME, "shop/shop", since)]
    room.clock.sleep(89 * 86_400)
    end(room.world, room.project)
    assert (room.settled(NAME), log.lines) == ({"waiting": 2}, [])
    room.clock.sleep(2 * 86_400)
    end(room.world, room.project)
    assert (room.settled(NAME), room.world.inbox.load()) == ({"failed": 2}, Load(0, 0))
    (told,) = log.of("hooks.abandoned", NAME)
    assert (told["requests"], told["level"]) == (2, "warning")
    end(room.world, room.project)
    assert len(log.lines) == 1


def test_a_feed_that_cannot_be_read_has_not_gone(room: Room) -> None:
    changed(room, "name: shop", "name: [shop", "dealers/shop.yaml")
    room.clock.sleep(100 * 86_400)
    end(room.world, room.project)
    assert room.settled(NAME) == {"waiting": 2}


def test_while_a_feed_is_disabled_or_paused_its_requests_wait_on(room: Room) -> None:
    desk.pause(room.world.engine, NAME, "winter", None, "me", stamp(room.clock.now()))
    changed(room, "uses: orders/pushed\n", "uses: orders/pushed\n    enabled: false\n", "dealers/shop.yaml")
    room.clock.sleep(100 * 86_400)
    end(room.world, room.project)
    assert room.settled(NAME) == {"waiting": 2}
