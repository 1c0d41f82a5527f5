"""The ShopMonkey document, statement by statement, on what the simulated Shopmonkey answers.

The replies are its own, with what belongs to each record attached; they come as files here, so that what becomes of
them is all that is asked. A statement that is about how they come is not in this module.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
import yaml

from tests.simulators.project import Garage
from tests.simulators.shopmonkey import TOKEN, Shopmonkey

ROOT = Path(__file__).parents[2]
VENDORS = ROOT / "feeds" / "vendors"
ORDERS, APPOINTMENTS = "shopmonkey/orders", "shopmonkey/appointments"
ORDERS_2, APPOINTMENTS_2 = "shopmonkey2/orders", "shopmonkey2/appointments"
PARAMS = {"token": "${secret.KEY}"}
HOOK = {"hookSecret": "${secret.HOOK}"}


class Shop:
    """A shop of the simulated system and what Feeds has of it."""

    def __init__(self, far: Shopmonkey, garage: Garage) -> None:
        self.far, self.garage = far, garage
        self.activities, self.contacts = garage.activities, garage.contacts

    def order(self, **fields: Any) -> str:
        """An estimate of a customer of its own, for a vehicle."""
        return self.far.estimate(self.far.add_customer(), self.far.add_vehicle(), **fields)

    def sync(self, definition: str = ORDERS) -> dict[str, Any]:
        """A reading of the list, each row with what the feed includes."""
        path = "/order" if "orders" in definition else "/appointment"
        rows = [self._with_includes(row, definition) for row in self._read(path)]
        return self.garage.came(definition, orjson.dumps({"success": True, "data": rows}))

    def _with_includes(self, row: dict[str, Any], definition: str) -> dict[str, Any]:
        """What the definition's own `include` asks for, asked."""
        written = yaml.safe_load((VENDORS / f"{definition}.yaml").read_text(encoding="utf-8"))
        asked = dict(written.get("transport", {}).get("include", {}))
        if "basedOn" in written:
            base = yaml.safe_load((VENDORS / f"{written['basedOn']}.yaml").read_text(encoding="utf-8"))
            asked = base["transport"]["include"] | asked
        for name, include in asked.items():
            path = include["url"]
            needed = [part.split("}")[0] for part in path.split("${record.")[1:]]
            if all(row.get(each) for each in needed):
                for each in needed:
                    path = path.replace(f"${{record.{each}}}", row[each])
                row = row | {name: self._read(path)}
        return row

    def _read(self, path: str) -> Any:
        reply = requests.get(self.far.url + path, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Shop]]:
    """`made(ORDERS)`: a shop with these feeds."""
    with Shopmonkey() as far:

        def shop(*definitions: str) -> Shop:
            garage = Garage(tmp_path, sqlite_url, "America/New_York", "US")
            for each in definitions:
                garage.use(each, PARAMS | (HOOK if "appointments" in each else {}))
            return Shop(far, garage)

        yield shop


def written(definition: str) -> dict[str, Any]:
    return dict(yaml.safe_load((VENDORS / f"{definition}.yaml").read_text(encoding="utf-8")))


def not_coming(definition: str) -> set[str]:
    return {each["data"] for each in written(definition)["capabilities"] if each["direction"] == "none"}


# --- closed orders --------------------------------------------------------------------------


