"""What of an IDS dealer's data goes to a CRM as a lead: nothing but leads. Through the command and a real receiver.

The numbers are those of the IDS document's statements about exports.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from tests.cli.shell import Done
from tests.feeds.project import Project
from tests.feeds.test_ids import ORDER, SALE, SL, SV, csv, dealer
from tests.sending.room import Receiver

ROOT = Path(__file__).parents[2]
CRM, OTHER = "acme-rv/leads-adf", "acme-rv/second"
# Leads of a web site, and people of whom nothing happened: what no vendor's definition here brings.
SITE = """\
version: 1
kind: feed
title: Leads of the web site
transport: {type: file, directory: IN, filename: '*.csv', settle: 0s}
decode: {format: csv, encoding: [utf-8]}
fields:
  number:    {column: Number, required: true}
  kind:      {column: Kind}
  firstName: {column: First}
  lastName:  {column: Last}
  email:     {column: Email, type: email}
  at:        {column: At, type: dateTime, formats: ['%Y-%m-%dT%H:%M:%S%z']}
  comments:  {column: Comments}
  year:      {column: Year, type: integer}
  make:      {column: Make}
  model:     {column: Model}
contact: {fields: {externalId: number}}
vehicle: {match: [[make, model, year]]}
activities: [{type: lead, key: [[number]], occurred: at, state: open, if: kind == 'lead'}]
"""
PEOPLE = """\
Number,Kind,First,Last,Email,At,Comments,Year,Make,Model
L1,lead,Ana,Ruiz,ana.ruiz@example.com,2022-01-31T15:30:20-0500,Is it <still> there?,2022,Wanderbird,29RLS
P1,person,Kim,Park,kim.park@example.com,2022-01-31T15:30:20-0500,,,,
"""
EVERYTHING: dict[str, Any] = {"event": {"activities": ["lead", "soldUnit", "workOrder"]}}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


class Site:
    """Acme RV with its IDS feeds, a web site, and one CRM or two."""

    def __init__(self, shop: Project, receiver: Receiver) -> None:
        self.shop, self.receiver = shop, receiver
        self.exports: list[dict[str, Any]] = []
        place = shop.home / "feeds" / "vendors" / "site" / "leads.yaml"
        place.parent.mkdir(parents=True)
        place.write_text(SITE.replace("IN", str(shop.home / "site")))
        (shop.home / "site").mkdir()

    def sends(self, override: dict[str, Any] | None = None, **entry: Any) -> None:
        """One more CRM."""
        over = {"transport": {"allowPrivate": ["127.0.0.1"]}} | (override or {})
        url = f"{self.receiver.url}/{len(self.exports)}"
        self.exports.append({"uses": "leads/adf", "params": {"url": url}, "override": over} | entry)

    def defined(self, *feeds: dict[str, Any]) -> None:
        """Write the dealer's file: its IDS feeds are changed as given, in the order sales, service."""
        made = yaml.safe_load(dealer("ids/sales", "ids/service"))
        for entry, change in zip(made["feeds"], feeds, strict=False):
            entry.update(change)
        made["feeds"].append({"uses": "site/leads", "params": {}})
        made["exports"] = self.exports
        path = self.shop.add_dealer(yaml.safe_dump(made))
        whole = yaml.safe_load(path.read_text())
        whole["feeds"][-1].pop("params")  # it has no server
        path.write_text(yaml.safe_dump(whole))

    def comes(self) -> None:
        """One real lead, one Sold Unit, one Work Order, one contact made by an import."""
        self.shop.put(SL, csv(SALE))
        self.shop.put(SV, csv(ORDER))
        (self.shop.home / "site" / "people.csv").write_text(PEOPLE)

    def run(self) -> dict[str, Any]:
        self.comes()
        return self.shop.run()

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        return list(reversed(self.command("outbox", *arguments, "--format", "jsonl").lines()))

    def command(self, *arguments: str) -> Done:
        return self.shop.feeds("exports", *arguments)


@pytest.fixture
def site(shop: Project, receiver: Receiver) -> Site:
    return Site(shop, receiver)


LET_IN = {"override": {"exports": {"exclude": []}}}  # of a feed that keeps nothing from the CRM
ALL = {"exclude": {"categories": [], "if": "`false`"}}  # of an export that excludes nothing


