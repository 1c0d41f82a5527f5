"""Quarantined rows as people open them: cell by cell, and as a CSV file that no spreadsheet executes. Pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?[\d.,]+")


def cells(row: Mapping[str, Any], delimiter: str) -> dict[str, Any] | None:
    """{column: what was sent}, or None where the row cannot be taken apart."""
    raw, columns = row["raw"], row["columns"]
    if raw is None:
        return None
    if columns is None:
        try:
            found = json.loads(raw)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None
    try:
        parts = next(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return None
    extra = [f"(cell {place + 1})" for place in range(len(columns), len(parts))]
    return dict(zip([*columns, *extra], [*parts, *[""] * (len(columns) - len(parts))], strict=True))


def written(rows: Sequence[Mapping[str, Any]], delimiter_of: Callable[[str], str]) -> tuple[str, int]:
    """The rows as CSV with the sender's columns and `_error` (RFC 4180), and how many they are.

    Rows that cannot be taken apart stand as they were sent under `_raw`.
    """
    delimiters = {name: delimiter_of(name) for name in {row["feed"] for row in rows}}
    split = [cells(row, delimiters[row["feed"]]) for row in rows]
    lines = [
        {**(parts if parts is not None else {"_raw": row["raw"]}), "_error": f"{row['message']} [{row['code']}]"}
        for row, parts in zip(rows, split, strict=True)
    ]
    names = [name for name in dict.fromkeys(name for line in lines for name in line) if name != "_error"]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, [*names, "_error"], restval="")
    writer.writeheader()
    writer.writerows({name: defused(value) for name, value in line.items()} for line in lines)
    return file.getvalue(), len(lines)


def defused(value: Any) -> str:
    """A cell that a spreadsheet would run as a formula gets a quote before it; a number stays one."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_DANGEROUS) and not _NUMBER.fullmatch(text) else text
