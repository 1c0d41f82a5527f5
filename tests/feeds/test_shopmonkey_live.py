"""The ShopMonkey document where it says how data comes, and the lists as they were measured, over HTTP.

The definitions as they ship, with `feeds run`; of a shop's own there are only its address and its keys.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.project import Garage
from tests.simulators.shopmonkey import SECRET, TOKEN, Shopmonkey
from tests.web.receiver import serving

ORDERS, APPOINTMENTS = "shopmonkey/orders", "shopmonkey/appointments"
ORDERS_2 = "shopmonkey2/orders"
WRONG = "whsec_" + b64encode(b"wrong").decode()


class Shop:
    """A shop of the simulated system, and its project."""

    def __init__(self, far: Shopmonkey, garage: Garage) -> None:
        self.far, self.garage = far, garage
        far.now = garage.now
        self.feeds: dict[str, str] = {}

    def closed(self, customer: str | None = None, **fields: Any) -> str:
        order = self.far.estimate(customer, None, **fields)
        self.far.close(order)
        return order

    def closed_at(self, **before: float) -> str:
        """An order that was closed so long ago."""
        self.far.now = self.garage.now - timedelta(**before)
        order = self.closed()
        self.far.now = self.garage.now
        return order

    def sync(self, definition: str = ORDERS) -> dict[str, Any]:
        self.later(seconds=1)  # what happens in this very second is the next reading's
        return self.garage.run(self.feeds[definition])

    def later(self, **time: float) -> None:
        self.garage.now += timedelta(**time)
        self.far.now = self.garage.now

    def keys(self, kind: str = "repairOrder") -> dict[str, str]:
        return {each["key"]: each["state"] for each in self.garage.activities(kind)}


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Shop]]:
    """`made(ORDERS)`: a shop with these feeds; what else is given stands over their transport.

    `now` where our receiver's clock has a say.
    """
    with Shopmonkey() as far:

        def shop(*definitions: str, now: bool = False, **transport: Any) -> Shop:
            garage = Garage(tmp_path, sqlite_url, "America/New_York", "US")
            garage.now = datetime.now(UTC) if now else garage.now
            garage.environment |= {"FEEDS_SECRET_KEY": TOKEN, "FEEDS_SECRET_HOOK": SECRET}
            found = Shop(far, garage)
            for each in definitions:
                params = {"token": "${secret.KEY}", "baseUrl": far.url}
                params |= {"hookSecret": "${secret.HOOK}"} if "appointments" in each else {}
                sooner = {} if "appointments" in each else {"incremental": {"start": "now-35d"}}
                here = {"transport": {"allowPrivate": ["127.0.0.1"], **sooner, **transport}}
                found.feeds[each] = garage.use(each, params, sampled=False, override=here)
            return found

        yield shop


@pytest.mark.statement("SM-1")
def test_each_reading_of_the_day_brings_what_was_added_and_what_was_updated(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    first = shop.closed(total=1000)
    old = shop.far.estimate(None, None)
    shop.sync()
    assert shop.keys() == {first: "closed"}
    shop.later(hours=12)
    shop.far.change(first, totalCostCents=1100)
    second = shop.closed()
    shop.sync()
    assert shop.keys() == {first: "closed", second: "closed"}
    shop.later(days=10)
    shop.far.close(old)  # made long ago, paid today
    shop.sync()
    assert set(shop.keys()) == {first, second, old}
    totals = {each["key"]: each["fields"]["total"] for each in shop.garage.activities("repairOrder")}
    assert totals[first] == "11.00"
    (listed,) = shop.garage.feeds("list", "--format", "json").json()
    assert listed["schedule"] == "10 5,17 * * *"


def test_an_order_comes_with_its_customer_and_its_vehicle(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    customer, vehicle = shop.far.add_customer(), shop.far.add_vehicle()
    orders = [shop.far.estimate(customer, vehicle) for _ in range(3)]
    for order in orders:
        shop.far.close(order)
    assert shop.sync()["outcome"] == "ok"
    found = shop.garage.activities("repairOrder")
    assert {each["vehicle"]["vin"] for each in found} == {"1ZZTS24E7N1000101"}
    (person,) = shop.garage.contacts()
    assert (person["emails"], person["phones"]) == (["dana.okafor@example.com"], ["+14165550142"])
    assert len(shop.far.far.asked_of(f"/v3/customer/{customer}")) == 1  # once in a run, however many orders name it


@pytest.mark.parametrize("days", [dict.fromkeys(range(30), 20), {10: 350, 11: 101}], ids=["evenly", "all at once"])
def test_everything_is_stored_though_no_two_calls_agree(made: Callable[..., Shop], days: dict[int, int]) -> None:
    """As measured: identical calls disjoint, clamped, ids repeated. All of it within three sweeps, nothing twice."""
    shop = made(ORDERS)
    orders = set()
    for day in range(30):
        shop.later(days=1)
        orders |= {shop.closed_at(minutes=number) for number in range(days.get(day, 0))}
    report = shop.sync()
    assert set(shop.keys()) == orders
    assert report["inserted"] == len(orders)
    assert (report["coverage"]["promised"], report["coverage"]["seen"]) == (len(orders), len(orders))
    assert report["coverage"]["passes"] <= 3
    assert {each["code"] for each in report["issues"]} <= {"path.neverFilled"}


def test_a_list_that_ends_early_is_read_whole_all_the_same(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    orders = {shop.closed_at(minutes=number) for number in range(320)}
    shop.later(days=1)
    shop.far.switches.ends_early = True
    assert shop.sync()["outcome"] == "ok"
    assert set(shop.keys()) == orders


def test_what_is_missing_of_a_list_that_nothing_can_divide_is_told(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    orders = {shop.closed() for _ in range(320)}  # in one second
    shop.later(days=1)
    report = shop.sync()
    missing = len(orders) - len(shop.keys())
    assert missing == 0 or "coverage.differs" in [each["code"] for each in report["issues"]]


def test_a_server_that_ignores_the_filter_is_told(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, request={"query": {"where": '{"updatedDate":{"$gte":"${window.from}"}}'}})
    shop.closed()
    shop.later(days=20)
    assert "record.unasked" in [each["code"] for each in shop.sync()["issues"]]


@pytest.mark.parametrize("wait", ["30", None])
def test_too_many_requests_are_waited_out(made: Callable[..., Shop], wait: str | None) -> None:
    shop = made(ORDERS)
    order = shop.closed()
    shop.far.switches.throttled, shop.far.switches.retry_after = 2, wait
    began = shop.garage.now
    assert shop.sync()["outcome"] == "ok"
    assert shop.garage.now - began >= timedelta(seconds=60 if wait else 2)
    assert shop.keys() == {order: "closed"}


def test_what_is_missing_below_a_row_does_not_lose_the_row(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    customer = shop.far.add_customer()
    order = shop.closed(customer)
    shop.far.switches.missing |= {f"/customer/{customer}/phone", f"/customer/{customer}"}
    report = shop.sync()
    assert shop.keys() == {order: "closed"}
    (told,) = [each for each in report["issues"] if each["code"] == "include.missing"]
    assert customer in told["message"]


def test_a_new_open_order_that_nobody_changed_is_found_by_the_day_it_was_made(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS_2)
    order = shop.far.estimate(None, None, status="RepairOrder")
    assert shop.sync(ORDERS_2)["outcome"] == "ok"
    assert shop.keys() == {order: "open"}
    shop.later(days=1)
    shop.far.close(order)
    shop.sync(ORDERS_2)
    assert shop.keys() == {order: "closed"}


def test_the_nightly_reading_finds_appointments_that_no_webhook_told(made: Callable[..., Shop]) -> None:
    shop = made(APPOINTMENTS)
    booked = shop.far.book(shop.far.add_customer(), shop.far.add_vehicle(), shop.garage.now + timedelta(days=7))
    past = shop.far.book(None, None, shop.garage.now - timedelta(days=7))
    assert shop.sync(APPOINTMENTS)["outcome"] == "ok"
    assert shop.keys("appointment") == {booked: "booked"}
    assert past not in shop.keys("appointment")
    assert [each["lastName"] for each in shop.garage.contacts()] == ["Okafor"]
    shop.later(hours=1)
    shop.far.change(booked, cancelationNote="no time")
    shop.sync(APPOINTMENTS)
    assert shop.keys("appointment") == {booked: "cancelled"}


@pytest.mark.statement("SM-6")
@pytest.mark.parametrize("old", [False, True], ids=["third version", "second version"])
def test_an_appointment_comes_by_its_webhook(made: Callable[..., Shop], old: bool) -> None:
    shop = made(APPOINTMENTS, now=True)
    shop.sync(APPOINTMENTS)
    booked = shop.far.book(shop.far.add_customer(), None, shop.garage.now + timedelta(days=7))
    shop.far.far.forget()
    with serving(shop.garage) as server:
        url = f"http://127.0.0.1:{server.port}/hooks/shopmonkey/test-shop"
        body = shop.far.webhook(booked, "INSERT", old=old)
        assert shop.far.send(url, body, identity="msg_1") == [200]
        assert shop.far.send(url, body, identity="msg_1", attempt=2) == [200]  # our answer was lost: the same once more
        assert shop.far.send(url, body, secret=WRONG)[0] in (401, 403, 404)
        report = shop.sync(APPOINTMENTS)
        assert shop.far.far.asked[0].path == f"/v3/appointment/{booked}"
        assert (report["hooks"]["done"], shop.keys("appointment")) == (1, {booked: "booked"})
        shop.far.delete(booked)
        deleted = shop.far.webhook(booked, "DELETE", old=old)
        assert shop.far.send(url, deleted, identity="msg_2") == [200]
        del shop.far.appointments[booked]
        shop.sync(APPOINTMENTS)
    assert shop.keys("appointment") == {booked: "cancelled"}
