"""`feeds diff`: what has changed since a feed last ran, where it is written, and whom it touches."""

from typing import Any

import pytest

from engine.language import differences
from tests.cli.shell import DEALER, DEFINITION, FEED, Done, Shell, sale

VENDOR = "feeds/vendors/shop/sales.yaml"


@pytest.fixture
def ran(shell: Shell) -> Shell:
    """A project whose only feed has run."""
    shell.imported(sale("1"))
    return shell


def told(shell: Shell, *arguments: str) -> dict[str, Any]:
    done = shell.feeds("diff", *arguments, "--format", "json")
    assert done.code == 0, done.talk
    found: dict[str, Any] = done.json()
    return found


def only(shell: Shell) -> dict[str, Any]:
    (feed,) = told(shell)["feeds"]
    return dict(feed)


def line_of(shell: Shell, name: str, text: str) -> int:
    lines = (shell.home / name).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if text in line)
    return number


def test_what_ran_as_it_stands_is_no_difference(ran: Shell) -> None:
    feed = only(ran)
    assert (feed["feed"], feed["state"], feed["rereads"], feed["changes"]) == (FEED, "same", False, [])
    assert feed["ranAt"]
    assert ran.feeds("diff").out == "as it ran last: 1 feed\n"


def test_a_comment_and_another_order_of_keys_are_no_difference(ran: Shell) -> None:
    ran.edit(VENDOR, "decode: {format: csv, encoding: [utf-8]}", "# it is\ndecode: {encoding: [utf-8], format: csv}")
    assert only(ran)["state"] == "same"


