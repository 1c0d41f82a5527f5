"""The Protractor document where it says how data comes: the simulated system's webhooks, and daily readings over HTTP.

The definitions as they ship, with `feeds run` and `feeds serve`; of a shop's own there are only addresses and keys.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.simulators.project import Garage
from tests.simulators.protractor import CONNECTION, KEY, Protractor
from tests.web.receiver import Server, serving

REST = "/IntegrationServices/2.0"
ORDERS, OPEN, EXPORT = "protractor/orders", "protractor/open-orders", "protractor/crm-export"
HOOKED = {"hookToken": "${secret.HOOK}", "hookConnectionId": CONNECTION.replace("-", "")}


class Shop:
    """A shop of the simulated system, and its project."""

    def __init__(self, far: Protractor, garage: Garage) -> None:
        self.far, self.garage = far, garage
        far.now = garage.now
        self.contact = far.add_contact()
        self.vehicle = far.add_vehicle(self.contact)
        self.feeds: dict[str, str] = {}

    def order(self, **fields: Any) -> str:
        return self.far.open_order(self.contact, self.vehicle, **fields)

    def closed(self, **fields: Any) -> str:
        order = self.order(**fields)
        self.far.post(order)
        return order

    def sync(self, definition: str = ORDERS) -> dict[str, Any]:
        return self.garage.run(self.feeds[definition])

    def later(self, **time: float) -> None:
        self.garage.now += timedelta(**time)
        self.far.now = self.garage.now

    def nudge(self, server: Server, identity: str, operation: str = "Update", **how: Any) -> Any:
        """The webhook for one object, sent to our receiver."""
        self.far.now = self.garage.now = datetime.now(self.garage.now.tzinfo)  # that of the receiver
        url = f"http://127.0.0.1:{server.port}/hooks/protractor/test-shop/invented-hook"
        return self.far.send(url, identity, operation, **how)

    def keys(self, kind: str = "repairOrder") -> dict[str, str]:
        return {each["key"]: each["state"] for each in self.garage.activities(kind)}


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Shop]]:
    """`made(ORDERS)`: a shop with these feeds; `now` where our receiver's clock has a say."""
    with Protractor() as far:

        def shop(*definitions: str, hooked: bool = True, now: bool = False, **more: Any) -> Shop:
            garage = Garage(tmp_path, sqlite_url, "America/Toronto", "CA")
            garage.environment["FEEDS_SECRET_KEY"] = KEY
            garage.now = datetime.now(ZoneInfo("America/Toronto")) if now else garage.now
            found = Shop(far, garage)
            for each in definitions:
                base = f"{far.url}/ExternalCRM/1.0" if each == EXPORT else far.url + REST
                params = {"connectionId": CONNECTION, "apiKey": "${secret.KEY}", "baseUrl": base} | HOOKED | more
                params |= {} if each == OPEN else {"webhooks": hooked}
                here = {"transport": {"allowPrivate": ["127.0.0.1"]}}
                found.feeds[each] = garage.use(each, params, sampled=False, override=here)
            return found

        yield shop


# --- by webhooks ----------------------------------------------------------------------------


@pytest.mark.statement("PRO-1")
def test_a_new_order_comes_by_its_webhook_and_exactly_it_is_fetched(made: Callable[..., Shop]) -> None:
    shop = made(OPEN, now=True)
    shop.sync(OPEN)
    new, lost = shop.order(), shop.order()
    shop.far.far.forget()
    with serving(shop.garage) as server:
        assert shop.nudge(server, new, "Insert") == [200]
        assert shop.nudge(server, lost, "Insert", times=0) == []
    report = shop.sync(OPEN)
    assert shop.far.far.asked[0].path == f"{REST}/WorkOrder/{new}"
    first = report["deliveries"][0]
    assert (first["name"].split("?")[0], first["read"], first["inserted"]) == (f"GET {REST}/WorkOrder/{new}", 1, 1)
    # The reading that follows heals what no webhook told.
    assert shop.keys() == {new: "open", lost: "open"}
    assert report["inserted"] == 2


