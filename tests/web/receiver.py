"""`feeds serve` as a process of its own on loopback, with feeds that listen; and what asks it."""

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.intake.inbox import Inbox, inbox
from engine.store import database
from tests.cli.shell import COMMAND, ROOT, Shell
from transports.envelope import Envelope, opened

TOKEN = "canary-hook-token"
HOOKED = """\
version: 1
kind: feed
title: Sales that a shop calls in
transport:
  type: webhook
  endpoint: shop/${dealer.name}
  verify: [{type: token, in: path, token: '${secret.HOOK}'}]
  dedupe: {by: [body.id], keepFor: 7d}
  maxBytes: 64KiB
decode: {format: json}
fields:
  number: {path: id, required: true}
  date:   {path: date, type: date, formats: ['%Y-%m-%d'], required: true}
activities: [{type: sale, key: [[number]], occurred: date, state: recorded}]
"""
SIGNED = (
    HOOKED.replace("  dedupe:", "  challenge: {echo: body.challenge}\n  dedupe:")
    .replace("shop/${dealer.name}", "signed/${dealer.name}")
    .replace("{type: token, in: path, token: '${secret.HOOK}'}", "{type: github, secret: '${secret.HOOK}'}")
)
DEALER = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
feeds:
  - uses: shop/hooked
  - uses: shop/signed
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Server:
    process: "subprocess.Popen[str]"
    port: int

    def ask(
        self, path: str, body: bytes = b"", method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"content-type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def hook(self, id: str, token: str = TOKEN) -> Answer:
        return self.ask(f"/hooks/shop/acme/{token}", json.dumps({"id": id, "date": "2026-03-01"}).encode())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def listening(shell: Shell) -> Shell:
    """The shell's project with feeds that listen in the place of its own."""
    shell.write("feeds/vendors/shop/hooked.yaml", HOOKED)
    shell.write("feeds/vendors/shop/signed.yaml", SIGNED)
    shell.write("feeds/dealers/acme.yaml", DEALER)
    shell.environment |= {"FEEDS_SECRET_HOOK": TOKEN}
    return shell


@contextmanager
def serving(shell: Shell, *arguments: str) -> Iterator[Server]:
    talk = shell.home / "talk"
    environment = {**os.environ, **shell.environment, "PYTHONPATH": str(ROOT)}
    with talk.open("w") as stream:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *arguments],
            env=environment, cwd=shell.home, text=True, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        yield Server(process, _port(process, talk))
    finally:
        process.kill()
        process.wait()


def _port(process: "subprocess.Popen[str]", talk: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for line in talk.read_text().splitlines():
            if line.startswith("listening on http://127.0.0.1:"):
                return int(line.split(":")[2].partition(",")[0])
        assert process.poll() is None, talk.read_text()
        time.sleep(0.02)  # a process of its own: nothing else tells that it is there
    raise AssertionError(talk.read_text())


@contextmanager
def kept(shell: Shell) -> Iterator[Inbox]:
    engine = database.connect(shell.database)
    try:
        yield inbox(engine, Path(shell.environment["FEEDS_STATE_DIR"]))
    finally:
        engine.dispose()


def waiting(shell: Shell, feed: str = "acme/shop-hooked", endpoint: str = "shop/acme") -> list[Envelope]:
    """What a feed has in the inbox."""
    with kept(shell) as found:
        return [opened(entry.content) for entry in found.waiting(feed, [endpoint])]
