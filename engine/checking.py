"""How far a feed would get: secrets, connection, login, listing, matches. Changes nothing anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.asking import envelopes
from engine.connection import asked, connected
from engine.errors import FeedError
from engine.intake.inbox import DONE, FAILED, FILTERED, WAITING
from engine.intake.names import CLAIM_PREFIX, escaped
from engine.intake.waiting import Pattern, in_order, pattern, wanted
from engine.mapping import compile_mapping
from engine.model import Feed
from engine.store import positions
from engine.visits import listening
from engine.world import World
from transports import FILES
from transports.base import Files, Pages, RemoteFile, TransportError
from transports.envelope import opened

_SHOWN = 3  # names of matching files, and of near misses


@dataclass(frozen=True, slots=True)
class Check:
    """One step: `status` is ok, warn or fail."""

    status: str
    name: str
    text: str


def check_feed(feed: Feed, world: World) -> list[Check]:
    """Every step in turn, up to the first that fails."""
    checks = list(_before(feed, world))
    if any(check.status == "fail" for check in checks):
        return checks
    checks += _heard(feed, world)
    if feed.transport["type"] == "webhook":
        return checks
    try:
        if feed.transport["type"] in FILES:
            with connected(feed, world) as far:
                checks.append(Check("ok", "login", f"connected and logged in at {far.source}"))
                checks += _listed(feed, world, far)
        else:
            with asked(feed, world) as api:
                checks += _first_page(feed, world, api)
    except TransportError as error:
        checks.append(Check("fail", _STEPS.get(type(error).__name__, "connection"), str(error)))
    except FeedError as error:
        checks.append(Check("fail", "feed", str(error)))
    return checks


_STEPS = {"LoginRefused": "login", "HostKeyChanged": "hostKey", "Refused": "directory", "FileVanished": "directory"}


def _before(feed: Feed, world: World) -> Iterator[Check]:
    if not feed.enabled:
        yield Check("warn", "enabled", f"disabled in its definition{': ' + feed.reason if feed.reason else ''}")
    missing = world.secrets.missing(feed)
    if missing:
        yield Check("fail", "secrets", f"no value for {', '.join(missing)}; see `feeds secrets check`")


def _heard(feed: Feed, world: World) -> Iterator[Check]:
    """Where requests from outside arrive, and what of them waits or came to nothing."""
    endpoints = listening.endpoints(feed)
    if not endpoints:
        return
    paths = ", ".join(f"/hooks/{each}" for each in endpoints)
    yield Check("ok", "hooks", f"`feeds serve` takes requests at {paths}")
    counts = world.inbox.counts(feed.id, endpoints)
    told = ", ".join(f"{counts.get(state, 0)} {state}" for state in (WAITING, DONE, FILTERED, FAILED))
    yield Check("warn" if counts.get(FAILED) else "ok", "inbox", told)


def _first_page(feed: Feed, world: World, api: Pages) -> Iterator[Check]:
    """One request, and what `records.path` finds in its reply; no position moves."""
    position = positions.load(world.engine, world.journal.register(feed).id)
    page = next(api.pages(position), None)
    if page is None:
        yield Check("warn", "page", f"nothing is asked of {api.source}: `forEach` has no values")
        return
    yield Check("ok", "login", f"asked {api.source}, and it answered")
    decoded = envelopes.decoded(opened(page.envelope), feed.decode)
    mapping = compile_mapping(feed, decoded)
    found = sum(len(portion.rows) for batch in decoded.batches for portion in mapping.portions(batch))
    yield Check("ok" if found else "warn", "page", f"{page.name}: {found} record{'' if found == 1 else 's'}")


def _listed(feed: Feed, world: World, far: Files) -> Iterator[Check]:
    files = list(far.files())
    claims = [file for file in files if file.name.startswith(CLAIM_PREFIX)]
    yield Check("ok", "directory", f"{len(files)} plain file{'' if len(files) == 1 else 's'}")
    if claims:
        yield Check("warn", "claims", f"{len(claims)} claimed by a run that has not finished; the next run sees to it")
    of = pattern(feed.transport)
    matching = in_order(wanted(files, of), str(feed.transport.get("order", "name")), of)
    yield _matches(of, matching, [file for file in files if file not in matching and file not in claims])
    if matching and (times := [file.modified for file in matching if file.modified is not None]):
        oldest, newest = min(times), max(times)
        now = world.clock.now().timestamp()
        yield Check("ok", "age", f"oldest {_hours(now - oldest)}, newest {_hours(now - newest)}")
        if newest > now + 120:
            ahead = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
            yield Check("warn", "clock", f"the newest file is of {ahead}, later than our clock says")


def _matches(of: Pattern, matching: list[RemoteFile], others: list[RemoteFile]) -> Check:
    if matching:
        names = ", ".join(f"{escaped(f.name)} ({f.size} bytes)" for f in matching[:_SHOWN])
        more = f" and {len(matching) - _SHOWN} more" if len(matching) > _SHOWN else ""
        return Check("ok", "filename", f"{len(matching)} match {of.text}: {names}{more}")
    near = ", ".join(escaped(file.name) for file in others[:_SHOWN])
    there = f"; there are {near}" if near else ""
    return Check("warn", "filename", f"nothing matches {of.text}{there}")


def _hours(seconds: float) -> str:
    return f"{max(seconds, 0) / 3600:.0f} h old"
