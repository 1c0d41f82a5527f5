"""`feeds preview` of an API: the page that a run would read next, and nothing moved, kept or shown that is secret."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import DEALER, Done, Shell
from tests.pages.orders import FEED, Orders
from tests.transports.http.room import Api, Asked

ID = "acme/shop-orders"
TABLES = ("activities", "contacts", "deliveries", "quarantine", "cursors", "runs")


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: str, api: Api) -> Shell:
    """Three orders on a page; the key stands in the address."""
    made = Shell(tmp_path, sqlite_url, {"FEEDS_SECRET_KEY": "invented-key"})
    auth = "auth: {type: apiKey, key: '${secret.KEY}', inject: {in: query, name: key}}"
    text = (
        FEED.replace("URL", api.url)
        .replace("  request:", f"  {auth}\n  request:")
        .replace("type: order,", "type: sale,")
    )
    made.write("feeds/vendors/shop/orders.yaml", text)
    made.write("feeds/dealers/acme.yaml", DEALER.replace("shop/sales", "shop/orders"))
    return made


def seen(shell: Shell, *more: str) -> dict[str, Any]:
    return dict(shell.feeds("preview", ID, "--format", "json", *more).json())


def pages(api: Api) -> list[Asked]:
    return [asked for asked in api.asked if asked.path == "/v1/orders"]


def stored(shell: Shell) -> list[int]:
    return [len(shell.rows(f"SELECT 1 FROM {table}")) for table in TABLES]  # noqa: S608  (ours)


def test_the_first_page_is_shown_with_what_belongs_to_it_and_nothing_moves(shell: Shell, api: Api) -> None:
    done = shell.feeds("preview", ID, "--rows", "2")
    assert done.code == 0, done.talk
    assert "GET /v1/orders?since=2026-01-01T00:00:00Z&limit=3&skip=0&key=***: json" in " ".join(done.out.split())
    assert re.search(r"^  lastName +DoeC0", done.out, re.M)
    assert "activity sale, O0, 2026-02-01T00:00:00.000000Z, recorded: amount 0.50" in " ".join(done.out.split())
    assert done.out.splitlines()[-1] == "3 records: 3 would be stored"
    assert "one page was asked for; a run reads on" in done.out
    assert "invented-key" not in done.out + done.talk
    assert len(pages(api)) == 1
    assert stored(shell) == [0] * 6


def test_its_json_has_the_names_of_a_file(shell: Shell) -> None:
    found = seen(shell, "--rows", "1")
    assert found["source"]["format"] == "json"
    assert (found["source"]["records"], found["source"]["complete"]) == (3, True)
    assert found["counts"] == {"stored": 3, "filtered": 0, "quarantined": 0}
    (row,) = found["rows"]
    assert (row["raw"]["customerId"], row["contact"]["externalId"]) == ("C0", "C0")


def test_it_goes_on_where_the_last_run_came_to(shell: Shell, api: Api, orders: Orders) -> None:
    assert shell.feeds("run", ID).code == 0
    orders.add(3, 3000)
    before, asked = stored(shell), len(pages(api))
    found = seen(shell)
    assert [row["raw"]["id"] for row in found["rows"]] != []
    assert pages(api)[asked].query["since"] == "2026-01-31T23:07:00Z"  # an hour back
    assert stored(shell) == before


def test_where_nothing_is_new_the_beginning_of_the_list_is_shown_and_said(
    shell: Shell, api: Api, orders: Orders
) -> None:
    shell.edit("feeds/vendors/shop/orders.yaml", ", lookback: 1h", "")
    orders.rows = [row for row in orders.rows if row["id"] == "O0"]
    assert shell.feeds("run", ID).code == 0
    answers = orders.answers
    api.answers = lambda asked: (
        {"total": 0, "orders": []} if asked.query.get("since", "").startswith("2026-02") else answers(asked)
    )
    found = seen(shell)
    assert [row["raw"]["id"] for row in found["rows"]] == ["O0"]
    assert found["notes"][0]["code"] == "page.taken"


def test_pages_without_records_are_passed_over_a_few_times(shell: Shell, api: Api, orders: Orders) -> None:
    shell.edit("feeds/vendors/shop/orders.yaml", "lookback: 1h", "window: 20d")
    answers = orders.answers
    api.answers = lambda asked: (
        {"total": 0, "orders": []} if asked.query.get("since", "3") < "2026-01-21" else answers(asked)
    )
    found = seen(shell)
    assert found["source"]["records"] == 3
    assert found["notes"][-1]["message"] == "2 pages were asked for, those before it are empty; a run reads on"
    shell.edit("feeds/vendors/shop/orders.yaml", "window: 20d", "window: 1d")
    before = len(pages(api))
    found = seen(shell)
    assert (found["source"]["records"], len(pages(api)) - before) == (0, 5)
    assert shell.feeds("preview", ID).code == 0


def test_a_reply_that_is_no_page_is_told_with_the_keys_that_are_there(shell: Shell, orders: Orders) -> None:
    orders.broken_from = 0
    done = shell.feeds("preview", ID)
    assert done.code == 1
    told = " ".join(done.out.split())
    assert "the page would be REFUSED" in told
    assert "orders" in told and "items" in told and "[path.missing]" in told


def test_records_that_came_unasked_are_filtered_and_said_to_be(shell: Shell, api: Api, orders: Orders) -> None:
    shell.edit("feeds/vendors/shop/orders.yaml", "lookback: 1h", "filter: client")
    shell.edit("feeds/vendors/shop/orders.yaml", ", check: updatedAt >= window.from", "")
    orders.rows[0]["updatedAt"] = "2025-12-01T00:00:00Z"
    everything = {"total": 3, "orders": orders.rows[:3]}
    answers = orders.answers
    api.answers = lambda asked: everything if asked.path == "/v1/orders" else answers(asked)
    found = seen(shell)
    assert [(row["verdict"], row["message"]) for row in found["rows"][:2]] == [
        ("filtered", "it was changed before the window that was asked for"),
        ("stored", None),
    ]


def test_a_bad_row_ends_partial_and_an_api_that_is_away_or_refuses_us_with_its_own_code(
    shell: Shell, api: Api, orders: Orders
) -> None:
    orders.rows[1]["amount"] = "many"
    assert shell.feeds("preview", ID).code == 3
    orders.status = 401
    refused: Done = shell.feeds("preview", ID)
    assert (refused.code, "refuses the login" in refused.talk) == (4, True)
    shell.edit("feeds/vendors/shop/orders.yaml", api.url, "http://127.0.0.1:1")
    shell.edit("feeds/vendors/shop/orders.yaml", "  request:", "  retry: {attempts: 1}\n  request:")
    assert shell.feeds("preview", ID).code == 4


def test_a_feed_that_is_only_told_has_nothing_to_look_at(shell: Shell) -> None:
    text = FEED.partition("transport:")[0] + (
        "transport: {type: webhook, endpoint: shop, verify: [{type: token, in: path, token: '${secret.KEY}'}]}\n"
        "decode: {format: json}\nfields: {id: {path: id}, at: {path: at, type: dateTime}}\n"
        "activities: [{type: sale, key: [[id]], occurred: at, state: recorded}]\n"
    )
    shell.write("feeds/vendors/shop/orders.yaml", text)
    done = shell.feeds("preview", ID)
    assert done.code == 1
    assert "`--sample FILE` takes the body of a request" in " ".join(done.talk.split())
