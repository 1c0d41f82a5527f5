"""`feeds plan` of an API: what a run would change, page after page, with nothing stored and no cursor moved."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import DEALER, Shell
from tests.pages.orders import FEED, Orders
from tests.transports.http.room import Api

ID = "acme/shop-orders"
ORDERS = "feeds/vendors/shop/orders.yaml"
TABLES = ("activities", "activity_changes", "contacts", "cursors", "deliveries", "quarantine", "runs", "vehicles")


@pytest.fixture
def shell(tmp_path: Path, database_url: str, api: Api) -> Shell:
    """Three orders on a page."""
    made = Shell(tmp_path, database_url)
    made.write(ORDERS, FEED.replace("URL", api.url).replace("type: order,", "type: sale,"))
    made.write("feeds/dealers/acme.yaml", DEALER.replace("shop/sales", "shop/orders"))
    return made


def planned(shell: Shell) -> dict[str, Any]:
    return dict(shell.feeds("plan", ID, "--format", "json").json())


def stored(shell: Shell) -> list[Any]:
    return [shell.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES]  # noqa: S608  (ours)


def test_it_tells_what_would_be_new_and_changed_and_stores_nothing(shell: Shell, orders: Orders) -> None:
    assert shell.feeds("run", ID).code == 0
    before = stored(shell)
    orders.rows[2] |= {"amount": "99.00", "updatedAt": "2026-02-01T00:20:00Z"}
    orders.add(9, 30)
    found = planned(shell)
    assert {name: found[name] for name in ("read", "inserted", "updated", "unchanged", "outcome")} == {
        "read": 9,
        "inserted": 1,
        "updated": 1,
        "unchanged": 7,
        "outcome": "ok",
    }
    assert (found["plan"], found["saved"]) == (None, None)
    changes = [change for page in found["files"] for change in page["changes"]]
    assert [(each["type"], each["key"], each["changes"]["amount"]) for each in changes] == [
        ("sale", "O2", ["2.50", "99.00"])
    ]
    assert {page["file"]["action"] for page in found["files"]} == {None}
    assert stored(shell) == before


def test_each_page_sees_what_those_before_it_bring(shell: Shell, orders: Orders) -> None:
    orders.rows.append(orders.rows[0] | {"amount": "9.00", "updatedAt": "2026-02-01T00:30:00Z"})
    first, _, last = planned(shell)["files"]
    assert (first["inserted"], last["updated"]) == (3, 1)
    assert last["contacts"]["created"] == 0


def test_it_is_told_in_words(shell: Shell) -> None:
    out = shell.feeds("plan", ID).out
    assert "GET /v1/orders?since=2026-01-01T00:00:00Z&limit=3&skip=3" in out
    assert "activities  +3 new" in out
    assert "stays where it is" not in out
    assert "nothing to carry out is saved" in " ".join(out.split())
    assert "only the first" not in out


def test_it_asks_for_twenty_pages_and_says_that_there_may_be_more(shell: Shell, api: Api, orders: Orders) -> None:
    for number in range(30):
        orders.add(number, number)
    shell.edit(ORDERS, "size: 3", "size: 1")
    found = planned(shell)
    assert len(found["files"]) == sum(asked.path == "/v1/orders" for asked in api.asked) == 20
    assert "trial.firstPage" in [issue["code"] for issue in found["issues"]]


def test_a_reply_that_is_no_page_ends_it_with_what_came_before(shell: Shell, orders: Orders) -> None:
    orders.broken_from = 3
    done = shell.feeds("plan", ID, "--format", "json")
    assert (done.code, done.json()["outcome"], done.json()["inserted"]) == (1, "refused", 3)
    assert "path.missing" in [issue["code"] for issue in done.json()["issues"]]
