"""S1b: a plain feed (one activity type, no contact) beside the limit of the same file on the same database.

    python -m tests.bench.plain [--rows 100000] [--rounds 3] [--only sqlite|postgresql]

Other tools are measured beside it where they are: dlt where PEERS_PYTHON names an interpreter that has it,
sling where SLING names its program.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.data import sales
from tests.bench.load import Bench, Fresh, scratch, timed

_DLT = Path(__file__).parent / "peer_dlt.py"


def measure(kind: str, rows: int, rounds: int, home: Path) -> dict[str, list[float]]:
    """Seconds of each variant, round by round."""
    file = home / "sales.csv"
    if not file.exists():
        sales(file, rows)
    fresh = Fresh()
    place = home / kind
    place.mkdir()
    bench = Bench(place, fresh.url(kind, place), fresh, "plain")
    variants: dict[str, Callable[[], float]] = {
        "limit: raw load + SQL casts": lambda: _limit(bench.url, file),
        "feeds run, plain feed": lambda: bench.run(file).seconds,
    }
    if peers := os.environ.get("PEERS_PYTHON"):
        command = [peers, str(_DLT), bench.url, str(file), str(place / "dlt")]
        variants["dlt, rows"] = lambda: timed(command, dict(os.environ), place / "dlt.txt").seconds
    if sling := os.environ.get("SLING"):
        variants["sling"] = lambda: _sling(sling, bench.url, file, place)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    try:
        for _ in range(rounds):
            for name, run in variants.items():
                bench.clean()
                seconds[name].append(run())
    finally:
        fresh.close()
    return seconds


def _limit(url: str, file: Path) -> float:
    command = [sys.executable, "-m", "tests.bench.limit", url, str(file)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _sling(program: str, url: str, file: Path, place: Path) -> float:
    """Into text and guessed types, merged by key; its own state and caches stay in the scratch folder."""
    schema = "main" if url.startswith("sqlite") else "public"
    target = url.replace("postgresql+psycopg://", "postgresql://").replace("sqlite:////", "sqlite:///")
    target += "" if schema == "main" else "&sslmode=disable"
    command = [program, "run", "--src-stream", file.as_uri(), "--tgt-conn", target]
    command += ["--tgt-object", f"{schema}.sales", "--mode", "incremental", "--primary-key", "dealnumber"]
    environment = {**os.environ, "HOME": str(place), "SLING_DISABLE_TELEMETRY": "true"}
    return timed(command, environment, place / "sling.txt").seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    with scratch() as home:
        for kind in ("sqlite", "postgresql") if given.only is None else (given.only,):
            found = measure(kind, given.rows, given.rounds, home)
            base, *_ = found.values()
            print(f"\n{kind}, {given.rows:,} rows, medians of {given.rounds}")
            print(f"{'':32}{'seconds':>9}{'x limit':>9}{'rows/s':>10}")
            for name, seconds in found.items():
                ratio = median(s / b for s, b in zip(seconds, base, strict=True))
                print(f"{name:32}{median(seconds):9.2f}{ratio:9.2f}{given.rows / median(seconds):10,.0f}", flush=True)


if __name__ == "__main__":
    main()
