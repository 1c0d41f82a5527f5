"""Dates and times by `strptime` formats: checked when a definition is compiled, tried in order."""

from collections.abc import Sequence
from datetime import datetime

from engine.errors import DefinitionError

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
    """The first format that fits, None where none does. Aware only where the format has %z."""
    for wanted in formats:
        try:
            return datetime.strptime(text, wanted)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    return None
