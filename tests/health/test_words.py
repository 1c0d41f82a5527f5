"""Which word is said of a feed: one table over what is known of it, at one moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine import due
from engine.due import Last
from engine.health import STATES, Bad, Expected, Facts, Health, LastRun, Pause, health, reached, span
from engine.model import Guards

NOW = datetime(2022, 6, 10, 12, tzinfo=UTC)  # a Friday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONE = ZoneInfo("America/New_York")
GUARDS = Guards(warn_after=26 * 3600, error_after=50 * 3600)
HOURLY = due.timetable("acme/a", {"every": "1h", "jitter": "0s"}, ZONE)
RAN = LastRun(7, NOW - HOUR / 2, "ok", 3)
FINE = {"last_run": RAN, "first_at": NOW - 9 * DAY, "data_at": NOW - HOUR, "slot": Last(NOW)}


def of(
    guards: Guards = GUARDS, is_running: bool = False, enabled: bool = True, now: datetime = NOW, **known: object
) -> Health:
    expected = Expected(enabled, "moved" if not enabled else "", guards, ZONE, HOURLY)
    facts = Facts(1, **(FINE | known)) if known != {"nothing": True} else None  # type: ignore[arg-type]
    return health("acme/a", expected, facts, now, is_running)


REFUSED = Bad(NOW - DAY, 5, "refused", "guard.few")
UNREACHED = Bad(NOW - DAY, 5, "failed", "transport.unreachable")
PAUSE = Pause(NOW - DAY, "ana", "new DMS", None)
TABLE = {
    "all is well": ({}, "healthy", "ok", ""),
    "never seen": ({"nothing": True}, "new", "ok", "it has never run"),
    "seen, and its first time is yet to come": ({"last_run": None, "data_at": None, "first_at": None}, "new", "ok", ""),
    "off by its definition, whatever else": (
        {"enabled": False, "pause": PAUSE, "bad": REFUSED},
        "disabled",
        "ok",
        "moved",
    ),
    "paused, whatever else": ({"pause": PAUSE, "bad": REFUSED}, "paused", "ok", "new DMS (ana); `feeds resume acme/a`"),
    "a pause that is over": ({"pause": Pause(NOW - DAY, "ana", "x", NOW - HOUR)}, "healthy", "ok", ""),
    "refused": ({"bad": REFUSED}, "failed", "error", "a delivery was refused (guard.few) and none was stored since"),
    "unreachable, and so late and stale": (
        {"bad": UNREACHED, "slot": Last(NOW - DAY, False), "data_at": NOW - 9 * DAY},
        "failed",
        "error",
        "its server cannot be reached since 2022-06-09 08:00 EDT: `feeds check acme/a`",
    ),
    "not run for six minutes": (
        {"slot": Last(NOW - HOUR), "now": NOW + 6 * MINUTE, "last_run": None},
        "late",
        "warning",
        "due at",
    ),
    "not run for two hours, and so stale": (
        {"slot": Last(NOW - 3 * HOUR), "last_run": LastRun(1, NOW - 3 * HOUR, "ok", 1), "data_at": NOW - 9 * DAY},
        "late",
        "error",
        "due at 2022-06-10 06:00 EDT and not run since",
    ),
    "due four minutes ago": (
        {"slot": Last(NOW - HOUR / 2), "now": NOW + 4 * MINUTE, "last_run": None, "data_at": None, "first_at": None},
        "new",
        "ok",
        "",
    ),
    "due, and at work": ({"slot": Last(NOW - 5 * HOUR, False), "is_running": True}, "healthy", "ok", ""),
    "cut short by a kill": ({"slot": Last(NOW - HOUR / 2, False), "last_run": None}, "late", "warning", "due at"),
    "run by hand since": ({"slot": Last(NOW - 5 * HOUR)}, "healthy", "ok", ""),
    "no scheduler has seen it": ({"slot": None}, "healthy", "ok", ""),
    "old data": ({"data_at": NOW - 27 * HOUR}, "stale", "warning", "no data for 1 d 3 h, the last came at"),
    "very old data, and rows that wait": (
        {"data_at": NOW - 51 * HOUR, "quarantined": 1},
        "stale",
        "error",
        "(a warning after 1 d 2 h and an error after 2 d 2 h): ask the sender",
    ),
    "never any data": ({"data_at": None}, "stale", "error", "no data for 9 d, since its first run at"),
    "no limit for data": ({"guards": Guards(), "data_at": NOW - 99 * DAY}, "healthy", "ok", ""),
    "rows that wait": ({"quarantined": 2}, "partial", "warning", "2 rows wait in quarantine: `feeds quarantine list"),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_first_word_that_fits_is_said(case: str) -> None:
    known, state, level, sentence = TABLE[case]
    found = of(**known)  # type: ignore[arg-type]
    assert (found.state, found.level) == (state, level), found
    assert sentence in found.sentence
    assert (found.sentence == "") == (state == "healthy")


def test_every_word_is_in_the_table() -> None:
    assert {state for _, state, _, _ in TABLE.values()} == set(STATES)


def test_since_when_is_the_moment_at_which_it_began() -> None:
    assert of(data_at=NOW - 27 * HOUR).since == NOW - HOUR
    assert of(data_at=NOW - 51 * HOUR).since == NOW - HOUR  # when it became an error
    assert of(bad=REFUSED).since == NOW - DAY
    assert of(quarantined=1, quarantined_since=NOW - 2 * DAY).since == NOW - 2 * DAY


WEEK = ("mon", "tue", "wed", "thu", "fri")
COUNTED = [
    ("2022-06-10T20:00-04:00", 2, WEEK, "2022-06-10T22:00-04:00"),  # Friday evening, and done before midnight
    ("2022-06-10T20:00-04:00", 26, WEEK, "2022-06-13T22:00-04:00"),  # the weekend does not count
    ("2022-06-11T08:00-04:00", 1, WEEK, "2022-06-13T01:00-04:00"),  # from a Saturday on
    ("2022-06-11T08:00-04:00", 1, (), "2022-06-11T09:00-04:00"),
    ("2022-11-05T12:00-04:00", 24, ("sun",), "2022-11-06T23:00-05:00"),  # a Sunday of 25 hours
    ("2022-06-10T20:00-04:00", 24 * 10, WEEK, "2022-06-24T20:00-04:00"),
]


@pytest.mark.parametrize(("since", "hours", "days", "expected"), COUNTED)
def test_only_business_days_of_the_dealer_count(since: str, hours: int, days: tuple[str, ...], expected: str) -> None:
    found = reached(datetime.fromisoformat(since), hours * 3600, ZONE, days)
    assert found == datetime.fromisoformat(expected)


def test_a_feed_that_is_silent_over_a_weekend_is_not_stale_by_business_days() -> None:
    monday, friday = datetime(2022, 6, 13, 12, tzinfo=UTC), datetime(2022, 6, 10, 12, tzinfo=UTC)
    facts = Facts(1, data_at=friday, last_run=LastRun(1, friday, "ok", 1), first_at=friday)
    states = []
    for days in ((), WEEK):
        guards = Guards(warn_after=26 * 3600, error_after=50 * 3600, business_days=days)
        states.append(health("acme/a", Expected(True, "", guards, ZONE, None), facts, monday).state)
    assert states == ["stale", "healthy"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (7_260, "2 h 1 min"), (360_000, "4 d 4 h")]
)
def test_lengths_are_told_in_two_units(seconds: int, text: str) -> None:
    assert span(seconds) == text
