"""A small dealer, a place with five of its files, and a database: what every fault test imports.

    scene = studio.scene(Setup("sftp", "delete", "sqlite", chunked=True))
    scene.run()                                  # as `feeds run` does

The files hold new, changed, repeated, filtered, bad, contradicting and held rows; one is refused,
one is another feed's. Nothing here breaks anything and nothing here checks anything.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import make_url

from engine import log, report, runner
from engine.deferred import SecretRef
from engine.language import project
from engine.language.secrets import Secrets
from engine.model import Feed, RunReport
from engine.world import World, open_world
from tests.conftest import Canary, Postgres

PROJECT = Path(__file__).parent / "project"
FEED = "sample-motors/sample-sales"
NOW = datetime(2026, 1, 5, 17, tzinfo=UTC)
FIRST_SENT = 1_767_600_000  # seconds since 1970, of the oldest file

_HEADER = "Customer,First,Last,Email,Phone,Deal,Sold,Amount,VIN,Kind,Handed,After"
_ROBIN = "C1,Robin,Vale,robin.vale@example.com,(555) 555-0101,D1,01/02/2026,100.00,1ZZRV30C4P1000202,sale,,"
_FIRST = f"""{_HEADER}
{_ROBIN}
C2,Sam,Ito,sam.ito@example.com,555-555-0102,D2,01/02/2026,200.00,,sale,,
C3,Lee,Moreau,,,D3,,300.00,,sale,,
C4,Kim,Ode,,,D4,01/02/2026,400.00,,quote,,
C5,Ana,Ruiz,ana.ruiz@example.com,,D5,01/02/2026,500.00,3ZZMR22A7M2000404,sale,01/03/2026,D9
C6,Jo,Park,jo.park@example.com,,D6,01/02/2026,600.00,,sale,,
"""
FILES: Mapping[str, str] = {
    "01_SALES.csv": _FIRST,
    # Rows 2 and 11 of D1, 4 and 10 of D6 and 8 and 12 of D8 contradict each other across batches and
    # parts; one confirms what is stored, one changed it, one is new. D11 does so side by side.
    "02_SALES.csv": f"""{_HEADER}
{_ROBIN}
C2,Sam,Ito,sam.ito@example.com,555-555-0102,D2,01/02/2026,250.00,,sale,,
C6,Jo,Park,jo.park@example.com,,D6,01/02/2026,660.00,,sale,,
C9,Max,Bell,max.bell@example.com,,D9,01/04/2026,900.00,2ZZHB56G2K5000303,sale,,
C7,Noa,Finch,noa@example.com,,D7,01/04/2026,700.00,,sale,,
C7,Noa,Finch,noa@example.com,,D7,01/04/2026,700.00,,sale,,
C8,Eli,Stone,eli@example.com,,D8,01/04/2026,800.00,,sale,,
C10,Ivo,Lund,ivo@example.com,,D10,01/04/2026,1000.00,,sale,,
C6,Jo,Park,jo.park@example.com,,D6,01/02/2026,666.00,,sale,,
C1,Robin,Vale,robin.vale@example.com,(555) 555-0101,D1,01/02/2026,111.00,1ZZRV30C4P1000202,sale,,
C8,Eli,Stone,eli@example.com,,D8,01/04/2026,888.00,,sale,,
C11,Uma,Reed,uma@example.com,,D11,01/04/2026,1100.00,,sale,,
C11,Uma,Reed,uma@example.com,,D11,01/04/2026,1111.00,,sale,,
""",
    "03_SALES.csv": _FIRST.replace(",Amount,", ",Total,"),  # refused: a column is missing
    "04_SALES.csv": "Customer,WorkOrder\nC1,W1\n",  # another feed's
    "05_SALES.csv": _FIRST,  # the same content again: D2 goes back to what it was
    "readme.txt": "not a delivery\n",
}
STORED = ("01_SALES.csv", "02_SALES.csv", "05_SALES.csv")
LEFT = ("03_SALES.csv", "04_SALES.csv", "readme.txt")
DONE = "done"  # where `archive` moves files to

DISPOSALS: Mapping[str, Mapping[str, Any]] = {
    "delete": {"deleteFromServer": True},
    "archive": {"moveTo": f"{DONE}/"},
    "leave": {},
}


class Setup(NamedTuple):
    """One way to run the feed."""

    place: str = "file"  # file, sftp, ftp
    disposal: str = "delete"  # delete, archive, leave
    store: str = "sqlite"  # sqlite, postgresql
    chunked: bool = False

    def __str__(self) -> str:
        return f"{self.place}-{self.disposal}-{self.store}-{'chunked' if self.chunked else 'single'}"


class StillClock:
    """The time does not pass, so nothing depends on how fast a test runs."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        pass


