"""A project on a folder, and the `feeds` command in it: in this process, in one of its own, or on a terminal."""

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, create_engine, text

from engine.cli import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())"]
FEED = "acme/shop-sales"

ACTIVITY = """\
version: 1
kind: activity
name: sale
label: Sale
category: sale
date: {label: Sale Date}
states: [recorded, voided]
shows: [timeline]
fields:
  amount: {label: Amount, type: money}
  term:   {label: Term, type: integer, unit: months, greyIf: cash}
  cash:   {label: Cash, type: yesNo}
  due:    {label: Due, type: date}
  at:     {label: At, type: dateTime}
  note:   {label: Note, type: string}
"""

DEFINITION = """\
version: 1
kind: feed
title: Sales of a shop
transport: {type: file, directory: INCOMING, filename: '*.csv', settle: 0s}
decode: {format: csv, encoding: [utf-8]}
fields:
  customerNo: {column: Customer}
  firstName:  {column: First}
  lastName:   {column: Last}
  company:    {column: Company, optional: true}
  email:      {column: Email, type: email, onError: blank}
  phone:      {column: Phone, type: phone, onError: blank}
  city:       {column: City, optional: true}
  number:     {column: Number, required: true}
  date:       {column: Date, type: date, formats: ['%Y-%m-%d'], required: true}
  amount:     {column: Amount, type: money}
  term:       {column: Term, type: integer, optional: true}
  cash:       {column: Cash, type: boolean, optional: true}
  note:       {column: Note, optional: true}
  at:         {column: At, type: dateTime, formats: ['%Y-%m-%dT%H:%M:%S%z'], optional: true}
contact: {fields: {externalId: customerNo}}
activities: [{type: sale, key: [[number]], occurred: date, state: recorded}]
"""

DEALER = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
feeds:
  - uses: shop/sales
"""


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, its data and its talk."""

    code: int
    out: str
    talk: str = ""

    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def called(environment: Mapping[str, str], *arguments: str) -> Done:
    """The command in this process: nothing here is a terminal."""
    out, talk = io.StringIO(), io.StringIO()
    with (
        patch.dict("os.environ", environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(talk),
        patch.object(sys, "stdin", io.StringIO()),
    ):
        code = main(list(arguments))
    return Done(code, out.getvalue(), talk.getvalue())


@dataclass
class Shell:
    home: Path
    database: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, content in {
            "feeds/activities/sale.yaml": ACTIVITY,
            "feeds/vendors/shop/sales.yaml": DEFINITION.replace("INCOMING", str(self.home / "in")),
            "feeds/dealers/acme.yaml": DEALER,
        }.items():
            self.write(name, content)
        (self.home / "in").mkdir()
        self.environment |= {
            "FEEDS_DIR": str(self.home / "feeds"),
            "FEEDS_STATE_DIR": str(self.home / "state"),
            "FEEDS_DATABASE_URL": self.database,
        }

    def write(self, name: str, content: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.home / name
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new), encoding="utf-8")

    def put(self, name: str, *rows: Mapping[str, str]) -> Path:
        """A file of these rows, under the header of the first."""
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        return self.write(f"in/{name}", "\n".join(lines) + "\n")

    def feeds(self, *arguments: str) -> Done:
        return called(self.environment, *arguments)

    def imported(self, *rows: Mapping[str, str], name: str = "sales.csv") -> dict[str, Any]:
        """The report of a run after these rows have come."""
        self.put(name, *rows)
        return dict(self.feeds("run", "--all", "--format", "json").json())

    def started(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command as a process of its own."""
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT)}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*COMMAND, *arguments], env=environment, cwd=self.home, text=True, preexec_fn=_interruptible, **pipes
        )

    def on_a_terminal(self, *arguments: str, typed: str = "", **environment: str) -> Done:
        """The command as a person runs it; what it prints, stdout and stderr alike, is in `out`."""
        given = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, *arguments], env=given, cwd=self.home, stdin=follower, stdout=follower, stderr=follower
        )
        os.close(follower)
        os.write(leader, typed.encode())
        seen = b""
        with contextlib.suppress(OSError):  # the terminal is gone with the last process on it
            while chunk := os.read(leader, 65536):
                seen += chunk
        os.close(leader)
        return Done(process.wait(), seen.decode().replace("\r\n", "\n"))

    def rows(self, statement: str) -> list[Any]:
        """Of the store, as they are."""
        engine = create_engine(self.database.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(statement)))
        finally:
            engine.dispose()

    @contextlib.contextmanager
    def store(self) -> Any:
        """A transaction of the test's own."""
        engine = create_engine(self.database.replace("postgresql://", "postgresql+psycopg://"))
        connection: Connection
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()


def sale(number: str, **changes: str) -> dict[str, str]:
    """A row that imports; `changes` are columns, with `_` for nothing else."""
    row = {"Customer": f"C{number}", "First": "Robin", "Last": "Vale", "Email": "robin.vale@example.com"}
    row |= {"Phone": "(202) 555-0101", "City": "Bangor", "Number": number, "Date": "2024-05-01", "Amount": "1284.55"}
    return row | changes


def _interruptible() -> None:
    """Ctrl-C works: whoever starts the tests in the background has switched it off for all they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
