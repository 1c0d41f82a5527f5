"""A run at an API: pages come in like files, the cursor moves with the last of them, and nothing is lost on the way."""

import os
from pathlib import Path

import pytest

from engine.asking.logins import SealedTokens
from engine.checking import check_feed
from engine.errors import LeaseHeld
from engine.replays import replay_delivery, replay_rows
from engine.runner import run_feeds
from engine.store import desk, overview, positions
from tests.faults.lines import ROOT, traced
from tests.pages.orders import Orders, shop
from tests.store.shop import Shop, counts
from tests.transports.http.room import Api
from transports.base import Secret, Token


def kept(shop: Shop) -> dict[str, str]:
    return {key: each["amount"] for key, each in shop.activities().items()}


def cursor(shop: Shop) -> str | int | None:
    number = shop.rows("SELECT id FROM feeds")[0][0]
    return (positions.load(shop.world.engine, number).get("cursors") or {}).get("")


def test_every_page_comes_in_and_the_cursor_stands_at_the_last_change(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    dealer = shop(tmp_path, database_url, api)
    report = dealer.run()
    assert (report.outcome, report.issues) == ("ok", [])
    assert report.coverage == {"promised": 8, "seen": 8, "passes": 1}
    assert counts(report)["inserted"] == 8
    assert len(kept(dealer)) == 8
    assert {each["email"] for each in dealer.contacts()} == {f"c{n}@example.com" for n in range(4)}
    assert cursor(dealer) == "2026-02-01T00:07:00.000000Z"
    orders.add(3, 30)
    again = dealer.run()
    assert counts(again)["updated"] == 1
    assert counts(again)["unchanged"] == 7  # what changed in the last hour is asked for again
    assert cursor(dealer) == "2026-02-01T00:30:00.000000Z"


def test_the_cursor_stays_where_it_was_until_the_last_page(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    dealer = shop(tmp_path, database_url, api)
    orders.broken_from = 6
    report = dealer.run()
    assert report.outcome == "refused"
    assert "orders" in report.issues[-1].message and "items" in report.issues[-1].message
    assert cursor(dealer) is None
    assert len(kept(dealer)) == 6
    asked = len(api.asked)
    orders.broken_from = None
    assert counts(dealer.run())["read"] == 2  # it goes on behind the pages that are stored
    assert api.asked[asked].query["skip"] == "6"
    assert len(kept(dealer)) == 8
    assert cursor(dealer) == "2026-02-01T00:07:00.000000Z"


def test_an_operator_says_where_a_feed_goes_on(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    dealer = shop(tmp_path, database_url, api)
    dealer.run()
    name = dealer.feeds["shop/orders-all"].id
    desk.set_cursor(dealer.world.engine, name, "", "2026-02-01T01:05:00.000000Z", "me", "2026-03-02T15:00:00.000000Z")
    assert counts(dealer.run())["read"] == 3  # from 00:05 on, an hour back
    assert desk.reset_cursors(dealer.world.engine, name, "me", "2026-03-02T15:00:00.000000Z") == 1
    assert counts(dealer.run())["read"] == 8


def test_a_page_is_replayed_from_what_was_sealed(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    dealer = shop(tmp_path, database_url, api)
    report = dealer.run()
    before, asked = cursor(dealer), len(api.asked)
    (feed,) = dealer.feeds.values()
    again = replay_delivery(feed, report.deliveries[0].number or 0, dealer.world)
    assert (again.outcome, counts(again)["unchanged"]) == ("ok", 3)
    assert (cursor(dealer), len(api.asked)) == (before, asked)


def test_a_trial_keeps_nothing_and_moves_nothing(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    dealer = shop(tmp_path, database_url, api)
    report = dealer.run(dry_run=True)
    assert counts(report)["inserted"] == 8
    assert (dealer.activities(), cursor(dealer)) == ({}, None)


def test_a_list_that_lacks_what_it_promises_is_told(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api) -> None:
    answers = orders.answers
    api.answers = lambda asked: {**answers(asked), "total": 11} if asked.path.endswith("/orders") else answers(asked)
    report = shop(tmp_path, sqlite_url, api).run()
    assert [issue.code for issue in report.issues] == ["coverage.differs"]
    assert "promised 11 records and 8 were seen in 1 pass" in report.issues[0].message


def test_a_refused_login_is_tried_once_and_then_rests(
    tmp_path: Path, sqlite_url: str, orders: Orders, api: Api
) -> None:
    dealer = shop(tmp_path, sqlite_url, api)
    orders.status = 401
    first = dealer.run()
    assert first.unreachable and "the next not before" in first.issues[0].message
    asked = len(api.asked)
    assert "not tried again before" in dealer.run().issues[0].message
    assert len(api.asked) == asked
    state = overview.state(dealer.world.engine, "shop/orders-all", "")
    assert state["cursors"] == []


def test_a_list_that_changes_is_complete_wherever_its_reader_dies(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    """Killed at lines of the visit and the import, over all pages, while orders are added and changed."""
    rooms = tuple(f"{ROOT}/engine/{room}" for room in ("visits/pages.py", "importing.py", "store/positions.py"))
    number, died = 0, 0
    dealer = shop(tmp_path, database_url, api)
    while died < (15 if database_url.startswith("sqlite") else 5):
        number += 1
        orders.add(number % 30, number + 10)
        dealer.world.engine.dispose()
        died += killed(dealer, rooms, at=7 + 23 * (number % 40))
        dealer.clock.sleep(60)
    for _ in range(2):  # what moved in front of a page that the first goes on from is looked back for by the second
        dealer.run()
    assert kept(dealer) == {row["id"]: row["amount"] for row in orders.rows}
    assert cursor(dealer) == max(row["updatedAt"] for row in orders.rows).replace("Z", ".000000Z")


def killed(dealer: Shop, rooms: tuple[str, ...], at: int) -> int:
    """Run in a process that ends, without a word, before the line `at`; 1 where it came that far."""
    feeds = list(dealer.feeds.values())
    child = os.fork()
    if child:
        return int(os.waitpid(child, 0)[1] != 0)
    count = 0

    def line(*ignored: int) -> None:
        nonlocal count
        count += 1
        if count == at:
            os._exit(9)

    try:
        traced(lambda: run_feeds(feeds, dealer.world), line, rooms, line)
    finally:
        os._exit(0)


def test_a_check_asks_for_one_page_and_moves_nothing(tmp_path: Path, sqlite_url: str, orders: Orders, api: Api) -> None:
    dealer = shop(tmp_path, sqlite_url, api)
    (feed,) = dealer.feeds.values()
    found = check_feed(feed, dealer.world)
    assert [(each.status, each.name) for each in found] == [("ok", "login"), ("ok", "page")]
    assert "3 records" in found[1].text
    orders.broken_from = 0
    assert [each.status for each in check_feed(feed, dealer.world)] == ["fail"]
    assert cursor(dealer) is None


def test_a_quarantined_row_of_a_page_is_replayed_alone(
    tmp_path: Path, database_url: str, orders: Orders, api: Api
) -> None:
    orders.rows[4]["amount"] = "many"
    dealer = shop(tmp_path, database_url, api)
    assert counts(dealer.run())["quarantined"] == 1
    (number,) = [row[0] for row in dealer.rows("SELECT id FROM quarantine")]
    desk.fix(dealer.world.engine, number, {"amount": "4.50"}, None, "me", "2026-03-02T15:00:00.000000Z")
    (feed,) = dealer.feeds.values()
    again = replay_rows(feed, [number], dealer.world)
    assert counts(again) == {"read": 1, "inserted": 1}
    assert kept(dealer)["O4"] == "4.50"


def test_a_rate_limit_is_kept_across_runs(tmp_path: Path, database_url: str, orders: Orders, api: Api) -> None:
    limit = {"  pagination:": "  rateLimit: {requests: 5, per: 1h}\n  pagination:"}
    dealer = shop(tmp_path, database_url, api, limit)
    began = dealer.clock.moment
    dealer.run()
    asked = len(api.asked)
    hours = (dealer.clock.moment - began).total_seconds() / 3600
    assert hours >= (asked - 1) // 5


def test_a_token_is_kept_sealed_and_only_for_its_secrets(tmp_path: Path, database_url: str) -> None:
    engine_of = Shop(tmp_path, database_url, {}, {})
    first = SealedTokens(engine_of.world, {"auth": {"key": Secret("KEY", "one")}})
    first.save("login", Token("access-555", 9.0, "refresh-555"))
    assert first.load("login") == Token("access-555", 9.0, "refresh-555")
    assert "555" not in str(engine_of.rows("SELECT sealed FROM tokens"))
    assert SealedTokens(engine_of.world, {"auth": {"key": Secret("KEY", "two")}}).load("login") is None
    with first.held("login"), pytest.raises(LeaseHeld):
        first._taken("token login")
