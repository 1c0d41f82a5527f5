"""The right to run: one live process per name, and a fence that a late one cannot pass.

A lease names its owner's host, process and when that process started. On the same host a dead
owner is replaced at once; one on another host after its lease has run out on the database's
clock. A lease that this very process could not give back, because the database was away, is its
own no longer: a process knows which it holds. Each taking raises the fence, and the fence is
checked in the transaction that commits. A long transaction keeps its lease by being renewed from
beside, on a connection of its own.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import LeaseHeld, LeaseLost, StoreError
from engine.store.database import writing
from engine.store.tables import leases

SECONDS = 60  # how long a silent owner on another host keeps its lease


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `started` tells it from a later one with the same number.

    `held` are the leases (name, fence) that its threads really hold: one Owner for all of them.
    """

    host: str
    pid: int
    started: str
    held: set[tuple[str, int]] = field(default_factory=set, compare=False)


@dataclass(frozen=True, slots=True)
class Lease:
    name: str
    fence: int
    owner: Owner


def this_process() -> Owner:
    pid = os.getpid()
    return Owner(socket.gethostname(), pid, process_started(pid) or "")


def process_started(pid: int) -> str | None:
    """When the process began, in the kernel's own units; None where there is no such process."""
    with suppress(OSError, ValueError, IndexError):
        # The name in parentheses may hold anything, so the fields are counted from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    with suppress(OSError):
        os.kill(pid, 0)
        return ""  # systems without /proc: alive, its start is not known
    return None


def take(engine: Engine, name: str, owner: Owner, started: Callable[[int], str | None] = process_started) -> Lease:
    """The lease of `name`, or LeaseHeld while its owner lives."""
    fence = 0
    try:
        with writing(engine) as connection:
            row = _locked(connection, name)
            if row.host is not None and _is_alive(row, owner, _clock(connection, 0), started):
                raise LeaseHeld(f"{name} is being run by process {row.pid} on {row.host}")
            fence = row.fence + 1
            owner.held.add((name, fence))  # before the commit: who reads that row must find it here
            values = {"host": owner.host, "pid": owner.pid, "process_started": owner.started}
            values["expires_at"] = _clock(connection, SECONDS)
            connection.execute(update(leases).where(leases.c.name == name).values(fence=fence, **values))
    except StoreError:
        owner.held.discard((name, fence))
        raise
    return Lease(name, fence, owner)


def _locked(connection: Connection, name: str) -> Row[Any]:
    """The row of a lease, ours until the transaction ends; made where there is none."""
    statement = select(leases).where(leases.c.name == name).with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None:
        maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        # Another process may make it in the same moment: then this waits for that one's transaction.
        connection.execute(maker(leases).values(name=name, fence=0).on_conflict_do_nothing())
        row = connection.execute(statement).one()
    return row


def renew(engine: Engine, lease: Lease) -> None:
    """Say that we live. Raises LeaseLost when another has taken over."""
    with writing(engine) as connection:
        mine = (leases.c.name == lease.name, leases.c.fence == lease.fence)
        done = connection.execute(update(leases).where(*mine).values(expires_at=_clock(connection, SECONDS)))
        if done.rowcount != 1:
            raise LeaseLost(f"another process has taken over {lease.name}")


@contextmanager
def kept(engine: Engine, lease: Lease, each: float = SECONDS / 3) -> Iterator[None]:
    """Renew a lease from beside, for whoever is busy with one long transaction; the fence decides as ever.

    Nobody but this process can take it on the machine of a SQLite database while this process lives.
    """
    if engine.dialect.name == "sqlite":
        yield
        return
    over = threading.Event()
    beside = threading.Thread(target=_renewing, args=(engine, lease, each, over), name="lease", daemon=True)
    beside.start()
    try:
        yield
    finally:
        over.set()
        beside.join(each)


def _renewing(engine: Engine, lease: Lease, each: float, over: threading.Event) -> None:
    while not over.wait(each):
        try:
            renew(engine, lease)
        except LeaseLost:
            return  # whoever holds it finds that out before the commit
        except StoreError:
            continue  # the database may come back before the lease has run out


def release(engine: Engine, lease: Lease) -> None:
    """Give it back; nothing happens when another has it by now."""
    lease.owner.held.discard((lease.name, lease.fence))  # first: it is over, whatever the database says
    with writing(engine) as connection:
        mine = (leases.c.name == lease.name, leases.c.fence == lease.fence)
        connection.execute(update(leases).where(*mine).values(host=None, pid=None, process_started=None))


def check(connection: Connection, lease: Lease) -> None:
    """Hold the lease until this transaction ends, or raise LeaseLost: nothing of it may be committed."""
    statement = select(leases.c.fence).where(leases.c.name == lease.name).with_for_update()
    if connection.execute(statement).scalar_one_or_none() != lease.fence:
        raise LeaseLost(f"another process has taken over {lease.name}")


def _is_alive(row: Row[Any], owner: Owner, now: str, started: Callable[[int], str | None]) -> bool:
    if row.host != owner.host:
        return bool(row.expires_at > now)
    if (row.pid, row.process_started) == (owner.pid, owner.started):
        return (row.name, row.fence) in owner.held
    return bool(started(row.pid) == row.process_started)


def _clock(connection: Connection, ahead: int) -> str:
    """The database's time, some seconds ahead, as our fixed-width text."""
    if connection.dialect.name == "sqlite":
        # One machine, so its clock is ours; SQLite knows milliseconds, the width is kept.
        statement = text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now', :ahead) || '000Z'")
        return str(connection.execute(statement, {"ahead": f"+{ahead} seconds"}).scalar_one())
    statement = text(
        "SELECT to_char((clock_timestamp() + make_interval(secs => :ahead)) AT TIME ZONE 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
    )
    return str(connection.execute(statement, {"ahead": ahead}).scalar_one())
