"""What a feed makes of what its far side has now: the oldest file that waits, or the first page with records.

Claims, removes and remembers nothing; a login's token is kept, as always.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from engine.connection import asked, connected
from engine.errors import DecodeError, DeliveryRefused
from engine.intake import waiting
from engine.intake.names import escaped
from engine.model import Feed
from engine.previews.made import Preview, previewed, previewed_page, refused
from engine.store import overview, positions
from engine.world import World
from transports import FILES, PAGES
from transports.base import Files, Pages, RemoteFile

_MOST_PAGES = 5  # that are asked for, where those before have no records


def preview_live(feed: Feed, world: World, rows: int) -> Preview | None:
    """Through the transport; what was taken already where nothing is new. None where there is nothing at all.

    Raises TransportError and SecretMissing.
    """
    kind = str(feed.transport["type"])
    if kind not in FILES and kind not in PAGES:
        text = f"nothing waits at a {kind}, it is sent to us: `--sample FILE` takes the body of a request"
        raise DeliveryRefused("preview.noFiles", text)
    return _file(feed, world, rows) if kind in FILES else _page(feed, world, rows)


# --- files ----------------------------------------------------------------------------------


def _file(feed: Feed, world: World, rows: int) -> Preview | None:
    with connected(feed, world) as far:
        found = _oldest(feed, world, far)
        if found is None:
            return None
        file, is_new = found
        with world.archive.aside() as aside:
            part = aside.part(0)
            with world.archive.usable():
                far.fetch(file, part)
            preview = previewed(feed, part, file, rows, world.clock.now())
    if not is_new:
        preview.notes.insert(0, ("file.taken", "no file waits; this one has been imported already"))
    return preview


def _oldest(feed: Feed, world: World, far: Files) -> tuple[RemoteFile, bool] | None:
    """The first file of the feed's order that is new, else the last that matches; and whether it is new."""
    of = waiting.pattern(feed.transport)
    files = waiting.wanted(far.files(), of)
    ordered = waiting.in_order(files, str(feed.transport.get("order", "name")), of, len(files))
    number = _number(feed, world)
    known = {} if number is None else world.journal.known(number, far.source, [escaped(f.name) for f in files])
    # What was refused waits as well: whoever looks is about to mend it.
    new = [file for file in ordered if waiting.is_new(file, known.get(escaped(file.name), ()), "")]
    if new:
        return new[0], True
    return (ordered[-1], False) if ordered else None


def _number(feed: Feed, world: World) -> int | None:
    """The feed's number in the ledger; None for one that has never run."""
    standing = overview.standings(world.engine).get(feed.id)
    return None if standing is None else standing.id


# --- pages ----------------------------------------------------------------------------------


def _page(feed: Feed, world: World, rows: int) -> Preview | None:
    number = _number(feed, world)
    saved: Mapping[str, Any] = {} if number is None else positions.load(world.engine, number)
    with asked(feed, world) as far:
        preview = _first(feed, far, saved, rows, world.clock.now())
        if not saved or (preview is not None and (preview.records or preview.refusal is not None)):
            return preview
        preview = _first(feed, far, {}, rows, world.clock.now())
    if preview is not None:
        text = "nothing has come since the last run; this is where the list begins"
        preview.notes.insert(0, ("page.taken", text))
    return preview


def _first(feed: Feed, far: Pages, position: Mapping[str, Any], rows: int, now: datetime) -> Preview | None:
    """The first page from a position on that has records, or the last that was asked for."""
    preview, asked_for = None, 0
    try:
        for page in islice(far.pages(position), _MOST_PAGES):
            preview, asked_for = previewed_page(feed, page, rows, now), asked_for + 1
            if preview.records or preview.refusal is not None:
                break
    except (DecodeError, DeliveryRefused) as error:  # of a reply that is no page
        preview = refused(Preview(feed, far.source, 0), error)
    if preview is not None:
        before = (
            f"{asked_for} pages were asked for, those before it are empty"
            if asked_for > 1
            else "one page was asked for"
        )
        preview.notes.append(("page.first", f"{before}; a run reads on"))
    return preview
