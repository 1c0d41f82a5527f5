"""A run takes up what webhooks brought: bodies, nudges, states; and nothing that is wrong with one holds up another."""

from pathlib import Path

from engine.replays import replay_delivery
from tests.hooks.room import PUSHED, TOLD, Orders, Room, Sent, event, nudge
from tests.store.shop import counts
from tests.transports.http.room import Api


def pushed(home: Path, database: str) -> Room:
    return Room(home, database, {"orders/pushed": PUSHED})


def told(home: Path, database: str, api: Api, text: str = TOLD) -> Room:
    return Room(home, database, {"orders/told": text}, api)


def test_bodies_come_in_as_they_came_and_only_once(tmp_path: Path, database_url: str) -> None:
    room = pushed(tmp_path, database_url)
    other = Sent(b'{"kind": "stock", "event": "s1"}')
    assert set(room.send(event("A", 1), event("B", 2), event("A", 3), event("A", 3), other)) == {200}
    report = room.run()
    assert (report.outcome, counts(report)) == ("ok", {"read": 3, "inserted": 2, "updated": 1})
    assert report.hooks == {"done": 3, "filtered": 1, "failed": 0, "waiting": 0}
    assert {key: each["amount"] for key, each in room.activities().items()} == {"A": "3.00", "B": "2.00"}
    assert (room.waiting(), room.settled()) == ([], {"done": 3, "filtered": 1})
    again = room.run()
    assert (again.outcome, again.hooks) == ("empty", {"done": 0, "filtered": 0, "failed": 0, "waiting": 0})


def test_a_nudge_fetches_exactly_its_object(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    room = told(tmp_path, database_url, api)
    for id in ("A", "B"):
        orders.put(id, 1)
    orders.hidden.add("B")
    assert set(room.send(nudge("A"), nudge("A", n="2"), nudge("A", "Insert"))) == {200}
    report = room.run()
    assert [asked.path for asked in api.asked] == ["/v1/orders/A", "/v1/orders"], "one look for three nudges"
    assert report.deliveries[0].name == "GET /v1/orders/A"
    assert counts(report) == {"read": 2, "inserted": 1, "unchanged": 1}
    assert room.settled() == {"done": 3}
    assert room.rows("SELECT DISTINCT delivery_id FROM inbox_feeds") == [(report.deliveries[0].number,)]


def test_a_delete_sets_a_state_and_the_same_row_read_again_does_not_undo_it(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    orders.put("A", 1)
    room.run()
    room.send(nudge("A", "Delete"), nudge("unknown", "Delete"))
    report = room.run()
    assert counts(report) == {"read": 3, "updated": 1, "filtered": 1, "unchanged": 1}
    assert room.states() == {"A": "voided"}
    assert room.changes()[-1] == {"state": ["recorded", "voided"]}
    orders.put("A", 2)  # what is newer counts
    room.run()
    assert room.states() == {"A": "recorded"}


def test_a_delivery_of_each_kind_is_replayed_from_its_copy(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    orders.put("A", 1)
    room.send(nudge("A"), nudge("A", "Delete"))
    report = room.run()
    asked = len(api.asked)
    (feed,) = room.feeds.values()
    nudged, stated = (replay_delivery(feed, each.number or 0, room.world) for each in report.deliveries[:2])
    assert (counts(nudged), counts(stated)) == ({"read": 1, "unchanged": 1}, {"read": 1, "unchanged": 1})
    assert (room.states(), len(api.asked)) == ({"A": "voided"}, asked)
