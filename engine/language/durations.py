"""Durations and sizes as definitions write them: always with a unit (`30s`, `15m`, `2h`, `7d`, `6mo`, `64MiB`).

Knows no calendar: what a month is to a dealer is decided in `references`.
"""

import re

_DURATION = re.compile(r"(?P<count>\d{1,9})(?P<unit>s|m|h|d|mo)", re.ASCII)
_SIZE = re.compile(r"(?P<count>\d{1,15})(?P<unit>B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "mo": 30 * 86_400}
_BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


def seconds(text: str) -> int:
    """The length in seconds; a month counts as 30 days, since no calendar is at hand here.

    Raises ValueError for anything without a unit.
    """
    count, unit = _split(text)
    return count * _SECONDS[unit]


def calendar(text: str) -> tuple[int, int, int]:
    """The same as (months, days, seconds), for arithmetic on a calendar. Raises ValueError."""
    count, unit = _split(text)
    if unit == "mo":
        return count, 0, 0
    if unit == "d":
        return 0, count, 0
    return 0, 0, count * _SECONDS[unit]


def bytes_of(text: str) -> int:
    """The size in bytes: `KB` is 1000, `KiB` is 1024. Raises ValueError for anything without a unit."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a size with a unit such as 512KiB or 64MiB, found {text!r}")
    return int(match["count"]) * _BYTES[match["unit"]]


def _split(text: str) -> tuple[int, str]:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a duration with a unit such as 30s, 15m, 2h, 7d or 6mo, found {text!r}")
    return int(match["count"]), match["unit"]
