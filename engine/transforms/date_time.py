"""Moments."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.formats import EARLIEST, EPOCHS, LATEST, checked, parsed
from engine.transforms.scalars import shown

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII)


def reader(formats: str | Sequence[str] | None = None, timezone: str = "UTC") -> Callable[[Value], str]:
    """ "2022-01-28T14:00:00.000000Z", from text in the first of `formats` that fits, else ISO 8601.

    `epoch` and `epochMs` are formats as well: seconds or thousandths of them since 1970, text or a number.
    Text without an offset is local time in `timezone`. A time that the clocks showed twice is the
    first of the two (summer time); one that they skipped is refused ("dateTime.gap"), for it
    says that the sender's zone is not what the definition says. A day alone is its midnight.
    """
    wanted = checked(formats)
    zone, counts = ZoneInfo(timezone), any(each in EPOCHS for each in wanted)

    def read(value: Value) -> str:
        text = value.strip() if isinstance(value, str) else str(value) if counts and _is_number(value) else ""
        moment = parsed(text, wanted) if wanted else _iso(text)
        if moment is None:
            expected = " or ".join(wanted) or "2022-01-28T14:00:00Z"
            raise RecordError("dateTime.unreadable", f"expected a date and time as {expected}, found {shown(value)}")
        if not EARLIEST <= moment.year <= LATEST:
            raise RecordError("dateTime.range", f"expected a year from 1900 to 2199, found {shown(text)}")
        return _canonical(moment, zone, text)

    return read


def _canonical(moment: datetime, zone: ZoneInfo, text: str) -> str:
    if moment.tzinfo is None:
        local = moment.replace(tzinfo=zone)
        point = local.astimezone(UTC)
        if point.astimezone(zone).replace(tzinfo=None) != moment:
            raise RecordError("dateTime.gap", f"{shown(text)} does not exist in {zone.key}: the clocks skipped it")
    else:
        point = moment.astimezone(UTC)
    return f"{point.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _iso(text: str) -> datetime | None:
    if _ISO.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.replace(" +", "+").replace(" Z", "Z").replace(",", "."))
    except ValueError:
        return None
