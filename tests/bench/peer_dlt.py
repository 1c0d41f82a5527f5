"""The same file through dlt, from Python rows, merged by key: run by an interpreter that has dlt installed.

python peer_dlt.py URL FILE FOLDER
"""

import csv
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

url, file, folder = sys.argv[1:4]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
import dlt  # noqa: E402  (it reads its settings from the environment while it is imported)


def rows() -> Iterator[dict[str, object]]:
    with Path(file).open(newline="") as lines:
        for row in csv.DictReader(lines):
            try:
                sold = datetime.strptime(row["SoldDate"], "%m/%d/%Y").date()  # noqa: DTZ007  (a day has no zone)
                price = float(row["Price"].replace(",", "").replace("$", ""))
            except ValueError:
                continue
            if row["DealNumber"]:
                yield {**row, "SoldDate": sold, "Price": price}


def through_socket(address: str) -> str:
    """The same address with the folder of its socket as the host, which is where dlt looks for one."""
    parts = urlsplit(address)
    folder = quote(parse_qs(parts.query)["host"][0], safe="")
    return f"postgresql://{parts.username}:none@{folder}:5432{parts.path}"


if url.startswith("postgresql"):
    target = dlt.destinations.postgres(through_socket(url))
    strategy = "upsert"
else:
    target = dlt.destinations.sqlalchemy(url)
    strategy = "delete-insert"
pipeline = dlt.pipeline("sales", destination=target, dataset_name="peer", pipelines_dir=folder)
pipeline.run(
    rows(),
    table_name="sales",
    write_disposition={"disposition": "merge", "strategy": strategy},
    primary_key="DealNumber",
)
