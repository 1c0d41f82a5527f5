"""What waits in the inbox wakes its feed: at once, once it stands still, or when it is due again; on a moved clock.

The loop's own parts, one after the other in one thread, with the real receiver and a real API before them.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.executors.turn import turn
from engine.scheduler.agenda import Agenda
from engine.scheduler.following import Following
from engine.scheduler.waking import Waking
from engine.store import desk, slots
from engine.visits.leasing import leased
from engine.world import stamp
from tests.hooks.room import PUSHED, TOLD, Orders, Room, Sent, event, nudge
from tests.transports.http.room import Api

EVERYTHING = nudge("", kind="Everything")


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def api(orders: Orders) -> Iterator[Api]:
    with Api(orders.answers).running() as running:
        yield running


class Loop:
    """A scheduler whose every step is taken by hand. A new one is what follows a kill: it knows nothing."""

    def __init__(self, room: Room) -> None:
        self.room, self.world = room, room.world
        self.following = Following(lambda: room.project, self.world.note)
        self.following.look()
        self.agenda, self.waking = Agenda(), Waking(self.world.inbox, self.following)
        slots.met(self.world.engine, list(self.following.plans), stamp(self.now))
        self.agenda.follow(self.following.plans, slots.known(self.world.engine), self.now)

    @property
    def now(self) -> datetime:
        return self.room.clock.now()

    def tick(self) -> list[str]:
        """One turn of the loop; the feeds that were handed out."""
        moments = self.waking.look(self.room.clock.monotonic())
        if moments is not None:
            self.agenda.wake(moments, self.now)
        found = self.agenda.due(self.now)
        for plan in found:
            taken = turn(plan, None, self.following.feed(plan.feed), (), self.world)
            self.waking.ended(plan.feed)
            if taken.last is not None:
                self.agenda.ended(plan.feed, taken.last, self.now)
            else:
                self.agenda.put_off(plan.feed, self.now, taken.is_patient)
        return [plan.feed for plan in found]

    def over(self, seconds: int, step: int = 1) -> list[int]:
        """Tick for so long; the seconds from the start at which runs were begun."""
        begun, runs = [], self.runs
        for second in range(0, seconds, step):
            self.tick()
            if self.runs != runs:
                begun.append(second)
                runs = self.runs
            self.room.clock.sleep(step)
        return begun

    @property
    def runs(self) -> int:
        return int(self.room.rows("SELECT count(*) FROM runs")[0][0])


def pushed(home: Path, database: str, text: str = PUSHED) -> Loop:
    return Loop(Room(home, database, {"orders/pushed": text}))


def told(home: Path, database: str, api: Api, text: str = TOLD) -> Loop:
    return Loop(Room(home, database, {"orders/told": text}, api))


def test_a_request_is_imported_within_a_second_and_no_schedule_is_needed(tmp_path: Path, database_url: str) -> None:
    loop = pushed(tmp_path, database_url)
    assert loop.over(5) == []
    loop.room.send(event("A", 1))
    assert loop.over(5) == [0]
    loop.room.send(event("B", 1), event("C", 1))
    assert loop.over(90) == [0]
    assert set(loop.room.states()) == {"A", "B", "C"}
    assert loop.room.settled() == {"done": 3}


def test_after_a_kill_what_waits_is_found_again(tmp_path: Path, database_url: str) -> None:
    loop = pushed(tmp_path, database_url)
    loop.room.send(event("A", 1))
    loop.room.clock.sleep(3_600)
    assert Loop(loop.room).over(3) == [0]
    assert loop.room.settled() == {"done": 1}


def test_a_woken_run_is_no_slot_of_the_schedule(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api) -> None:
    loop = told(tmp_path, sqlite_url, api, TOLD.replace("triggers:", "schedule: {every: 6h}\ntriggers:"))
    before = slots.known(loop.world.engine)
    orders.put("A", 1)
    loop.room.send(nudge("A"))
    assert loop.over(3) == [0]
    assert [asked.path for asked in api.asked] == ["/v1/orders/A"], "exactly the object, and not the list"
    assert slots.known(loop.world.engine) == before
    loop.over(6 * 3_600, 600)
    assert [asked.path for asked in api.asked] == ["/v1/orders/A", "/v1/orders"]


def test_requests_for_the_list_are_one_reading_once_they_stand_still(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    loop = told(tmp_path, database_url, api)
    for number in range(3):
        loop.room.send(Sent(query={"type": "Everything", "n": str(number)}, method="GET"))
        loop.over(20)
        assert api.asked == []
    loop.over(15)
    assert [asked.path for asked in api.asked] == ["/v1/orders"]
    assert (loop.room.waiting(), loop.room.settled()) == ([], {"done": 3})


def test_what_never_stands_still_is_read_after_ten_times_as_long(tmp_path: Path, sqlite_url: str, api: Api) -> None:
    loop = told(tmp_path, sqlite_url, api, TOLD.replace("debounce: 30s", "debounce: 3s"))
    readings = []
    for number in range(34):
        loop.room.send(Sent(query={"type": "Everything", "n": str(number)}, method="GET"))
        loop.tick()
        readings.append(len(api.asked))
        loop.room.clock.sleep(2)
    assert (readings[14], readings[16], readings[-1]) == (0, 1, 2)


def test_one_address_with_one_patient_trigger_is_one_run(tmp_path: Path, sqlite_url: str) -> None:
    text = PUSHED.replace("transport:\n", "transport:\n  type: file\n  directory: DROP\n  filename: '*.json'\n")
    text = text.replace("  type: webhook\n", "").replace("  dedupe", "  #dedupe").replace("  if:", "  #if:")
    head, _, tail = text.partition("  endpoint")
    listens = ("  endpoint" + tail).split("  #dedupe")[0]
    rest = tail.split("decode:", 1)[1]
    trigger = "triggers:\n  - type: webhook\n" + "".join(f"  {line}\n" for line in listens.splitlines())
    loop = Loop(
        Room(
            tmp_path,
            sqlite_url,
            {"orders/patient": f"{head}decode:{rest}{trigger}    do: import\n    debounce: 30s\n"},
        )
    )
    loop.room.send(event("A", 1))
    assert loop.over(20) == []
    loop.room.send(event("B", 1))
    assert loop.over(60) == [30]
    assert set(loop.room.states()) == {"A", "B"}


def test_an_object_that_is_not_there_yet_is_asked_for_after_1_5_and_30_minutes(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    loop = told(tmp_path, database_url, api)
    loop.room.send(nudge("never"))
    assert loop.over(3_000, 10) == [0, 60, 360, 2_160]
    assert len(api.asked) == 4
    assert loop.room.settled() == {"failed": 1}


def test_others_do_not_have_an_early_one_asked_for_before_its_time(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    loop = told(tmp_path, database_url, api)
    loop.room.send(nudge("early"))
    for number in range(5):
        orders.put(f"A{number}", 1)
        loop.room.send(nudge(f"A{number}"))
        loop.over(5)
    assert [asked.path for asked in api.asked].count("/v1/orders/early") == 1
    orders.put("early", 2)
    Loop(loop.room).over(40)  # after a kill as well
    assert "early" in loop.room.states()
    assert len(api.asked) == 7


@pytest.mark.parametrize("status", [401, 503])
def test_an_api_that_is_away_is_not_asked_each_second(
    tmp_path: Path, sqlite_url: str, orders: Orders, api: Api, status: int
) -> None:
    loop = told(tmp_path, sqlite_url, api)
    orders.put("A", 1)
    orders.status = status
    loop.room.send(nudge("A"))
    begun = loop.over(1_000, 10)
    assert begun == [0, 60, 180, 420, 900], "as feeds are put off"
    orders.status = 200
    loop.over(9_000, 60)  # a refused login rests for an hour by then
    assert loop.room.settled() == {"done": 1}


def test_a_list_that_is_refused_is_not_read_each_second(
    tmp_path: Path, sqlite_url: str, orders: Orders, api: Api
) -> None:
    text = TOLD.replace("    debounce: 30s\n", "").replace(
        "records: {path: 'not_null(orders, [@])'}", "records: {path: nothing}"
    )
    loop = told(tmp_path, sqlite_url, api, text)
    orders.put("A", 1)
    loop.room.send(EVERYTHING)
    assert len(loop.over(600, 5)) <= 4
    assert loop.room.settled() == {"waiting": 1}


def test_a_paused_feed_is_left_to_its_operator(tmp_path: Path, sqlite_url: str) -> None:
    loop = pushed(tmp_path, sqlite_url)
    loop.room.run()
    desk.pause(loop.world.engine, "shop/orders-pushed", "a move", None, "me", stamp(loop.now))
    loop.room.send(event("A", 1))
    loop.over(10)
    assert loop.room.settled() == {"waiting": 1}


def test_a_feed_that_is_disabled_or_listens_elsewhere_is_not_woken(tmp_path: Path, sqlite_url: str) -> None:
    loop = pushed(tmp_path, sqlite_url)
    loop.room.send(event("A", 1))
    text = PUSHED.replace("shop/${dealer.name}", "elsewhere/${dealer.name}")
    (tmp_path / "feeds/vendors/orders/pushed.yaml").write_text(text)
    del loop.room.project
    assert Loop(loop.room).over(70) == []
    dealer = tmp_path / "feeds/dealers/shop.yaml"
    dealer.write_text(dealer.read_text().rstrip() + "\n    enabled: false\n")
    (tmp_path / "feeds/vendors/orders/pushed.yaml").write_text(PUSHED)
    del loop.room.project
    assert Loop(loop.room).over(70) == []
    assert loop.room.settled() == {"waiting": 1}


def test_a_feed_that_somebody_runs_by_hand_waits_a_minute(tmp_path: Path, sqlite_url: str) -> None:
    loop = pushed(tmp_path, sqlite_url)
    (feed,) = loop.room.project.feeds.values()
    loop.room.send(event("A", 1))
    with leased(feed, loop.world):
        loop.over(10)
    assert loop.over(70) == [50]


def test_while_nothing_comes_the_inbox_is_left_alone(tmp_path: Path, sqlite_url: str) -> None:
    """Once a minute it is looked through, whatever has stirred."""
    loop = pushed(tmp_path, sqlite_url)
    inbox, asked = loop.world.inbox, list[float]()
    looked = inbox.waits

    def waits(*of: Any) -> Any:
        asked.append(loop.room.clock.monotonic())
        return looked(*of)

    inbox.waits = waits  # type: ignore[method-assign]
    loop.over(121)
    assert [at - asked[0] for at in asked] == [0, 60, 120]
    loop.room.send(event("A", 1))
    assert loop.over(1) == [0]
