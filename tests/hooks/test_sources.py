"""Who may listen, and in what form requests come: several feeds, feeds of files, queries, XML; what keeps nothing."""

from pathlib import Path

import pytest

from engine.checking import check_feed
from engine.planning import plan_feed, run_plan
from engine.runner import run_feeds
from engine.store import desk
from tests.hooks.room import LISTENS, ORDERS, PUSHED, TOLD, Orders, Room, Sent, event, nudge
from tests.store.shop import counts, plain
from tests.transports.http.room import Api

IN_FILES = f"""\
version: 1
kind: feed
title: Orders in files, of which we are also told
transport: {{type: file, directory: DROP, filename: '*.json', settle: 0s}}
decode: {{format: json}}
streams:
  orders:
    records: {{path: 'not_null(orders, [@])'}}
{ORDERS}triggers:
  - type: webhook
{LISTENS.replace("  endpoint", "    endpoint").replace("  verify", "    verify")}    if: body.kind == 'order'
    do: import
  - type: webhook
{LISTENS.replace("  endpoint", "    endpoint").replace("  verify", "    verify")}    if: body.kind == 'look'
    do: pollNow
  - type: webhook
{LISTENS.replace("  endpoint", "    endpoint").replace("  verify", "    verify")}    if: body.kind == 'gone'
    do: {{setState: {{state: voided, key: body.id, type: order}}}}
"""


def test_each_feed_that_listens_deals_with_a_request_by_itself(tmp_path: Path, database_url: str) -> None:
    second = PUSHED.replace("body.kind == 'order'", "body.kind == 'stock'")
    room = Room(tmp_path, database_url, {"orders/first": PUSHED, "orders/second": second})
    room.send(event("A", 1))
    assert len(list((tmp_path / "var").rglob("*.0"))) <= 1, "one body for both"
    first, other = (room.project.feeds[f"shop/orders-{name}"] for name in ("first", "second"))
    run_feeds([first], room.world)
    assert (room.settled(first.id), room.settled(other.id)) == ({"done": 1}, {"waiting": 1})
    run_feeds([other], room.world)
    assert room.settled(other.id) == {"filtered": 1}
    assert room.states() == {"A": "recorded"}


def test_a_feed_of_files_listens_as_well(tmp_path: Path, database_url: str) -> None:
    room = Room(tmp_path, database_url, {"orders/files": IN_FILES})
    room.put("a.json", '{"orders": [{"id": "F", "changedAt": "2026-03-01T09:00:00Z", "status": "open"}]}')
    room.send(event("H", 1), Sent(b'{"kind": "look"}'))
    report = room.run()
    assert counts(report) == {"read": 2, "inserted": 2}
    assert [each.name.partition(" ")[0] for each in report.deliveries] == ["shop/shop", "a.json"]
    room.send(Sent(b'{"kind": "gone", "id": "F"}'), event("H", 2, status="void"))
    assert counts(room.run()) == {"read": 2, "updated": 2}
    assert room.states() == {"F": "voided", "H": "voided"}
    assert room.settled() == {"done": 4}


@pytest.mark.parametrize("format", ["json", "form"])
def test_the_query_of_a_get_is_the_data(tmp_path: Path, sqlite_url: str, format: str) -> None:
    text = PUSHED.replace("format: json", f"format: {format}").replace(
        "type: webhook\n", "type: webhook\n  method: GET\n"
    )
    text = text.replace("body.kind", "query.kind").replace("body.event", "query.event")
    room = Room(tmp_path, sqlite_url, {"orders/asked": text})
    room.send(
        Sent(
            method="GET", query={"kind": "order", "id": "Q & A", "changedAt": "2026-03-01T10:00:00Z", "status": "open"}
        )
    )
    assert counts(room.run()) == {"read": 1, "inserted": 1}
    assert room.states() == {"Q & A": "recorded"}


def test_a_body_in_xml_is_seen_by_conditions_too(tmp_path: Path, sqlite_url: str) -> None:
    text = PUSHED.replace("format: json", "format: xml")
    room = Room(tmp_path, sqlite_url, {"orders/xml": text})
    body = "<order><kind>{}</kind><id>X</id><changedAt>2026-03-01T10:00:00Z</changedAt><status>open</status></order>"
    room.send(*(Sent(body.format(kind).encode(), media="application/xml") for kind in ("order", "stock")))
    assert room.run().hooks == {"done": 1, "filtered": 1, "failed": 0, "waiting": 0}
    assert room.states() == {"X": "recorded"}


def test_what_a_field_says_of_the_request_comes_with_it(tmp_path: Path, sqlite_url: str) -> None:
    text = PUSHED.replace("amount: {path: amount, type: money}", "amount: {context: trigger.query.amount, type: money}")
    room = Room(tmp_path, sqlite_url, {"orders/pushed": text})
    sent = event("A", 1)
    room.send(Sent(sent.body, query={"amount": "7.50"}))
    room.run()
    assert room.activities()["A"]["amount"] == "7.50"