@dataclass(frozen=True)
class Scene:
    """One dealer's place, state and database, under one folder."""

    home: Path
    setup: Setup
    url: str
    place: Path  # the directory on the far side, seen from behind
    feed: Feed
    files: Mapping[str, str] = field(default_factory=lambda: FILES)

    @property
    def log(self) -> Path:
        return self.home / "log.jsonl"

    def put(self) -> None:
        """The sender's part: the files, each a second younger than the one before."""
        self.place.mkdir(parents=True)
        for number, (name, content) in enumerate(self.files.items()):
            path = self.place / name
            path.write_text(content)
            os.utime(path, (FIRST_SENT + number, FIRST_SENT + number))

    def world(self, **members: Any) -> World:
        secrets = Secrets({"FEEDS_SECRET_SAMPLE_PASSWORD": Canary.value})
        world = open_world(self.url, self.home / "state", secrets, StillClock(), fresh_tag="fa117")
        note = log.logger(self.log.open("a"), as_json=True, level="debug", secrets=lambda: secrets.known)
        chunk = {"chunk_rows": 4} if self.setup.chunked else {}
        return replace(world, note=note, batch_rows=2, **chunk, **members)

    def run(self, world: World | None = None) -> RunReport:
        """One run of the feed, as the shell does it; what it did is written to the log."""
        world = world or self.world()
        done = runner.run_feeds([self.feed], world, [self.feed])
        with self.log.open("a") as told:
            told.write(json.dumps(report.plain(done), default=str) + "\n")
        return done


class Studio:
    """Makes scenes, each from a copy of one migrated, empty database; ends what it started."""

    def __init__(self, home: Path, postgres: Any) -> None:
        self._home = home
        self._postgres = postgres  # a callable that gives the server, when a scene needs it
        self._numbers = count(1)
        self._servers: dict[str, dict[str, Any]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._free: list[str] = []  # databases on PostgreSQL that no scene uses now
        self._feed = project.load(PROJECT).feeds[FEED]
        self._sqlite = home / "template.db"
        open_world(f"sqlite:///{self._sqlite}", home, Secrets({})).engine.dispose()

    @contextmanager
    def scene(self, setup: Setup, files: Mapping[str, str] | None = None) -> Iterator[Scene]:
        """A new scene with its files in place; all of it is gone at the end, unless the test failed."""
        name = f"case{next(self._numbers)}"
        home = self._home / name
        home.mkdir()
        root = self._home / setup.place / name
        with self._database(setup.store, home) as url:
            scene = Scene(home, setup, url, root, self._placed(setup, root, name), files or FILES)
            scene.put()
            yield scene
        shutil.rmtree(home)
        shutil.rmtree(root)

    def folder(self, name: str) -> Path:
        """A new folder beside the scenes."""
        made = self._home / f"{name}{next(self._numbers)}"
        made.mkdir()
        return made

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _placed(self, setup: Setup, root: Path, name: str) -> Feed:
        """The feed, turned to where this scene's files lie and to what becomes of them."""
        written = {k: v for k, v in self._feed.transport.items() if k not in ("type", "directory", "deleteFromServer")}
        if setup.place == "file":
            place: dict[str, Any] = {"type": "file", "directory": str(root)}
        else:
            place = {**self._server(setup.place), "directory": name}
        return replace(self._feed, transport={**written, **place, **DISPOSALS[setup.disposal]})

    @contextmanager
    def _database(self, store: str, home: Path) -> Iterator[str]:
        if store == "sqlite":
            shutil.copy(self._sqlite, home / "feeds.db")
            yield f"sqlite:///{home / 'feeds.db'}"
            return
        url = self._free.pop() if self._free else self._created(home)
        yield url
        with psycopg.connect(plain(url), autocommit=True) as connection:
            # Emptied and used again: that costs a tenth of what a new database costs.
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (name,) in tables:
                if name not in ("alembic_version", "feeds", "dealers"):
                    connection.execute(f"DELETE FROM {name}")  # type: ignore[arg-type]  # noqa: S608  of the catalogue
            connection.execute("DELETE FROM feeds")
            connection.execute("DELETE FROM dealers")
        self._free.append(url)

    def _created(self, home: Path) -> str:
        server: Postgres = self._postgres()
        url = server.url(server.create())
        open_world(url, home, Secrets({})).engine.dispose()
        return url

    def _server(self, kind: str) -> dict[str, Any]:
        """Settings that reach this studio's server, a process of its own that outlives every kill."""
        if kind not in self._servers:
            root, told = self._home / kind, self._home / f"{kind}.json"
            root.mkdir()
            command = [sys.executable, "-m", "tests.faults.far_side", kind, str(root), str(told)]
            self._processes.append(subprocess.Popen(command))
            _await(told, self._processes[-1])
            settings = json.loads(told.read_text())
            settings["auth"] = {"type": "password", "password": SecretRef("SAMPLE_PASSWORD")}
            self._servers[kind] = settings
        return self._servers[kind]


def plain(url: str) -> str:
    """As the driver takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _await(path: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < until, "the server does not come up"
        time.sleep(0.02)


def fast_folder() -> Path:
    """A new folder, in memory where there is such a place: kills lose no page of the kernel's."""
    memory = Path("/dev/shm")  # noqa: S108  the folder itself is 0700
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="feeds-faults-", dir=memory if usable else None))
