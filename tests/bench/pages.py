"""An API of 100 pages with 1,000 records each (S6): `python -m tests.bench.pages`.

Asked, decoded and five plain paths mapped, without sealing and store, beside urllib3 with orjson doing no more than
that by hand, and dlt's client where PEERS_PYTHON names an interpreter that has it. Processor time and wall time of
the asking side; the server is a process of its own. Never a gate.
"""

import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import urllib3

from engine.asking.reading import Reader
from engine.garbage import uncollected
from engine.mapping import Kept, compile_mapping
from engine.model import Feed, Field, Path
from tests.mapping.feeds import CONTEXT, activity, feed, stream
from tests.transports.http.room import Room
from transports import connect_pages

PAGES, SIZE, ROUNDS = 100, 1_000, 3
PATHS = {"id": "id", "name": "name", "email": "customer.email", "total": "amount.total", "at": "updatedAt"}


def served(says: Connection) -> None:
    """The pages, made before anybody asks."""
    made = [
        orjson.dumps(
            {
                "data": [
                    {
                        **{"id": f"o{page}-{number}", "name": f"Order {number}", "updatedAt": "2024-05-01T10:00:00Z"},
                        "customer": {"id": number, "email": f"c{number}@example.com", "phones": ["+15555550101"]},
                        "amount": {"total": f"{number}.50", "tax": "1.00"},
                        "lines": [{"sku": f"s{line}", "count": line} for line in range(3)],
                    }
                    for number in range(SIZE)
                ],
                "next": page + 1 if page + 1 < PAGES else None,
            }
        )
        for page in range(PAGES)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = made[int(parse_qs(urlsplit(self.path).query).get("page", ["0"])[0])]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *ignored: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    says.send(server.server_port)
    server.serve_forever()


def by_hand(url: str) -> int:
    """The limit: urllib3, orjson, a dict of five values for each record."""
    pool, count, page = urllib3.PoolManager(), 0, 0
    while page is not None:
        document = orjson.loads(pool.request("GET", f"{url}/orders?page={page}").data)
        found = [
            {
                "id": each["id"],
                "name": each["name"],
                "email": each["customer"]["email"],
                "total": each["amount"]["total"],
                "at": each["updatedAt"],
            }
            for each in document["data"]
        ]
        count, page = count + len(found), document["next"]
    return count


def mapped(url: str) -> int:
    """The transport with the engine's own decoder, and the compiled mapping of what it brings."""
    made = definition()
    reader, kept, count = Reader(made, CONTEXT), Kept(), 0
    for page in asked(url, reader):  # each is decoded once, by the transport
        decoded = page.document
        with uncollected():  # as an import does
            mapping = compile_mapping(made, decoded, kept)
            for batch in decoded.batches:
                for portion in mapping.portions(batch):
                    found = mapping.map(portion, range(len(portion.rows)), CONTEXT)
                    count += sum(len(each.records) for _, each in found)
    return count


def by_dlt(interpreter: str, url: str) -> tuple[float, float]:
    """Without the start of its process."""
    program = str(pathlib.Path(__file__).with_name("peer_pages.py"))
    told = subprocess.run([interpreter, program, url], check=True, capture_output=True, text=True).stdout
    count, wall, processor = told.split()
    assert int(count) == PAGES * SIZE
    return float(wall), float(processor)


def asked(url: str, reader: Reader) -> Any:
    tools = Room(real_time=True).tools()
    settings = {
        **{"type": "http", "baseUrl": url, "allowPrivate": ["127.0.0.1"], "request": {"url": "/orders"}},
        "pagination": {"type": "cursor", "param": "page", "next": "next"},
    }
    ours = {"document": reader.document, "carried": reader.carried, "records": reader.records, "search": reader.search}
    with connect_pages("http", settings, replace(tools, **ours)) as far:
        yield from far.pages({})


def definition() -> Feed:
    fields = [Field(name, Path((path,))) for name, path in PATHS.items()]
    return feed(stream(*fields, path="data", activities=[activity("id", values=tuple(PATHS))]), format="json")


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=served, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    ways: dict[str, Callable[[str], int]] = {"urllib3 + orjson, by hand": by_hand, "feeds: pages, mapped": mapped}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    peer = os.environ.get("PEERS_PYTHON")
    for _ in range(ROUNDS):
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            assert way(url) == PAGES * SIZE
            times[name].append((time.perf_counter() - wall, time.process_time() - processor))
        if peer is not None:
            times.setdefault("dlt, RESTClient", []).append(by_dlt(peer, url))
    server.kill()
    base: tuple[float, float] | None = None
    for name, found in times.items():
        wall, processor = (statistics.median(each[place] for each in found) for place in (0, 1))
        base = base or (wall, processor)
        told = f"{wall / base[0]:.2f} x the wall time, {processor / base[1]:.2f} x the processor time of the first"
        write(f"{name:28} {wall:6.2f} s, {processor:6.2f} s of processor time: {told}\n")


write = sys.stdout.write

if __name__ == "__main__":
    main()
