"""The simulated Protractor keeps what its first lines say, over plain HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.simulators import loopback
from tests.simulators.protractor import CONNECTION, KEY, NEVER, Protractor, authentication

REST, XML = "/IntegrationServices/2.0", "/ExternalCRM/1.0/GetCRMData.ashx"
HEADERS = {"connectionId": CONNECTION, "apiKey": KEY, "authentication": "0MnepxLKGjAkCruGq1EQ7gip544="}


@pytest.fixture
def shop() -> Iterator[Protractor]:
    with Protractor() as started:
        yield started


def read(shop: Protractor, path: str, **query: Any) -> Any:
    reply = requests.get(shop.url + REST + path, params=query, headers=HEADERS, timeout=5)
    assert reply.status_code == 200, reply.text
    return reply.json()


def listed(shop: Protractor, path: str, **query: Any) -> list[dict[str, Any]]:
    return list(read(shop, path, **query)["ItemCollection"])


def export(shop: Protractor, **query: Any) -> str:
    query = {"connectionID": CONNECTION, "apiKey": KEY, "startDate": "2023-03-01", "endDate": "2023-04-30"} | query
    return requests.get(shop.url + XML, params=query, timeout=5).text


def order(shop: Protractor, **fields: Any) -> str:
    contact = shop.add_contact()
    return shop.open_order(contact, shop.add_vehicle(contact), **fields)


def test_the_authentication_header_is_that_of_the_vector() -> None:
    assert authentication(CONNECTION, KEY) == HEADERS["authentication"]


@pytest.mark.parametrize("name", HEADERS)
def test_each_of_the_three_headers_is_looked_at(shop: Protractor, name: str) -> None:
    assert requests.get(shop.url + REST + "/Location/", headers=HEADERS, timeout=5).status_code == 200
    for wrong in ({**HEADERS, name: "x"}, {key: value for key, value in HEADERS.items() if key != name}):
        assert requests.get(shop.url + REST + "/Location/", headers=wrong, timeout=5).status_code == 401


def test_an_order_keeps_its_id_from_estimate_to_invoice(shop: Protractor) -> None:
    made = order(shop, kind="Estimate")
    shop.defer(made)
    assert [row["Type"] for row in listed(shop, "/WorkOrder/")] == ["Estimate"]
    shop.convert(made)
    assert [(row["ID"], row["Type"]) for row in listed(shop, "/WorkOrder/")] == [(made, "WorkOrder")]
    assert listed(shop, "/Invoice/") == []
    shop.begin_posting(made)
    assert listed(shop, "/Invoice/") == []
    shop.post(made)
    assert listed(shop, "/WorkOrder/") == []
    (invoice,) = listed(shop, "/Invoice/")
    assert (invoice["ID"], invoice["Type"], invoice["Header"]["DeletionTime"]) == (made, "Invoice", NEVER)
    assert len(invoice["DeferredServicePackages"]["ItemCollection"]) == 1


def test_lists_of_work_orders_are_thin_and_a_closed_one_has_lost_its_packages(shop: Protractor) -> None:
    made = order(shop)
    shop.add_package(made)
    (row,) = listed(shop, "/WorkOrder/")
    assert "ServicePackages" not in row
    assert len(read(shop, f"/WorkOrder/{made}")["ServicePackages"]["ItemCollection"]) == 1
    shop.post(made)
    assert read(shop, f"/WorkOrder/{made}")["ServicePackages"]["ItemCollection"] == []
    assert len(read(shop, f"/Invoice/{made}")["ServicePackages"]["ItemCollection"]) == 1


def test_a_deferred_package_may_stand_in_both_collections(shop: Protractor) -> None:
    made = order(shop)
    package = shop.add_package(made)
    shop.defer_package(made, package)
    shop.post(made)
    (row,) = listed(shop, "/Invoice/")
    assert [each["ID"] for each in row["ServicePackages"]["ItemCollection"]] == [package]
    assert [each["ID"] for each in row["DeferredServicePackages"]["ItemCollection"]] == [package]


def test_lists_are_paged_and_cut_by_the_day(shop: Protractor) -> None:
    made = [order(shop) for _ in range(5)]
    for each in made[:4]:
        shop.post(each)
    shop.now += timedelta(days=2)
    shop.post(made[4])
    days = {"startDate": "2023-03-20", "endDate": "2023-03-20"}
    assert [row["ID"] for row in listed(shop, "/Invoice/", **days)] == made[:4]
    assert [row["ID"] for row in listed(shop, "/Invoice/", **days, take=3, skip=3)] == made[3:4]
    assert [row["ID"] for row in listed(shop, "/Invoice/", startDate="2023-03-22", endDate="2023-03-22")] == made[4:]
    assert shop.far.asked_of(REST + "/Invoice/")[1].query["take"] == "3"


def test_an_object_can_be_nudged_before_it_can_be_read(shop: Protractor) -> None:
    made = order(shop)
    shop.switches.hidden[made] = 1
    first, second = (requests.get(f"{shop.url}{REST}/WorkOrder/{made}", headers=HEADERS, timeout=5) for _ in range(2))
    assert (first.status_code, second.status_code) == (404, 200)


def test_the_export_holds_all_sections_and_money_has_four_decimals(shop: Protractor) -> None:
    made = order(shop)
    shop.add_package(made, total=1055.0)
    shop.post(made)
    shop.book(None, None, shop.now)
    document = export(shop)
    assert "<GrandTotal>1192.1500</GrandTotal>" in document
    assert document.count("<Item>") == 4  # a contact, a vehicle, an invoice, an appointment
    assert "<Technician>Tech One</Technician>" in document
    assert "DEMO\\counter1" in document
    assert "<ErrorNumber></ErrorNumber>" in document


def test_the_export_tells_its_errors_inside_a_200(shop: Protractor) -> None:
    assert "<ErrorNumber>InvalidConnectionID</ErrorNumber>" in export(shop, apiKey="wrong")
    shop.switches.throttled = 1
    assert "CallThrottled" in export(shop)
    assert "try again in 00:00:02" not in export(shop)


def test_a_company_has_hardly_a_name_and_a_fleet_vehicle_no_vin(shop: Protractor) -> None:
    contact = shop.add_contact(company="Testville Taxi")
    made = shop.open_order(contact, shop.add_vehicle(contact, VIN=""))
    shop.post(made)
    (row,) = listed(shop, "/Invoice/")
    assert (row["Contact"]["Company"], row["Contact"]["Name"]["LastName"]) == ("Testville Taxi", "")
    assert (row["ServiceItem"]["VIN"], row["ServiceItem"]["Lookup"]) == ("", "TEST 123")
    shop.switches.contacts_by_id = True
    (row,) = listed(shop, "/Invoice/")
    assert "Contact" not in row
    assert read(shop, f"/ServiceItem/{row['ServiceItemID']}")["Lookup"] == "TEST 123"


@pytest.mark.parametrize(("times", "came"), [(0, 0), (1, 1), (2, 2)])
def test_a_webhook_is_a_get_of_four_words_lost_or_doubled(shop: Protractor, times: int, came: int) -> None:
    made = order(shop)
    with loopback.Loopback(lambda asked: loopback.Answer(204)) as receiver:
        assert shop.send(f"{receiver.url}/hooks/x/canary", made, times=times) == [204] * times
    assert len(receiver.asked) == came
    plain = CONNECTION.replace("-", "")
    for each in receiver.asked:
        assert each.method == "GET"
        assert each.query == {"connectionId": plain, "type": "WorkOrder", "id": made, "operation": "Update"}


def test_the_same_seed_is_the_same_shop(shop: Protractor) -> None:
    assert order(shop) == order(Protractor())
    assert order(Protractor(seed=2)) not in shop.orders
