"""Five events of one order, in each of their 120 orders, some of them twice, with a death at each of four points.

Whatever comes in whatever order, and whoever dies on the way: the order is as the newest event says, and each event
that was acknowledged has been imported once.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from engine.intake.inbox import Inbox, inbox
from engine.runner import run_feed
from engine.world import World
from tests.faults.processes import die, killed_in_child
from tests.hooks.room import PUSHED, Room, Sent, event

EVENTS = ((1, "open"), (2, "open"), (3, "void"), (4, "open"), (5, "void"))  # the minute of each, and what it says
ORDERS = list(permutations(range(5)))
# Every which of the orders, by database.
KINDS = [("sqlite", 1), ("postgres", 5), pytest.param("postgres", 1, marks=pytest.mark.nightly)]
Counting = Callable[[str, int], AbstractContextManager[None]]


class WatchedInbox:
    """The inbox, with a word after each request that was kept or settled, and before they are put away.

    Between, as an import tells how far it is: its rows are stored, and not committed.
    """

    def __init__(self, inner: Inbox, hear: Callable[[str], None]) -> None:
        self._inner, self._hear = inner, hear

    def accept(self, entries: Any) -> list[bool]:
        kept = self._inner.accept(entries)
        self._hear("kept")
        return kept

    def settle(self, *arguments: Any) -> None:
        self._inner.settle(*arguments)
        self._hear("settled")

    def tidy(self, endpoints: Any) -> None:
        self._hear("committed")
        self._inner.tidy(endpoints)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def dying(room: Room, word: str, nth: int) -> World:
    """The world of a process that dies when it hears the word for the n-th time."""
    left = nth

    def hear(said: str) -> None:
        nonlocal left
        left -= said == word
        if said == word and left < 0:
            die()

    inner = inbox(room.world.engine, room.home / "var")  # its threads are this process's own
    watched: Any = WatchedInbox(inner, hear)
    return replace(room.world, inbox=watched, progress=lambda _: hear("stored"))


@pytest.mark.parametrize("point", ["kept", "stored", "settled", "committed"])
@pytest.mark.parametrize(("kind", "every"), KINDS)
def test_whatever_the_order_and_whoever_dies_the_newest_event_stands(
    tmp_path: Path, kind: str, every: int, point: str, request: pytest.FixtureRequest, counting: Counting
) -> None:
    room = Room(tmp_path, request.getfixturevalue(f"{kind}_url"), {"orders/pushed": PUSHED})
    orders = ORDERS[::every]
    with counting(f"group K, webhooks: {kind}", len(orders)):
        for number, order in enumerate(orders):
            minutes = [EVENTS[place] for place in order]
            sent = [event(f"R{number}", minute, status=status) for minute, status in minutes]
            _lived_through(room, point, number % 5, sent)
            if number % 5 == 4:  # what the dead have left does not grow without end
                _run(room)
        _run(room)
        assert room.waiting() == []
        assert {key: (each["state"], each["amount"]) for key, each in room.activities().items()} == {
            f"R{number}": ("voided", "5.00") for number in range(len(orders))
        }
        assert room.settled() == {"done": 5 * len(orders)}
        imported = room.rows("SELECT count(*), count(DISTINCT sha256) FROM deliveries WHERE state = 'done'")
        assert imported == [(5 * len(orders), 5 * len(orders))]


def _run(room: Room) -> None:
    room.clock.sleep(60)
    (feed,) = room.project.feeds.values()
    assert run_feed(feed, room.world).outcome in ("ok", "empty")


def _lived_through(room: Room, point: str, nth: int, sent: list[Sent]) -> None:
    """The events come, each second one twice, and somebody dies at this point of the n-th."""
    room.world.engine.dispose()
    whole = room.world
    if point == "kept":
        # Nobody has heard of it: it is sent again, with all that come after it.

        def received() -> None:
            room.world = dying(room, point, nth)
            room.send(*sent)

        assert killed_in_child(received)
        room.clock.sleep(1)
        room.send(*sent[nth:])
        return
    room.send(*(each for place, each in enumerate(sent) for _ in range(1 + place % 2)))
    room.clock.sleep(60)
    whole.engine.dispose()
    (feed,) = room.project.feeds.values()
    assert killed_in_child(lambda: run_feed(feed, dying(room, point, 0 if point == "committed" else nth)))
