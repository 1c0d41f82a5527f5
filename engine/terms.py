"""What definitions of what comes in and of what goes out have in common: values, activity types, dealers.

Values only, no behaviour beyond reading them. The rest of the vocabulary stands in `model.py`, by which all of it goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

# JSON-like: str, int, bool, None, list, dict. The canonical form of every mapped value:
# decimal and money are exact decimal text ("48250.00"), a date is "2022-01-28", a dateTime is
# UTC of fixed width ("2022-01-28T14:00:00.000000Z"), a phone is E.164, a version is its text.
Value: TypeAlias = Any


class Const(NamedTuple):
    value: Value


@dataclass(frozen=True, slots=True)
class ValueMap:
    """`map:` exact words first, then ranges (both ends belong to it), then `otherwise`.

    `otherwise` is a Const, or the word "blank" or "quarantine".
    """

    exact: Mapping[str, Value]
    ranges: tuple[tuple[int, int, Value], ...]
    otherwise: Const | str


@dataclass(frozen=True, slots=True)
class ActivityField:
    label: str
    type: str
    unit: str | None = None
    grey_if: str | None = None
    about: str = ""
    elements: tuple[str, ...] = ()  # lists and objects: what an element has


@dataclass(frozen=True, slots=True)
class ActivityType:
    name: str
    label: str
    category: str
    date_label: str
    states: tuple[str, ...]
    shows: tuple[Value, ...]
    fields: Mapping[str, ActivityField]


@dataclass(frozen=True, slots=True)
class Dealer:
    name: str
    title: str
    timezone: ZoneInfo
    region: str = "US"  # how national phone numbers are read
    features: frozenset[str] = frozenset()
    contact: Mapping[str, str] = field(default_factory=dict)
