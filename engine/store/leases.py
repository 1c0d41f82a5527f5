"""The right to run: one live process per name, and a fence that a late one cannot pass.

A lease names its owner's host, process and when that process started. On the same host a dead
owner is replaced at once; one on another host after its lease has run out on the database's
clock. Each taking raises the fence, and the fence is checked in the transaction that commits.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select, text, update

from engine.errors import LeaseHeld, LeaseLost
from engine.store.database import writing
from engine.store.tables import leases

SECONDS = 60  # how long a silent owner on another host keeps its lease


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `started` tells it from a later one with the same number."""

    host: str
    pid: int
    started: str


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
    with writing(engine) as connection:
        row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).one_or_none()
        values = {"host": owner.host, "pid": owner.pid, "process_started": owner.started}
        values["expires_at"] = _clock(connection, SECONDS)
        if row is None:
            connection.execute(insert(leases).values(name=name, fence=1, **values))
            return Lease(name, 1, owner)
        if row.host is not None and _is_alive(row, owner, _clock(connection, 0), started):
            raise LeaseHeld(f"{name} is being run by process {row.pid} on {row.host}")
        connection.execute(update(leases).where(leases.c.name == name).values(fence=row.fence + 1, **values))
        return Lease(name, row.fence + 1, owner)


def renew(engine: Engine, lease: Lease) -> None:
    """Say that we live. Raises LeaseLost when another has taken over."""
    with writing(engine) as connection:
        mine = (leases.c.name == lease.name, leases.c.fence == lease.fence)
        done = connection.execute(update(leases).where(*mine).values(expires_at=_clock(connection, SECONDS)))
        if done.rowcount != 1:
            raise LeaseLost(f"another process has taken over {lease.name}")


def release(engine: Engine, lease: Lease) -> None:
    """Give it back; nothing happens when another has it by now."""
    with writing(engine) as connection:
        mine = (leases.c.name == lease.name, leases.c.fence == lease.fence)
        connection.execute(update(leases).where(*mine).values(host=None, pid=None, process_started=None))


def check(connection: Connection, lease: Lease) -> None:
    """Hold the lease until this transaction ends, or raise LeaseLost: nothing of it may be committed."""
    statement = select(leases.c.fence).where(leases.c.name == lease.name).with_for_update()
    if connection.execute(statement).scalar_one_or_none() != lease.fence:
        raise LeaseLost(f"another process has taken over {lease.name}")


def _is_alive(row: "object", owner: Owner, now: str, started: Callable[[int], str | None]) -> bool:
    host, pid = getattr(row, "host"), getattr(row, "pid")  # noqa: B009  (a row has no static names)
    if host == owner.host:
        return bool(started(pid) == getattr(row, "process_started"))  # noqa: B009
    return bool(getattr(row, "expires_at") > now)  # noqa: B009


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
