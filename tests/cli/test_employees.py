"""Who works at a dealer: told by a feed, changed by the next file, and listed for whoever asks."""

from typing import Any

import pytest

from tests.cli.shell import Shell

STAFF = """\
version: 1
kind: feed
title: Staff of a shop
transport: {type: file, directory: INCOMING, filename: 'staff*.csv', settle: 0s}
decode: {format: csv, encoding: [utf-8]}
fields:
  externalId: {column: Id}
  firstName:  {column: First}
  lastName:   {column: Last}
  phone:      {column: Phone, type: phone, optional: true}
  event:      {column: Event}
  changed:    {column: Changed, optional: true}
records: {if: event != 'ignored'}
version: changed
employee:
  roles: [technician]
  state: {from: event, map: {hired: active, changed: active, left: gone}, else: quarantine}
"""
HEADER = "Id,First,Last,Phone,Event"


@pytest.fixture
def shop(both: Shell) -> Shell:
    # The language's own `version` stands at the top of a definition: a record's goes into its stream.
    own = STAFF.replace("version: changed\n", "").replace("  changed:    {column: Changed, optional: true}\n", "")
    both.write("feeds/vendors/shop/staff.yaml", own.replace("INCOMING", str(both.home / "in")))
    both.edit("feeds/dealers/acme.yaml", "- uses: shop/sales", "- uses: shop/staff")
    return both


def told(shop: Shell, name: str, *rows: str, header: str = HEADER) -> dict[str, Any]:
    shop.write(f"in/{name}", "\n".join([header, *rows]) + "\n")
    done = shop.feeds("run", "acme/shop-staff", "--format", "json")
    return dict(done.json()["feeds"][0])


def known(shop: Shell, *arguments: str) -> list[tuple[Any, ...]]:
    done = shop.feeds("employees", "list", "--format", "jsonl", *arguments)
    assert done.code == 0, done.talk
    return [(each["key"], each["state"], each["fields"].get("lastName"), each["roles"]) for each in done.lines()]


def counts(feed: dict[str, Any]) -> dict[str, int]:
    names = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
    return {name: feed[name] for name in names if feed[name]}


def test_whoever_is_told_of_is_listed_and_what_was_said_last_counts(shop: Shell) -> None:
    first = told(shop, "staff1.csv", "T07,Mina,Hart,202-555-0101,hired", "T08,Lee,Moreau,,hired", "T9,J,Park,,ignored")
    assert counts(first) == {"read": 3, "inserted": 2, "filtered": 1}
    second = told(shop, "staff2.csv", "T07,Mina,Hart-Vale,,changed", "T08,Lee,Moreau,,left", "T08,Lee,Moreau,,left")
    assert counts(second) == {"read": 3, "updated": 2, "unchanged": 1}
    assert known(shop) == [("T07", "active", "Hart-Vale", ["technician"]), ("T08", "gone", "Moreau", ["technician"])]
    assert known(shop, "--state", "active", "--role", "technician", "--dealer", "acme") == known(shop)[:1]
    assert known(shop, "--role", "adviser") == []
    (fields,) = [each["fields"] for each in shop.feeds("employees", "list", "--format", "json").json()][:1]
    assert fields == {"externalId": "T07", "firstName": "Mina", "lastName": "Hart-Vale"}, "a blank takes away"


def test_a_row_without_a_key_or_with_an_unknown_event_waits_for_a_person(shop: Shell) -> None:
    feed = told(shop, "staff1.csv", ",Mina,Hart,,hired", "T08,Lee,Moreau,,promoted", "T09,Jo,Park,,hired")
    assert counts(feed) == {"read": 3, "inserted": 1, "quarantined": 2}
    assert sorted(issue["code"] for issue in feed["issues"]) == ["key.missing", "state.unknown"]
    row = shop.feeds("quarantine", "list", "--format", "jsonl").lines()[0]["id"]
    fixed = shop.feeds("quarantine", "fix", str(row), "--set", "Id=T07", "--replay")
    assert fixed.code == 0, fixed.talk
    assert [key for key, *_ in known(shop)] == ["T07", "T09"]


def test_an_old_file_that_is_replayed_changes_nobody_who_was_told_of_since(shop: Shell) -> None:
    told(shop, "staff1.csv", "T07,Mina,Hart,,hired")
    told(shop, "staff2.csv", "T07,Mina,Vale,,left")
    done = shop.feeds("replay", "--run", "1", "--format", "json")
    assert done.code == 0, done.talk
    assert known(shop) == [("T07", "gone", "Vale", ["technician"])]


def test_an_older_version_never_overwrites_a_newer_one(shop: Shell) -> None:
    inner = STAFF.split("fields:\n")[1].replace("\n", "\n    ")
    head = STAFF.split("fields:\n")[0].replace("INCOMING", str(shop.home / "in"))
    shop.write("feeds/vendors/shop/staff.yaml", f"{head}streams:\n  staff:\n    fields:\n    {inner}".rstrip() + "\n")
    header = f"{HEADER},Changed"
    told(shop, "staff1.csv", "T07,Mina,Vale,,changed,2024-05-02", header=header)
    late = told(shop, "staff2.csv", "T07,Mina,Hart,,hired,2024-05-01", header=header)
    assert counts(late) == {"read": 1, "unchanged": 1}
    assert known(shop) == [("T07", "active", "Vale", ["technician"])]


def test_two_systems_of_a_dealer_do_not_mix_their_people(shop: Shell) -> None:
    other = (shop.home / "feeds/vendors/shop/staff.yaml").read_text().replace("staff*.csv", "other*.csv")
    shop.write("feeds/vendors/garage/staff.yaml", other)
    shop.edit("feeds/dealers/acme.yaml", "- uses: shop/staff", "- uses: shop/staff\n  - uses: garage/staff")
    told(shop, "staff1.csv", "7,Mina,Hart,,hired")
    shop.write("in/other1.csv", f"{HEADER}\n7,Jo,Park,,hired\n")
    assert shop.feeds("run", "acme/garage-staff").code == 0
    found = shop.feeds("employees", "list", "--format", "jsonl").lines()
    systems = [(each["system"], each["fields"]["lastName"]) for each in found]
    assert systems == [("garage", "Park"), ("shop", "Hart")]


def test_somebody_whom_nothing_makes_the_same_again_is_told_at_once(shop: Shell) -> None:
    shop.edit("feeds/vendors/shop/staff.yaml", "externalId: {column: Id}", "badge:      {column: Id}")
    done = shop.feeds("validate", "--format", "json")
    (finding,) = [each for each in done.json() if each["severity"] == "error"]
    assert finding["code"] == "E064" and "same employee" in finding["message"]
    shop.edit("feeds/vendors/shop/staff.yaml", "roles: [technician]", "roles: [technician]\n  key: [[badge]]")
    assert shop.feeds("validate").code == 0, shop.feeds("validate").out
