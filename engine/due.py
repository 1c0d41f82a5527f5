"""When a feed is due: its times, the newest of them that has come and was not run, and the next ones.

Pure: the clock, the zone and what ran last come in. Starts nothing.

A slot is one time of a feed. Its times lie still: the same feed has the same ones in every process
and after every restart, so that a slot can be remembered as run.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from engine.language.durations import seconds
from engine.model import Value

# How late a feed that does not catch up may still begin: a restart is no outage.
PATIENCE = timedelta(minutes=5)
# A slot so far ahead was noted by a clock that was wrong; it must not keep the feed from running until then.
_AHEAD = timedelta(days=1)
_REACHES = (timedelta(hours=1), timedelta(days=1), timedelta(days=40))  # in which the newest slot is looked for


@dataclass(frozen=True, slots=True)
class Timetable:
    """The schedule of one feed. Either `every` (seconds) or `cron` counts; `offset` moves each time."""

    every: int
    cron: str
    zone: ZoneInfo
    offset: timedelta
    catches_up: bool


@dataclass(frozen=True, slots=True)
class Last:
    """The newest slot of a feed that was begun; one that has not ended was cut short, or is at work.

    Of a feed that never ran: when it was first seen, for what came before is not its affair.
    """

    slot: datetime
    has_ended: bool = True


def timetable(feed: str, schedule: Mapping[str, Value], zone: ZoneInfo) -> Timetable | None:
    """The times of the feed of this id; None where it has no schedule. `zone` is its dealer's.

    `every` is spread over its whole length by a hash of the id, so that ten thousand hourly feeds
    do not all begin on the hour; with a `jitter` over that, as a cron line is.
    """
    catches_up = schedule.get("catchUp", "once") == "once"
    if "every" in schedule:
        every = max(1, seconds(str(schedule["every"])))
        spread = min(every, seconds(str(schedule.get("jitter", schedule["every"]))))
        return Timetable(every, "", zone, _offset(feed, spread), catches_up)
    if "cron" in schedule:
        own = ZoneInfo(str(schedule["timezone"])) if "timezone" in schedule else zone
        spread = seconds(str(schedule.get("jitter", "0s")))
        return Timetable(0, str(schedule["cron"]), own, _offset(feed, spread), catches_up)
    return None


def _offset(feed: str, spread: int) -> timedelta:
    """Somewhere within so many seconds, by the feed's id: the same at every time and on every machine."""
    digest = int.from_bytes(blake2b(feed.encode(), digest_size=8).digest())
    return timedelta(seconds=digest % spread if spread else 0)


def times(table: Timetable, after: datetime) -> Iterator[datetime]:
    """Every time later than `after`, in UTC, in order, each once; endless but for a cron line that ends."""
    from_there = after.astimezone(UTC) - table.offset
    found = _elapsed(table.every, from_there) if table.every else _on_clock(table, from_there)
    return (moment + table.offset for moment in found)


def following(table: Timetable, after: datetime) -> datetime | None:
    """The first of them: what ten thousand feeds are asked for again and again."""
    if table.every:
        return _multiple(table.every, after - table.offset) + table.offset
    return next(times(table, after), None)


def _elapsed(every: int, after: datetime) -> Iterator[datetime]:
    """Multiples of a length since 1970: no clock on a wall has a part in it."""
    moment = _multiple(every, after)
    while True:
        yield moment
        moment += timedelta(seconds=every)


def _multiple(every: int, after: datetime) -> datetime:
    return datetime.fromtimestamp((int(after.timestamp()) // every + 1) * every, UTC)


def _on_clock(table: Timetable, after: datetime) -> Iterator[datetime]:
    """What a cron line means where the dealer is, by Debian's rule for the nights when clocks change.

    Fixed hours: in the hour that comes twice once, in the hour that is left out right after it. A line
    whose minutes or hours begin with a star goes by time that has passed. Where two times of a line
    fall together by that, or the line begins anew within the hour that comes twice, one is left out here.
    (CronSim counts on clocks that change by whole hours. On Lord Howe Island they do not: there a line such
    as `15 */2 * * *` lacks one time a year.)
    """
    found = (moment.astimezone(UTC) for moment in CronSim(table.cron, after.astimezone(table.zone)))
    previous = after
    for moment in found:
        if moment > previous:
            previous = moment
            yield moment


def due(table: Timetable, last: Last, now: datetime, seen: datetime | None = None) -> datetime | None:
    """The slot that is to be run now: the newest that has come. What was missed before it is not made up.

    A run that was cut short is begun again, in its own slot or in a newer one that has come since.
    Where the feed was `seen` to be due before and had to wait, that is not counted as being late.
    """
    slot = min(last.slot, now) if last.slot > now + _AHEAD else last.slot
    found = newest(table, slot, now) or (None if last.has_ended else slot)
    return None if found is None or (not table.catches_up and (seen or now) - found > PATIENCE) else found


def wakes(table: Timetable, last: Last, now: datetime) -> datetime | None:
    """Its slot where it is due; else when it will be, or None: never again."""
    if last.has_ended and last.slot <= now + _AHEAD:
        coming = following(table, last.slot)
        if coming is None or coming > now:
            return coming
    return due(table, last, now) or following(table, now)


def newest(table: Timetable, since: datetime, now: datetime) -> datetime | None:
    """The newest time after `since` that has come by `now`."""
    if table.every:
        latest = _multiple(table.every, now - timedelta(seconds=table.every) - table.offset) + table.offset
        return latest if latest > since else None
    for reach in _REACHES:
        if now - reach > since and (found := _last(table, now - reach, now)):
            return found
    return _last(table, since, now)


def _last(table: Timetable, since: datetime, now: datetime) -> datetime | None:
    found = deque(takewhile(lambda moment: moment <= now, times(table, since)), maxlen=1)
    return found[0] if found else None
