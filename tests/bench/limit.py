"""The limit of a plain load: the file as it is into a staging table, and one statement of SQL casts.

python -m tests.bench.limit URL FILE    loads into an empty database, prints the seconds
"""

import csv
import sys
import time
from pathlib import Path
from typing import Any

from engine.store import database
from tests.bench.data import HEADER

_COLUMNS = [name.lower().replace(".", "_") for name in HEADER]
_MONEY = "CAST(NULLIF(replace(replace({0}, ',', ''), '$', ''), '') AS NUMERIC)"
_DAY = {
    "sqlite": "substr({0}, 7, 4) || '-' || substr({0}, 1, 2) || '-' || substr({0}, 4, 2)",
    "postgresql": "to_date(NULLIF({0}, ''), 'MM/DD/YYYY')",
}


def load(url: str, file: Path) -> float:
    engine = database.connect(url)
    kind = engine.dialect.name
    began = time.perf_counter()
    with database.writing(engine) as connection:
        driver: Any = connection.connection.driver_connection
        names = ", ".join(_COLUMNS)
        connection.exec_driver_sql(f"CREATE TEMP TABLE staged ({', '.join(f'{n} text' for n in _COLUMNS)})")
        connection.exec_driver_sql("CREATE TABLE sales (deal text PRIMARY KEY, sold date, price numeric, rest text)")
        if kind == "sqlite":
            with file.open(newline="") as rows:
                lines = csv.reader(rows)
                next(lines)
                marks = ", ".join("?" * len(_COLUMNS))
                driver.executemany(f"INSERT INTO staged ({names}) VALUES ({marks})", lines)
        else:
            statement = f"COPY staged ({names}) FROM STDIN CSV HEADER"
            with driver.cursor() as cursor, cursor.copy(statement) as copy, file.open("rb") as source:
                while chunk := source.read(1 << 20):
                    copy.write(chunk)
        day, price = _DAY[kind].format("solddate"), _MONEY.format("price")
        # Damaged rows have no date or no amount; other tools stop at them, here they are left out.
        good = "dealnumber <> '' AND solddate <> '' AND solddate <> '31/31/2022' AND substr(price, 1, 4) <> 'call'"
        connection.exec_driver_sql(
            f"INSERT INTO sales SELECT dealnumber, {day}, {price}, vin || mfg || make || model FROM staged WHERE {good}"
        )
    engine.dispose()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(f"{load(sys.argv[1], Path(sys.argv[2])):.3f}\n")
