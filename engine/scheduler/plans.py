"""Feeds as a scheduler sees them: when each is due, and whom it must not run beside.

Makes no feed, which would cost more than all of this: of ten thousand, few are due.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine import due
from engine.connection import login
from engine.due import Timetable
from engine.language import resolution
from engine.language.durations import seconds
from engine.language.problems import Problems
from engine.language.project import Made
from engine.model import Value
from engine.visits.leasing import place

_ALONE = ("file", "webhook")  # transports without a login: their feeds are in nobody's way


@dataclass(frozen=True, slots=True)
class Planned:
    """One feed. `table` is None where it has no schedule or is not enabled.

    Feeds of one `lane` log in at the same place as the same user, or share their files.
    """

    feed: str
    zone: ZoneInfo  # its dealer's
    is_enabled: bool
    table: Timetable | None
    lane: str
    is_shared: bool  # others read its files as well
    timeout: int | None  # seconds


def planned(feed: str, made: Made) -> Planned:
    """What a sound entry comes to, read from its definition alone."""
    entry = made.entry
    tree = resolution.resolve(made.source, made.dealer, entry, Problems()).tree
    schedule, zone = tree.entries("schedule"), made.dealer.timezone
    plain = {name: node.plain for name, node in schedule.items()}
    is_enabled = entry.flag("enabled", default=True)
    table = due.timetable(feed, plain, zone) if is_enabled else None
    timeout = seconds(str(plain["timeout"])) if "timeout" in plain else None
    transport = {name: node.plain for name, node in tree.entries("transport").items()}
    return Planned(feed, zone, is_enabled, table, _lane(feed, transport), bool(transport.get("shared")), timeout)


def _lane(feed: str, transport: Mapping[str, Value]) -> str:
    if transport["type"] not in _ALONE:
        return login(transport)
    return place(transport) if transport.get("shared") else feed
