"""A copy of a SQLite database while it is in use, whole and on disk before it has its name. Never replaces a file."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from engine.errors import StoreError
from engine.store.desk import DeskError


def copy(engine: Engine, target: Path) -> int:
    """Copy the database to a file that is not there yet; its size in bytes.

    What is committed meanwhile is in it as a whole, or not at all. Raises DeskError where it cannot be.
    """
    if engine.dialect.name != "sqlite":
        raise DeskError(
            "PostgreSQL has its own means: pg_dump --format=custom --file=FILE, and pg_restore for the way back"
        )
    if target.exists():
        raise DeskError(f"{target} is there already, and a backup replaces nothing: give it another name")
    source = Path(engine.url.database or "")
    if not source.is_file():
        raise DeskError(f"there is no database at {source} yet")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)):
        pass
    try:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(part)) as there:
            here.backup(there)
            there.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        with part.open("rb+") as written:
            os.fsync(written.fileno())
    except sqlite3.Error as error:
        raise StoreError(f"the database {source} could not be copied ({error}); nothing was kept of it") from None
    else:
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size
