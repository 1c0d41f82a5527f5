"""Values of a `transport:` block as numbers and text. Never looks anything up, never shows a secret."""

import re

from transports.base import Secret

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"B": 1, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)}}
_BYTES |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}
_MEASURE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def seconds(value: float | str) -> float:
    """A duration: a number of seconds, or text with a unit ("30s", "5m", "2h")."""
    return _measured(value, _SECONDS, "a duration such as 30s")


def octets(value: float | str) -> int:
    """A size: a number of bytes, or text with a unit ("64MiB")."""
    return int(_measured(value, _BYTES, "a size such as 64MiB"))


def plain(value: str | Secret) -> str:
    """The text itself, for the one call that needs it."""
    return value.reveal() if isinstance(value, Secret) else str(value)


def _measured(value: float | str, units: dict[str, float] | dict[str, int], expected: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _MEASURE.fullmatch(str(value))
    if match is None or match[2] not in units:
        raise ValueError(f"expected {expected}, found {value!r}; the units are {', '.join(units)}")
    return float(match[1]) * units[match[2]]
