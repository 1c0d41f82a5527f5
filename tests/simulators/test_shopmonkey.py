"""The simulated Shopmonkey keeps what its first lines say, over plain HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from tests.simulators import loopback
from tests.simulators.shopmonkey import SECRET, TOKEN, Shopmonkey, Switches, signature

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def shop() -> Iterator[Shopmonkey]:
    with Shopmonkey() as started:
        yield started


def asked(shop: Shopmonkey, path: str, **query: Any) -> requests.Response:
    given = {name: value if isinstance(value, int) else json.dumps(value) for name, value in query.items()}
    return requests.get(shop.url + path, params=given, headers=HEADERS, timeout=5)


def ids(shop: Shopmonkey, **query: Any) -> list[str]:
    return [row["id"] for row in asked(shop, "/order", **query).json()["data"]]


def filled(shop: Shopmonkey, count: int) -> set[str]:
    customer = shop.add_customer()
    return {shop.estimate(customer, None) for _ in range(count)}


def test_only_its_token_is_let_in(shop: Shopmonkey) -> None:
    reply = requests.get(shop.url + "/order", headers={"Authorization": "Bearer wrong"}, timeout=5)
    assert (reply.status_code, reply.json()["success"]) == (401, False)
    assert set(reply.json()) == {"success", "code", "message", "documentation_url"}


def test_identical_calls_give_other_ids(shop: Shopmonkey) -> None:
    everything = filled(shop, 2000)
    where = {"createdDate": {"gte": "2023-01-01"}}
    first, second = (set(ids(shop, limit=100, where=where, orderBy={"id": "asc"})) for _ in range(2))
    assert first < everything
    assert len(first & second) < 20


def test_one_reading_repeats_ids_and_misses_others(shop: Shopmonkey) -> None:
    everything = filled(shop, 175)
    seen = [*ids(shop, limit=100), *ids(shop, limit=100, skip=100)]
    assert len(seen) == 175
    assert set(seen) < everything


def test_a_slice_that_fits_a_page_is_whole(shop: Shopmonkey) -> None:
    everything = filled(shop, 60)
    assert set(ids(shop, limit=100)) == everything
    assert ids(shop, limit=100) != ids(shop, limit=100)


def test_an_order_by_date_is_ignored_and_one_by_id_nearly_kept(shop: Shopmonkey) -> None:
    filled(shop, 50)
    found = ids(shop, limit=50, orderBy={"id": "asc"})
    inverted = sum(one > other for one, other in pairwise(found))
    assert 1 <= inverted <= 3
    assert ids(shop, limit=50, orderBy={"createdDate": "asc"}) != ids(shop, limit=50, orderBy={"createdDate": "asc"})
    assert asked(shop, "/order", orderby={"id": "asc"}).status_code == 400


def test_the_limit_is_clamped_without_a_word(shop: Shopmonkey) -> None:
    filled(shop, 120)
    assert len(ids(shop, limit=500)) == 100
    shop.switches.clamps = False
    assert asked(shop, "/order", limit=500).status_code == 400


def test_bare_operators_filter_and_those_with_a_dollar_are_passed_over(shop: Shopmonkey) -> None:
    filled(shop, 3)
    shop.now += timedelta(days=1)
    later = filled(shop, 2)
    day = "2023-03-03T00:00:00.000Z"
    assert set(ids(shop, where={"createdDate": {"gte": day}})) == later
    assert len(ids(shop, where={"createdDate": {"$gte": day}})) == 5
    assert set(ids(shop, where={"createdDate": {"lt": day}})).isdisjoint(later)
    assert ids(shop, where={"updatedDate": {"gte": day}}) == []  # null until somebody changes them


def test_a_list_may_end_early_and_the_total_tells(shop: Shopmonkey) -> None:
    filled(shop, 320)
    shop.switches.ends_early = True
    first, second = (asked(shop, "/order", limit=100, skip=skip).json() for skip in (0, 100))
    assert (first["meta"], len(first["data"])) == ({"total": 320, "hasMore": True}, 100)
    assert (second["meta"]["hasMore"], len(second["data"]) < 100) == (False, True)


def test_steady_is_what_one_would_expect(shop: Shopmonkey) -> None:
    shop.switches = Switches.steady()
    everything = filled(shop, 250)
    seen = [each for skip in (0, 100, 200) for each in ids(shop, limit=100, skip=skip)]
    assert sorted(seen) == sorted(everything)


@pytest.mark.parametrize("wait", ["7", None])
def test_too_many_requests_are_a_429(shop: Shopmonkey, wait: str | None) -> None:
    shop.switches.throttled, shop.switches.retry_after = 1, wait
    first, second = asked(shop, "/order"), asked(shop, "/order")
    assert (first.status_code, first.headers.get("Retry-After")) == (429, wait)
    assert first.headers["X-RateLimit-Remaining-Minute"] == "0"
    assert second.status_code == 200


def test_an_order_is_thin_and_what_belongs_to_it_stands_below_its_customer(shop: Shopmonkey) -> None:
    customer = shop.add_customer()
    shop.add_email(customer, "other@example.com")
    order = shop.estimate(customer, shop.add_vehicle())
    row = asked(shop, f"/order/{order}").json()["data"]
    assert (row["customerId"], "customer" in row, row["updatedDate"]) == (customer, False, None)
    assert asked(shop, f"/vehicle/{row['vehicleId']}").json()["data"]["vin"] == "1ZZTS24E7N1000101"
    emails = asked(shop, f"/customer/{customer}/email").json()["data"]
    assert [(each["email"], each["primary"]) for each in emails] == [
        ("dana.okafor@example.com", True),
        ("other@example.com", False),
    ]
    shop.switches.missing.add(f"/customer/{customer}/phone")
    assert asked(shop, f"/customer/{customer}/phone").status_code == 404
    assert asked(shop, "/customer").status_code == 404  # there is no flat list


def test_the_way_from_estimate_to_paid(shop: Shopmonkey) -> None:
    order = shop.estimate(shop.add_customer(), None, total=10000)

    def state() -> tuple[Any, ...]:
        row = shop.orders[order]
        return row["status"], row["invoiced"], row["paid"], row["remainingCostCents"]

    shop.pay(order, 2500)
    assert state() == ("Estimate", False, False, 7500)
    shop.to_repair_order(order)
    shop.invoice(order)
    assert state() == ("Invoice", True, False, 7500)
    shop.pay(order)
    assert state() == ("Invoice", True, True, 0)
    shop.refund(order)
    assert state() == ("Invoice", True, False, 10000)
    shop.delete(order)
    assert asked(shop, f"/order/{order}").json()["data"]["deleted"] is True


def test_services_that_were_put_off_stand_with_order_and_customer(shop: Shopmonkey) -> None:
    customer = shop.add_customer()
    order = shop.estimate(customer, None)
    service = shop.defer(order)
    for path in (f"/order/{order}/service", f"/customer/{customer}/deferred_service"):
        assert [row["id"] for row in asked(shop, path).json()["data"]] == [service]


def test_appointments_are_searched_by_day(shop: Shopmonkey) -> None:
    day = datetime(2023, 3, 20, 15, tzinfo=UTC)
    booked = shop.book(None, None, day)
    shop.book(None, None, day + timedelta(days=3))
    body = {"startDate": "2023-03-20T00:00:00.000Z", "endDate": "2023-03-21T00:00:00.000Z"}
    reply = requests.post(shop.url + "/appointment/search", json=body, headers=HEADERS, timeout=5)
    assert [row["id"] for row in reply.json()["data"]] == [booked]


def test_the_signature_is_that_of_the_vector() -> None:
    row = {"id": "64f0c0ffee0000000000a101", "paid": True}
    body = json.dumps(
        {"apiVersion": "3", "operation": "UPDATE", "table": "order", "data": row, "diff": ["paid"]},
        separators=(",", ":"),
    ).encode()
    expected = "v1,98Gs4rTsCdOBT5WjubZmLvY+/RjgLKYaHaSDnePsyKw="
    assert signature(SECRET, "msg_test_0001", "1700000000", body) == expected


def test_a_retried_webhook_keeps_its_id_and_is_signed_again(shop: Shopmonkey) -> None:
    order = shop.estimate(None, None)
    with loopback.Loopback(lambda asked: loopback.Answer(503)) as receiver:
        url = f"{receiver.url}/hooks/x"
        assert shop.send(url, shop.webhook(order, diff=["paid"]), identity="msg_1") == [503]
        shop.now += timedelta(minutes=5)
        shop.send(url, shop.webhook(order, diff=["paid"]), identity="msg_1", attempt=2)
        shop.send(url, shop.webhook(order, old=True))
    first, second, old = receiver.asked
    assert [each.headers["x-attempt"] for each in receiver.asked] == ["1", "2", "1"]
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "msg_1"
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert (first.json["table"], first.json["data"]["id"], old.json["entity"]) == ("order", order, "order")
