"""How many feeds a second a scheduler and its workers run: `python -m tests.bench.jobs [--feeds 600] [--workers 1 2]`.

PostgreSQL, `feeds scheduler run --executor queue` and `feeds worker` as processes; trivial feeds that are all
due at once, each a job of its own: a folder with nothing in it, or with a file of one row. Starting the processes
is not counted.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, text

from engine.store import database, queue, shape, slots
from engine.store.database import Engine, reading
from engine.store.queue import Wanted
from engine.world import stamp
from tests.bench.hooks import cpu
from tests.bench.load import Fresh, scratch
from tests.cli.shell import COMMAND, ROOT, Shell, sale

_OF_ONE_DEALER = 200
_DEALER = "version: 1\nkind: dealer\nname: d{number}\ntitle: A dealer\ntimezone: America/New_York\nfeeds:\n"
_ENTRY = "  - {{uses: shop/sales, name: f{number}, override: {{transport: {{directory: {folder}}}}}}}\n"
_PATIENCE = 600  # seconds
CONCURRENCY = 8


def project(home: Path, url: str, feeds: int, has_file: bool) -> tuple[Shell, list[str]]:
    """So many feeds, each with a folder of its own, and their names."""
    shell, names = Shell(home, url), []
    shell.edit("feeds/vendors/shop/sales.yaml", "\nfields:", "\nschedule: {every: 1h}\nfields:")
    (home / "feeds" / "dealers" / "acme.yaml").unlink()
    for first in range(0, feeds, _OF_ONE_DEALER):
        written = _DEALER.format(number=first)
        for number in range(first, min(first + _OF_ONE_DEALER, feeds)):
            folder = home / "in" / str(number)
            folder.mkdir()
            written += _ENTRY.format(number=number, folder=folder)
            names.append(f"d{first}/f{number}")
            if has_file:
                shell.put(f"{number}/sales.csv", sale(str(number)))
        shell.write(f"feeds/dealers/d{first}.yaml", written)
    return shell, names


@contextmanager
def process(shell: Shell, *arguments: str) -> Iterator[int]:
    environment = {**os.environ, **shell.environment, "PYTHONPATH": str(ROOT), "FEEDS_LOG_LEVEL": "error"}
    started = subprocess.Popen([*COMMAND, *arguments], env=environment, cwd=shell.home)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


def put(engine: Engine, names: list[str]) -> float:
    """Queue each feed as a job of its own; how many a second."""
    before = slots.known(engine)
    wanted = [Wanted(name, stamp(datetime.now(UTC)), before[name], name) for name in names]
    began = time.perf_counter()
    queue.put(engine, wanted, stamp(datetime.now(UTC)))
    return len(names) / (time.perf_counter() - began)


class Ran(NamedTuple):
    queued: float  # feeds a second
    run: float  # feeds a second, from the first that was begun by a worker to the last that ended
    busy: float  # milliseconds of the workers' processor time, each


def ran(home: Path, url: str, feeds: int, workers: int, has_file: bool) -> Ran:
    """So many feeds, run by so many workers."""
    shell, names = project(home, url, feeds, has_file)
    engine = database.connect(url)
    shape.prepare(engine)
    queue.prepare(engine)
    slots.met(engine, names, stamp(datetime.now(UTC) - timedelta(hours=2)))
    queued = put(engine, names)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        stack.enter_context(process(shell, "scheduler", "run", "--executor", "queue"))
        pids = [
            stack.enter_context(process(shell, "worker", "--concurrency", str(CONCURRENCY))) for _ in range(workers)
        ]
        first, _ = _ended(engine, 1)
        busy = sum(map(cpu, pids))
        last, seconds = _ended(engine, feeds)
        return Ran(queued, feeds / seconds, (sum(map(cpu, pids)) - busy) * 1e3 / (last - first))


def _ended(engine: Engine, feeds: int) -> tuple[int, float]:
    """How many feeds have ended, once there are so many, and the seconds from the first that was begun to the last."""
    until = time.monotonic() + _PATIENCE
    statement = text(
        "SELECT count(ended_at) AS ended, min(runs.started_at) AS began, max(ended_at) AS last "
        "FROM slots LEFT JOIN runs ON runs.id = slots.run_id"
    )
    while time.monotonic() < until:
        with reading(engine) as connection:
            row = connection.execute(statement).one()
        if row.ended >= feeds:
            return row.ended, (datetime.fromisoformat(row.last) - datetime.fromisoformat(row.began)).total_seconds()
        time.sleep(0.2)
    raise SystemExit(f"only {row.ended} of {feeds} feeds were run in {_PATIENCE} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--feeds", type=int, default=600)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)  # what `make bench` hands to all parts
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    fresh = Fresh()
    sys.stdout.write(f"{given.feeds:,} feeds, {CONCURRENCY} jobs at a time in each worker, {os.cpu_count()} cores\n")
    with scratch() as home:
        for has_file in (False, True):
            for workers in given.workers:
                place = home / f"{workers}-{has_file}"
                place.mkdir()
                url = fresh.url("postgresql", home)
                found = ran(place, url, given.feeds, workers, has_file)
                with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
                    connection.execute(text("DROP SCHEMA feeds_queue CASCADE"))
                fresh(url)
                what = "a file of one row each" if has_file else "nothing there"
                times = f"{found.run:8.1f} feeds/s{found.busy:8.1f} ms of processor time each"
                sys.stdout.write(f"{what:24}{workers} workers{times}   queued {found.queued:6.0f}/s\n")
                sys.stdout.flush()
        fresh.close()


if __name__ == "__main__":
    main()
