"""A dealer that sends, and who receives: a real server on loopback that may answer in any way, or not at all."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.language import project
from engine.language.project import Project
from engine.language.secrets import Secrets
from engine.sending import rounds
from engine.world import World, open_world
from tests.cli.shell import Done, Shell

NAME = "acme/leads-plain"
LEAD = """\
version: 1
kind: activity
name: lead
label: Lead
category: lead
date: {label: Date}
states: [open, won, voided]
shows: [timeline]
fields:
  note: {label: Note, type: string}
  amount: {label: Amount, type: money}
  dueDate: {label: Due, type: date}
"""
FEED = """\
version: 1
kind: feed
title: Leads of a web site
transport: {type: file, directory: INCOMING, filename: '*.csv', settle: 0s}
decode: {format: csv, encoding: [utf-8]}
fields:
  number:    {column: Number, required: true}
  last:      {column: Last}
  email:     {column: Email, type: email, onError: blank}
  allowText: {column: Texts, type: boolean}
  kind:      {column: Kind}
  state:     {column: State}
  date:      {column: Date, type: date, formats: ['%Y-%m-%d']}
  note:      {column: Note}
  amount:    {column: Amount, type: money}
  dueDate:   {column: Due, type: date, formats: ['%Y-%m-%d']}
  after:     {column: After}
contact: {fields: {externalId: number, lastName: last}}
activities:
  - type: lead
    key: [[number]]
    occurred: date
    state: {from: state, map: {open: open, won: won}, else: quarantine}
    if: kind == 'lead'
  - {type: sale, key: [[number]], occurred: date, state: recorded, if: kind == 'sale'}
  - type: sale
    key: [[number]]
    occurred: date
    state: recorded
    if: kind == 'held'
    after: {type: lead, key: [after], onMissing: hold}
"""
EXPORT = """\
version: 1
kind: export
title: Leads
params: {url: {type: url, required: true}}
class: leads
event: {activities: [lead, sale], is: created}
exclude: {categories: [sale]}
fields:
  id: {path: activity.id}
  key: {path: activity.key}
  name: {path: contact.lastName}
  amount: {path: activity.fields.amount}
  note: {text: 'From ${dealer.title}: ${activity.fields.note}'}
encode: {format: json}
transport: {type: http, url: '${params.url}', allowPrivate: [127.0.0.1], timeout: 2s, retry: {attempts: 3}}
"""
DEALER = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
features: [crm]
feeds: [{uses: web/leads}]
exports:
  - {uses: leads/plain, params: {url: 'URL'}}
"""
ROW = {"Last": "Vale", "Email": "", "Texts": "true", "Kind": "lead", "State": "open", "Date": "2024-05-01"}
ROW |= {"Note": "hello", "Amount": "12.50", "Due": "", "After": ""}


def lead(number: str, **changes: str) -> dict[str, str]:
    return {"Number": number, **ROW, "Email": f"p{number}@example.com"} | changes


class Receiver:
    """Takes every request whole, remembers it, and then answers as `answer` says: (status, body), or None to be
    silent for good. `cut` ends the connection instead of an answer."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], tuple[int, str] | None] = lambda taken: (200, '{"id": "T1"}')
        self.taken: list[dict[str, Any]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/in"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def counts(self) -> Counter[str]:
        """How often each lead came, by its key."""
        return Counter(each["document"]["key"] for each in list(self.taken))

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while head := stream.readline():
                    headers = {}
                    while (line := stream.readline().strip()) != b"":
                        name, _, value = line.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    body = stream.read(int(headers.get("content-length", 0)))
                    document = json.loads(body) if body.startswith(b"{") else None
                    taken = {"line": head.decode(), "headers": headers, "body": body, "document": document}
                    self.taken.append(taken)
                    said = self.answer(taken)
                    if said is None:
                        return
                    text = (
                        f"HTTP/1.1 {said[0]} x\r\nContent-Type: application/json\r\nContent-Length: {len(said[1])}\r\n"
                    )
                    connection.sendall(f"{text}\r\n{said[1]}".encode())
        except OSError:
            return


class Clock:
    """Runs on by itself, and further where somebody says so."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Room:
    home: Path
    database: str
    receiver: Receiver
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.shell = Shell(self.home, self.database)
        self.write("activities/lead.yaml", LEAD)
        self.write("vendors/web/leads.yaml", FEED.replace("INCOMING", str(self.home / "in")))
        self.write("exports/leads/plain.yaml", EXPORT)
        self.write("dealers/acme.yaml", DEALER.replace("URL", self.receiver.url))
        self.shell.write("feeds/activities/sale.yaml", (self.home / "feeds/activities/sale.yaml").read_text())

    def write(self, name: str, content: str) -> None:
        self.shell.write(f"feeds/{name}", content)

    def edit(self, name: str, old: str, new: str) -> None:
        self.shell.edit(f"feeds/{name}", old, new)

    def put(self, *rows: dict[str, str], name: str = "leads.csv") -> None:
        self.shell.put(name, *rows)

    def feeds(self, *arguments: str) -> Done:
        return self.shell.feeds(*arguments)

    def run(self, *rows: dict[str, str], name: str = "leads.csv") -> dict[str, Any]:
        if rows:
            self.put(*rows, name=name)
        done = self.feeds("run", "--all", "--format", "json")
        report = dict(done.json())
        stuck = any(each["dead"] + each["uncertain"] for each in report.get("exports", ()))
        assert done.code == (3 if stuck else 0), done.talk + done.out
        return report

    def project(self) -> Project:
        return project.load(self.home / "feeds", None)

    def world(self) -> World:
        return open_world(self.database, self.home / "state", Secrets({}), self.clock)

    def send(self, world: World | None = None) -> None:
        """One round of all exports, as a process of its own would make it."""
        used = world or self.world()
        rounds.of_project(self.project(), used)
        used.engine.dispose()

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """The outbox, the oldest first."""
        return list(reversed(self.feeds("exports", "outbox", "--format", "jsonl", *arguments).lines()))

    def states(self) -> list[str]:
        return [each["state"] for each in self.items()]
