"""The same pages through dlt's client, five values of each record: run by an interpreter that has dlt installed.

python peer_pages.py URL    prints the seconds of wall time and of processor time
"""

import os
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

wall, processor, count = time.perf_counter(), time.process_time(), 0
client = RESTClient(sys.argv[1], paginator=JSONResponseCursorPaginator(cursor_path="next", cursor_param="page"))
for page in client.paginate("/orders", data_selector="data"):
    made = [
        {
            "id": each["id"],
            "name": each["name"],
            "email": each["customer"]["email"],
            "total": each["amount"]["total"],
            "at": each["updatedAt"],
        }
        for each in page
    ]
    count += len(made)
sys.stdout.write(f"{count} {time.perf_counter() - wall} {time.process_time() - processor}\n")
