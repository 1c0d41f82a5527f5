"""`feeds run`: what it prints, what it leaves alone, and the code it ends with."""

import json
import os
import signal
import socket
import time

import pytest

from engine.store.database import connect
from engine.store.leases import process_started
from tests.cli.shell import FEED, Shell, sale


def test_a_run_prints_the_table_the_identity_and_what_needs_attention(shell: Shell) -> None:
    shell.put("a.csv", sale("1"), sale("2", Date="tomorrow"))
    done = shell.feeds("run", "--all")
    assert done.code == 3
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["FEED", "OUTCOME", "READ"]
    assert lines[1].split()[:4] == [FEED, "partial", "2", "1"]
    assert lines[2] == "read 2 = inserted 1 + updated 0 + unchanged 0 + filtered 0 + quarantined 1"
    assert "a.csv:3" in lines[3]
    assert lines[-1].endswith("1 row needs attention: feeds quarantine list --run 1")
    assert max(map(len, lines[:3])) <= 80


def test_the_log_goes_to_stderr_as_json_and_says_what_became_of_each_file(shell: Shell) -> None:
    shell.put("a.csv", sale("1"))
    done = shell.feeds("run", "--all")
    events = [json.loads(line) for line in done.talk.splitlines()]
    assert {"delivery.done", "feed.finished"} <= {event["event"] for event in events}
    assert all(event["at"].endswith("Z") for event in events)
    shell.put("b.csv", sale("2"))
    assert shell.feeds("run", "--all", "--quiet").talk == ""
    shell.put("c.csv", sale("3"))
    assert shell.feeds("run", "--all", "--log-level", "error").talk == ""


def test_stdout_is_json_and_nothing_else(shell: Shell) -> None:
    shell.put("a.csv", sale("1"), sale("2", Date="tomorrow"))
    done = shell.feeds("run", FEED, "--format", "json")
    assert done.code == 3
    report = done.json()
    assert (report["run"], report["outcome"]) == (1, "partial")
    (delivery,) = report["feeds"][0]["deliveries"]
    assert (delivery["name"], delivery["state"], delivery["read"]) == ("a.csv", "done", 2)
    assert len(delivery["sha256"]) == 64


