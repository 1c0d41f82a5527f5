"""What a message says of incidents: names of feeds, states, times. Never a customer's data, for none comes here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from engine.health import span
from engine.store.incidents import RECOVERED, Incident
from engine.store.search import printed
from engine.surface import printable
from engine.world import stamp
from transports.notices import Notice

_MOST = 50  # incidents that are told one by one in a text; programs get them all


def notice(event: str, found: Sequence[Incident], now: datetime) -> Notice:
    """One message of everything that a channel is to hear at this time."""
    lines = [_line(event, each, now) for each in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"... and {len(found) - _MOST} more: `feeds alerts list`")
    text = "\n\n".join(map(printable, lines))
    content = {"event": event, "at": printed(stamp(now)), "incidents": [plain(each) for each in found]}
    ids = blake2b(f"{event} {[each.id for each in found]}".encode(), digest_size=12).hexdigest()
    return Notice(f"feeds-{ids}", printable(_subject(event, found)), text, content)


def trial(now: datetime) -> Notice:
    """A message that only says that it came."""
    text = "This is a test of `feeds alerts test`: no feed is meant, and nothing has to be done."
    content = {"event": "test", "at": printed(stamp(now)), "incidents": []}
    return Notice(f"feeds-test-{int(now.timestamp() * 1_000_000)}", "[feeds] test", text, content)


def plain(incident: Incident) -> dict[str, Any]:
    """An incident as JSON values."""
    moments = {"since": incident.since, "opened": incident.opened, "closed": incident.closed}
    return {
        "id": incident.id,
        "state": incident.state,
        "level": incident.level,
        "subject": incident.subject,
        "feeds": list(incident.feeds),
        "sentence": incident.sentence,
        **{name: None if moment is None else printed(stamp(moment)) for name, moment in moments.items()},
        "ending": incident.ending,
    }


def _subject(event: str, found: Sequence[Incident]) -> str:
    word = "recovered: " if event == RECOVERED else ""
    if len(found) == 1:
        return f"[feeds] {word}{found[0].subject} {'was ' if word else 'is '}{_state(found[0])}"
    counts: Mapping[str, int] = {state: sum(each.state == state for each in found) for state in _ordered(found)}
    return f"[feeds] {word}{', '.join(f'{number} {state}' for state, number in counts.items())}"


def _state(incident: Incident) -> str:
    return incident.state if len(incident.feeds) == 1 else f"{incident.state} ({len(incident.feeds)} feeds)"


def _ordered(found: Sequence[Incident]) -> list[str]:
    return list(dict.fromkeys(each.state for each in found))


def _line(event: str, incident: Incident, now: datetime) -> str:
    if event != RECOVERED:
        return f"{incident.subject}: {incident.state}. {incident.sentence}"
    lasted = span((incident.closed or now) - incident.since)
    over = f"no longer {incident.state}, after {lasted}; now {incident.ending}"
    return f"{incident.subject}: {over}. It was: {incident.sentence}"