def test_the_day_of_a_request_is_that_on_which_it_came(tmp_path: Path, sqlite_url: str) -> None:
    room = Room(tmp_path, sqlite_url, {"orders/pushed": PUSHED})
    room.send(event("A", 1))
    room.clock.sleep(3 * 86_400)
    room.run()
    assert room.rows("SELECT kind, run_date, source FROM deliveries") == [("hook", "2026-03-02", "hooks/shop/shop")]


def test_a_trial_keeps_nothing_and_settles_nothing(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    room = Room(tmp_path, database_url, {"orders/pushed": PUSHED, "orders/told": TOLD}, api)
    pushed, told = room.project.feeds.values()
    room.send(event("A", 1), nudge("B"), nudge("", kind="Everything"), nudge("A", "Delete"))
    for _ in range(2):
        first, second = run_feeds([pushed, told], room.world, dry_run=True).feeds
        assert (counts(first), first.deliveries[0].state) == ({"read": 1, "inserted": 1}, "trial")
        assert second.hooks == {"done": 1, "filtered": 0, "failed": 0, "waiting": 2}
        assert [asked.path for asked in api.asked if "/B" in asked.path] == []
    assert (room.activities(), room.rows("SELECT id FROM deliveries")) == ({}, [])
    assert (room.settled(pushed.id), room.settled(told.id)) == ({"waiting": 1}, {"waiting": 3})
    assert not [path for path in (tmp_path / "var" / "archive").rglob("*") if path.is_file()]


def test_a_plan_names_files_and_leaves_what_webhooks_brought_to_a_run(tmp_path: Path, sqlite_url: str) -> None:
    room = Room(tmp_path, sqlite_url, {"orders/files": IN_FILES})
    (feed,) = room.project.feeds.values()
    room.send(event("H", 1))
    assert plan_feed(feed, room.world)[1] is None
    room.put("a.json", '{"orders": [{"id": "F", "changedAt": "2026-03-01T09:00:00Z", "status": "open"}]}')
    report, plan = plan_feed(feed, room.world)
    assert counts(report.feeds[0])["inserted"] == 2
    assert plan is not None and [file.name for file in plan.files] == ["a.json"]
    assert counts(run_plan(plan, feed, room.world).feeds[0]) == {"read": 1, "inserted": 1}
    assert len(room.waiting()) == 1


def test_while_a_feed_is_paused_its_requests_wait(tmp_path: Path, sqlite_url: str) -> None:
    room = Room(tmp_path, sqlite_url, {"orders/pushed": PUSHED})
    room.run()
    desk.pause(room.world.engine, "shop/orders-pushed", "a move", None, "me", "2026-03-02T15:00:00.000000Z")
    room.send(event("A", 1))
    assert (room.run().outcome, len(room.waiting())) == ("paused", 1)


def test_a_check_says_where_it_listens_and_what_waits(tmp_path: Path, database_url: str) -> None:
    room = Room(tmp_path, database_url, {"orders/pushed": PUSHED})
    room.send(event("A", 1), event("B", 1), Sent(b"{}"))
    (feed,) = room.project.feeds.values()
    assert [(each.status, each.name, each.text) for each in check_feed(feed, room.world)] == [
        ("ok", "hooks", "`feeds serve` takes requests at /hooks/shop/shop"),
        ("ok", "inbox", "3 waiting, 0 done, 0 filtered, 0 failed"),
    ]


def test_requests_are_forgotten_long_after_they_were_dealt_with(tmp_path: Path, database_url: str) -> None:
    room = Room(tmp_path, database_url, {"orders/pushed": PUSHED})
    room.send(event("A", 1))
    room.run()
    room.clock.sleep(80 * 86_400)
    room.run()
    assert room.rows("SELECT count(*) FROM inbox") == [(1,)]
    room.clock.sleep(18 * 86_400)  # and the week for which it would be known again
    room.run()
    assert room.rows("SELECT count(*) FROM inbox") == [(0,)]


def test_a_refused_body_leaves_its_reason_and_its_copy(tmp_path: Path, database_url: str) -> None:
    room = Room(tmp_path, database_url, {"orders/pushed": PUSHED.replace("  if: body.kind == 'order'\n", "")})
    room.send(Sent(b'{"kind": '), event("A", 1))
    report = room.run()
    assert (report.outcome, room.settled()) == ("refused", {"done": 1, "failed": 1})
    refused, done = report.deliveries
    assert (refused.state, done.state) == ("refused", "done")
    code, text, linked = room.rows(
        "SELECT d.error_code, d.error, f.state FROM deliveries d JOIN inbox_feeds f ON f.delivery_id = d.id"
        " WHERE d.state = 'refused'"
    )[0]
    assert code.startswith("json.") and text and linked == "failed"
    assert room.world.archive.holds(refused.sha256)
    assert plain(room.rows("SELECT counts FROM deliveries WHERE state = 'done'")[0][0])["inserted"] == 1
