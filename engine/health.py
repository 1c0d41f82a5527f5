"""How a feed is, in one plain word, with one sentence for whoever is asked about it.

Pure: what is expected of the feed, what the store knows of it and the time come in. Never decides what runs.

The words, the first that fits:

    disabled   its definition says enabled: false
    paused     an operator's pause holds
    failed     its last run failed, or a delivery was refused and none was stored since; or its definition is broken
    late       a time of its schedule passed more than five minutes ago, and it has not run since
    stale      it runs, and no new data came for longer than guards.warnAfter (warning) or errorAfter (error)
    partial    rows wait in quarantine
    new        it has never run
    healthy    none of these

The will of people comes before what follows from it, and a cause before its effect: where a server cannot be
reached, that no data came is no news.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine import due
from engine.due import Last, Timetable
from engine.model import Guards

# From the worst. What people want to be so is not bad, whatever it looks like.
STATES = ("failed", "stale", "late", "partial", "new", "paused", "disabled", "healthy")
LEVELS = ("error", "warning", "ok")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nothing came of a run because of where it went, not of what lay there: all feeds of that place fare the same.
UNREACHED = ("transport.unreachable", "transport.loginRefused", "transport.hostKeyChanged")
_LATE = due.PATIENCE
_VERY_LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a definition says of when a feed runs and data comes. `zone` is its dealer's."""

    is_enabled: bool
    reason: str
    guards: Guards
    zone: ZoneInfo
    table: Timetable | None


@dataclass(frozen=True, slots=True)
class LastRun:
    number: int
    at: datetime  # its end
    outcome: str
    read: int


@dataclass(frozen=True, slots=True)
class Bad:
    """What stands against a feed: since when, and the last run of which it is true."""

    since: datetime
    run: int
    outcome: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    since: datetime
    by: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows of a feed."""

    id: int
    pause: Pause | None = None
    data_at: datetime | None = None  # when data came last
    last_run: LastRun | None = None
    first_at: datetime | None = None  # the end of its first run
    bad: Bad | None = None
    slot: Last | None = None
    quarantined: int = 0
    quarantined_since: datetime | None = None

    def paused(self, now: datetime) -> Pause | None:
        """The pause that holds at this time."""
        pause = self.pause
        return pause if pause is not None and (pause.until is None or pause.until > now) else None


@dataclass(frozen=True, slots=True)
class Health:
    """`sentence` says what, since when, and what to do next; never a customer's data."""

    state: str
    level: str = "ok"
    since: datetime | None = None
    sentence: str = ""
    code: str | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """The worst sorts first."""
        return LEVELS.index(self.level), STATES.index(self.state)


BROKEN = Health("failed", "error", None, "its definition has errors: `feeds validate` shows them", "definition")


def health(feed: str, expected: Expected, facts: Facts | None, now: datetime, is_running: bool = False) -> Health:
    """How the feed of this id is. `facts` is None where the store has never met it."""
    if not expected.is_enabled:
        return Health("disabled", sentence=expected.reason or "its definition says enabled: false")
    known = facts or Facts(0)
    if pause := known.paused(now):
        until = f" until {_wall(pause.until, expected.zone)}" if pause.until else ""
        text = f"{pause.reason} ({pause.by}){until}; `feeds resume {feed}` ends it"
        return Health("paused", "ok", pause.since, text)
    found = (
        _failed(feed, known, expected)
        or (None if is_running else _late(feed, known, expected, now))
        or stale(known, expected, now)
        or _partial(feed, known)
    )
    if found is None and known.last_run is None and not is_running:
        hint = "the scheduler runs it at its next time" if expected.table else f"`feeds run {feed}` runs it"
        return Health("new", sentence=f"it has never run: {hint}")
    return found or Health("healthy", since=known.data_at)


# --- each word ------------------------------------------------------------------------------


def _failed(feed: str, facts: Facts, expected: Expected) -> Health | None:
    bad = facts.bad
    if bad is None:
        return None
    since, why = _wall(bad.since, expected.zone), f"`feeds runs show {bad.run}` says why"
    what = {
        "transport.unreachable": f"its server cannot be reached since {since}: `feeds check {feed}` tries again",
        "transport.loginRefused": f"its login is refused since {since}: ask the sender for the right one, then "
        f"`feeds state reset {feed} --login`",
        "transport.hostKeyChanged": f"its server shows another key since {since}, nothing was sent: ask the sender, "
        f"then `feeds check {feed}`",
    }.get(bad.code or "")
    if what is None and bad.outcome == "refused":
        what = f"a delivery was refused{_coded(bad.code)} and none was stored since {since}: {why}"
    return Health("failed", "error", bad.since, what or f"it fails since {since}{_coded(bad.code)}: {why}", bad.code)


