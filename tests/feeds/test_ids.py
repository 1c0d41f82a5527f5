"""The IDS document, statement by statement, through the `feeds` command against a real SFTP server.

The numbers are those of the document's statements about importing. How values are written in many
ways, and what files look like on a bad day, is in the case folders beside this module.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.feeds.project import Project
from tests.feeds.test_cases import of_feed

ROOT = Path(__file__).parents[2]
SALES, SERVICE = "acme-rv/ids-sales", "acme-rv/ids-service"
SL, SV = "acme/IDS/ACME_IDS_20220131_SL.csv", "acme/IDS/ACME_IDS_20220131_SV.csv"
PERSON = {"CustomerNo": "C1001", "First.Name": "Robin", "Last.Name": "Vale", "Email": "robin.vale@example.com"}
PERSON |= {"Phone": "(555) 555-0101", "Zip": "04401"}
UNIT = {"VIN": "1ZZRV30C4P1000202", "mfg": "Example RV Co", "make": "Wanderbird", "model": "29RLS", "type": "TT"}
SALE = PERSON | {"DealNumber": "D5001", "SoldDate": "01/28/2022", "Amount.Financed": "48250.00", "Term": "180"}
SALE |= {"Monthly Payment": "412.37", "LastPayment": "02/15/2037"} | UNIT
ORDER = PERSON | {"WONumber": "W70012", "OpenDate": "01/20/2022", "CloseDate": "01/31/2022", "RO.Amount": "1284.55"}
ORDER |= UNIT


def csv(*rows: dict[str, str]) -> str:
    """Rows under the header of the first; no value here needs a quote."""
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def dealer(*uses: str, **changes: Any) -> str:
    """Acme RV with these feeds, everything confirmed; `changes` go to every feed but `features`."""
    given = {"dealerPermission": "2022-01-12", "fileNotice": "2022-01-20"}
    features = changes.pop("features", ["platinum", "l5"])
    feeds = [{"uses": use, "params": {"folder": "acme"}, "confirmed": given} | changes for use in uses]
    made = {"version": 1, "kind": "dealer", "name": "acme-rv", "title": "Acme RV", "timezone": "America/New_York"}
    made |= {"features": features, "feeds": feeds}
    made["contact"] = {"name": "Pat Example", "phone": "+1 555-555-0199", "email": "office@example.com"}
    return yaml.safe_dump(made)


@pytest.fixture
def both(shop: Project) -> Project:
    """Sales and service of one dealer, nothing on the server yet."""
    shop.add_dealer(dealer("ids/sales", "ids/service"))
    return shop


def sold(shop: Project, *rows: dict[str, str]) -> list[dict[str, Any]]:
    """The Sold Units after these rows have come as one file."""
    shop.put(SL, csv(*rows))
    shop.run()
    return shop.activities("--type", "soldUnit")


def serviced(shop: Project, *rows: dict[str, str], name: str = SV) -> list[dict[str, Any]]:
    shop.put(name, csv(*rows))
    shop.run()
    return shop.activities("--type", "workOrder")


def findings(shop: Project) -> list[dict[str, Any]]:
    return list(shop.feeds("validate", "--format", "json").json())


def resolved(shop: Project, feed: str) -> str:
    done = shop.feeds("show", feed, "--resolved")
    assert done.code == 0, done.talk
    return done.out


# --- product and access ---------------------------------------------------------------------


@pytest.mark.statement("IDS-1")
@pytest.mark.parametrize(
    ("features", "entitled"),
    [
        (["legacy"], False),
        (["silver"], False),
        (["silver", "l5"], False),
        (["gold"], False),
        (["gold", "l5"], True),
        (["platinum"], False),
        (["platinum", "l5"], True),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "yes" if value else "no",
)
def test_only_gold_and_platinum_dealers_with_l5_can_have_it(shop: Project, features: list[str], entitled: bool) -> None:
    shop.add_dealer(dealer("ids/sales", "ids/service", features=features))
    assert (shop.feeds("validate").code == 0) is entitled


@pytest.mark.statement("IDS-2")
def test_sales_and_service_stand_in_the_activity_of_the_contact(both: Project) -> None:
    both.put(SL, csv(SALE))
    both.put(SV, csv(ORDER))
    both.run()
    (contact,) = both.contacts()
    assert [each["type"] for each in both.activities("--contact", str(contact["id"]))] == ["soldUnit", "workOrder"]
    timeline = both.feeds("contacts", "show", str(contact["id"])).out
    assert "Sold Unit" in timeline
    assert "Work Order" in timeline


@pytest.mark.statement("IDS-3")
def test_rows_become_activities_of_contacts_and_not_units(both: Project) -> None:
    (activity,) = sold(both, SALE)
    assert activity["contact"]["id"] == both.contacts()[0]["id"]


@pytest.mark.statement("IDS-4")
def test_the_data_comes_from_the_providers_server(shop: Project) -> None:
    definition = (ROOT / "feeds" / "vendors" / "ids" / "sales.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(definition)["params"]["host"]["default"] == "sftp.proresponse.com"
    shop.add_dealer(dealer("ids/sales"))
    sold(shop, SALE)
    assert shop.server.sessions == 1


@pytest.mark.statement("IDS-5")
@pytest.mark.parametrize(
    "override",
    [{"fields": {"term": {"column": "Years"}}}, {"contact": {"match": [["phone"]]}}, {"activities": []}],
    ids=lambda override: next(iter(override)),
)
def test_a_dealer_cannot_choose_other_data_points(shop: Project, override: dict[str, Any]) -> None:
    shop.add_dealer(dealer("ids/sales", override=override))
    assert "sealed" in str(findings(shop))
    assert shop.feeds("validate").code == 1


@pytest.mark.statement("IDS-6")
def test_columns_that_are_not_shown_are_not_taken_and_are_reported(both: Project) -> None:
    both.put(SL, csv(SALE | {"Gross.Profit": "canary-9000"}))
    report = of_feed(both.run(), SALES)
    (activity,) = both.activities()
    shown = yaml.safe_load((ROOT / "feeds" / "activities" / "soldUnit.yaml").read_text(encoding="utf-8"))["fields"]
    assert set(activity["fields"]) <= set(shown)
    assert "canary-9000" not in str(activity)
    assert any("Gross.Profit" in issue["message"] for issue in report["issues"])


# --- sold units -----------------------------------------------------------------------------


@pytest.mark.statement("IDS-7")
def test_sold_units_can_be_searched_by_their_type(both: Project) -> None:
    serviced(both, ORDER)
    assert [each["type"] for each in sold(both, SALE)] == ["soldUnit"]
    assert "Sold Unit" in both.feeds("activities", "search", "--type", "soldUnit").out


@pytest.mark.statement("IDS-8")
def test_its_details_show_the_sold_date(both: Project) -> None:
    (activity,) = sold(both, SALE)
    timeline = both.feeds("contacts", "show", str(activity["contact"]["id"])).out
    assert "Sold Date" in timeline
    assert "2022-01-28" in timeline


@pytest.mark.statement("IDS-9")
def test_each_run_looks_in_the_folder_and_takes_the_files_of_both_kinds(both: Project) -> None:
    assert {each["outcome"] for each in both.run()["feeds"]} == {"failed"}  # the folder is not there
    (both.server.root / "acme" / "IDS").mkdir(parents=True)
    assert {each["outcome"] for each in both.run()["feeds"]} == {"empty"}
    both.put(SL, csv(SALE))
    both.put(SV, csv(ORDER))
    report = both.run()
    taken = {each["feed"]: [delivery["name"] for delivery in each["deliveries"]] for each in report["feeds"]}
    assert taken == {SALES: [SL.rpartition("/")[2]], SERVICE: [SV.rpartition("/")[2]]}


@pytest.mark.statement("IDS-10")
def test_the_buyer_is_found_or_made(both: Project) -> None:
    sold(both, SALE)
    again = SALE | {"DealNumber": "D5009", "SoldDate": "02/28/2022"}
    other = again | {"DealNumber": "D5010", "CustomerNo": "C7", "First.Name": "Kit", "Last.Name": "Ames"}
    other |= {"Email": "kit@example.com", "Phone": "555-555-0107"}
    activities = sold(both, again, other)
    assert [contact["lastName"] for contact in both.contacts()] == ["Ames", "Vale"]
    first, second, third = (each["contact"]["id"] for each in activities)
    assert (first == second) and (third != first)


@pytest.mark.statement("IDS-11")
def test_the_sold_date_stands_in_place_of_the_created_date(both: Project) -> None:
    (activity,) = sold(both, SALE)
    assert activity["occurred"] == "2022-01-28"


@pytest.mark.statement("IDS-12")
@pytest.mark.parametrize(
    ("financed", "cash"),
    [("", True), ("  ", True), ("N/A", True), ("0.00", True), ("$0", True), ("48250.00", False), ("0.01", False)],
)
def test_it_is_a_cash_purchase_when_no_amount_was_financed(both: Project, financed: str, cash: bool) -> None:
    (activity,) = sold(both, SALE | {"Amount.Financed": financed})
    assert activity["fields"]["cashPurchase"] is cash


@pytest.mark.statement("IDS-13")
def test_the_finance_details_of_a_cash_purchase_are_greyed_out_and_kept(both: Project) -> None:
    shown = yaml.safe_load((ROOT / "feeds" / "activities" / "soldUnit.yaml").read_text(encoding="utf-8"))["fields"]
    grey = {name for name, field in shown.items() if field.get("greyIf") == "cashPurchase"}
    assert grey == {"term", "monthlyPayment", "finalPayment"}
    (activity,) = sold(both, SALE | {"Amount.Financed": ""})
    assert {name: activity["fields"][name] for name in sorted(grey)} == {
        "finalPayment": "2037-02-15",
        "monthlyPayment": "412.37",
        "term": 180,
    }


@pytest.mark.statement("IDS-14", "IDS-15", "IDS-16")
@pytest.mark.parametrize(
    ("field", "label", "value"),
    [
        ("term", "Term", 180),
        ("monthlyPayment", "Monthly Payment", "412.37"),
        ("finalPayment", "Final Payment Date", "2037-02-15"),
    ],
)
def test_a_column_of_the_file_is_shown_under_its_label(both: Project, field: str, label: str, value: object) -> None:
    (activity,) = sold(both, SALE)
    assert activity["fields"][field] == value
    timeline = both.feeds("contacts", "show", str(activity["contact"]["id"])).out
    assert label in timeline


# --- work orders ----------------------------------------------------------------------------


@pytest.mark.statement("IDS-17")
def test_each_service_transaction_makes_a_work_order(both: Project) -> None:
    orders = serviced(both, ORDER, ORDER | {"WONumber": "W70013"}, ORDER | {"WONumber": "W70014"})
    assert [(each["type"], each["key"]) for each in orders] == [
        ("workOrder", "W70012"),
        ("workOrder", "W70013"),
        ("workOrder", "W70014"),
    ]


@pytest.mark.statement("IDS-18")
def test_the_customer_is_found_or_made(both: Project) -> None:
    sold(both, SALE)
    new = ORDER | {"WONumber": "W2", "CustomerNo": "C9", "First.Name": "Jo", "Last.Name": "Park"}
    orders = serviced(both, ORDER, new | {"Email": "jo@example.com", "Phone": "555-555-0104"})
    assert [each["contact"]["lastName"] for each in orders] == ["Vale", "Park"] or len(both.contacts()) == 2
    assert [contact["lastName"] for contact in both.contacts()] == ["Park", "Vale"]


@pytest.mark.statement("IDS-19")
@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({}, "W70012"),
        ({"WONumber": ""}, "2:1ZZRV30C4P1000202|2022-01-20"),
        ({"WONumber": "", "VIN": ""}, "3:C1001|2022-01-20"),
        ({"WONumber": "", "VIN": "", "CustomerNo": ""}, None),
    ],
    ids=["number", "vin", "customer", "hash"],
)
def test_an_order_is_the_same_one_when_it_is_sent_again(both: Project, row: dict[str, str], key: str | None) -> None:
    """By its number, else by other fields; the amount and the description take no part."""
    (first,) = serviced(both, ORDER | row)
    changed = ORDER | row | {"RO.Amount": "1400.00", "model": "30RLS"}
    (second,) = serviced(both, changed, name=SV.replace("0131", "0201"))
    assert (first["id"], first["key"]) == (second["id"], second["key"])
    assert second["fields"]["amount"] == "1400.00"
    assert key in (None, second["key"])
    assert second["fields"]["number"] == (row.get("WONumber", "W70012") or None)


@pytest.mark.statement("IDS-20")
def test_the_amount_is_the_total_of_the_order_exactly(both: Project) -> None:
    (order,) = serviced(both, ORDER | {"RO.Amount": "1284.50"})
    assert order["fields"]["amount"] == "1284.50"


@pytest.mark.statement("IDS-21")
@pytest.mark.parametrize(
    ("blank", "description"),
    [
        ((), "Example RV Co Wanderbird 29RLS TT"),
        (("mfg", "model"), "Wanderbird TT"),
        (("mfg", "make", "model", "type"), None),
    ],
)
def test_the_description_is_what_there_is_of_the_unit(
    both: Project, blank: tuple[str, ...], description: str | None
) -> None:
    (order,) = serviced(both, ORDER | dict.fromkeys(blank, ""))
    assert order["fields"]["description"] == description


@pytest.mark.statement("IDS-22")
@pytest.mark.parametrize("vin", ["1ZZRV30C4P1000202", "9YYUNKNOWN0000001", "SHORT", ""])
def test_the_vin_may_match_a_known_unit_and_need_not(both: Project, vin: str) -> None:
    (sale,) = sold(both, SALE)
    (order,) = serviced(both, ORDER | {"VIN": vin})
    assert (order["vehicle"] == sale["vehicle"]) is (vin == UNIT["VIN"])
    assert both.quarantine() == []


# --- set-up and life cycle ------------------------------------------------------------------


@pytest.mark.statement("IDS-25", "IDS-26")
def test_a_set_up_feed_names_the_dealer_its_contact_the_dms_and_what_is_wanted(both: Project) -> None:
    for feed, wanted in ((SALES, "sold units"), (SERVICE, "work orders")):
        shown = resolved(both, feed)
        assert [text for text in ("Acme RV", "office@example.com", "IDS", wanted) if text not in shown] == []


@pytest.mark.statement("IDS-27")
@pytest.mark.parametrize("gate", ["dealerPermission", "fileNotice"])
def test_a_feed_whose_permission_or_notice_is_outstanding_is_warned_about(shop: Project, gate: str) -> None:
    given = {"dealerPermission": "2022-01-12", "fileNotice": "2022-01-20"}
    del given[gate]
    shop.add_dealer(dealer("ids/sales", confirmed=given))
    assert any(gate in finding["message"] + finding["help"] for finding in findings(shop))


@pytest.mark.statement("IDS-28")
def test_sales_and_service_are_feeds_of_their_own(both: Project) -> None:
    listed = both.feeds("list", "--format", "json").json()
    assert [each["feed"] for each in listed] == [SALES, SERVICE]
    both.put(SL, csv(SALE))
    both.put(SV, csv(ORDER))
    report = both.run(SERVICE)
    assert [each["feed"] for each in report["feeds"]] == [SERVICE]
    assert both.left() == [SL]


@pytest.mark.statement("IDS-29", "IDS-30", "IDS-32")
@pytest.mark.parametrize(("feed", "suffix"), [(SALES, "_SL"), (SERVICE, "_SV")])
def test_a_feed_has_details_parameters_and_a_transport(both: Project, feed: str, suffix: str) -> None:
    shown = resolved(both, feed)
    for key, value in {
        "title": "IDS",
        "folder": "acme",
        "type": "sftp",
        "host": both.server.host,
        "directory": "acme/IDS/",
        "filename": rf"{suffix}\.csv$",
        "regex": "true",
        "deleteFromServer": "true",
        "username": "${secret.PRORESPONSE_USER}",
        "password": "${secret.PRORESPONSE_PASSWORD}",
    }.items():
        assert any(f"{key}:" in line and value in line for line in shown.splitlines()), (key, value)
    assert str(both.server.password) not in shown


@pytest.mark.statement("IDS-31")
@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ACME_IDS_20220131_SL.csv", True),
        ("_SL.csv", True),
        ("ACME_IDS_20220131_SV.csv", False),
        ("X_SLAcsv", False),
        ("X_SL.csv.filepart", False),
        ("X_sl.csv", False),
    ],
)
def test_the_filename_is_a_regular_expression_searched_for_in_the_name(shop: Project, name: str, taken: bool) -> None:
    shop.add_dealer(dealer("ids/sales"))
    shop.put(f"acme/IDS/{name}", csv(SALE))
    shop.run()
    assert (shop.left() == []) is taken


@pytest.mark.statement("IDS-33")
def test_a_file_is_deleted_from_the_server_once_it_is_stored_and_only_then(both: Project) -> None:
    both.put(SL, csv(SALE))
    both.put(SV, csv(ORDER).replace("RO.Amount", "Amount"))
    report = both.run()
    assert of_feed(report, SALES)["inserted"] == 1
    assert of_feed(report, SERVICE)["outcome"] == "refused"
    assert both.left() == [SV]


@pytest.mark.statement("IDS-34")
def test_the_placeholder_of_the_folder_is_refused(shop: Project) -> None:
    shop.add_dealer(dealer("ids/sales", params={"folder": "dealername"}))
    assert any("dealername" in finding["message"] for finding in findings(shop))
    assert shop.feeds("validate").code == 1


@pytest.mark.statement("IDS-35")
def test_a_disabled_feed_runs_neither_with_all_nor_by_name_and_keeps_its_files(shop: Project) -> None:
    shop.add_dealer(dealer("ids/sales", enabled=False, reason="DMS move"))
    shop.put(SL, csv(SALE))
    for arguments in (("--all",), (SALES,)):
        assert {each["outcome"] for each in shop.run(*arguments)["feeds"]} <= {"paused"}
    assert shop.left() == [SL]
    assert shop.server.sessions == 0
    (listed,) = shop.feeds("list", "--format", "json").json()
    assert listed["enabled"] is False


@pytest.mark.statement("IDS-36")
def test_a_feed_that_is_taken_away_leaves_its_activities_and_the_files(shop: Project) -> None:
    shop.add_dealer(dealer("ids/sales", "ids/service"))
    sold(shop, SALE)
    shop.add_dealer(dealer("ids/service"))
    shop.put(SL, csv(SALE | {"DealNumber": "D2"}))
    shop.run()
    assert [each["feed"] for each in shop.feeds("list", "--format", "json").json()] == [SERVICE]
    assert [each["key"] for each in shop.activities()] == ["D5001"]
    assert shop.left() == [SL]


@pytest.mark.statement("IDS-37")
def test_what_the_contract_says_about_ending_stands_before_the_end(both: Project) -> None:
    assert "contractFollowed" in resolved(both, SALES)
