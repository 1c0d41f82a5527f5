"""Whoever sends dies at each step, two send at once, the other side is late or cuts the line: each key goes out once.

A destination that knows a key again may see it twice, with the same bytes; any other never does. None is lost: it was
sent, or it stands there with the reason and waits for a person.
"""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.runner import run_feeds
from engine.world import World
from tests.faults.processes import die, in_child, killed_in_child
from tests.sending.room import Receiver, Room, lead
from transports import SENDERS
from transports.base import Parcel, Receipt, Sender, SendTools, Settings

for _late in SENDERS.values():
    if _late.endswith("http_sender"):
        import_module(_late)  # each child would load it again

Counting = Callable[[str, int], AbstractContextManager[None]]
KNOWN_AGAIN = "idempotency: {in: header, name: Idempotency-Key}, "
LEADS = 3
POINTS = ("stored", "queued", "claimed", "sent", "settled")


class Doomed:
    """A sender whose process dies before or after the n-th parcel has left."""

    def __init__(self, inner: Sender, hear: Callable[[str], None]) -> None:
        self._inner, self._hear = inner, hear
        self.destination = inner.destination

    def send(self, parcel: Parcel) -> Receipt:
        self._hear("claimed")
        receipt = self._inner.send(parcel)
        self._hear("sent")
        return receipt


def dying(world: World, point: str, nth: int) -> World:
    """The world of a process that dies when it comes to a point for the n-th time."""
    left = nth

    def hear(said: str) -> None:
        nonlocal left
        left -= said == point
        if said == point and left < 0:
            die()

    @contextmanager
    def way_out(kind: str, settings: Settings, tools: SendTools) -> Iterator[Sender]:
        with world.way_out(kind, settings, tools) as sender:
            yield Doomed(sender, hear)

    def note(event: str, details: Any) -> None:
        words = {"delivery.done": "queued", "export.item": "settled"}
        hear(words.get(event, ""))

    return replace(world, way_out=way_out, note=note, progress=lambda _: hear("stored"))


def lived(room: Room, world: World) -> None:
    """A run of everything, and what is sent after it."""
    feeds = tuple(room.project().feeds.values())
    run_feeds(feeds, world, feeds)
    room.send(world)


def looked(room: Room) -> list[tuple[str, str | None]]:
    return [(each["state"], each["reason"]) for each in room.items()]


# In every run each point on SQLite, and some on PostgreSQL; all of both, three deaths in a row each, at night.
CASES = [("sqlite", point, False, 1) for point in POINTS]
CASES += [("sqlite", point, True, 1) for point in ("claimed", "sent")]  # elsewhere it makes no difference
CASES += [("postgres", "claimed", True, 1), ("postgres", "sent", False, 1)]
NIGHTLY = [(kind, point, again, 3) for kind in ("sqlite", "postgres") for point in POINTS for again in (False, True)]


@pytest.mark.parametrize(
    ("kind", "point", "again", "deaths"),
    [*CASES, *(pytest.param(*each, marks=pytest.mark.nightly) for each in NIGHTLY)],
)
def test_whoever_dies_each_key_goes_out_once(
    tmp_path: Path,
    kind: str,
    point: str,
    again: bool,
    deaths: int,
    receiver: Receiver,
    counting: Counting,
    request: pytest.FixtureRequest,
) -> None:
    room = Room(tmp_path, request.getfixturevalue(f"{kind}_url"), receiver)
    if again:
        room.edit("exports/leads/plain.yaml", "timeout:", f"{KNOWN_AGAIN}timeout:")

    def recovered() -> list[tuple[str, str | None]]:
        lived(room, room.world())
        return looked(room)

    with counting("group O, what goes out", deaths):
        for death in range(deaths):
            room.put(*(lead(f"{death}-{each}") for each in range(LEADS)), name=f"{death}.csv")
            nth = (death + 1) % LEADS if point in ("claimed", "sent", "settled") else 0
            assert killed_in_child(lambda nth=nth: lived(room, dying(room.world(), point, nth)))
            states = in_child(recovered)
        assert len(states) == deaths * LEADS
        check(receiver, states, deaths, point, again)


def check(receiver: Receiver, states: list[tuple[str, str | None]], deaths: int, point: str, again: bool) -> None:
    """Each came once, or with the same bytes where it is known again; what nobody knows of says so."""
    bodies: dict[str, set[bytes]] = {}
    for each in receiver.taken:
        bodies.setdefault(each["document"]["key"], set()).add(each["body"])
    assert all(len(different) == 1 for different in bodies.values())
    if not again:
        assert max(receiver.counts().values()) == 1
    unknown = [reason for state, reason in states if state == "uncertain"]
    left = not again and point in ("claimed", "sent")
    assert {state for state, _ in states} == ({"sent", "uncertain"} if left else {"sent"})
    assert len(unknown) == (deaths if left else 0)
    assert all("look on the other side" in str(reason) for reason in unknown)
    assert len(bodies) == deaths * LEADS - (deaths if left and point == "claimed" else 0)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_that_send_at_once_send_each_once(
    tmp_path: Path, kind: str, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    room = Room(tmp_path, request.getfixturevalue(f"{kind}_url"), receiver)
    count = 16
    room.put(*(lead(str(number)) for number in range(count)))

    def imported() -> None:
        feeds = tuple(replace(feed, exports=feed.exports) for feed in room.project().feeds.values())
        world = room.world()

        @contextmanager
        def nobody(kind: str, settings: Settings, tools: SendTools) -> Iterator[Sender]:
            die()
            yield

        run_feeds(feeds, replace(world, way_out=nobody), feeds)

    assert killed_in_child(imported)
    receiver.answer = lambda taken: (time.sleep(0.005), (200, "{}"))[1]  # so that both have some
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=room.send) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert receiver.counts() == Counter({str(number): 1 for number in range(count)})
    assert in_child(lambda: Counter(state for state, _ in looked(room))) == {"sent": count}


@pytest.mark.parametrize("again", [False, True], ids=["once", "known-again"])
@pytest.mark.parametrize("manner", ["late", "cut"])
def test_a_receiver_that_took_it_and_does_not_say_so(room: Room, receiver: Receiver, manner: str, again: bool) -> None:
    known = KNOWN_AGAIN if again else ""
    room.edit("exports/leads/plain.yaml", "timeout: 2s", f"{known}timeout: 1s")

    def silent(taken: dict[str, Any]) -> tuple[int, str] | None:
        if taken["document"]["key"] != "2":
            return 200, "{}"
        if manner == "late":
            time.sleep(3)
        return None

    receiver.answer = silent
    room.run(lead("1"), lead("2"), lead("3"))
    assert room.states() == ["sent", "queued" if again else "uncertain", "sent"]
    receiver.answer = lambda taken: (200, "{}")
    room.clock.sleep(3_600)
    room.send()
    if not again:
        assert receiver.counts() == {"1": 1, "2": 1, "3": 1}
        number = room.items("--state", "uncertain")[0]["id"]
        assert room.feeds("exports", "retry", str(number)).code == 0
        room.send()
    assert room.states() == ["sent"] * 3
    (one, other) = [each for each in receiver.taken if each["document"]["key"] == "2"]
    assert one["body"] == other["body"]
    if again:
        assert one["headers"]["idempotency-key"] == other["headers"]["idempotency-key"]
