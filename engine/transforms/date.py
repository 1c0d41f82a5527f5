"""Days."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.formats import EARLIEST, LATEST, checked, parsed
from engine.transforms.scalars import shown

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def reader(formats: str | Sequence[str] | None = None, timezone: str | None = None) -> Callable[[Value], str]:
    """ "2022-01-28", from text in the first of `formats` that fits; ISO 8601 where none are given.

    A moment with a zone is the day it falls on in `timezone`, and is refused without one. A
    moment without a zone is a day only at midnight (as spreadsheets and XML write days).
    Raises RecordError ("date.unreadable", "date.range").
    """
    wanted = checked(formats)
    zone = ZoneInfo(timezone) if timezone else None

    def read(value: Value) -> str:
        text = value.strip() if isinstance(value, str) else ""
        moment = parsed(text, wanted) if wanted else _iso(text)
        if moment is None:
            raise _unreadable(value, wanted)
        if moment.tzinfo is not None:
            if zone is None:
                raise _unreadable(value, wanted)
            moment = moment.astimezone(zone)
        elif not wanted and (moment.hour or moment.minute or moment.second):
            raise _unreadable(value, wanted)
        if not EARLIEST <= moment.year <= LATEST:
            raise RecordError("date.range", f"expected a year from 1900 to 2199, found {shown(text)}")
        return moment.strftime("%Y-%m-%d")

    return read


def _iso(text: str) -> datetime | None:
    if _ISO.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _unreadable(value: Value, wanted: Sequence[str]) -> RecordError:
    expected = " or ".join(wanted) or "2022-01-28"
    return RecordError("date.unreadable", f"expected a date as {expected}, found {shown(value)}")
