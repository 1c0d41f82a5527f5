"""How the dates of a column are written: formats found from their shape, the order of day and month from the values.

Never reads a date itself: that is for the transforms, which try what is found here.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

_DAY = re.compile(
    r"(?P<a>\d{1,4}|[A-Za-z]{3,9})(?P<one>, |[-/. ])(?P<b>\d{1,2}|[A-Za-z]{3,9})(?P<two>, |[-/. ])(?P<c>\d{4}|\d{1,2})"
)
_COMPACT = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_TIME = re.compile(
    r"(?P<gap>T|, | )(?P<clock>\d{1,2}:\d\d(?P<seconds>:\d\d(?P<part>\.\d{1,6})?)?)(?P<half> ?[AaPp][Mm])?"
)
_OFFSET = re.compile(r" ?(?:Z|[+-]\d\d:?\d\d)")
_FEW = 3  # formats: a column that needs more is not written by one program
_SHORT_MONTH = 3  # letters
_ISO = {"", "%Y-%m-%d"}
_NOTHING = str.maketrans("", "", "0:. ")


class Dates(NamedTuple):
    """`formats` is empty for ISO 8601. `is_ambiguous`: no value says which of two numbers is the month."""

    formats: tuple[str, ...]
    has_time: bool
    has_offset: bool
    is_ambiguous: bool
    fitting: int  # values
    proof: str  # the order and what decided it, in words


class _Reading(NamedTuple):
    """One value: its format with `{first}/{second}` left open where it has two numbers that could be days."""

    text: str
    month_first: str
    day_first: str  # the same as `month_first` where the order is plain
    has_time: bool
    has_offset: bool
    is_midnight: bool


def found(values: Sequence[str], day_first: bool = False) -> Dates | None:
    """The formats that fit most of these texts, or None where too few are dates.

    `day_first` decides where the values do not.
    """
    readings = [reading for value in values if (reading := _reading(value.strip())) is not None]
    if not readings:
        return None
    open_ones = [each for each in readings if each.month_first != each.day_first]
    as_months = [each for each in open_ones if _fits(each.text, each.month_first)]
    as_days = [each for each in open_ones if _fits(each.text, each.day_first)]
    is_days = len(as_days) > len(as_months) or (len(as_days) == len(as_months) and day_first)
    is_ambiguous = bool(open_ones) and len(as_days) == len(as_months)
    chosen = {each.text: each.day_first if is_days else each.month_first for each in readings}
    good = [each for each in readings if _fits(each.text, chosen[each.text])]
    is_iso = {chosen[each.text] for each in good} <= _ISO and any(not chosen[each.text] for each in good)
    if not is_iso:
        good = [each for each in good if chosen[each.text]]
    formats = tuple(dict.fromkeys(chosen[each.text] for each in good if not is_iso))
    has_time = any(each.has_time and not each.is_midnight for each in good)
    if not good or len(formats) > _FEW:
        return None
    has_offset = any(each.has_offset for each in good)
    order = "" if not open_ones else "day before month" if is_days else "month before day"
    return Dates(formats, has_time or has_offset, has_offset, is_ambiguous, len(good), order)


def _fits(text: str, format: str) -> bool:
    try:
        if not format:
            datetime.fromisoformat(text.replace(" +", "+").replace(" Z", "Z"))
        else:
            datetime.strptime(text, format)  # noqa: DTZ007 - only whether it fits is asked
    except ValueError:
        return False
    return True


def _reading(text: str) -> _Reading | None:
    if _COMPACT.fullmatch(text):
        return _Reading(text, "%Y%m%d", "%Y%m%d", False, False, False)
    day = _DAY.match(text)
    if day is None:
        return None
    orders = _orders(day)
    rest = text[day.end() :]
    if orders is None:
        return None
    if not rest:
        return _Reading(text, *orders, False, False, False)
    time = _TIME.match(rest)
    if time is None:
        return None
    tail = rest[time.end() :]
    if tail and not _OFFSET.fullmatch(tail):
        return None
    clock = time["clock"] + (time["half"] or "")
    is_midnight = not tail and (clock.upper().replace("12:", "", 1) if time["half"] else clock).translate(_NOTHING) in (
        "",
        "AM",
    )
    if orders == ("%Y-%m-%d", "%Y-%m-%d") and not time["half"] and time["gap"] != ", ":
        return _Reading(text, "", "", True, bool(tail), is_midnight)  # ISO 8601, which needs no format
    form = _clock(time) + ("" if not tail else " %z" if tail.startswith(" ") else "%z")
    return _Reading(text, orders[0] + form, orders[1] + form, True, bool(tail), is_midnight)


def _clock(time: re.Match[str]) -> str:
    hours = "%I:%M" if time["half"] else "%H:%M"
    seconds = "" if not time["seconds"] else ":%S.%f" if time["part"] else ":%S"
    half = "" if not time["half"] else " %p" if time["half"].startswith(" ") else "%p"
    return time["gap"] + hours + seconds + half


def _orders(day: re.Match[str]) -> tuple[str, str] | None:
    """The format with the month first and with the day first."""
    a, one, b, two, c = day["a"], day["one"], day["b"], day["two"], day["c"]
    year = "%Y" if len(c) == len("2024") else "%y"
    if a.isalpha() and b.isdigit():
        return _same(f"{_month(a)}{one}%d{two}{year}")
    if b.isalpha() and a.isdigit():
        return _same(f"%d{one}{_month(b)}{two}{year}" if len(a) <= len("31") else f"%Y{one}{_month(b)}{two}%d")
    if not (a.isdigit() and b.isdigit()) or one != two or one not in "-/." or (len(c) == 1 and len(a) != len("2024")):
        return None
    if len(a) == len("2024"):
        return _same(f"%Y{one}%m{two}%d") if len(c) <= len("31") else None
    return (f"%m{one}%d{two}{year}", f"%d{one}%m{two}{year}") if len(a) <= len("31") else None


def _same(format: str) -> tuple[str, str]:
    return format, format


def _month(name: str) -> str:
    return "%b" if len(name) == _SHORT_MONTH else "%B"


def shown(formats: Iterable[str], moment: datetime) -> str:
    """An invented moment in the first of the formats; ISO 8601 without one."""
    first = next(iter(formats), "")
    return moment.strftime(first) if first else moment.isoformat()
