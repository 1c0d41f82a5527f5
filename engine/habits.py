"""What is unlike the deliveries before: many more or fewer records, other columns. Pure; it warns, and refuses nothing.

Of a file feed alone, whose each delivery is the whole truth. What keeps a delivery out is in `guards.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from engine.model import Issue

LOOKED_AT = 60  # deliveries
_ENOUGH = 10  # of them, to know what is usual
_ENOUGH_OF_A_DAY = 6  # of one weekday, to know what is usual on it
_SPREAD = 4 * 1.4826  # of their median distance: four standard deviations where they spread evenly
_LEAST_PART = 0.5  # of what is usual: less than this away from it is nothing
_LEAST = 10  # records, likewise
_SHOWN = 10  # columns in a message


@dataclass(frozen=True, slots=True)
class Before:
    """A delivery that was stored: the dealer's day on which it came, its records and its columns, where it has any."""

    day: str | None
    read: int
    columns: tuple[str, ...] | None


def volume(read: int, day: str | None, before: Sequence[Before]) -> list[Issue]:
    """A warning where this many records are far from what is usual; of the same weekday, if enough is known of it."""
    weekday = _weekday(day)
    same = [each.read for each in before if weekday is not None and _weekday(each.day) == weekday]
    counted, of = (same, f" of a {weekday}") if len(same) >= _ENOUGH_OF_A_DAY else ([each.read for each in before], "")
    if not of and len(counted) < _ENOUGH:
        return []
    usual = median(counted)
    width = max(_LEAST, usual * _LEAST_PART, _SPREAD * median(abs(each - usual) for each in counted))
    if abs(read - usual) <= width:
        return []
    code, word = ("volume.low", "fewer") if read < usual else ("volume.high", "more")
    text = f"{read} records, far {word} than usual: the last {len(counted)} deliveries{of} had about {usual:g}"
    return [Issue(code, f"{text} ({max(0, usual - width):.0f} to {usual + width:.0f} is no news)")]


def columns(found: Sequence[str] | None, before: Sequence[Before]) -> list[Issue]:
    """A warning of columns that none of the deliveries before had, and of those that all of them had; told once."""
    known = [set(each.columns) for each in before if each.columns is not None]
    if found is None or not known:
        return []
    fresh = [name for name in found if not any(name in each for each in known)]
    lost = sorted(set.intersection(*known) - set(found))
    issues = []
    if fresh:
        issues.append(Issue("column.new", f"columns that were not there before: {_listed(fresh)}"))
    if lost:
        issues.append(Issue("column.gone", f"columns that were always there before are missing: {_listed(lost)}"))
    return issues


def _weekday(day: str | None) -> str | None:
    return f"{date.fromisoformat(day):%A}" if day else None


def _listed(names: Iterable[str]) -> str:
    all_of_them = list(names)
    more = f" and {len(all_of_them) - _SHOWN} more" if len(all_of_them) > _SHOWN else ""
    return ", ".join(all_of_them[:_SHOWN]) + more