def test_files_of_one_layout_are_read_alike(shell: Shell) -> None:
    """What is compiled for the first of them serves the others too; none of them has a column that nobody reads."""
    for number in range(3):
        shell.put(f"sales-{number}.csv", sale(str(number), Extra="x"))
    found = shell.feeds("run", "--all", "--format", "json").json()["feeds"][0]
    assert [each["message"].rpartition(": ")[2] for each in found["issues"]] == ["Extra"] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--all"),
        (("acme/shop-sale",), "did you mean acme/shop-sales?"),
        (("--dealer", "acne"), "did you mean acme?"),
        (("--tag", "none"), "no feed has the tag"),
        ((FEED, "--all"), "either ids or --all"),
        (("--format", "yaml", "--all"), "'text', 'json'"),
    ],
)
def test_a_wrong_choice_of_feeds_is_a_usage_error_and_runs_nothing(
    shell: Shell, arguments: tuple[str, ...], message: str
) -> None:
    shell.put("a.csv", sale("1"))
    done = shell.feeds("run", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.talk
    assert not (shell.home / "feeds.db").exists()


@pytest.mark.parametrize(("arguments", "runs"), [(("--tag", "north"), 1), (("--dealer", "acme"), 2), (("--all",), 2)])
def test_feeds_are_chosen_by_dealer_and_tag(shell: Shell, arguments: tuple[str, ...], runs: int) -> None:
    more = "  - {uses: shop/sales, name: north, tags: [north], override: {transport: {directory: north}}}\n"
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", f"  - uses: shop/sales\n{more}")
    (shell.home / "north").mkdir()
    shell.edit("feeds/dealers/acme.yaml", "directory: north", f"directory: '{shell.home / 'north'}'")
    report = shell.feeds("run", *arguments, "--format", "json").json()
    assert len(report["feeds"]) == runs
    assert {feed["outcome"] for feed in report["feeds"]} == {"empty"}


def test_a_dry_run_counts_and_stores_nothing(shell: Shell) -> None:
    file = shell.put("a.csv", sale("1"), sale("2", Date="tomorrow"))
    done = shell.feeds("run", "--all", "--dry-run", "--format", "json")
    (feed,) = done.json()["feeds"]
    assert (feed["read"], feed["inserted"], feed["quarantined"]) == (2, 1, 1)
    assert done.json()["run"] is None
    (delivery,) = feed["deliveries"]
    assert (delivery["name"], delivery["state"], delivery["id"]) == ("a.csv", "trial", None)
    assert "effect" not in delivery
    assert file.exists()
    assert shell.feeds("activities", "search", "--format", "json").json() == []
    assert shell.feeds("quarantine", "list", "--format", "json").json() == []
    assert shell.feeds("runs", "list", "--format", "json").json() == []


def test_a_feed_with_a_broken_definition_fails_and_the_others_run(shell: Shell) -> None:
    shell.write("feeds/vendors/shop/broken.yaml", "version: 1\nkind: feed\ntitle: x\nnonsense: 1\n")
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", "  - uses: shop/sales\n  - uses: shop/broken\n")
    shell.put("a.csv", sale("1"))
    done = shell.feeds("run", "--all", "--format", "json")
    assert done.code == 1
    assert {feed["feed"]: feed["outcome"] for feed in done.json()["feeds"]} == {
        FEED: "ok",
        "acme/shop-broken": "failed",
    }
    assert shell.feeds("run", FEED).code == 0


def test_a_dealers_file_that_cannot_be_read_is_not_passed_over(shell: Shell) -> None:
    shell.write("feeds/dealers/other.yaml", "version: 1\nkind: dealer\nname: [\n")
    shell.put("a.csv", sale("1"))
    done = shell.feeds("run", "--all", "--format", "json")
    assert done.code == 1
    assert done.json()["outcome"] == "ok"
    assert "other.yaml:4: " in done.talk or "other.yaml:3: " in done.talk


def test_a_source_that_cannot_be_reached_is_code_4(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    login = "username: u, auth: {type: password, password: '${secret.PASSWORD}'}, hostKey: '${secret.KEY}'"
    transport = f"transport: {{type: sftp, host: 127.0.0.1, port: {port}, {login}, directory: x, filename: x}}"
    shell.edit("feeds/vendors/shop/sales.yaml", "transport: {type: file", "x-old: {type: file")
    text = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
    lines = [transport if line.startswith("x-old") else line for line in text.splitlines()]
    shell.write("feeds/vendors/shop/sales.yaml", "\n".join(lines) + "\n")
    done = shell.feeds("run", "--all")
    assert done.code == 1, "a secret without a value is no unreachable source"
    assert "PASSWORD" in done.out
    shell.environment |= {"FEEDS_SECRET_PASSWORD": "canary-password", "FEEDS_SECRET_KEY": "SHA256:" + "A" * 43}
    done = shell.feeds("run", "--all")
    assert done.code == 4
    assert "canary" not in done.out + done.talk


def test_a_feed_that_another_run_has_is_code_6(shell: Shell) -> None:
    shell.imported(sale("1"))
    with shell.store() as connection:
        other = os.getppid()
        values = {"host": socket.gethostname(), "pid": other, "started": process_started(other)}
        connection.exec_driver_sql("UPDATE leases SET host = :host, pid = :pid, process_started = :started", values)
    done = shell.feeds("run", "--all")
    assert done.code == 6
    assert "locked" in done.out
    assert shell.feeds("status", "--format", "json").json()[0]["running"]


def test_a_run_that_was_killed_is_not_shown_as_running(shell: Shell) -> None:
    shell.imported(sale("1"))
    with shell.store() as connection:
        values = {"host": socket.gethostname(), "pid": 2**22 + 1, "started": "1"}
        connection.exec_driver_sql("UPDATE leases SET host = :host, pid = :pid, process_started = :started", values)
    (row,) = shell.feeds("status", "--format", "json").json()
    assert (row["state"], row["running"]) == ("healthy", False)


def test_an_interrupted_run_is_code_130_and_leaves_the_feed_free(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 60s")
    shell.put("a.csv", sale("1"))
    process = shell.started("run", "--all")
    deadline = time.monotonic() + 60
    while not _has_looked(shell) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # another process: there is no clock of it to move
    process.send_signal(signal.SIGINT)
    out, talk = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "interrupted" in talk
    assert "Traceback" not in talk
    assert [row.host for row in shell.rows("SELECT host FROM leases")] == [None]


def _has_looked(shell: Shell) -> bool:
    if not (shell.home / "feeds.db").exists():
        return False
    engine = connect(shell.database)
    try:
        with engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'sightings'").all()
            return bool(tables) and bool(connection.exec_driver_sql("SELECT 1 FROM sightings").all())
    finally:
        engine.dispose()


@pytest.mark.parametrize("arguments", [("run", "--all"), ("status",), ("contacts", "find"), ("db", "upgrade")])
@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:canary-password@127.0.0.1/x",
        "sqlite:nonsense canary-password",
        "postgresql://u:canary-password@127.0.0.1:1/x",
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    shell: Shell, url: str, arguments: tuple[str, ...]
) -> None:
    done = shell.feeds(*arguments, "--database-url", url)
    assert done.code == 1
    assert done.talk.startswith("error: ")
    assert "canary" not in done.talk + done.out
    assert "Traceback" not in done.talk


def test_an_older_database_says_what_to_do(shell: Shell) -> None:
    shell.feeds("db", "upgrade")
    with shell.store() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    done = shell.feeds("run", "--all")
    assert done.code == 1
    assert "feeds db upgrade" in done.talk


# --- check ----------------------------------------------------------------------------------


def test_a_check_says_how_far_a_feed_gets_and_touches_nothing(shell: Shell) -> None:
    file = shell.put("a.csv", sale("1"))
    done = shell.feeds("check", FEED)
    assert done.code == 0
    assert {line.split()[0] for line in done.out.splitlines()} <= {"ok", "warn"}
    assert "a.csv" in done.out
    assert file.exists()
    assert shell.feeds("activities", "search", "--format", "json").json() == []
    found = shell.feeds("check", FEED, "--format", "json").json()
    assert all(list(each) == ["status", "name", "text"] for each in found)


def test_a_check_that_fails_is_code_1(shell: Shell) -> None:
    (shell.home / "in").rmdir()
    done = shell.feeds("check", FEED)
    assert done.code == 1
    assert "fail" in done.out


# --- pause ----------------------------------------------------------------------------------


def test_a_paused_feed_does_not_run_until_it_is_resumed(both: Shell) -> None:
    assert both.feeds("pause", FEED, "--reason", "DMS move").code == 0
    file = both.put("a.csv", sale("1"))
    done = both.feeds("run", "--all", "--format", "json")
    assert (done.code, done.json()["outcome"]) == (0, "paused")
    assert file.exists()
    (listed,) = both.feeds("list", "--format", "json").json()
    assert (listed["state"], listed["enabled"]) == ("paused", True)
    assert "DMS move" in both.feeds("status").out
    assert both.feeds("resume", FEED).code == 0
    assert both.feeds("run", "--all", "--format", "json").json()["feeds"][0]["inserted"] == 1
    assert [row.action for row in both.rows("SELECT action FROM audit ORDER BY id")] == ["feed.pause", "feed.resume"]


@pytest.mark.parametrize(
    ("until", "state"), [("2000-01-01", "enabled"), ("3d", "paused"), ("2999-01-01T00:00Z", "paused")]
)
def test_a_pause_ends_by_itself(shell: Shell, until: str, state: str) -> None:
    shell.feeds("pause", FEED, "--reason", "x", "--until", until)
    assert shell.feeds("list", "--format", "json").json()[0]["state"] == state
    shell.put("a.csv", sale("1"))
    outcome = shell.feeds("run", "--all", "--format", "json").json()["outcome"]
    assert outcome == ("paused" if state == "paused" else "ok")


def test_a_day_is_that_of_the_dealer(shell: Shell) -> None:
    shell.feeds("pause", FEED, "--reason", "x", "--until", "2999-01-01")
    (row,) = shell.rows("SELECT paused_until FROM feeds")
    assert row.paused_until == "2999-01-01T05:00:00.000000Z"


def test_what_the_definition_disables_stays_disabled(shell: Shell) -> None:
    more = "  - uses: shop/sales\n    enabled: false\n    reason: moved\n"
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", more)
    assert "enabled: false" in shell.feeds("resume", FEED).talk
    (listed,) = shell.feeds("list", "--format", "json").json()
    assert (listed["state"], listed["enabled"], listed["reason"]) == ("disabled", False, "moved")
    assert shell.feeds("run", "--all", "--format", "json").json()["outcome"] == "paused"


# --- runs and status ------------------------------------------------------------------------


def test_runs_are_kept_with_counts_files_and_what_was_noted(both: Shell) -> None:
    both.imported(sale("1"), sale("2", Date="tomorrow"))
    both.feeds("run", "--all")
    newest, oldest = both.feeds("runs", "list", "--format", "jsonl").lines()
    assert (newest["run"], newest["outcome"]) == (2, "empty")
    assert (oldest["run"], oldest["read"], oldest["inserted"], oldest["quarantined"]) == (1, 2, 1, 1)
    assert [each["run"] for each in both.feeds("runs", "list", "--limit", "1", "--format", "json").json()] == [2]
    assert both.feeds("runs", "list", "--feed", "a/b", "--format", "json").json() == []
    shown = both.feeds("runs", "show", "1", "--format", "json").json()
    (delivery,) = shown["deliveries"]
    assert (delivery["name"], delivery["read"], delivery["updated"]) == ("sales.csv", 2, 0)
    assert [issue["code"] for issue in shown["issues"]] == ["date.unreadable"]
    text = both.feeds("runs", "show", "1").out
    assert delivery["sha256"] in text
    assert "read 2 = inserted 1 + updated 0 + unchanged 0 + filtered 0 + quarantined 1" in text
    assert both.feeds("runs", "show", "9").code == 1


def test_the_status_says_how_each_feed_is(both: Shell) -> None:
    assert both.feeds("status", "--format", "json").json()[0]["state"] == "new"
    both.imported(sale("1"), sale("2", Date="tomorrow"))
    (row,) = both.feeds("status", "--format", "json").json()
    assert (row["state"], row["quarantined"], row["lastRun"]["read"]) == ("partial", 1, 2)
    text = both.feeds("status").out
    assert FEED in text


def test_data_that_is_too_old_is_stale_with_a_warning_and_then_an_error(shell: Shell) -> None:
    shell.edit(
        "feeds/vendors/shop/sales.yaml", "contact: {fields", "guards: {warnAfter: 1d, errorAfter: 2d}\ncontact: {fields"
    )
    shell.imported(sale("1"))
    states = []
    for hours in (1, 30, 60):
        then = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - hours * 3600))
        with shell.store() as connection:
            connection.exec_driver_sql("UPDATE feeds SET data_at = ?", (then,))
        (row,) = shell.feeds("status", "--format", "json").json()
        states.append((row["state"], row["level"]))
    assert states == [("healthy", "ok"), ("stale", "warning"), ("stale", "error")]
    assert "no data for 2 d 12 h" in shell.feeds("status").out
