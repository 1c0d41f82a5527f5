"""A run takes up what webhooks brought: bodies, nudges, states; and nothing that is wrong with one holds up another."""

from pathlib import Path

import pytest

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


def test_an_object_that_is_not_there_yet_is_fetched_again_and_then_given_up(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    orders.put("early", 1)
    orders.hidden.add("early")
    room.send(nudge("early"), nudge("never"))
    first = room.run()
    assert (first.outcome, [issue.code for issue in first.issues]) == ("empty", ["hook.early", "hook.early"])
    orders.hidden.clear()
    assert counts(room.run()) == {"read": 2, "inserted": 1, "unchanged": 1}
    room.clock.sleep(36 * 60)
    last = room.run()
    assert [(issue.code, issue.severity) for issue in last.issues] == [("hook.notFound", "warning")]
    assert "never" in last.issues[0].message
    assert (room.waiting(), room.settled()) == ([], {"done": 1, "failed": 1})


def test_a_404_that_means_nothing_is_filtered(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api) -> None:
    ignoring = TOLD.replace("${trigger.id}'}", "${trigger.id}', notFound: ignore}")
    room = told(tmp_path, sqlite_url, api, ignoring)
    room.send(nudge("never"))
    report = room.run()
    assert (report.issues, room.settled()) == ([], {"filtered": 1})


def test_while_the_api_fails_nudges_wait_and_all_else_comes_in(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    for id in ("A", "B"):
        orders.put(id, 1)
    room.run()
    orders.status = 401
    room.send(nudge("A"), nudge("B", "Delete"), nudge("C"), nudge("", kind="Everything"))
    asked = len(api.asked)
    report = room.run()
    assert (report.outcome, report.unreachable, len(api.asked) - asked) == ("failed", True, 1)
    assert "the next not before" in report.issues[-1].message, "the login rests"
    assert report.hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 3}
    assert (room.states()["B"], len(room.waiting())) == ("voided", 3)
    orders.status = 200
    orders.put("C", 2)
    room.clock.sleep(3600)
    assert counts(room.run())["inserted"] == 1
    assert (room.waiting(), room.settled()["done"]) == ([], 4)


def test_an_object_that_the_api_fails_at_holds_up_no_other_and_is_given_up_in_the_end(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    orders.put("good", 1)
    orders.bad = {"poison": 500}
    room.send(nudge("poison"), nudge("good"))
    report = room.run()
    assert report.outcome == "partial"
    assert [issue.code for issue in report.issues] == ["http.status"]
    assert (room.states(), len(room.waiting())) == ({"good": "recorded"}, 1)
    room.clock.sleep(7 * 86_400)
    assert "given up" in room.run().issues[0].message
    assert room.settled() == {"done": 1, "failed": 1}


def test_an_api_that_fails_at_everything_is_not_asked_for_each_of_a_thousand(
    tmp_path: Path, sqlite_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, sqlite_url, api)
    orders.bad = {f"N{number}": 500 for number in range(20)}
    room.send(*(nudge(f"N{number}") for number in range(20)))
    room.run()
    assert [asked.path for asked in api.asked] == ["/v1/orders/N0", "/v1/orders/N1", "/v1/orders/N2", "/v1/orders"]
    assert len(room.waiting()) == 20


def test_many_requests_for_the_list_are_one_look_at_it_and_wait_until_it_was_whole(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    room = told(tmp_path, database_url, api)
    room.send(*(nudge(str(number), kind="Everything") for number in range(5)))
    orders.status = 500
    assert room.run().hooks == {"done": 4, "filtered": 0, "failed": 0, "waiting": 1}
    orders.status = 200
    asked = len(api.asked)
    assert room.run().hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 0}
    assert len(api.asked) == asked + 1


@pytest.mark.parametrize("query", [{"id": ""}, {}, {"id": "x" * 501}])
def test_a_nudge_without_an_id_is_told_and_passed_over(
    tmp_path: Path, sqlite_url: str, orders: Orders, api: Api, query: dict[str, str]
) -> None:
    room = told(tmp_path, sqlite_url, api)
    orders.put("good", 1)
    room.send(Sent(query={"type": "Order", **query}, method="GET"), nudge("good"))
    report = room.run()
    assert [issue.code for issue in report.issues] == ["hook.noId"]
    assert room.settled() == {"done": 1, "failed": 1}


@pytest.mark.parametrize("id", ["../../admin", "A?x=1", "A/../B", "%2e%2e", "a\r\nX: y", "http://127.0.0.1/x", "ä\0"])
def test_an_id_leads_to_no_other_address(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api, id: str) -> None:
    room = told(tmp_path, sqlite_url, api)
    room.send(nudge(id))
    room.run()
    (asked, _) = api.asked
    assert asked.path == f"/v1/orders/{id}" and asked.query == {} and "x" not in asked.headers


BODIES = {
    "nothing": b"",
    "no JSON": b"\x1f\x8b\x08\x00 no gzip",
    "not UTF-8": b'{"kind": "order", "id": "\xff\xfe"}',
    "cut": b'{"kind": "order", "id": "cut"',
    "twice": b'{"kind": "order", "id": "1", "id": "2"}',
    "deep": b'{"kind": "order", "id": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep but whole": b'{"kind": "order", "id": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a list": b'[{"kind": "order"}]',
    "a word": b'"order"',
    "null": b"null",
    "NUL": b'{"kind": "order", "id": "N\\u0000", "changedAt": "2026-03-01T10:00:00Z", "status": "open"}',
    "surrogate": b'{"kind": "order", "id": "S\\ud800", "changedAt": "2026-03-01T10:00:00Z", "status": "open"}',
    "number": b'{"kind": "order", "id": 1e999, "changedAt": "2026-03-01T10:00:00Z", "status": "open"}',
    "NaN": b'{"kind": "order", "id": "n", "amount": NaN, "changedAt": "2026-03-01T10:00:00Z", "status": "open"}',
    "other types": b'{"kind": "order", "id": {}, "changedAt": [], "status": 1, "customer": "x", "amount": {"a": 1}}',
    "long": b'{"kind": "order", "id": "' + b"x" * 1_000_000 + b'", "changedAt": "2026-03-01T10:00:00Z"}',
    "direction": '{"kind": "order", "id": "\u202egro.elpmaxe", "changedAt": "x", "status": "open"}'.encode(),
}


@pytest.mark.parametrize("condition", ["  if: body.kind == 'order'\n", ""])
def test_a_hostile_body_costs_nobody_else_anything(tmp_path: Path, database_url: str, condition: str) -> None:
    text = PUSHED.replace("  if: body.kind == 'order'\n", condition)
    room = Room(tmp_path, database_url, {"orders/pushed": text})
    for number, body in enumerate(BODIES.values()):
        room.send(Sent(body), event(f"good{number}", number % 60))
    report = room.run()
    assert not [issue for issue in report.issues if issue.code == "engine.fault"]
    good = {key for key in room.activities() if key.startswith("good")}
    assert good == {f"good{number}" for number in range(len(BODIES))}
    assert room.waiting() == [] and sum((report.hooks or {}).values()) == 2 * len(BODIES)
    assert room.run().hooks == {"done": 0, "filtered": 0, "failed": 0, "waiting": 0}
