"""What decoding a file comes to, in the words of the table of verdicts."""

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.decode import decode
from engine.errors import DecodeError
from engine.model import Batch

SHORT = 160  # characters: a header or record that is longer is not in the table


def verdict(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`rows`, and where there is something to say `header`, `faults`, `notes`, `last`; or `error` and `line`."""
    try:
        decoded = decode(path, settings)
        rows, faults, last = 0, [], None
        for batch in decoded.batches:
            rows += len(batch.rows)
            faults += [fault.code for fault in batch.faults]
            last = good(batch) or last
    except DecodeError as error:
        return {"error": error.code} | ({"line": error.line} if error.line else {})
    told = {
        "header": list(decoded.header or ()),
        "faults": [f"{len(list(same))} {code}" for code, same in groupby(faults)],
        "notes": [code for code, _ in decoded.notes],
        "last": last,
    }
    return {"rows": rows} | {key: value for key, value in told.items() if value and len(json.dumps(value)) <= SHORT}


def good(batch: Batch) -> Any:
    """The last record of a batch that has no fault."""
    faulty = {fault.index for fault in batch.faults}
    return next((row for at, row in reversed(list(enumerate(batch.rows))) if at not in faulty), None)
