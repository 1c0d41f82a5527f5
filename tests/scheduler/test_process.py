"""`feeds scheduler run` as a process: stopped in order, killed at any moment, started again."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.shell import Shell, sale

Process = subprocess.Popen[str]


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {every: 1s}\nfields:")
    return shell


@contextmanager
def running(shell: Shell) -> Iterator[Process]:
    process = shell.started("scheduler", "run")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: Process, event: str) -> dict[str, object]:
    """The next line of its log that tells of this."""
    assert process.stderr is not None
    for line in process.stderr:
        found = json.loads(line) if line.startswith("{") else {}
        if found.get("event") == event:
            return dict(found)
    raise AssertionError(f"it ended, with code {process.wait()}, and never said {event}")


def stored(shell: Shell) -> list[str]:
    return sorted(row.key for row in shell.rows("SELECT key FROM activities"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_what_runs_is_finished_and_nothing_else_begun(shell: Shell, number: signal.Signals) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 2s")
    shell.put("sales.csv", sale("1"))
    with running(shell) as process:
        heard(process, "feed.begun")
        process.send_signal(number)
        assert heard(process, "scheduler.stopping")["running"] == 1
        assert heard(process, "feed.finished")["outcome"] == "ok"
        _, talk = process.communicate()
    assert process.returncode == 0
    assert "feed.begun" not in talk
    assert stored(shell) == ["1"]


def test_asked_twice_it_ends_at_once_and_the_next_one_goes_on(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 1h")
    shell.put("sales.csv", sale("1"))
    with running(shell) as process:
        slot = heard(process, "feed.begun")["slot"]
        process.send_signal(signal.SIGTERM)
        heard(process, "scheduler.stopping")
        process.send_signal(signal.SIGTERM)
        assert heard(process, "scheduler.stopped")["leftAtWork"] == 1
        process.communicate()
    assert process.returncode == 130
    (row,) = shell.rows("SELECT slot, ended_at FROM slots")
    assert (row.slot, row.ended_at) == (slot, None)


def test_killed_again_and_again_it_stores_every_row_once(shell: Shell) -> None:
    expected = []
    for number in range(3):
        expected += [f"{number}{row}" for row in range(3)]
        shell.put(f"sales-{number}.csv", *(sale(f"{number}{row}") for row in range(3)))
        with running(shell) as process:
            heard(process, "feed.begun")
            time.sleep(number * 0.03)  # somewhere within the run; where exactly does not matter
            process.kill()
    with running(shell) as process:
        while stored(shell) != expected:
            heard(process, "feed.finished")
        process.terminate()
        process.communicate()
    assert process.returncode == 0
    assert stored(shell) == expected
    begun = shell.rows("SELECT count(*) AS n FROM slots WHERE ended_at IS NULL")
    assert begun[0].n == 0


def test_a_folder_of_definitions_that_is_gone_for_a_while_stops_no_feed(shell: Shell) -> None:
    with running(shell) as process:
        heard(process, "feed.begun")
        (shell.home / "feeds").rename(shell.home / "away")
        assert "is gone" in str(heard(process, "scheduler.hindered")["reason"])
        heard(process, "feed.begun")


def test_two_processes_run_each_slot_once(shell: Shell) -> None:
    shell.feeds("runs", "list")
    with running(shell) as one, running(shell) as other:
        for process in (one, other):
            heard(process, "scheduler.started")
        while shell.rows("SELECT count(*) AS n FROM runs WHERE finished_at IS NOT NULL")[0].n < 4:
            time.sleep(0.1)
        talk = ""
        for process in (one, other):
            process.terminate()
            talk += process.communicate()[1]
    lines = [json.loads(line) for line in talk.splitlines() if line.startswith("{")]
    begun = [line["slot"] for line in lines if line["event"] == "feed.begun"]
    assert len(begun) >= 3
    assert len(begun) == len(set(begun))


def test_a_store_of_another_version_is_said_before_anything_runs(shell: Shell) -> None:
    shell.feeds("runs", "list")
    with shell.store() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    done = shell.feeds("scheduler", "run")
    assert done.code == 1
    assert "feeds db upgrade" in done.talk
