"""What goes out, as the language leaves it: a dealer's exports with the place of each of their rules; and what for.

Values only; what is decided with them is decided in `engine/outbound`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.terms import ActivityType, Dealer, Value, ValueMap


@dataclass(frozen=True, slots=True)
class Occasion:
    """What of an activity sends something. None: any type, any state."""

    activities: tuple[str, ...]
    happening: str | None = None  # created, changed, due; None with a state: it has come to that
    fields: tuple[str, ...] = ()  # of `changed`: one of these is different now
    state: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class ExportCase:
    """One way of an export to send something: its only one, or one of its `messages`, which have a name and a text."""

    name: str
    occasion: Occasion
    condition: str | None = None
    lacking: str = ""  # what the dealer does not have of what it requires
    text: Value = None  # with references
    forbidden: tuple[tuple[str, str], ...] = ()  # (RE2, where it is written)
    where: str = ""
    condition_where: str = ""


@dataclass(frozen=True, slots=True)
class OutField:
    """A value of what goes out. One source: `path`, `const`, `text`, `each` or `fields` alone.

    `name` may have dots: a map in a map.
    """

    name: str
    path: str | None = None
    const: Value = None
    text: Value = None
    each: str | None = None
    fields: tuple["OutField", ...] = ()
    condition: str | None = None
    once: str | None = None  # of `each`: one element for each value of this
    without: tuple[Value, ...] = ()  # values that are left out
    since: Mapping[str, str] = field(default_factory=dict)  # versions of the other side
    needs: tuple[str, ...] = ()  # of `each`: an element that has none of these fields is left out
    transforms: tuple[tuple[str, Mapping[str, Value]], ...] = ()
    type: str | None = None
    format: str | None = None
    timezone: ZoneInfo | None = None
    map: ValueMap | None = None
    default: Value = None
    required: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What an export never sends, by one word of its `exclude:`."""

    by: str  # categories, activities, if
    names: tuple[str, ...]
    where: str


class Quiet(NamedTuple):
    """When nothing goes out: times of day in the dealer's zone."""

    begins: time
    ends: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When it ends, of the one that lasts at this moment."""
        local = now.astimezone(zone)
        clock, is_night = local.time(), self.begins >= self.ends
        has_begun, is_before_its_end = clock >= self.begins, clock < self.ends
        if not (has_begun or is_before_its_end if is_night else has_begun and is_before_its_end):
            return None
        day = local.date() + timedelta(days=is_night and has_begun)
        return datetime.combine(day, self.ends, zone)


class Find(NamedTuple):
    """Which activity a reply is about: its type, and where its key stands in the request."""

    type: str
    key: tuple[str, ...]
    on_none: str  # empty, notFound


@dataclass(frozen=True, slots=True)
class Export:
    """One dealer's use of one definition of what goes out; only secrets and an item's references are open."""

    id: str  # "acme-rv/leads-adf"
    title: str
    definition: str  # "leads/adf"
    namespace: str
    dealer: Dealer
    enabled: bool
    reason: str  # why it is not enabled
    group: str | None  # its `class`, by which feeds exclude it
    cases: tuple[ExportCase, ...]
    exclusions: tuple[Exclusion, ...]
    consent: str | None  # the field of a contact that has to be true
    consent_where: str
    fields: tuple[OutField, ...]
    keeps_blanks: bool  # onBlank: send
    encode: Mapping[str, Value]  # always has `format`
    transport: Mapping[str, Value]  # as in the YAML; SecretRef and Template stand in it
    key: tuple[str, ...]
    activity_types: Mapping[str, ActivityType]  # all there are
    params: Mapping[str, Value] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    path: str = ""  # of the dealer's file
    where: str = ""  # of its definition
    quiet: Quiet | None = None
    find: Find | None = None  # of a reply
    versions: Mapping[str, str] = field(default_factory=dict)  # where a version of the other side is read, by product
    minima: Mapping[str, str] = field(default_factory=dict)  # what it has to be at least

    @property
    def watched(self) -> frozenset[str]:
        """The types of activities that may send something on being created or changed."""
        named = [case.occasion for case in self.cases if case.occasion.happening != "due"]
        if any(not each.activities for each in named):
            return frozenset(self.activity_types)
        return frozenset(name for each in named for name in each.activities)


@dataclass(frozen=True, slots=True)
class Brought:
    """A feed that brought an activity, and the classes of exports that get none of it as far as the store knows."""

    feed: str
    excluded: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """An activity as it stands now, with whom and what it is about."""

    id: int
    dealer: str
    type: str
    state: str | None
    contact_id: int | None
    activity: Mapping[str, Value]
    contact: Mapping[str, Value] | None
    vehicle: Mapping[str, Value] | None
    brought: tuple[Brought, ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """What became of an activity: `changes` are {name: [before, after]} of what is different now."""

    kind: str  # created, changed, due
    changes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class SentReport:
    """What one visit to an export's outbox came to: items by what became of them. `waits` says why others wait."""

    export: str
    sent: int = 0
    excluded: int = 0
    suppressed: int = 0
    failed: int = 0
    uncertain: int = 0
    dead: int = 0
    waits: str = ""
