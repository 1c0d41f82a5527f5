"""What part of a list is asked for: windows between a cursor and now, and where a cursor may move to. Pure.

Never moves a cursor by our clock alone, never past what was seen, never into the future.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from transports.base import Moment, Settings

Cursor = str | int
_SPAN = re.compile(r"(\d{1,9})(s|m|h|d|mo)")
_NOW = re.compile(r"now(?:-(\d{1,9}(?:s|m|h|d|mo)))?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "mo": 31 * 86_400}  # a month at its longest: asks for more, not less


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for now: both bounds belong to it. None as `start`: from the beginning of everything."""

    start: Cursor | None
    end: Cursor | None

    def written(self) -> list[Cursor | None]:
        return [self.start, self.end]


def first(settings: Settings, cursor: Cursor | None, until: str) -> Window:
    """The first window of a slice whose cursor stands at `cursor`; `until` is where the last one ends."""
    begin = _begin(settings, cursor, until)
    if isinstance(begin, int):
        return Window(begin, None)
    return _window(settings, begin, until)


def following(settings: Settings, window: Window, until: str) -> Window | None:
    """The window after this one; None when it was the last."""
    if not isinstance(window.end, str) or window.end >= until:
        return None
    return _window(settings, window.end, until)


def half(window: Window | None, shortest: Any) -> Window | None:
    """The first half of a window; None where it would be shorter than `shortest`, or the window has no bounds."""
    if window is None or not isinstance(window.start, str) or not isinstance(window.end, str):
        return None
    begin = _parsed(window.start)
    length = (_parsed(window.end) - begin) / 2
    return Window(window.start, stamp(begin + length)) if length >= _span(shortest) else None


def moved(
    settings: Settings, cursor: Cursor | None, window: Window, highest: Cursor | None, is_last: bool, until: str
) -> Cursor | None:
    """Where the cursor stands once a window has been read whole.

    At the greatest value seen, which is the other side's clock. A window without anything moves it to where that
    window began, unless it is the last one: what is late still comes in behind it.
    """
    if isinstance(highest, str):
        highest = min(canonical(highest), until)
    known: list[Any] = [each for each in (cursor, highest) if each is not None]
    if highest is None and not is_last and window.start is not None:
        known.append(window.start)
    if not known:
        return None
    greatest: Cursor = max(known) if len({type(each) for each in known}) == 1 else known[-1]
    return greatest


def names(settings: Settings, window: Window | None) -> dict[str, Any]:
    """What `${window.from}` and `${window.to}` find."""
    if window is None:
        return {}
    return {"from": _moment(settings, window.start), "to": _moment(settings, window.end)}


def kept(settings: Settings, window: Window | None) -> dict[str, Any]:
    """The window as an envelope tells it."""
    if window is None:
        return {}
    return {"from": window.start, "to": window.end, "filter": settings.get("filter", "server")}


def is_before(value: Cursor | None, window: Window | None) -> bool:
    """Whether a record's cursor value lies before the window: a list with the newest first ends there."""
    if window is None or window.start is None or value is None:
        return False
    if isinstance(value, str) and isinstance(window.start, str):
        return canonical(value) < window.start
    return isinstance(value, int) and isinstance(window.start, int) and value < window.start


def greater(one: Cursor | None, other: Cursor) -> Cursor:
    if one is None or type(one) is not type(other):
        return other
    return max(one, other)


def backfill(settings: Settings) -> Settings:
    """The settings as long as there is no cursor: another request, with paging of its own, and no job."""
    return {**settings, "pagination": None, "job": None, **settings["incremental"]["backfill"]}


def stamp(moment: datetime) -> str:
    """A moment as canonical text: UTC, fixed width, so that its order is order in time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(text: str) -> str:
    return stamp(_parsed(text))


def _begin(settings: Settings, cursor: Cursor | None, until: str) -> Cursor | None:
    if isinstance(cursor, int):
        return cursor
    if cursor is not None:
        return stamp(_parsed(cursor) - _span(settings["lookback"]) if "lookback" in settings else _parsed(cursor))
    start = settings.get("start")
    if start is None or (isinstance(start, int) and not isinstance(start, bool)):
        return start
    text = str(start).strip()
    relative = _NOW.fullmatch(text)
    if relative:
        return stamp(_parsed(until) - _span(relative[1] or "0s"))
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else canonical(text)


def _window(settings: Settings, begin: str | None, until: str) -> Window:
    if begin is None or settings.get("window") is None:
        return Window(begin, until)
    return Window(begin, min(until, stamp(_parsed(begin) + _span(settings["window"]))))


def _moment(settings: Settings, value: Cursor | None) -> Moment | None:
    if value is None:
        return None
    if isinstance(value, int):
        return Moment(None, value)
    at = _parsed(value)
    form = settings.get("format")
    if form in ("epoch", "%s"):
        return Moment(at, int(at.timestamp()))
    if form in ("epochMs", "%ms"):
        return Moment(at, int(at.timestamp() * 1000))
    return Moment(at, at.strftime(form or "%Y-%m-%dT%H:%M:%SZ"))


def _parsed(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(value: Any) -> timedelta:
    match = _SPAN.fullmatch(str(value))
    if match is None:
        raise ValueError(f"expected a duration such as 24h, found {value!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
