"""Dates and times by `strptime` formats, or in seconds since 1970: checked when a definition is compiled."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.errors import DefinitionError

EPOCHS = {"epoch": 1.0, "epochMs": 0.001}  # seconds since 1970 UTC, or thousandths of them
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)
_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = 1900, 2199  # outside stand placeholders (0001-01-01, 9999-12-31) and slips


def checked(formats: str | Sequence[str] | None) -> tuple[str, ...]:
    """The formats as a tuple. Raises DefinitionError for a directive that `strptime` does not have."""
    wanted = (formats,) if isinstance(formats, str) else tuple(formats or ())
    for text in wanted:
        try:
            datetime.strptime("", text)  # noqa: DTZ007 - only the format is looked at
        except ValueError as error:
            if "does not match" not in str(error):
                raise DefinitionError(f"{text!r} is no date format: {error}") from None
    return wanted


def parsed(text: str, formats: Sequence[str]) -> datetime | None:
    """The first format that fits, None where none does. Aware where the format has %z, or counts from 1970."""
    for wanted in formats:
        try:
            if wanted in EPOCHS:
                return _since(text, EPOCHS[wanted])
            return datetime.strptime(text, wanted)  # noqa: DTZ007 - the caller knows the zone
        except (ValueError, OverflowError):
            continue
    return None


def _since(text: str, unit: float) -> datetime:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("no number")
    return _BEGAN + timedelta(seconds=float(text) * unit)