@pytest.mark.statement("IDS-23")
def test_a_crm_gets_the_lead_alone_and_of_each_other_it_is_said_which_rule_kept_it_back(
    site: Site, receiver: Receiver
) -> None:
    site.sends(EVERYTHING)
    site.defined()
    site.run()
    (taken,) = receiver.taken
    prospect = etree.fromstring(taken["body"])
    assert prospect.findtext(".//contact/name[@part='last']") == "Ruiz"
    assert prospect.findtext(".//customer/comments") == "Is it <still> there?"
    assert prospect.findtext(".//requestdate") == "2022-01-31T15:30:20-05:00"
    assert [prospect.findtext(f".//vehicle/{name}") for name in ("year", "make", "model")] == [
        "2022",
        "Wanderbird",
        "29RLS",
    ]
    shown = site.command("preview", CRM, "--format", "json").json()
    verdicts = {each["type"]: (each["verdict"], each["reason"]) for each in shown["activities"]}
    assert verdicts == {
        "lead": ("goes", None),
        "soldUnit": ("excluded", "the export excludes the category sale"),
        "workOrder": ("excluded", "the export excludes the category service"),
    }
    assert shown["contactsAlone"] == 1
    items = {each["state"]: each["rule"] for each in site.items()}
    rule = next(n for n, line in enumerate(_lines("exports/leads/adf.yaml"), 1) if "categories:" in line)
    assert items["excluded"].endswith(f"feeds/exports/leads/adf.yaml:{rule}")
    assert sorted(each["state"] for each in site.items()) == ["excluded", "excluded", "sent"]


@pytest.mark.statement("IDS-23")
def test_as_it_ships_the_export_names_leads_alone(site: Site, receiver: Receiver) -> None:
    site.sends()
    site.defined(LET_IN, LET_IN)
    assert site.shop.feeds("validate").code == 0
    site.run()
    assert len(receiver.taken) == 1
    assert [each["state"] for each in site.items()] == ["sent"]
    shown = site.command("preview", CRM, "--format", "json").json()
    kept = {each["type"]: each["reason"] for each in shown["activities"] if each["verdict"] != "goes"}
    assert kept == dict.fromkeys(("soldUnit", "workOrder"), "the export's event names lead")


@pytest.mark.statement("IDS-23")
def test_a_dealer_whose_sales_would_go_out_as_leads_is_refused(site: Site, receiver: Receiver) -> None:
    site.sends(EVERYTHING | ALL)
    site.defined(LET_IN)
    done = site.shop.feeds("validate")
    assert done.code == 1
    assert "E082" in done.out
    site.run()
    assert receiver.taken == []


@pytest.mark.statement("IDS-24")
def test_each_kind_of_data_is_excluded_by_itself_for_each_target(site: Site, receiver: Receiver) -> None:
    """By type in one export, by category in another; one feed excludes, the other is excluded there."""
    site.sends(EVERYTHING | {"exclude": {"categories": [], "activities": ["soldUnit", "workOrder"], "if": "`false`"}})
    site.sends(EVERYTHING | {"exclude": {"categories": ["service"], "if": "`false`"}}, name="second")
    site.defined({}, LET_IN)
    assert site.shop.feeds("validate").code == 0
    site.run()
    assert [each["line"].split()[1] for each in receiver.taken] == ["/in/0", "/in/1"]
    reasons = {(each["export"], each["reason"]) for each in site.items("--state", "excluded")}
    by_feed = "the feed acme-rv/ids-sales gives nothing to exports of the class leads"
    assert reasons == {
        (CRM, "the export excludes soldUnit"),
        (CRM, "the export excludes workOrder"),
        (OTHER, by_feed),
        (OTHER, "the export excludes the category service"),
    }
    (rule,) = {each["rule"] for each in site.items() if each["reason"] == by_feed}
    line = next(n for n, text in enumerate(_lines("vendors/ids/sales.yaml"), 1) if text.startswith("exports:"))
    assert rule.endswith(f"feeds/vendors/ids/sales.yaml:{line}")


@pytest.mark.statement("IDS-24")
@pytest.mark.parametrize("where", ["in the export", "in the feed"])
def test_what_was_queued_before_the_exclusion_was_set_stays_here_as_well(
    site: Site, receiver: Receiver, where: str
) -> None:
    # A class of its own: as leads the definitions would not let it be set up like this.
    site.sends(EVERYTHING | ALL | {"class": "offers"})
    site.defined(LET_IN, LET_IN)
    receiver.answer = lambda taken: (503, "{}")
    site.run()
    assert {each["state"] for each in site.items()} == {"failed", "queued"}
    if where == "in the export":
        site.exports.clear()
        site.sends(EVERYTHING | {"class": "offers"})
        site.defined(LET_IN, LET_IN)
    else:
        keeps = {"override": {"exports": {"exclude": ["leads", "offers"]}}}
        site.defined(keeps, keeps)
    receiver.taken.clear()
    receiver.answer = lambda taken: (200, "{}")
    (failed,) = site.items("--state", "failed")
    site.command("retry", str(failed["id"]))  # a person says so: the destination is asked again at once
    site.command("send")
    assert [b"Ruiz" in each["body"] for each in receiver.taken] == [True]
    assert sorted(each["state"] for each in site.items()) == ["excluded", "excluded", "sent"]


def _lines(name: str) -> list[str]:
    return (ROOT / "feeds" / name).read_text(encoding="utf-8").splitlines()
