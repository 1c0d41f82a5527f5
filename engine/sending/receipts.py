"""What the other side tells later of what was sent, out of the inbox: delivered, undelivered. Sends nothing.

Receipts come twice, in any order, and before we have noted that the item was sent: such a one waits.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.errors import RecordError
from engine.intake.inbox import DONE, FILTERED, Entry, Inbox
from engine.mapping.compiler import compiled_path
from engine.mapping.keys import text_of
from engine.model import Export
from engine.store import outbox
from engine.store.database import writing
from engine.world import World, stamp
from transports.base import Settings
from transports.envelope import NotAnEnvelope, opened
from transports.webhook import Request

_WAITS = timedelta(days=1)  # for the item that it is about
_LONGEST = 100  # characters of a status


class _Told(NamedTuple):
    """What one receipt says; `item` is our own number, where we had it put into the address."""

    id: str | None
    item: str | None
    status: str


def expected(export: Export) -> Settings | None:
    """Where receipts come in, of an export that has them."""
    found: Settings | None = export.transport.get("receipts")
    return found


def waiting(inbox: Inbox, exports: Collection[str]) -> list[str]:
    """Those of the exports for which receipts have come."""
    return sorted({name for name, _ in inbox.waits()} & set(exports)) if exports else []


def settle(exports: Iterable[Export], world: World) -> None:
    """Note what receipts tell of items that were sent; an item of which nobody knew is sent, then."""
    for export in exports:
        settings = expected(export)
        if settings is not None:
            for entry in world.inbox.waiting(export.id, [str(settings["endpoint"])]):
                _settled(export, settings, entry, world)
            world.inbox.tidy([str(settings["endpoint"])])


def _settled(export: Export, settings: Settings, entry: Entry, world: World) -> None:
    now, told = world.clock.now(), _told(entry, settings)
    is_late = datetime.fromisoformat(entry.received_at) <= now - _WAITS
    with writing(world.engine) as connection:
        known = told is not None and outbox.receipted(
            connection, export.id, told.id, told.item, told.status, settings.get("final", ()), stamp(now)
        )
        if known or told is None or is_late:
            world.inbox.settle(connection, entry, export.id, DONE if known else FILTERED, stamp(now))
    if told is None or (is_late and not known):
        reason = "it names no item and no status" if told is None else "nothing that was sent has its id"
        world.note("export.receipt", {"level": "warning", "export": export.id, "reason": reason})


def _told(entry: Entry, settings: Settings) -> _Told | None:
    """None for a request that says nothing we know."""
    try:
        envelope = opened(entry.content)
    except NotAnEnvelope:
        return None
    kept = envelope.request
    parts = Request(kept["method"], kept["path"], kept["query"], kept["headers"], envelope.body).parts
    body = parts["body"]
    id, status = _text(settings["id"], body), _text(settings["status"], body)
    item = _text(settings["item"], parts) if "item" in settings else None
    return None if status is None or (id is None and item is None) else _Told(id, item, status[:_LONGEST])


def _text(path: str, value: Mapping[str, Any]) -> str | None:
    try:
        found = compiled_path(path)(value)
    except RecordError:
        return None
    return text_of(found) if isinstance(found, str | int) and found != "" else None
