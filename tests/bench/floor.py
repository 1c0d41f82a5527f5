"""The write floor: the finished rows of an import into the same tables and indexes, and nothing else.

    python -m tests.bench.floor dump URL FOLDER     keep the rows of a store
    python -m tests.bench.floor write URL FOLDER    write them into an empty one, print the seconds

The rows lie ready in memory in the form the driver takes; one transaction, as durable as ours.
"""

import pickle
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from engine.store import database, shape
from engine.store.bulk import copy_text

TABLES = ("contacts", "contact_keys", "vehicles", "activities", "quarantine")
_ROWS = 5_000  # of one batch


def dump(url: str, folder: Path) -> None:
    engine = database.connect(url)
    folder.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        for table in TABLES:
            found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1")
            names = list(found.keys())
            rows = [tuple(_plain(value) for value in row) for row in found]
            if engine.dialect.name == "sqlite":
                batches: list[Any] = [rows[n : n + _ROWS] for n in range(0, len(rows), _ROWS)]
            else:
                parts = (rows[n : n + _ROWS] for n in range(0, len(rows), _ROWS))
                batches = [copy_text(list(zip(*part, strict=True))) for part in parts]
            (folder / table).write_bytes(pickle.dumps((names, batches, len(rows))))
    engine.dispose()


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def write(url: str, folder: Path) -> float:
    engine = database.connect(url)
    shape.prepare(engine)
    ready = {table: pickle.loads((folder / table).read_bytes()) for table in TABLES}  # noqa: S301  (our own dump)
    began = time.perf_counter()
    with database.writing(engine) as connection:
        driver: Any = connection.connection.driver_connection
        for table, (names, batches, _) in ready.items():
            for batch in batches:
                if engine.dialect.name == "sqlite":
                    marks = ", ".join("?" * len(names))
                    driver.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", batch)
                else:
                    with (
                        driver.cursor() as cursor,
                        cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy,
                    ):
                        copy.write(batch)
    seconds = time.perf_counter() - began
    engine.dispose()
    return seconds


if __name__ == "__main__":
    verb, url, folder = sys.argv[1:4]
    if verb == "dump":
        dump(url, Path(folder))
    else:
        sys.stdout.write(f"{write(url, Path(folder)):.3f}\n")