def _late(feed: str, facts: Facts, expected: Expected, now: datetime) -> Health | None:
    """Its first time that nobody came for, whatever ran it last: a schedule or a person."""
    first = missed(facts, expected.table)
    if first is None or now - first <= _LATE:
        return None
    level = "error" if now - first > _VERY_LATE else "warning"
    text = f"due at {_wall(first, expected.zone)} and not run since: `feeds scheduler status` says what holds it up"
    return Health("late", level, first, text)


def missed(facts: Facts, table: Timetable | None) -> datetime | None:
    """The first time of its schedule that was not run, or the next one; None while no scheduler has seen the feed."""
    if table is None or facts.slot is None:
        return None
    slot, ran = facts.slot, facts.last_run.at if facts.last_run is not None else None
    if not slot.has_ended and (ran is None or ran < slot.slot):
        return slot.slot
    return next(due.times(table, max(slot.slot, ran or slot.slot)), None)


def stale(facts: Facts, expected: Expected, now: datetime) -> Health | None:
    """Whether data is older than the definition allows, however the feed is otherwise."""
    since = facts.data_at or facts.first_at
    if since is None:
        return None
    guards, found = expected.guards, None
    for level, limit in (("warning", guards.warn_after), ("error", guards.error_after)):
        if limit is not None and (began := reached(since, limit, expected.zone, guards.business_days)) <= now:
            found = level, began
    if found is None:
        return None
    last = "since its first run at" if facts.data_at is None else "the last came at"
    limits = " and ".join(
        f"{word} after {span(limit)}"
        for word, limit in (("a warning", guards.warn_after), ("an error", guards.error_after))
        if limit is not None
    )
    days = f" of {', '.join(guards.business_days)}" if guards.business_days else ""
    text = f"no data for {span(now - since)}, {last} {_wall(since, expected.zone)} ({limits}{days}): ask the sender"
    return Health("stale", found[0], found[1], text)


def _partial(feed: str, facts: Facts) -> Health | None:
    if not facts.quarantined:
        return None
    rows = "1 row waits" if facts.quarantined == 1 else f"{facts.quarantined} rows wait"
    text = f"{rows} in quarantine: `feeds quarantine list --feed {feed}`"
    return Health("partial", "warning", facts.quarantined_since, text)


def _coded(code: str | None) -> str:
    return f" ({code})" if code else ""


# --- time -----------------------------------------------------------------------------------


def reached(since: datetime, seconds: int, zone: ZoneInfo, days: Sequence[str] = ()) -> datetime:
    """When so much time has passed; with `days` only that of these weekdays counts, as the zone has them."""
    if not days:
        return since + timedelta(seconds=seconds)
    left, moment = timedelta(seconds=seconds), since.astimezone(UTC)
    counted = {DAYS.index(day) for day in days}
    day = since.astimezone(zone).date()
    while True:
        end = _midnight(day + timedelta(days=1), zone)
        if day.weekday() in counted:
            if end - moment >= left:
                return moment + left
            left -= end - moment
        day, moment = day + timedelta(days=1), end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _wall(moment: datetime, zone: ZoneInfo) -> str:
    """As the dealer's clock shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def span(length: timedelta | int) -> str:
    """A length, also in seconds, in two units at most: "4 d 2 h"."""
    seconds = max(0, int(length.total_seconds() if isinstance(length, timedelta) else length))
    sizes = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    for place, (size, unit) in enumerate(sizes):
        if seconds >= size:
            smaller, name = sizes[place + 1] if unit in ("d", "h") else (0, "")
            rest = seconds % size // smaller if smaller else 0
            return f"{seconds // size} {unit}" + (f" {rest} {name}" if rest else "")
    return "0 s"


def counts(found: Iterable[Health]) -> dict[str, int]:
    """How many feeds are in each state; every state is there."""
    numbers = dict.fromkeys(STATES, 0)
    for each in found:
        numbers[each.state] += 1
    return numbers
