"""The events of many orders, twice, late and in any order, with processes that die between them: the same end of it all
as if they had come one after the other, and the same texts, each once.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import runner
from tests.faults.processes import die, killed_in_child
from tests.glass.room import NOW, Room, appointment, invoice, lead, void
from tests.simulators.crm import Crm
from tests.simulators.twilio import Twilio

Events = list[dict[str, Any]]
Counting = Callable[[str, int], AbstractContextManager[None]]
CHUNK = 60  # events that come between two runs, at most


def order(number: int, chance: random.Random) -> Events:
    """What happens to one order, one after the other."""
    name, minutes = f"E-{number}", iter(range(1, 60))

    def at() -> str:
        return (NOW + timedelta(minutes=next(minutes))).isoformat()

    phone = f"+1{201 + number // 100}555{100 + number % 100:04}"
    who = {"soldTo": {"primaryPhone": phone, "last": f"Vale{number}", "email": f"p{number}@example.com"}}
    events = [lead(name, at(), choice="Not Ready", **who)] if chance.random() < 0.3 else []
    events.append(lead(name, at(), **who))
    told: dict[str, str] = {}
    for each in range(chance.randint(0, 2)):
        id, start = f"A-{number}-{each}", NOW + timedelta(days=chance.choice((-2, 2)), hours=each)
        for what in ("created", "start_changed", "completed")[: chance.randint(1, 3)]:
            start += timedelta(hours=3 * (what == "start_changed"))
            choice = chance.choice(("OK", "OK", "OK", "Cancel"))
            moment = {"to" if what == "start_changed" else "start": start.isoformat()}
            events.append({**appointment(what, at(), id, name, choice=choice), **moment})
            if choice == "OK":
                told[id] = start.isoformat()
    if chance.random() < 0.3:
        events.append(lead(name, at(), **who))
    if chance.random() < 0.6:
        events.append(invoice(chance.choice(("Smile", "Frown", None)), at(), name))
        if events[-1]["choice"] is None and chance.random() < 0.5:
            events.append(invoice("Smile", at(), name))
    if chance.random() < 0.4:
        ahead = [{"id": id, "start": start, "sentToCrm": True} for id, start in told.items()]
        events.append(void(at(), *ahead, order=name))
    return events


def shuffled(orders: list[Events], chance: random.Random) -> Iterator[Events]:
    """All events in any order, some of them twice, a few at a time."""
    events = [event for each in orders for event in each]
    events += [event for event in events if chance.random() < 0.3] + [
        event for event in events if chance.random() < 0.1
    ]
    chance.shuffle(events)
    while events:
        size = chance.randint(1, CHUNK)
        yield events[:size]
        events = events[size:]


def ended(room: Room) -> dict[Any, Any]:
    """How everything stands: what a person sees of each activity."""
    found: dict[Any, Any] = {}
    for kind in ("lead", "appointment", "notice", "completion"):
        for key, each in room.activities(kind).items():
            who = each["contact"] and (each["contact"]["lastName"], each["contact"]["phone"])
            found[kind, key] = (each["state"], each["occurred"], each["fields"], who)
    return found


def dying(room: Room, nth: int) -> Callable[[], None]:
    """A process that takes up what waits and sends what is queued, and dies at the n-th thing that it notes."""
    left = nth

    def note(event: str, details: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            die()

    def run() -> None:
        feeds = list(room.project.feeds.values())
        runner.run_feeds(feeds, replace(room.opened(), note=note), feeds)

    return run


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(50, id="some", marks=pytest.mark.timeout(400)),
        pytest.param(1_000, id="thousand", marks=[pytest.mark.nightly, pytest.mark.timeout(0)]),
    ],
)
def test_in_whatever_order_events_come_the_end_and_the_texts_are_those_of_the_ordered_run(
    tmp_path: Path, texts: Twilio, crm: Crm, count: int, counting: Counting
) -> None:
    chance = random.Random(count)  # noqa: S311  (the same disorder in every run)
    orders = [order(number, chance) for number in range(count)]
    with Twilio() as calm_texts, Crm() as calm_crm:
        calm = Room(tmp_path / "calm", f"sqlite:///{tmp_path}/calm.db", calm_texts, calm_crm)
        by_time = sorted(
            (event for each in orders for event in each), key=lambda event: datetime.fromisoformat(event["at"])
        )
        for place in range(0, len(by_time), CHUNK):
            calm.told(*by_time[place : place + CHUNK])
        expected, wanted = ended(calm), calm_texts.counts()
    room, deaths = Room(tmp_path / "wild", f"sqlite:///{tmp_path}/wild.db", texts, crm), 0
    with counting("interleavings of a glass shop's events", count):
        for some in shuffled(orders, chance):
            assert set(room.events(*some)) == {200}
            deaths += killed_in_child(dying(room, chance.randint(1, 2 * CHUNK)))
        room.run()
        assert ended(room) == expected
        assert texts.counts() - wanted == Counter() == wanted - texts.counts()
    assert deaths
