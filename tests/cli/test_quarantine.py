"""A row that could not be used: seen, repaired beside its original, replayed, discarded; all in the audit."""

import csv
import io
import json

import pytest
from sqlalchemy import insert

from engine.store.tables import breakers
from tests.cli.shell import FEED, Shell, sale

FILE_LOGIN = "file    "  # of a folder: there is no host, port, user or password


@pytest.fixture
def waiting(both: Shell) -> Shell:
    """Row 1 has a bad date, row 2 no number; a third one is in."""
    both.imported(sale("A", Date="31/02/2024"), sale("", Last="=cmd()"), sale("C"))
    return both


def rows(shell: Shell, *arguments: str) -> list[dict[str, object]]:
    return list(shell.feeds("quarantine", "list", *arguments, "--format", "jsonl").lines())


def audit(shell: Shell) -> list[tuple[str, str]]:
    return [(row.action, row.subject) for row in shell.rows("SELECT action, subject FROM audit ORDER BY id")]


def test_a_row_is_listed_with_its_place_reason_and_text_as_sent(waiting: Shell) -> None:
    first, second = rows(waiting)
    wanted = {"id": 1, "feed": FEED, "delivery": "sales.csv", "line": 2, "code": "date.unreadable", "field": "date"}
    assert {name: first[name] for name in wanted} == wanted
    assert first["value"] == "31/02/2024"
    assert "31/02/2024" in str(first["raw"])
    assert (second["code"], second["line"]) == ("field.required", 3)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("--code", "field.required"), [2]),
        (("--run", "1"), [1, 2]),
        (("--run", "2"), []),
        (("--feed", FEED), [1, 2]),
        (("--feed", "a/b"), []),
        (("--state", "discarded"), []),
        (("--state", "all"), [1, 2]),
    ],
)
def test_rows_are_narrowed(waiting: Shell, arguments: tuple[str, ...], ids: list[int]) -> None:
    assert [row["id"] for row in rows(waiting, *arguments)] == ids


def test_a_row_is_shown_cell_by_cell(waiting: Shell) -> None:
    out = waiting.feeds("quarantine", "show", "1").out
    assert "sales.csv:2" in out
    assert any(line.split() == ["Date", "31/02/2024"] for line in out.splitlines())
    shown = waiting.feeds("quarantine", "show", "1", "--format", "json").json()
    assert shown["cells"]["Number"] == "A"
    assert waiting.feeds("quarantine", "show", "9").code == 1


def test_a_fix_stands_beside_the_original_and_comes_in_when_replayed(waiting: Shell) -> None:
    before = waiting.rows("SELECT raw FROM quarantine WHERE id = 1")[0].raw
    done = waiting.feeds("quarantine", "fix", "1", "--set", "Date=2024-02-29", "--note", "by phone")
    assert done.code == 0
    (row,) = waiting.rows("SELECT raw, fix, state, note, actor FROM quarantine WHERE id = 1")
    fix = json.loads(row.fix) if isinstance(row.fix, str) else row.fix
    assert (row.raw, fix, row.state, row.note) == (before, {"Date": "2024-02-29"}, "fixed", "by phone")
    assert row.actor
    assert "31/02/2024   -> 2024-02-29" in waiting.feeds("quarantine", "show", "1").out
    assert waiting.feeds("quarantine", "replay", "1").code == 0
    found = {each["key"]: each for each in waiting.feeds("activities", "search", "--format", "jsonl").lines()}
    assert found["A"]["occurred"] == "2024-02-29"
    assert [row["id"] for row in rows(waiting)] == [2]
    assert audit(waiting) == [("quarantine.fix", "1"), ("quarantine.replay", "1")]


def test_a_fix_is_replayed_at_once_on_demand_and_counted(waiting: Shell) -> None:
    done = waiting.feeds("quarantine", "fix", "1", "--set", "Date=2024-02-29", "--replay", "--format", "json")
    assert done.code == 0
    (feed,) = done.json()["feeds"]
    assert (feed["read"], feed["inserted"]) == (1, 1)
    assert [each["run"] for each in waiting.feeds("runs", "list", "--format", "json").json()] == [2, 1]
    first = waiting.feeds("runs", "show", "1", "--format", "json").json()
    assert first["feeds"][0]["quarantined"] == 2, "the counts of the original are what they were"


