"""How fast files come in by SFTP, beside OpenSSH's own client, in the same minutes on the same machine.

    python -m tests.bench.sftp [--size 300] [--files 1000] [--rounds 3]

Prints ratios of medians, each client in a process of its own, the variants interleaved so that
the machine's drift hits all alike. Needs `sshd` and `sftp`; it touches nothing but a folder of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.servers.delay import Delay
from tests.servers.openssh import OpenSsh

Measured = dict[str, float]  # seconds, and where it is ours megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description="SFTP beside OpenSSH's own client.")
    parser.add_argument("--size", type=int, default=300, help="MiB of the large file")
    parser.add_argument("--files", type=int, default=1000, help="how many small ones")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="feeds-bench-") as folder, OpenSsh() as server:
        home = Path(folder)
        (home / "far").mkdir()
        with (home / "far" / "large.bin").open("wb") as file:
            for _ in range(arguments.size):
                file.write(os.urandom(1 << 20))
        print(f"{arguments.size} MiB, medians of {arguments.rounds}; speed is OpenSSH's seconds / ours")
        large(server, home, server.port, "loopback", arguments.rounds)
        with Delay(server.host, server.port, 0.010) as way:
            large(server, home, way.port, "20 ms round trip", arguments.rounds)
        (home / "far" / "large.bin").unlink()
        small(server, home, arguments.files)


# --- one large file -------------------------------------------------------------------------


def large(server: OpenSsh, home: Path, port: int, name: str, rounds: int) -> None:
    gcm = ("-c", "aes128-gcm@openssh.com", "-B", "261120", "-R", "64")
    ways: dict[str, Callable[[], Measured]] = {
        "feeds": lambda: ours(server, home, port, "fetch"),
        "OpenSSH sftp": lambda: theirs(server, home, port, ()),
        "OpenSSH sftp, aes128-gcm, 255 KiB": lambda: theirs(server, home, port, gcm),
    }
    results: dict[str, list[Measured]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, measure in ways.items():
            (home / "near").unlink(missing_ok=True)
            results[way].append(measure())
    feeds = median(each["seconds"] for each in results["feeds"])
    print(f"\n{name:36} {'seconds':>8} {'speed':>6} {'MB':>5}")
    for way, each in results.items():
        seconds = median(one["seconds"] for one in each)
        memory = max(one.get("megabytes", 0) for one in each)
        print(f"  {way:34} {seconds:8.2f} {seconds / feeds:6.2f} {memory or '':>5}")


def theirs(server: OpenSsh, home: Path, port: int, options: tuple[str, ...]) -> Measured:
    quiet = ("-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
    way = ("-P", str(port), "-i", str(server.key_file))
    began = time.perf_counter()
    subprocess.run(
        ["sftp", *quiet, *options, *way, f"{server.host}:{home}/far/large.bin", str(home / "near")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with (home / "near").open("rb") as file:
        os.fsync(file.fileno())
    return {"seconds": time.perf_counter() - began}


# --- many small ones ------------------------------------------------------------------------


def small(server: OpenSsh, home: Path, files: int) -> None:
    for number in range(files):
        (home / "far" / f"{number}.csv").write_bytes(os.urandom(2_000))
    with Delay(server.host, server.port, 0.010) as way:
        measured = ours(server, home, way.port, "take")
        trips = way.turns / files
        print(f"\n{files} small files, claimed, fetched and removed at 20 ms: {measured['seconds']:.1f} s")
        print(f"  connections {way.connections}, round trips a file {trips:.2f} (with connecting and listing)")


# --- our client, in a process of its own ----------------------------------------------------


def ours(server: OpenSsh, home: Path, port: int, deed: str) -> Measured:
    """Starting Python is no part of a transfer, a running engine has it behind itself; connecting is."""
    settings = {**server.settings(), "port": port, "directory": str(home / "far")}
    told = json.dumps({"settings": settings, "near": str(home / "near"), "deed": deed})
    out = subprocess.run([sys.executable, "-m", "tests.bench.sftp_client", told], check=True, capture_output=True)
    heard: Measured = json.loads(out.stdout)
    return heard


if __name__ == "__main__":
    main()