@pytest.mark.statement("PRO-2")
def test_a_new_customer_comes_by_its_webhook_even_without_an_order(made: Callable[..., Shop]) -> None:
    shop = made(EXPORT, now=True)
    shop.sync(EXPORT)
    new = shop.far.add_contact("Kim", "Park", Email="kim.park@example.com")
    with serving(shop.garage) as server:
        assert shop.nudge(server, new, "Insert", times=2) == [200, 200]
    report = shop.sync(EXPORT)
    assert report["hooks"]["waiting"] == 0
    assert "Park" in [each["lastName"] for each in shop.garage.contacts()]


def test_a_webhook_that_is_early_is_tried_again_and_a_doubled_one_is_one(made: Callable[..., Shop]) -> None:
    shop = made(OPEN, now=True)
    order = shop.order()
    shop.far.switches.hidden[order] = 2
    with serving(shop.garage) as server:
        assert shop.nudge(server, order, times=2) == [200, 200]
    path = f"{REST}/WorkOrder/{order}"
    assert shop.sync(OPEN)["hooks"]["waiting"] == 1
    asked = len(shop.far.far.asked_of(path))
    shop.far.switches.hidden.clear()
    shop.later(minutes=1)
    report = shop.sync(OPEN)
    assert report["hooks"]["done"] == 1
    assert len(shop.far.far.asked_of(path)) > asked
    assert shop.keys() == {order: "open"}


def test_a_webhook_of_nobody_we_know_is_no_webhook(made: Callable[..., Shop]) -> None:
    shop = made(OPEN, now=True)
    order = shop.order()
    with serving(shop.garage) as server:
        url = f"http://127.0.0.1:{server.port}/hooks/protractor/test-shop"
        assert shop.far.send(f"{url}/wrong", order) == [404]
        shop.far.connection = "another-shop"
        assert shop.far.send(f"{url}/invented-hook", order)[0] in (401, 403, 404)
    shop.far.connection = CONNECTION
    assert shop.sync(OPEN)["hooks"]["done"] == 0


def test_a_deleted_order_is_voided_without_asking_for_it(made: Callable[..., Shop]) -> None:
    shop = made(OPEN, now=True)
    order = shop.order()
    shop.sync(OPEN)
    del shop.far.orders[order]
    shop.far.far.forget()
    with serving(shop.garage) as server:
        assert shop.nudge(server, order, "Delete", kind="WorkOrder") == [200]
    shop.sync(OPEN)
    assert shop.keys() == {order: "voided"}
    assert shop.far.far.asked_of(f"{REST}/WorkOrder/{order}") == []


# --- by readings ----------------------------------------------------------------------------


@pytest.mark.statement("PRO-3")
def test_without_webhooks_data_comes_with_daily_readings_only(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, hooked=False)
    (listed,) = shop.garage.feeds("list", "--format", "json").json()
    minute, hour, *days = listed["schedule"].split()
    assert (minute.isdigit(), hour.isdigit(), days) == (True, True, ["*", "*", "*"])
    order = shop.closed()
    assert shop.keys() == {}
    shop.later(days=1)
    shop.sync()
    assert shop.keys() == {order: "closed"}
    with serving(shop.garage) as server:
        assert shop.nudge(server, order) == [404]  # there is no such address


