"""Feeds as a scheduler sees them: when each is due, and whom it must not run beside.

Makes no feed, which would cost more than all of this: of ten thousand, few are due.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from engine import due
from engine.connection import host, login
from engine.due import Timetable
from engine.health import Expected
from engine.language import resolution, settings
from engine.language.durations import seconds
from engine.language.problems import Problems
from engine.language.project import Made
from engine.model import Guards, Value
from engine.visits.leasing import lease_name, place

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
    dealer: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""  # why it is not enabled
    guards: Guards = field(default_factory=Guards)
    lease: str = ""  # whoever has this runs it
    host: str = ""  # where it goes; feeds of one host fare alike when that is down
    hears: bool = False  # webhooks, perhaps

    @property
    def expected(self) -> Expected:
        return Expected(self.is_enabled, self.reason, self.guards, self.zone, self.table)


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
    is_shared = bool(transport.get("shared"))
    return Planned(
        feed,
        zone,
        is_enabled,
        table,
        _lane(feed, transport),
        is_shared,
        timeout,
        dealer=made.dealer.name,
        tags=tuple(dict.fromkeys((*tree.texts("tags"), *entry.texts("tags")))),
        reason=entry.word("reason", ""),
        guards=settings.guards(tree.child("guards"), Problems()),
        lease=lease_name(feed, transport),
        host=host(transport),
        hears=transport["type"] == "webhook" or any(tree.elements("triggers")),
    )


def _lane(feed: str, transport: Mapping[str, Value]) -> str:
    if transport["type"] not in _ALONE:
        return login(transport)
    return place(transport) if transport.get("shared") else feed
