"""`feeds scheduler run --executor queue` and `feeds worker` as processes: drained, ended, refused, upgraded.

Kills are the fault tests' affair (group I).
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store import queue
from engine.store.database import connect
from tests.cli.shell import Shell, sale
from tests.scheduler.test_process import heard, stored

Process = subprocess.Popen[str]
LIVELY = ("--heartbeat", "0.5")


@pytest.fixture
def shell(tmp_path: Path, postgres_url: str) -> Shell:
    made = Shell(tmp_path, postgres_url)
    made.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {every: 1s}\nfields:")
    assert made.feeds("runs", "list").code == 0
    return made


@contextmanager
def running(shell: Shell, *arguments: str) -> Iterator[Process]:
    process = shell.started(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def queueing(shell: Shell) -> Iterator[Process]:
    with running(shell, "scheduler", "run", "--executor", "queue", "--silence", "2") as process:
        heard(process, "scheduler.started")
        yield process


def jobs(shell: Shell) -> list[str]:
    return [row.status for row in shell.rows("SELECT status FROM feeds_queue.procrastinate_jobs")]


def test_a_worker_finishes_what_runs_and_begins_nothing_else(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 2s")
    shell.put("sales.csv", sale("1"))
    with queueing(shell), running(shell, "worker", *LIVELY) as worker:
        heard(worker, "feed.begun")
        worker.send_signal(signal.SIGTERM)
        assert heard(worker, "worker.stopping")["running"] == 1
        assert heard(worker, "feed.finished")["outcome"] == "ok"
        _, talk = worker.communicate()
    assert worker.returncode == 0
    assert "feed.begun" not in talk
    assert stored(shell) == ["1"]
    assert "doing" not in jobs(shell)


def test_asked_twice_a_worker_ends_at_once_and_another_goes_on(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s", "settle: 1h")
    shell.put("sales.csv", sale("1"))
    with queueing(shell) as scheduler:
        with running(shell, "worker", *LIVELY) as worker:
            heard(worker, "feed.begun")
            worker.send_signal(signal.SIGTERM)
            heard(worker, "worker.stopping")
            worker.send_signal(signal.SIGTERM)
            assert heard(worker, "worker.stopped")["leftAtWork"] == 1
            worker.communicate()
        assert worker.returncode == 130
        shell.edit("feeds/vendors/shop/sales.yaml", "settle: 1h", "settle: 0s")
        with running(shell, "worker", *LIVELY) as worker:
            heard(worker, "delivery.done")
        scheduler.send_signal(signal.SIGTERM)
        _, talk = scheduler.communicate()
    assert scheduler.returncode == 0
    assert "jobs.abandoned" in talk
    assert stored(shell) == ["1"]


@pytest.mark.parametrize("command", [["scheduler", "run", "--executor", "queue"], ["worker"]], ids=" ".join)
def test_with_sqlite_it_says_that_many_machines_need_postgresql(
    tmp_path: Path, sqlite_url: str, command: list[str]
) -> None:
    done = Shell(tmp_path, sqlite_url).feeds(*command)
    assert done.code == 1
    assert "many machines need PostgreSQL" in done.talk


def test_a_queue_of_another_version_is_made_anew_by_an_upgrade(shell: Shell) -> None:
    engine = connect(shell.database)
    queue.prepare(engine)
    engine.dispose()
    with shell.store() as connection:
        connection.exec_driver_sql("COMMENT ON SCHEMA feeds_queue IS 'another'")
        connection.exec_driver_sql("DROP TABLE feeds_queue.procrastinate_periodic_defers")
    done = shell.feeds("worker")
    assert done.code == 1
    assert "feeds db upgrade" in done.talk
    done = shell.feeds("db", "upgrade")
    assert (done.code, "made anew" in done.talk) == (0, True)
    assert shell.rows("SELECT count(*) AS n FROM feeds_queue.procrastinate_periodic_defers")[0].n == 0
