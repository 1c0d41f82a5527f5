"""Single values that definitions give in words: zones, cron lines, addresses, phone numbers.

Each function returns, or raises ValueError with what was expected; none reads a clock or a network.
"""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from engine.errors import RecordError
from engine.transforms import TYPES

# CronSim wants a moment to begin at; any will do to learn whether the line can be read.
_ANY_MOMENT = datetime(2022, 1, 1)  # noqa: DTZ001 - cron lines are read in wall time


def zone(text: str) -> ZoneInfo:
    """The time zone of this name, in the spelling of the IANA database."""
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"expected a zone such as America/New_York, found {text!r}") from None


def zones() -> set[str]:
    """Every zone there is, to look for the nearest."""
    return available_timezones()


def cron(text: str) -> None:
    """A cron line of five fields that comes true some day."""
    if len(text.split()) != len(("minute", "hour", "day", "month", "weekday")):
        raise ValueError(f"expected five fields (minute hour day month weekday), found {len(text.split())}")
    try:
        next(CronSim(text, _ANY_MOMENT))
    except CronSimError as error:
        raise ValueError(f"its {_part(str(error))} cannot be read") from None
    except StopIteration:
        raise ValueError("this never comes true") from None


_PARTS = ("minute", "hour", "day-of-month", "month", "day-of-week")  # as the reader of cron lines names them


def cron_fault(text: str) -> int:
    """Where in a cron line that cannot be read the fault begins."""
    try:
        cron(text)
    except ValueError as error:
        at = next((index for index, part in enumerate(_PARTS) if f"its {part} " in str(error)), 0)
        starts = [match.start() for match in re.finditer(r"\S+", text)]
        return starts[at] if at < len(starts) else 0
    return 0


def _part(reason: str) -> str:
    """The part of a cron line that is at fault."""
    return next((part for part in _PARTS if reason.endswith(part)), "line")


def url(text: str) -> None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("expected an address such as https://example.com/path") from None
    del port
    if parts.scheme not in {"http", "https", "sftp", "ftp", "ftps"} or not parts.hostname:
        raise ValueError("expected an address such as https://example.com/path")
    if parts.password is not None:
        raise ValueError("an address holds no password: use `auth`")


def phone(text: str, region: str) -> None:
    try:
        TYPES["phone"](region=region)(text)
    except RecordError:
        raise ValueError("expected a phone number such as +1 555-555-0100") from None


def decimal(value: object) -> None:
    if isinstance(value, bool):
        raise ValueError("expected a number, found a boolean")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"expected a number, found {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"expected a number, found {value!r}")
