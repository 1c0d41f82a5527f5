"""`feeds status`, `feeds freshness` and `feeds scheduler status`, as an operator uses them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from engine.store import database, health, heartbeats, leases
from engine.world import stamp
from tests.cli.shell import FEED, Shell, sale

GUARDED = "guards: {warnAfter: 1d, errorAfter: 2d}\ncontact: {fields"


def ago(hours: float) -> str:
    return stamp(datetime.now(UTC) - timedelta(hours=hours))


def changed(shell: Shell, statement: str, *values: str) -> None:
    with shell.store() as connection:
        connection.exec_driver_sql(statement.replace("?", "%s") if "postgres" in shell.database else statement, values)


@pytest.fixture
def guarded(both: Shell) -> Shell:
    both.edit("feeds/vendors/shop/sales.yaml", "contact: {fields", GUARDED)
    return both


def test_freshness_ends_with_5_once_data_is_too_old_and_counts_warnings_when_asked(guarded: Shell) -> None:
    assert guarded.feeds("freshness").code == 0  # nothing yet: nothing is stale
    guarded.imported(sale("1"))
    found = {}
    for hours in (1, 30, 60):
        changed(guarded, "UPDATE feeds SET data_at = ?", ago(hours))
        plain, strict = guarded.feeds("freshness", "--format", "json"), guarded.feeds("freshness", "--strict")
        (row,) = plain.json()
        found[hours] = row["freshness"], plain.code, strict.code
    assert found == {1: ("ok", 0, 0), 30: ("warning", 0, 5), 60: ("error", 5, 5)}
    told = guarded.feeds("freshness")
    assert "no data for 2 d 12 h" in told.out and "1 stale, 0 fresh, 0 without" in told.talk
    assert (row["warnAfter"], row["errorAfter"], row["businessDays"]) == (86_400, 172_800, [])
    guarded.feeds("pause", FEED, "--reason", "holidays")
    assert guarded.feeds("freshness").code == 0


def test_a_run_that_was_long_ago_is_still_the_last_one(both: Shell) -> None:
    both.imported(sale("1"))
    with both.store() as connection:
        for _ in range(600):
            connection.exec_driver_sql("INSERT INTO runs (started_at, outcome) VALUES ('2022-01-01', 'ok')")
    (row,) = both.feeds("status", "--format", "json").json()
    assert (row["state"], row["lastRun"]["run"], row["lastRun"]["read"]) == ("healthy", 1, 1)


def test_a_refused_file_is_told_until_another_one_is_stored(shell: Shell) -> None:
    shell.imported(sale("1"))
    shell.write("in/bad.csv", "Number,Number\n1,2\n")
    assert shell.feeds("run", FEED).code == 1
    assert shell.feeds("run", FEED, "--format", "json").json()["outcome"] == "empty"
    (row,) = shell.feeds("status", "--format", "json").json()
    assert (row["state"], row["lastRun"]["outcome"]) == ("failed", "empty")
    assert row["why"].endswith("`feeds runs show 2` says why")
    shell.imported(sale("2"), name="next.csv")
    assert shell.feeds("status", "--format", "json").json()[0]["state"] == "healthy"


def test_the_worst_come_first_and_filters_leave_the_others_out(shell: Shell) -> None:
    entries = "".join(
        f"  - {{uses: shop/sales, name: {name}, override: {{transport: {{directory: {shell.home}/{name}}}}}, {more}}}\n"
        for name, more in {"off": "enabled: false", "odd": "tags: [odd]", "wrong": "params: {nothing: 1}"}.items()
    )
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", "  - uses: shop/sales\n" + entries)
    (shell.home / "odd").mkdir()
    shell.imported(sale("1"), sale("2", Date="never"))

    def states(*filters: str) -> list[tuple[str, str]]:
        rows = shell.feeds("status", "--format", "json", *filters).json()
        return [(row["feed"].removeprefix("acme/"), row["state"]) for row in rows]

    assert states() == [("wrong", "failed"), ("shop-sales", "partial"), ("off", "disabled"), ("odd", "healthy")]
    assert states("--tag", "odd") == [("odd", "healthy")]
    assert states("--state", "partial", "--state", "disabled") == [("shop-sales", "partial"), ("off", "disabled")]
    assert states("--vendor", "till") == states("--dealer", "other") == []
    assert all(len(line) <= 80 for line in shell.feeds("status").out.splitlines()[:5])


def test_data_of_an_api_that_was_there_before_is_no_new_data(shell: Shell) -> None:
    """A file that comes again shows that the sender lives; it counts."""
    shell.imported(sale("1"))
    changed(shell, "UPDATE feeds SET data_at = ?", ago(60))
    shell.imported(sale("1"), name="again.csv")
    (row,) = shell.feeds("status", "--format", "json").json()
    assert datetime.now(UTC) - datetime.fromisoformat(row["lastData"]) < timedelta(minutes=30)


def test_scheduler_status_says_who_runs_feeds_and_what_is_late(both: Shell) -> None:
    none = both.feeds("scheduler", "status")
    assert (none.code, "no scheduler is at work" in none.out) == (1, True)
    both.edit("feeds/vendors/shop/sales.yaml", "contact: {fields", "schedule: {every: 1h}\ncontact: {fields")
    both.imported(sale("1"))
    changed(both, "INSERT INTO slots (feed, slot) VALUES (?, ?)", FEED, ago(9))
    changed(both, "UPDATE last_runs SET at = ?", ago(8))
    changed(both, "INSERT INTO breakers VALUES (?, 2, ?, 'no')", "sftp://feeds@example.com", ago(-3))
    engine = database.connect(both.database)
    owner = leases.this_process()
    heartbeats.beat(engine, owner, "scheduler", ago(2), ago(0), {"threads": 4, "running": 1, "waiting": 0})
    found = both.feeds("scheduler", "status", "--format", "json")
    told = found.json()
    assert (found.code, told["alive"], told["waiting"]) == (0, True, [FEED])
    assert [(each["role"], each["pid"], each["alive"]) for each in told["processes"]] == [
        ("scheduler", owner.pid, True)
    ]
    assert [each["feed"] for each in told["late"]] == [FEED] and told["next"]["feed"] == FEED
    assert [each["login"] for each in told["resting"]] == ["sftp://feeds@example.com"]
    assert "threads 4, running 1" in both.feeds("scheduler", "status").out
    heartbeats.beat(engine, owner, "scheduler", ago(2), ago(0.1), {})
    assert not both.feeds("scheduler", "status", "--format", "json").json()["alive"], "it has been silent too long"
    heartbeats.over(engine, owner)
    assert both.feeds("scheduler", "status", "--format", "json").json()["processes"] == []
    engine.dispose()


def test_ten_thousand_feeds_are_known_by_a_few_questions(shell: Shell) -> None:
    """Counted in statements, for a clock on a busy machine says nothing."""
    shell.imported(sale("1"))
    with shell.store() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO feeds"
            " (id, name, dealer_id, definition, namespace, mapping_hash, excluded)"
            " SELECT i, 'f' || i, 1, '', '', '', '[]' FROM n"
        )
        connection.exec_driver_sql(
            "INSERT INTO last_runs (feed_id, run_id, at, outcome, read, first_at)"
            " SELECT id, 1, ?, 'ok', 1, ? FROM feeds WHERE id > 1",
            (ago(1), ago(9)),
        )
    engine = database.connect(shell.database)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    began = time.process_time()
    found = health.facts(engine)
    assert len(found) == 10_000 and found["f77"].last_run is not None
    assert sum(each.lstrip().startswith("SELECT") for each in asked) == 3
    print(f"facts of 10,000 feeds: {time.process_time() - began:.2f} s of processor time")
    engine.dispose()