CASES = {
    "another type": ("{column: Amount, type: money}", "{column: Amount, type: decimal}", "fields.amount.type", True),
    "another column": ("{column: City, optional: true}", "{column: Town, optional: true}", "fields.city.column", True),
    "a key with two parts": ("key: [[number]]", "key: [[number, date]]", "activities[0].key", True),
    "another folder": ("directory: ", "directory: ./", "transport.directory", False),
    "another title": ("title: Sales of a shop", "title: Sales", "title", False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_changed_value_is_shown_with_its_line_and_what_it_costs(ran: Shell, case: str) -> None:
    old, new, path, rereads = CASES[case]
    ran.edit(VENDOR, old, new)
    feed = only(ran)
    (change,) = feed["changes"]
    assert (feed["state"], feed["rereads"], change["mapping"]) == ("changed", rereads, rereads)
    assert (change["path"], change["kind"]) == (path, "changed")
    assert change["before"] != change["after"]
    assert (change["file"], change["line"]) == (str(ran.home / VENDOR), line_of(ran, VENDOR, new))
    text = ran.feeds("diff", FEED).out
    assert path in text
    assert ("every row is read again" in text) is rereads


def test_added_and_removed_values_are_told_apart(ran: Shell) -> None:
    ran.edit(VENDOR, "activities:", "schedule: {every: 2h}\nactivities:")
    ran.edit(VENDOR, ", onError: blank}\n  city", "}\n  city")
    feed = only(ran)
    assert [(each["path"], each["kind"], each["before"], each["after"]) for each in feed["changes"]] == [
        ("fields.phone.onError", "removed", "blank", None),
        ("schedule", "added", None, {"every": "2h"}),
    ]


def test_what_was_changed_is_no_difference_once_it_has_run(ran: Shell) -> None:
    ran.edit(VENDOR, "type: money", "type: decimal")
    assert only(ran)["state"] == "changed"
    ran.imported(sale("2"), name="more.csv")
    assert only(ran)["state"] == "same"


def test_a_dry_run_is_no_run(ran: Shell) -> None:
    ran.edit(VENDOR, "type: money", "type: decimal")
    ran.feeds("run", FEED, "--dry-run")
    assert only(ran)["state"] == "changed"


def test_an_edit_of_a_definition_names_the_dealers_it_touches(both: Shell) -> None:
    for name in ("bay", "cove"):
        both.write(f"feeds/dealers/{name}.yaml", DEALER.replace("acme", name).replace("Acme", name.title()))
    for name in ("acme", "bay", "cove"):
        folder = both.home / "in" / name
        folder.mkdir()
        text = (both.home / "feeds/dealers" / f"{name}.yaml").read_text(encoding="utf-8")
        text += f"    override: {{transport: {{directory: '{folder}'}}}}\n"
        both.write(f"feeds/dealers/{name}.yaml", text)
    both.feeds("run", "--all")
    both.edit(VENDOR, "type: money", "type: decimal")
    both.edit("feeds/dealers/cove.yaml", "timezone: America/New_York", "timezone: America/Denver")
    found = told(both)
    (touched,) = found["definitions"]
    assert touched == {
        "file": str(both.home / VENDOR),
        "feeds": ["acme/shop-sales", "bay/shop-sales", "cove/shop-sales"],
        "dealers": ["acme", "bay", "cove"],
        "rereads": True,
    }
    cove = found["feeds"][2]["changes"]
    assert [
        (each["path"], each["file"].endswith("cove.yaml"), each["line"]) for each in cove if each["path"][0] == "d"
    ] == [("dealer.timezone", True, 5)]
    text = both.feeds("diff").out
    assert "touches 3 feeds of 3 dealers: acme, bay, cove" in " ".join(text.split())


def test_an_activity_type_that_changes_is_shown_in_its_own_file(ran: Shell) -> None:
    ran.edit("feeds/activities/sale.yaml", "{label: Term, type: integer, unit", "{label: Term, type: decimal, unit")
    feed = only(ran)
    (change,) = feed["changes"]
    assert (feed["rereads"], change["path"]) == (True, "activityTypes.sale.fields.term.type")
    assert change["file"].endswith("sale.yaml")
    assert change["line"] == line_of(ran, "feeds/activities/sale.yaml", "label: Term")


def test_feeds_that_never_ran_are_gone_or_broken(ran: Shell) -> None:
    ran.write("feeds/dealers/bay.yaml", DEALER.replace("acme", "bay").replace("shop/sales", "shop/other"))
    ran.write("feeds/vendors/shop/other.yaml", DEFINITION.replace("INCOMING", str(ran.home / "elsewhere")))
    assert {each["feed"]: each["state"] for each in told(ran)["feeds"]} == {FEED: "same", "bay/shop-other": "new"}
    ran.edit(VENDOR, "type: money", "type: mony")
    (ran.home / "feeds/dealers/bay.yaml").unlink()
    assert only(ran)["state"] == "broken"
    ran.edit(VENDOR, "type: mony", "type: money")
    (ran.home / "feeds/dealers/acme.yaml").unlink()
    assert only(ran)["state"] == "gone"
    assert ran.feeds("diff", FEED).out == f"defined no more: {FEED}\n"


def test_nothing_has_run_where_there_is_no_store(shell: Shell) -> None:
    assert only(shell)["state"] == "new"
    assert not shell.rows("SELECT name FROM sqlite_master WHERE name = 'feeds'")


def test_an_unknown_feed_is_a_mistake_with_the_nearest(ran: Shell) -> None:
    done = ran.feeds("diff", "acme/shop-sale")
    assert (done.code, FEED in done.talk) == (2, True)


def test_no_value_of_a_secret_is_kept(ran: Shell) -> None:
    """Only what the definition says: names."""
    ran.environment["FEEDS_SECRET_SHOP"] = "not-to-be-kept"
    ran.edit(VENDOR, "type: file, directory", "type: sftp, host: 127.0.0.1, port: 1, username: u, timeout: 1s,"
             " auth: {type: password, password: '${secret.SHOP}'}, hostKey: '${secret.SHOP}', directory")  # fmt: skip
    ran.feeds("run", "--all")
    kept = str(ran.rows("SELECT content FROM definitions"))
    assert ("secret.SHOP" in kept, "not-to-be-kept" in kept) == (True, False)


def test_sections_that_feeds_share_are_kept_once(shell: Shell) -> None:
    shell.write("feeds/dealers/bay.yaml", DEALER.replace("acme", "bay") + "    override: {transport: {directory: x}}\n")
    done: Done = shell.feeds("run", "--all")
    assert done.code in (0, 3, 4)
    kept = [name for (name,) in shell.rows("SELECT content FROM definitions")]
    assert len([each for each in kept if "customerNo" in str(each) and "column" in str(each)]) == 1


def test_lists_of_as_many_maps_are_compared_one_by_one() -> None:
    before = {"a": [{"x": 1, "y": 2}, {"x": 3}], "b": [1, 2], "c": [{"x": 1}]}
    after = {"a": [{"x": 1, "y": 4}, {"x": 3}], "b": [1, 3], "c": [{"x": 1}, {"x": 2}]}
    assert [(each.path, each.before, each.after) for each in differences.changes(before, after)] == [
        ("a[0].y", 2, 4),
        ("b", [1, 2], [1, 3]),
        ("c", [{"x": 1}], [{"x": 1}, {"x": 2}]),
    ]


def test_true_is_not_one() -> None:
    assert [each.path for each in differences.changes({"a": True}, {"a": 1})] == ["a"]