def test_a_fix_that_is_wrong_as_well_stays_in_quarantine(waiting: Shell) -> None:
    assert waiting.feeds("quarantine", "fix", "1", "--set", "Date=never", "--replay").code == 3
    assert 1 in [row["id"] for row in rows(waiting)]


def test_the_next_file_does_not_undo_a_fix(waiting: Shell) -> None:
    waiting.feeds("quarantine", "fix", "1", "--set", "Date=2024-02-29", "--replay")
    report = waiting.imported(sale("A", Date="31/02/2024"), name="tomorrow.csv")
    assert report["feeds"][0]["quarantined"] == 0
    (found,) = (
        each for each in waiting.feeds("activities", "search", "--format", "jsonl").lines() if each["key"] == "A"
    )
    assert found["occurred"] == "2024-02-29"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fix", "1", "--set", "Datum=x"), 1, "no column 'Datum'"),
        (("fix", "1", "--set", "Date"), 2, "NAME=VALUE"),
        (("fix", "1"), 2, "--set"),
        (("fix", "9", "--set", "Date=x"), 1, "no quarantined row 9"),
        (("replay",), 2, "say which rows"),
        (("replay", "1", "--code", "x"), 2, "say which rows"),
        (("replay", "9"), 1, "no quarantined row 9"),
        (("discard", "1", "--yes"), 2, "--reason"),
        (("discard", "9", "--reason", "x", "--yes"), 1, "no quarantined row 9"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    waiting: Shell, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = waiting.feeds("quarantine", *arguments)
    assert done.code == code
    assert message in done.talk
    assert {row.state for row in waiting.rows("SELECT state FROM quarantine")} == {"open"}
    assert audit(waiting) == []


def test_all_rows_of_one_code_are_replayed_after_the_definition_was_put_right(waiting: Shell) -> None:
    waiting.imported(sale("D", Date="31/05/2024"), sale("E", Date="30/05/2024"), name="more.csv")
    assert waiting.feeds("quarantine", "discard", "1", "--reason", "no such day", "--yes").code == 0
    waiting.edit("feeds/vendors/shop/sales.yaml", "formats: ['%Y-%m-%d']", "formats: ['%Y-%m-%d', '%d/%m/%Y']")
    assert waiting.feeds("quarantine", "replay", "--code", "date.unreadable", "--format", "json").code == 0
    assert [row["code"] for row in rows(waiting)] == ["field.required"]


def test_discarded_rows_leave_the_list_with_a_reason_and_stay_visible(waiting: Shell) -> None:
    assert waiting.feeds("quarantine", "discard", "2", "--reason", "a test row").code == 2, "nobody to ask"
    done = waiting.feeds("quarantine", "discard", "2", "--reason", "a test row", "--yes")
    assert done.code == 0
    assert [row["id"] for row in rows(waiting)] == [1]
    (row,) = rows(waiting, "--state", "discarded")
    assert row["id"] == 2
    assert waiting.feeds("quarantine", "fix", "2", "--set", "Number=7").code == 1
    assert audit(waiting) == [("quarantine.discard", "2")]


def test_an_export_has_the_senders_columns_the_error_and_no_formula(waiting: Shell) -> None:
    target = waiting.home / "back.csv"
    assert waiting.feeds("quarantine", "export", "--csv", str(target)).code == 0
    found = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert list(found[0]) == [*sale("A"), "_error"]
    assert found[0]["Date"] == "31/02/2024"
    assert "[date.unreadable]" in found[0]["_error"]
    assert found[1]["Last"] == "'=cmd()"
    assert found[1]["Amount"] == "1284.55"
    assert waiting.feeds("quarantine", "export", "--code", "field.required").out.count("\r\n") == 2


def test_the_audit_says_which_columns_and_never_what_stood_in_them(waiting: Shell) -> None:
    waiting.feeds("quarantine", "fix", "1", "--set", "Last=canary-name")
    (row,) = waiting.rows("SELECT details FROM audit")
    assert "canary" not in str(row.details)
    assert "Last" in str(row.details)


# --- replays and what a feed remembers ------------------------------------------------------


def test_a_run_is_replayed_from_our_own_copy(both: Shell) -> None:
    both.imported(sale("A"))
    (both.home / "in" / "sales.csv").unlink()
    done = both.feeds("replay", "--run", "1", "--format", "json")
    assert done.code == 0
    (feed,) = done.json()["feeds"]
    assert (feed["read"], feed["unchanged"]) == (1, 1)
    assert audit(both) == [("delivery.replay", "1")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 2), (("--run", "9"), 1), (("--delivery", "9"), 1), (("--run", "1", "--delivery", "1"), 2)],
)
def test_a_replay_of_nothing_is_an_error(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    shell.imported(sale("A"))
    assert shell.feeds("replay", *arguments).code == code
    assert len(shell.feeds("runs", "list", "--format", "json").json()) == 1


def test_a_file_that_is_forgotten_is_taken_again(both: Shell) -> None:
    both.imported(sale("A"))
    assert both.feeds("run", "--all", "--format", "json").json()["outcome"] == "empty"
    (known,) = both.feeds("state", "show", FEED, "--format", "json").json()["deliveries"]
    assert (known["name"], known["state"]) == ("sales.csv", "done")
    asked = both.feeds("state", "reset", FEED, "--delivery", "sales.csv")
    assert (asked.code, asked.out) == (2, "")
    assert both.feeds("run", "--all", "--format", "json").json()["outcome"] == "empty"
    assert both.feeds("state", "reset", FEED, "--delivery", "sales.csv", "--yes").code == 0
    (feed,) = both.feeds("run", "--all", "--format", "json").json()["feeds"]
    assert (feed["read"], feed["unchanged"]) == (1, 1)
    assert audit(both) == [("state.reset", FEED)]


def test_a_file_nobody_knows_cannot_be_forgotten(shell: Shell) -> None:
    shell.imported(sale("A"))
    done = shell.feeds("state", "reset", FEED, "--delivery", "sale.csv", "--yes")
    assert done.code == 1
    assert "feeds state show" in done.talk


def test_a_file_on_its_way_is_not_forgotten(shell: Shell) -> None:
    shell.imported(sale("A"))
    with shell.store() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'stored'")
    done = shell.feeds("state", "reset", FEED, "--delivery", "sales.csv", "--yes")
    assert done.code == 1
    assert "on its way" in done.talk


def test_cursors_are_set_shown_and_forgotten(both: Shell) -> None:
    assert both.feeds("state", "set", FEED, "2024-05-01", "--yes").code == 0
    assert both.feeds("state", "set", FEED, "2024-05-02", "--slice", "north", "--yes").code == 0
    assert both.feeds("state", "set", FEED, "2024-05-03", "--yes").code == 0
    cursors = both.feeds("state", "show", FEED, "--format", "json").json()["cursors"]
    assert {each["slice"]: each["value"] for each in cursors} == {"": "2024-05-03", "north": "2024-05-02"}
    assert both.feeds("state", "reset", FEED, "--cursors", "--yes").code == 0
    assert both.feeds("state", "show", FEED, "--format", "json").json()["cursors"] == []
    assert [action for action, _ in audit(both)] == ["state.set", "state.set", "state.set", "state.reset"]


def test_a_login_that_waits_is_shown_and_let_go(both: Shell) -> None:
    both.feeds("state", "show", FEED)
    with both.store() as connection:
        for login, failures in ((FILE_LOGIN, 2), ("sftp other", 1)):
            waits = {"login": login, "failures": failures, "until": "2999-01-01T00:00:00.000000Z", "message": "refused"}
            connection.execute(insert(breakers).values(waits))
    (found,) = both.feeds("state", "show", FEED, "--format", "json").json()["logins"]
    assert (found["failures"], found["until"]) == (2, "2999-01-01T00:00:00Z")
    assert both.feeds("state", "reset", FEED, "--login").code == 0
    assert [row.login for row in both.rows("SELECT login FROM breakers")] == ["sftp other"]
    assert audit(both) == [("state.reset", FEED)]