@pytest.mark.statement("PRO-15")
def test_a_closed_order_comes_with_the_next_reading_after_its_post(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order()
    shop.sync()
    assert shop.keys() == {}
    shop.later(days=1)
    shop.far.post(order)
    shop.sync()
    assert shop.keys() == {order: "closed"}


def test_every_page_of_a_window_is_read_once_with_all_three_headers(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    orders = {shop.closed() for _ in range(250)}
    report = shop.sync()
    assert set(shop.keys()) == orders
    assert (report["outcome"], report["inserted"], report["read"]) == ("ok", 250, 250)
    full = [asked.query["skip"] for asked in shop.far.far.asked if asked.query["endDate"] == "2023-03-21"]
    assert full == ["0", "100", "200", "250"]
    names = ("connectionid", "apikey", "authentication")
    assert {tuple(asked.headers[name] for name in names)[:2] for asked in shop.far.far.asked} == {(CONNECTION, KEY)}


def test_the_readings_of_a_day_ask_for_the_days_of_the_shop(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    shop.closed()
    shop.sync()
    windows = [(asked.query["startDate"], asked.query["endDate"]) for asked in shop.far.far.asked]
    assert windows[0][0] == "2022-12-21"  # ninety days
    assert windows[-1][1] == "2023-03-21"
    assert all(one[1] == other[0] for one, other in pairwise(windows) if one != other)
    shop.far.far.forget()
    shop.later(days=1)
    shop.sync()
    assert {asked.query["startDate"] for asked in shop.far.far.asked} == {"2023-03-14"}  # a week back


@pytest.mark.parametrize("window", ["LastModifiedTime", "InvoiceTime"])
def test_an_invoice_that_is_changed_days_later_is_read_again(made: Callable[..., Shop], window: str) -> None:
    shop = made(ORDERS)
    shop.far.switches.window_by = window
    order = shop.closed()
    shop.sync()
    shop.later(days=4)
    shop.far.change(order, Note="called back")
    shop.sync()
    (activity,) = shop.garage.activities("repairOrder")
    assert activity["fields"]["note"] == "called back"


def test_rows_that_name_their_vehicle_have_it_fetched_once(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    shop.far.switches.contacts_by_id = True
    shop.closed()
    shop.closed()
    shop.sync()
    assert {each["vehicle"]["vin"] for each in shop.garage.activities("repairOrder")} == {"1ZZTS24E7N1000101"}
    assert len(shop.far.far.asked_of(f"{REST}/ServiceItem/{shop.vehicle}")) == 1


def test_the_thin_list_of_open_orders_is_completed_from_each_order(made: Callable[..., Shop]) -> None:
    shop = made(OPEN)
    order = shop.order()
    shop.far.add_package(order, "Oil service")
    shop.sync(OPEN)
    (activity,) = shop.garage.activities("repairOrder")
    assert (activity["key"], activity["state"]) == (order, "open")
    assert [job["title"] for job in activity["fields"]["jobs"]] == ["Oil service"]


def test_an_order_is_one_activity_from_its_opening_to_its_invoice(made: Callable[..., Shop]) -> None:
    shop = made(OPEN, ORDERS)
    order = shop.order()
    shop.sync(OPEN)
    assert shop.keys() == {order: "open"}
    shop.later(days=1)
    shop.far.post(order)
    shop.sync(OPEN)  # it is no work order any more: nothing is inferred from that
    assert shop.keys() == {order: "open"}
    shop.sync()
    assert shop.keys() == {order: "closed"}


def test_the_export_brings_customers_invoices_and_the_calendar(made: Callable[..., Shop]) -> None:
    shop = made(EXPORT)
    order = shop.closed()
    booked = shop.far.book(shop.contact, shop.vehicle, datetime.fromisoformat("2023-03-28T09:00:00-04:00"))
    alone = shop.far.add_contact("Kim", "Park", Email="kim.park@example.com")
    assert shop.sync(EXPORT)["outcome"] == "ok"
    assert (shop.keys(), shop.keys("appointment")) == ({order: "closed"}, {booked: "booked"})
    assert [each["lastName"] for each in shop.garage.contacts()] == ["Okafor", "Park"]
    assert alone in str(shop.garage.contacts())
    shop.later(days=1)
    shop.far.cancel(booked)
    shop.sync(EXPORT)
    assert shop.keys("appointment") == {booked: "cancelled"}


def test_being_throttled_inside_a_200_is_waited_out(made: Callable[..., Shop]) -> None:
    shop = made(EXPORT)
    shop.far.switches.throttled, shop.far.switches.throttled_for = 1, "00:04:30"
    began = shop.garage.now
    assert shop.sync(EXPORT)["outcome"] == "ok"
    assert shop.garage.now - began >= timedelta(minutes=4, seconds=30)
    assert [each["lastName"] for each in shop.garage.contacts()] == ["Okafor"]


@pytest.mark.parametrize("definition", [EXPORT, ORDERS])
def test_a_wrong_key_is_told_and_shown_nowhere(made: Callable[..., Shop], definition: str) -> None:
    shop = made(definition)
    shop.garage.environment["FEEDS_SECRET_KEY"] = wrong = "11112222-3333-4444-5555-666677778888"
    done = shop.garage.feeds("run", shop.feeds[definition], "--format", "json")
    (feed,) = done.json()["feeds"]
    assert (done.code, feed["outcome"]) == (1 if definition == EXPORT else 4, "failed")
    said = "The connection is not known." if definition == EXPORT else "refuses the login (status 401)"
    assert said in feed["issues"][0]["message"]
    assert wrong not in done.out + done.talk
    assert shop.keys() == {}
