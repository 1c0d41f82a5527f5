"""How many webhooks a second are acknowledged, and how soon: `python -m tests.bench.hooks [--rate 200] [--seconds 10]`.

`feeds serve` as a process of its own, senders with open connections in this one, at a fixed rate: a request
that has to wait for its turn counts from when it was due. Needs no network.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.cli.shell import Shell
from tests.web.receiver import TOKEN, listening, serving, waiting

_SENDERS = 32


async def sent(port: int, rate: int, seconds: int) -> tuple[list[float], Counter[int]]:
    """The waits of all requests, in seconds, and how they were answered."""
    waits: list[float] = []
    statuses: Counter[int] = Counter()
    start = time.perf_counter() + 0.5
    due = iter(range(rate * seconds))

    async def sender() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in due:
            at = start + number / rate
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            body = json.dumps({"id": f"n{number}", "date": "2026-03-01", "note": "x" * 1_000}).encode()
            head = f"POST /hooks/shop/acme/{TOKEN} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in answer.lower().splitlines() if line.startswith("content-length"))
            await reader.readexactly(int(length.partition(":")[2]))
            waits.append(time.perf_counter() - at)
            statuses[int(answer.split()[1])] += 1
        writer.close()

    await asyncio.gather(*(sender() for _ in range(_SENDERS)))
    return sorted(waits), statuses


def cpu(pid: int) -> float:
    """Processor time of a process so far, in seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--database", help="The store; a new SQLite file where it is not given.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # where a disk is a disk
        home = Path(folder)
        shell = listening(Shell(home, given.database or f"sqlite:///{home / 'feeds.db'}"))
        with serving(shell) as server:
            began, busy = time.perf_counter(), cpu(server.process.pid)
            waits, statuses = asyncio.run(sent(server.port, given.rate, given.seconds))
            took, busy = time.perf_counter() - began - 0.5, cpu(server.process.pid) - busy
        kept = len(waiting(shell))
    points = {name: waits[min(len(waits) - 1, int(len(waits) * part))] for name, part in (("p50", 0.5), ("p99", 0.99))}
    print(f"asked for {given.rate}/s, acknowledged {statuses[200] / took:.0f}/s for {took:.1f} s; kept {kept}")
    print(f"p50 {points['p50'] * 1e3:.0f} ms, p99 {points['p99'] * 1e3:.0f} ms, longest {waits[-1] * 1e3:.0f} ms")
    print(f"the server's processor time: {busy / len(waits) * 1e3:.2f} ms a request; answers: {dict(statuses)}")


if __name__ == "__main__":
    main()
