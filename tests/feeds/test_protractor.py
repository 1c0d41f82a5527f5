"""The Protractor document, statement by statement, on what the simulated Protractor answers.

The replies are its own, byte for byte; they come as files here, so that what becomes of them is all that is asked.
A statement that is about how they come (webhooks, daily syncs) is not in this module.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
import yaml

from tests.simulators.project import Garage
from tests.simulators.protractor import CONNECTION, KEY, Protractor, authentication

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "feeds" / "vendors" / "protractor"
ORDERS, OPEN, EXPORT = "protractor/orders", "protractor/open-orders", "protractor/crm-export"
PARAMS = {"connectionId": CONNECTION, "apiKey": "${secret.KEY}"}
HOOK = {"hookToken": "${secret.HOOK}", "hookConnectionId": CONNECTION.replace("-", "")}
HEADERS = {"connectionId": CONNECTION, "apiKey": KEY, "authentication": authentication(CONNECTION, KEY)}


class Shop:
    """A shop of the simulated system and what Feeds has of it."""

    def __init__(self, far: Protractor, garage: Garage) -> None:
        self.far, self.garage = far, garage
        self.activities, self.contacts = garage.activities, garage.contacts
        self.contact = far.add_contact()
        self.vehicle = far.add_vehicle(self.contact)

    def order(self, **fields: Any) -> str:
        return self.far.open_order(self.contact, self.vehicle, **fields)

    def invoices(self) -> bytes:
        return self._read("/IntegrationServices/2.0/Invoice/", HEADERS)

    def work_orders(self) -> bytes:
        """The thin list, with the detail of each row attached as the feed includes it."""
        rows = orjson.loads(self._read("/IntegrationServices/2.0/WorkOrder/", HEADERS))["ItemCollection"]
        for row in rows:
            row["detail"] = orjson.loads(self.work_order(row["ID"]))
        return orjson.dumps({"ItemCollection": rows})

    def work_order(self, identity: str) -> bytes:
        """What a webhook makes us fetch."""
        return self._read(f"/IntegrationServices/2.0/WorkOrder/{identity}", HEADERS)

    def export(self) -> bytes:
        query = {"connectionID": CONNECTION, "apiKey": KEY, "startDate": "2023-01-01", "endDate": "2023-12-31"}
        return self._read("/ExternalCRM/1.0/GetCRMData.ashx", {}, **query)

    def sync(self) -> dict[str, Any]:
        """The daily reading of closed orders."""
        return self.garage.came(ORDERS, self.invoices())

    def open_sync(self) -> dict[str, Any]:
        return self.garage.came(OPEN, self.work_orders())

    def _read(self, path: str, headers: dict[str, str], **query: str) -> bytes:
        reply = requests.get(self.far.url + path, params=query, headers=headers, timeout=5)
        assert reply.status_code == 200, reply.text
        return reply.content


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Shop]]:
    """`made(ORDERS, OPEN)`: a shop with these feeds."""
    with Protractor() as far:

        def shop(*definitions: str, **more: Any) -> Shop:
            garage = Garage(tmp_path, sqlite_url, "America/Toronto", "CA")
            for each in definitions:
                garage.use(each, PARAMS | HOOK | ({"webhooks": True} if each == EXPORT else {}) | more)
            return Shop(far, garage)

        yield shop


def written(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((VENDOR / f"{name}.yaml").read_text(encoding="utf-8")))


def not_coming(name: str) -> list[str]:
    return [each["data"] for each in written(name)["capabilities"] if each["direction"] == "none"]


# --- closed orders --------------------------------------------------------------------------


@pytest.mark.statement("PRO-4", "PRO-15", "PRO-16")
def test_an_order_is_closed_when_it_was_posted_and_invoiced(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order()
    shop.far.add_package(order)
    shop.sync()
    shop.far.begin_posting(order)  # the wizard, left before its last Post
    shop.sync()
    assert shop.activities("repairOrder") == []
    shop.far.post(order)
    shop.sync()
    (activity,) = shop.activities("repairOrder")
    assert (activity["key"], activity["state"], activity["fields"]["invoiceNumber"]) == (order, "closed", "8841")


@pytest.mark.parametrize(("waits", "paid", "comes"), [(False, False, True), (True, False, False), (True, True, True)])
def test_an_order_on_account_is_closed_unless_the_shop_wants_payment(
    made: Callable[..., Shop], waits: bool, paid: bool, comes: bool
) -> None:
    shop = made(ORDERS, requirePayment=waits)
    order = shop.order()
    shop.far.add_package(order)
    shop.far.post(order, paid=paid, stage="Shop's own word")
    shop.sync()
    assert bool(shop.activities("repairOrder")) is comes


@pytest.mark.statement("PRO-5", "PRO-6")
def test_it_carries_the_order_its_customer_and_the_vehicle_of_both(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order()
    shop.far.add_package(order, "Oil service", 60.0)
    shop.far.post(order)
    report = shop.sync()
    assert report["issues"] == []
    (activity,) = shop.activities("repairOrder")
    fields = activity["fields"]
    assert (fields["number"], fields["total"], fields["technician"]) == ("10412", "67.80", "Tech One")
    assert [(job["title"], job["lines"][0]["total"]) for job in fields["jobs"]] == [("Oil service", "60.00")]
    assert (activity["vehicle"]["vin"], activity["vehicle"]["odometer"]) == ("1ZZTS24E7N1000101", 84210)
    (contact,) = shop.contacts()
    assert contact["id"] == activity["contact"]["id"]
    assert (contact["firstName"], contact["lastName"]) == ("Dana", "Okafor")
    assert (contact["emails"], contact["phones"]) == (["dana.okafor@example.com"], ["+14165550142"])
    assert contact["address"]["street"] == "12 Sample Rd"
    assert contact["externalIds"] == {"protractor": shop.contact}


def test_a_company_has_its_name_and_a_vehicle_without_vin_its_plate(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    taxi = shop.far.add_contact(company="Testville Taxi", Email="fleet@example.com")
    cab = shop.far.add_vehicle(taxi, VIN="", Lookup="TAXI 7")
    for _ in range(2):
        shop.far.post(shop.far.open_order(taxi, cab))
    shop.sync()
    one, two = shop.activities("repairOrder")
    assert one["vehicle"]["id"] == two["vehicle"]["id"]
    assert (one["vehicle"].get("vin"), one["vehicle"]["plate"]) == (None, "TAXI 7")
    (contact,) = shop.contacts()
    assert (contact["company"], contact["lastName"] or "") == ("Testville Taxi", "")


def test_a_voided_order_is_voided_and_a_date_of_year_one_is_none(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order(PromisedTime="0001-01-01T00:00:00")
    shop.far.defer(order)
    shop.far.post(order)
    shop.sync()
    (activity,) = shop.activities("repairOrder")
    assert (activity["state"], activity["fields"]["promised"]) == ("closed", None)
    shop.far.now += timedelta(hours=1)
    shop.far.void(order)
    shop.sync()
    assert [each["state"] for each in shop.activities("repairOrder")] == ["voided"]


# --- open orders and estimates --------------------------------------------------------------


@pytest.mark.statement("PRO-7")
def test_an_open_work_order_comes_with_its_customer_and_is_one_with_its_invoice(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, OPEN)
    order = shop.order()
    shop.far.add_package(order, "Oil service")
    shop.open_sync()
    (activity,) = shop.activities("repairOrder")
    assert (activity["state"], activity["contact"]["lastName"]) == ("open", "Okafor")
    assert [job["title"] for job in activity["fields"]["jobs"]] == ["Oil service"]  # of the detail: the list has none
    shop.far.now += timedelta(hours=1)
    shop.far.post(order)
    shop.sync()
    (activity,) = shop.activities("repairOrder")
    assert (activity["key"], activity["state"], activity["fields"]["total"]) == (order, "closed", "67.80")
    shop.garage.came(OPEN, shop.work_order(order))  # a webhook that is late: it has lost its packages by now
    (again,) = shop.activities("repairOrder")
    assert (again["state"], again["fields"]["jobs"]) == ("closed", activity["fields"]["jobs"])


@pytest.mark.statement("PRO-8")
@pytest.mark.parametrize("hooked", [True, False])
def test_open_orders_need_a_webhook(tmp_path: Path, sqlite_url: str, hooked: bool) -> None:
    garage = Garage(tmp_path, sqlite_url, "America/Toronto", "CA")
    garage.use(OPEN, PARAMS | HOOK, sampled=False, override={} if hooked else {"triggers": []})
    assert ("E054" in garage.codes()) is not hooked
    assert garage.feeds("validate").code == (0 if hooked else 1)


@pytest.mark.statement("PRO-12")
@pytest.mark.parametrize(("hooked", "count"), [(True, 1), (False, 0)])
def test_appointments_need_webhooks_and_the_rest_of_the_export_does_not(
    made: Callable[..., Shop], hooked: bool, count: int
) -> None:
    shop = made(EXPORT, webhooks=hooked)
    shop.far.book(shop.contact, shop.vehicle, shop.far.now + timedelta(days=3))
    shop.garage.came(EXPORT, shop.export())
    assert (len(shop.activities("appointment")), len(shop.contacts())) == (count, 1)


@pytest.mark.statement("PRO-9")
@pytest.mark.parametrize(("flag", "states"), [(False, []), (True, ["estimate"])])
def test_open_estimates_are_not_imported(made: Callable[..., Shop], flag: bool, states: list[str]) -> None:
    shop = made(OPEN, estimates=flag)
    shop.order(kind="Estimate")
    assert shop.open_sync()["filtered"] == (0 if flag else 1)
    assert [each["state"] for each in shop.activities("repairOrder")] == states
    assert "estimates" in not_coming("open-orders")
    assert written("open-orders")["params"]["estimates"]["default"] is False


# --- recommendations ------------------------------------------------------------------------


@pytest.mark.statement("PRO-10", "PRO-17")
def test_deferred_work_becomes_recommendations_once_the_order_is_posted(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, OPEN)
    order = shop.order()
    shop.far.defer(order, "Front brake pads", 144.0)
    shop.open_sync()
    assert len(shop.activities("repairOrder")) == 1
    assert shop.activities("recommendation") == []  # its order came, and was stripped of it
    shop.far.now += timedelta(hours=1)
    shop.far.post(order)
    shop.sync()
    (found,) = shop.activities("recommendation")
    assert (found["state"], found["fields"]["title"], found["fields"]["amount"]) == (
        "open",
        "Front brake pads",
        "144.00",
    )
    assert (found["contact"]["lastName"], found["vehicle"]["vin"]) == ("Okafor", "1ZZTS24E7N1000101")


@pytest.mark.statement("PRO-18", "PRO-19")
def test_work_deferred_on_an_estimate_comes_after_the_post_as_well(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, OPEN)
    order = shop.order(kind="Estimate")
    package = shop.far.defer(order)
    shop.far.convert(order)
    shop.open_sync()
    assert shop.activities("recommendation") == []
    shop.far.now += timedelta(hours=1)
    shop.far.post(order)
    shop.sync()
    assert [each["key"] for each in shop.activities("recommendation")] == [package]


@pytest.mark.statement("PRO-20", "PRO-21", "PRO-22")
@pytest.mark.parametrize("synced", ["2023-03-21T09:00:00-04:00", "2023-03-21T23:30:00-04:00"])
def test_a_recommendation_is_due_thirty_of_the_shops_days_after_it_first_came(
    made: Callable[..., Shop], synced: str
) -> None:
    shop = made(ORDERS)
    shop.garage.now = datetime.fromisoformat(synced)
    order = shop.order()
    old = shop.far.defer(order, DueDate="2023-12-24")  # nothing is read from there
    shop.far.post(order)
    shop.sync()
    assert [each["fields"]["dueDate"] for each in shop.activities("recommendation")] == ["2023-04-20"]
    shop.garage.now += timedelta(days=5)
    shop.far.now += timedelta(days=5)
    new = shop.far.defer(order, "Wipers")
    shop.sync()
    due = {each["key"]: each["fields"]["dueDate"] for each in shop.activities("recommendation")}
    assert due == {old: "2023-04-20", new: "2023-04-25"}


def test_a_recommendation_that_was_taken_back_is_withdrawn(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order()
    package = shop.far.defer(order)
    shop.far.post(order)
    shop.sync()
    shop.far.now += timedelta(days=1)
    shop.far.take_back(order, package)
    shop.sync()
    assert [(each["state"], each["fields"]["dueDate"]) for each in shop.activities("recommendation")] == [
        ("withdrawn", "2023-04-20")
    ]


def test_a_package_in_both_collections_is_a_recommendation(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.order()
    package = shop.far.add_package(order, "Timing belt")
    shop.far.defer_package(order, package)
    shop.far.post(order)
    assert shop.sync()["quarantined"] == 0
    assert [(each["key"], each["state"]) for each in shop.activities("recommendation")] == [(package, "open")]


# --- the export -----------------------------------------------------------------------------


@pytest.mark.statement("PRO-11")
def test_appointments_of_the_calendar_come_in_and_are_shown_there(made: Callable[..., Shop]) -> None:
    shop = made(EXPORT)
    start = datetime.fromisoformat("2023-03-28T09:00:00-04:00")
    booked, other = (shop.far.book(shop.contact, shop.vehicle, start + timedelta(days=day)) for day in range(2))
    shop.far.cancel(other)
    assert shop.garage.came(EXPORT, shop.export())["quarantined"] == 0
    found = {each["key"]: each for each in shop.activities("appointment")}
    assert {key: each["state"] for key, each in found.items()} == {booked: "booked", other: "cancelled"}
    assert found[booked]["occurred"] == "2023-03-28T13:00:00Z"
    assert found[booked]["contact"]["lastName"] == "Okafor"
    shows = yaml.safe_load((ROOT / "feeds" / "activities" / "appointment.yaml").read_text(encoding="utf-8"))["shows"]
    assert "calendar" in shows


def test_a_customer_without_an_order_comes_with_the_export(made: Callable[..., Shop]) -> None:
    shop = made(EXPORT)
    shop.far.add_contact("Kim", "Park", Email="kim.park@example.com", Phone1="(905) 555-0117", NoEmail=True)
    shop.garage.came(EXPORT, shop.export())
    contact = next(each for each in shop.contacts() if each["lastName"] == "Park")
    assert (contact["phones"], contact["consent"]) == (["+19055550117"], {"allowEmail": False})


def test_both_sources_of_an_invoice_meet_in_one_activity(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS, EXPORT)
    order = shop.order()
    shop.far.add_package(order, total=1055.0)
    shop.far.post(order)
    shop.garage.came(EXPORT, shop.export())
    (first,) = shop.activities("repairOrder")
    assert (first["state"], first["fields"]["total"], first["fields"]["jobs"]) == ("closed", "1192.15", None)
    shop.sync()
    shop.garage.came(EXPORT, shop.export())
    (activity,) = shop.activities("repairOrder")
    assert (activity["fields"]["total"], len(activity["fields"]["jobs"])) == ("1192.15", 1)
    assert len(shop.contacts()) == 1


# --- one way --------------------------------------------------------------------------------


@pytest.mark.statement("PRO-13", "PRO-14")
def test_nothing_is_written_back(made: Callable[..., Shop]) -> None:
    """There is no export to Protractor, and each definition says so on its sheet."""
    kinds = {yaml.safe_load(path.read_text(encoding="utf-8"))["kind"] for path in VENDOR.glob("*.yaml")}
    assert kinds == {"feed"}
    for name in ("orders", "crm-export"):
        assert {"appointments made here", "customers made here"} <= set(not_coming(name))
    shop = made(ORDERS, EXPORT)
    shop.far.post(shop.order())
    shop.sync()
    assert {asked.method for asked in shop.far.far.asked} == {"GET"}
