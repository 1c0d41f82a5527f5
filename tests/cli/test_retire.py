"""The end of a feed: shown, asked, done; what stays, what goes, what is never its own. Killed anywhere, it goes on."""

import itertools
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, Engine, text

from engine.intake.inbox import Entry, inbox
from engine.store import database, retiring
from tests.cli.shell import DEALER, DEFINITION, FEED, Shell
from tests.web.receiver import listening

OTHER, THEIRS = "acme/shop-desk", "bolt/shop-sales"
GATED = DEFINITION.replace("decode:", "gates: {retire: [contractFollowed]}\ndecode:")
ROW = {
    "Customer": "",
    "First": "",
    "Last": "",
    "Email": "",
    "Phone": "",
    "Number": "",
    "Date": "2022-01-28",
    "Amount": "5",
}


ITEM = (
    "INSERT INTO outbox (export, key, dealer_id, activity_id, message, happening, snapshot, queued_at, updated_at,"
    " attempts, next_at, fence, state, payload)"
    " SELECT 'acme/leads', :key, dealer_id, id, '', 'created', :snapshot, '', '', 0, '', 0, :state, :payload"
    " FROM activities WHERE key = 'N1' AND dealer_id = 1"
)


def sale(number: str, customer: str, **values: str) -> dict[str, str]:
    return ROW | {"Number": number, "Customer": customer, "First": "Robin", "Last": f"Vale{customer}"} | values


@pytest.fixture
def site(shell: Shell) -> Shell:
    return peopled(shell)


@pytest.fixture
def either(both: Shell) -> Shell:
    """The same on both databases."""
    return peopled(both)


def peopled(site: Shell) -> Shell:
    """A dealer with two feeds of one namespace that write some activities both, and another dealer with one of them."""
    desk = DEFINITION.replace("INCOMING", str(site.home / "desk"))
    site.write("feeds/vendors/shop/desk.yaml", desk)
    site.write("feeds/dealers/acme.yaml", DEALER + "  - uses: shop/desk\n")
    theirs = DEALER.replace("acme", "bolt") + f"    override: {{transport: {{directory: {site.home / 'bolt'}}}}}\n"
    site.write("feeds/dealers/bolt.yaml", theirs)
    site.put("a.csv", sale("N1", "1"), sale("N2", "2"), sale("N3", "3"), sale("", "4"), sale("N5", "5"))
    site.write("desk/b.csv", _csv(sale("N2", "2"), sale("N3", "3", Amount="9"), sale("N6", "5")))
    site.write("bolt/a.csv", _csv(sale("N1", "1"), sale("", "4")))
    assert site.feeds("run", "--all").code == 3
    return site