@pytest.mark.statement("SM-2", "SM-10", "SM-11")
def test_an_order_comes_in_when_it_is_an_invoice_and_marked_paid(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    neither, deposit, unpaid, both = (shop.order() for _ in range(4))
    shop.far.pay(deposit)  # in full, and no invoice
    shop.far.invoice(unpaid)
    shop.far.pay(unpaid, 2500)
    shop.far.close(both)
    assert (shop.sync()["read"], [each["key"] for each in shop.activities("repairOrder")]) == (4, [both])
    shop.far.now += timedelta(hours=6)
    shop.far.pay(unpaid)
    shop.far.invoice(deposit)
    shop.sync()
    found = {each["key"]: each["state"] for each in shop.activities("repairOrder")}
    assert found == dict.fromkeys([deposit, unpaid, both], "closed")
    assert neither not in found


@pytest.mark.statement("SM-3", "SM-4")
def test_it_carries_the_order_its_customer_and_the_vehicle(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    customer = shop.far.add_customer()
    shop.far.add_email(customer, "other@example.com")
    own = shop.far.add_email(customer, "office@example.com")
    order = shop.far.estimate(customer, shop.far.add_vehicle(), emailId=own, partsCents=17990, taxCents=4225)
    shop.far.close(order)
    assert shop.sync()["quarantined"] == 0
    (activity,) = shop.activities("repairOrder")
    fields = activity["fields"]
    assert (fields["total"], fields["parts"], fields["tax"]) == ("482.15", "179.90", "42.25")  # of cents
    assert (fields["number"], fields["orderEmail"]) == ("2071", "office@example.com")
    assert (activity["vehicle"]["vin"], activity["vehicle"]["odometerUnit"]) == ("1ZZTS24E7N1000101", "mi")
    (contact,) = shop.contacts()
    assert (contact["id"], contact["lastName"]) == (activity["contact"]["id"], "Okafor")
    assert contact["emails"][0] == "dana.okafor@example.com"  # the primary one, whatever this order uses
    assert set(contact["emails"]) == {"dana.okafor@example.com", "other@example.com", "office@example.com"}
    assert contact["phones"] == ["+14165550142"]
    assert (contact["address"]["street"], contact["address"]["postalCode"]) == ("12 Sample Rd", "44101")
    assert contact["externalIds"] == {"shopmonkey": customer}


def test_a_walk_in_without_customer_or_vehicle_is_an_order_all_the_same(made: Callable[..., Shop]) -> None:
    shop = made(ORDERS)
    order = shop.far.estimate(None, None)
    shop.far.close(order)
    shop.sync()
    (activity,) = shop.activities("repairOrder")
    assert (activity["key"], activity["contact"], activity["vehicle"]) == (order, None, None)


@pytest.mark.parametrize("what", ["refund", "delete"])
def test_a_closed_order_that_was_refunded_or_deleted_is_voided(made: Callable[..., Shop], what: str) -> None:
    shop = made(ORDERS)
    order = shop.order()
    shop.far.close(order)
    shop.sync()
    shop.far.now += timedelta(days=1)
    getattr(shop.far, what)(order)
    shop.sync()
    assert [each["state"] for each in shop.activities("repairOrder")] == ["voided"]


# --- what does not come ---------------------------------------------------------------------


@pytest.mark.statement("SM-7", "SM-8")
def test_recommendations_and_open_orders_stay_out_here_and_come_with_the_second_version(
    made: Callable[..., Shop],
) -> None:
    """The same replies: what differs is the definition, and by that alone."""
    shop = made(ORDERS)
    closed, opened = shop.order(), shop.order()
    service = shop.far.defer(closed, "Front brake pads", 14400)
    shop.far.close(closed)
    shop.far.to_repair_order(opened)
    shop.order()  # an estimate
    shop.sync()
    assert [(each["key"], each["state"]) for each in shop.activities("repairOrder")] == [(closed, "closed")]
    assert shop.activities("recommendation") == []
    assert {"recommendations", "open repair orders"} <= not_coming(ORDERS)

    shop.garage.use(ORDERS_2, PARAMS)
    shop.sync(ORDERS_2)
    found = {each["key"]: each["state"] for each in shop.activities("repairOrder")}
    assert found == {closed: "closed", opened: "open"}
    (recommended,) = shop.activities("recommendation")
    assert (recommended["key"], recommended["state"]) == (service, "open")
    assert (recommended["fields"]["title"], recommended["fields"]["amount"]) == ("Front brake pads", "144.00")
    assert not {"recommendations", "open repair orders"} & not_coming(ORDERS_2)


@pytest.mark.statement("SM-12")
@pytest.mark.parametrize("definition", [ORDERS, ORDERS_2])
def test_orders_come_by_schedule_whatever_webhooks_there_are(definition: str) -> None:
    schedule = written(ORDERS)
    assert "triggers" not in schedule
    assert "triggers" not in written(definition)
    assert schedule["schedule"]["cron"] == "${params.cron}"
    assert schedule["params"]["cron"]["default"].split()[1] == "5,17"  # twice a day


@pytest.mark.statement("SM-9")
def test_nothing_is_written_back(made: Callable[..., Shop]) -> None:
    """There is no export to ShopMonkey, and each definition says so on its sheet."""
    for folder in ("shopmonkey", "shopmonkey2"):
        kinds = {yaml.safe_load(path.read_text(encoding="utf-8"))["kind"] for path in (VENDORS / folder).glob("*.yaml")}
        assert kinds == {"feed"}
    for definition in (ORDERS, APPOINTMENTS, ORDERS_2):
        assert "appointments made here" in not_coming(definition)


# --- appointments ---------------------------------------------------------------------------


@pytest.mark.statement("SM-5")
def test_appointments_of_the_calendar_come_in_and_are_shown_there(made: Callable[..., Shop]) -> None:
    shop = made(APPOINTMENTS)
    start = datetime(2023, 3, 20, 15, tzinfo=UTC)
    customer = shop.far.add_customer()
    booked, confirmed, cancelled, deleted = (shop.far.book(customer, None, start) for _ in range(4))
    shop.far.change(confirmed, confirmed=True)
    shop.far.change(cancelled, cancelationNote="sold the car")
    shop.far.delete(deleted)
    assert shop.sync(APPOINTMENTS)["quarantined"] == 0
    found = {each["key"]: each for each in shop.activities("appointment")}
    assert {key: each["state"] for key, each in found.items()} == {
        booked: "booked",
        confirmed: "confirmed",
        cancelled: "cancelled",
        deleted: "cancelled",
    }
    assert (found[booked]["occurred"], found[booked]["fields"]["end"]) == (
        "2023-03-20T15:00:00Z",
        "2023-03-20T16:00:00Z",
    )
    assert found[booked]["contact"]["lastName"] == "Okafor"
    shows = yaml.safe_load((ROOT / "feeds" / "activities" / "appointment.yaml").read_text(encoding="utf-8"))["shows"]
    assert "calendar" in shows


@pytest.mark.statement("SM-6")
@pytest.mark.parametrize(
    ("definition", "hooked", "allowed"),
    [(APPOINTMENTS, True, True), (APPOINTMENTS, False, False), (APPOINTMENTS_2, False, True)],
)
def test_appointments_need_webhooks_and_those_of_the_second_version_do_not(
    tmp_path: Path, sqlite_url: str, definition: str, hooked: bool, allowed: bool
) -> None:
    garage = Garage(tmp_path, sqlite_url, "America/New_York", "US")
    garage.use(definition, PARAMS | HOOK | {"webhooks": hooked}, sampled=False)
    assert ("E054" not in garage.codes()) is allowed
    assert garage.feeds("validate").code == (0 if allowed else 1)