def _csv(*rows: Mapping[str, str]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def keys(site: Shell) -> dict[str, list[str]]:
    """The keys of activities, by dealer."""
    found = site.feeds("activities", "search", "--format", "jsonl").lines()
    return {dealer: sorted(each["key"] for each in found if each["dealer"] == dealer) for dealer in ("acme", "bolt")}


def people(site: Shell) -> list[str]:
    found = site.feeds("contacts", "find", "--format", "jsonl").lines()
    return sorted(f"{each['dealer']} {each['lastName']}" for each in found)


def copies(site: Shell) -> int:
    return sum(1 for each in (site.home / "state" / "archive").glob("*/*") if each.is_file())


def test_what_stays_and_what_goes_is_shown_before_anything_is_done(site: Shell) -> None:
    shown = site.feeds("retire", FEED, "--purge")
    assert shown.code == 2
    assert "say --yes" in shown.talk
    lines = [line.split("  ") for line in shown.out.splitlines()[1:]]
    table = {cells[0]: (cells[-2].strip(), cells[-1]) for cells in lines}
    assert table["activities of this feed alone"] == ("2", "removed")
    assert table["activities that another feed wrote as well"] == ("2", "stays")
    assert table["contacts that only this feed knows"] == ("1", "removed")
    assert table["rows in quarantine"] == ("1", "removed")
    assert table["sealed copies of what was read"] == ("1", "removed")
    assert len(keys(site)["acme"]) == 5


def test_a_feed_that_is_ended_keeps_what_it_brought_and_runs_no_more_until_it_is_resumed(site: Shell) -> None:
    before = (keys(site), people(site))
    done = site.feeds("retire", FEED, "--yes")
    assert done.code == 0
    assert "enabled: false" in done.out
    site.put("later.csv", sale("N9", "9"))
    (report,) = site.feeds("run", FEED, "--format", "json").json()["feeds"]
    assert (report["outcome"], report["issues"][0]["code"]) == ("paused", "feed.retired")
    assert (keys(site), people(site)) == before
    (row,) = [each for each in site.feeds("status", "--format", "json").json() if each["feed"] == FEED]
    assert row["state"] == "paused"
    assert "retired" in row["why"]
    assert row["nextRun"] is None
    assert site.feeds("pause", FEED, "--reason", "x").code == 1
    assert "no longer retired" in site.feeds("resume", FEED).out
    site.feeds("run", FEED)
    assert "N9" in keys(site)["acme"]


def test_a_gate_that_is_not_confirmed_keeps_the_feed(shell: Shell) -> None:
    shell.write("feeds/vendors/shop/sales.yaml", GATED.replace("INCOMING", str(shell.home / "in")))
    shell.imported(sale("N1", "1"))
    for confirmed in ("", "    confirmed: {contractFollowed: 2999-01-01}\n"):
        shell.write("feeds/dealers/acme.yaml", DEALER + confirmed)
        refused = shell.feeds("retire", FEED, "--purge", "--yes")
        assert refused.code == 1
        assert "contractFollowed" in refused.talk
        assert "confirmed: {contractFollowed: " in refused.talk
    assert shell.rows("SELECT retired_at FROM feeds") == [(None,)]
    shell.write("feeds/dealers/acme.yaml", DEALER + "    confirmed: {contractFollowed: 2022-01-28}\n")
    assert shell.feeds("retire", FEED, "--yes").code == 0


def test_what_is_to_be_sent_of_it_is_not_and_what_was_sent_keeps_no_content(site: Shell) -> None:
    for number, state in enumerate(("queued", "sent")):
        with site.store() as connection:
            values = {"key": str(number), "snapshot": '{"a": [1, 2]}', "state": state, "payload": b"Robin"}
            connection.execute(text(ITEM), values)
    assert site.feeds("retire", FEED, "--purge", "--yes").code == 0
    assert site.rows("SELECT state, payload FROM outbox") == [("sent", None)]


def test_a_purge_removes_what_is_the_feeds_own_and_nothing_of_another_feed_or_dealer(either: Shell) -> None:
    lineage = either.rows("SELECT name, sha256 FROM deliveries ORDER BY id")
    done = either.feeds("retire", FEED, "--purge", "--yes", "--format", "json")
    assert done.code == 0
    assert done.json()["removed"]["activities"] == 2
    assert keys(either) == {"acme": ["N2", "N3", "N6"], "bolt": ["N1"]}
    # Customer 1 was this feed's alone; of 5 the desk has sold something as well.
    assert people(either) == ["acme Vale2", "acme Vale3", "acme Vale5", "bolt Vale1"]
    assert either.rows("SELECT f.name FROM quarantine q JOIN feeds f ON f.id = q.feed_id") == [(THEIRS,)]
    assert copies(either) == 2
    assert either.rows("SELECT name, sha256 FROM deliveries ORDER BY id") == lineage
    assert either.rows("SELECT purge FROM feeds WHERE retired_at IS NOT NULL") == [("done",)]
    actions = [action for (action,) in either.rows("SELECT action FROM audit ORDER BY id")]
    assert actions == ["feed.retire", "feed.purged"]
    # Whoever is purged owns nothing: with the other feed what both have written goes too.
    assert either.feeds("retire", OTHER, "--purge", "--yes").code == 0
    assert keys(either) == {"acme": [], "bolt": ["N1"]}
    assert people(either) == ["bolt Vale1"]


@contextmanager
def dying(after: int) -> Iterator[None]:
    """The process is killed once it has committed so many transactions of the purge."""
    numbers, real = itertools.count(1), database.writing

    @contextmanager
    def writing(engine: Engine) -> Iterator[Connection]:
        with real(engine) as connection:
            yield connection
        if next(numbers) == after:
            os.kill(os.getpid(), signal.SIGKILL)

    with patch.object(retiring, "writing", writing), patch.object(retiring, "CHUNK", 1):
        yield


def test_a_purge_that_is_killed_again_and_again_ends_as_one_that_was_not(site: Shell, tmp_path: Path) -> None:
    kills = 0
    while kills < 40:
        child = os.fork()
        if child == 0:
            with dying(after=kills + 2):
                os._exit(site.feeds("retire", FEED, "--purge", "--yes").code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
        kills += 1
        (report,) = site.feeds("run", FEED, "--format", "json").json()["feeds"]
        assert report["outcome"] == "paused"
        if kills == 1:
            assert "cut short" in site.feeds("resume", FEED).talk
            assert "cut short" in site.feeds("status").out
    assert kills >= 3
    assert keys(site) == {"acme": ["N2", "N3", "N6"], "bolt": ["N1"]}
    assert people(site) == ["acme Vale2", "acme Vale3", "acme Vale5", "bolt Vale1"]
    assert site.rows("SELECT purge FROM feeds WHERE retired_at IS NOT NULL") == [("done",)]
    assert site.rows(
        "SELECT count(*) FROM contact_keys k LEFT JOIN contacts c ON c.id = k.contact_id WHERE c.id IS NULL"
    ) == [(0,)]


def test_requests_that_wait_are_closed_or_with_a_purge_removed(both: Shell) -> None:
    shell, hooked = listening(both), "acme/shop-hooked"
    engine = database.connect(shell.database)
    shell.feeds("status")
    received = inbox(engine, shell.home / "state")
    body = json.dumps({"id": "1"}).encode()

    def came(name: str, *feeds: str) -> None:
        entry = Entry(name, "shop/acme", feeds, "2026-03-01T00:00:00.000000Z", "2026-03-08T00:00:00.000000Z", body)
        assert received.accept([entry]) == [True]

    came("one", hooked)
    came("both", hooked, "acme/shop-signed")
    assert "2 wait now" in shell.feeds("pause", hooked, "--reason", "x").out
    shell.edit("feeds/dealers/acme.yaml", "- uses: shop/hooked", "- {uses: shop/hooked, enabled: false}")
    assert shell.feeds("retire", hooked, "--yes", "--format", "json").json()["removed"] == {"closed": 2}
    assert received.counts(hooked, ["shop/acme"])["waiting"] == 0
    assert shell.feeds("retire", hooked, "--purge", "--yes", "--format", "json").json()["removed"]["requests"] == 1
    (left,) = received.waiting("acme/shop-signed", ["shop/acme"])
    assert left.name == "both"
    engine.dispose()
