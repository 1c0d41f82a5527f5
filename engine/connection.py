"""The far side of a feed, opened: secrets resolved at this moment, a refused login left to rest.

Knows nothing of files or rows; what is done on the connection is the caller's.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from engine.asking.tools import page_tools
from engine.errors import DeliveryRefused
from engine.model import Feed, Value
from engine.world import Progress, World, stamp
from transports import FILES, PAGES, connect, connect_pages
from transports.base import Files, LoginRefused, Pages, Tools

# How long a refused login rests, by how often it was refused: servers lock accounts.
RESTS = {1: timedelta(minutes=15), 2: timedelta(hours=1), 3: timedelta(hours=6), 4: timedelta(hours=24)}


@contextmanager
def connected(feed: Feed, world: World) -> Iterator[Files]:
    """The feed's place, unless its login was refused lately. Raises TransportError and SecretMissing."""
    kind = str(feed.transport["type"])
    if kind not in FILES:
        raise DeliveryRefused("transport.notYet", f"{kind} has no files to connect to")
    tools = Tools(world.clock.monotonic, _heard(feed, world), world.note)
    with _guarded(feed, world), connect(kind, world.secrets.filled(feed.transport), tools) as far:
        world.journal.login_worked(login_of(feed))
        yield far


@contextmanager
def asked(feed: Feed, world: World) -> Iterator[Pages]:
    """The feed's API, unless its login was refused lately; nothing is sent before the first page is asked for."""
    kind = str(feed.transport["type"])
    if kind not in PAGES:
        known = ", ".join(sorted((*FILES, *PAGES)))
        raise DeliveryRefused("transport.notYet", f"this release runs {known}, not {kind}")
    settings = world.secrets.filled(feed.transport)
    tools = page_tools(feed, world, settings, _sharers(feed), _heard(feed, world))
    with _guarded(feed, world), connect_pages(kind, settings, tools) as far:
        yield far
        world.journal.login_worked(login_of(feed))


@contextmanager
def _guarded(feed: Feed, world: World) -> Iterator[None]:
    """One breaker for all feeds that use a login: servers lock accounts that keep trying."""
    login, journal = login_of(feed), world.journal
    resting = journal.login_refused_until(login, stamp(world.clock.now()))
    if resting is not None:
        raise LoginRefused(f"not tried again before {resting[0]}: {resting[1]}; `feeds state reset` ends the wait")
    try:
        yield
    except LoginRefused as error:
        now = world.clock.now()
        until = journal.login_refused(login, str(error), {n: stamp(now + rest) for n, rest in RESTS.items()})
        raise LoginRefused(f"{error}; one try was made, the next not before {until}") from error


def login_of(feed: Feed) -> str:
    """Who logs in where, by the names of its secrets: the same for every feed that uses the login."""
    return login(feed.transport)


def login(transport: Mapping[str, Value]) -> str:
    """The same of a feed's transport."""
    names = ("type", "host", "port", "username", "auth")
    parts = [str(transport.get(name, "")) for name in names]
    return " ".join([*parts, _api(transport)] if transport["type"] in PAGES else parts)


def host(transport: Mapping[str, Value]) -> str:
    """The host a feed goes to, as its definition has it; "" where that is this machine."""
    return str(transport.get("host") or "") or (urlsplit(_api(transport)).netloc if transport["type"] in PAGES else "")


def _api(transport: Mapping[str, Value]) -> str:
    """Scheme and host of an API, as its definition has them."""
    url = transport.get("baseUrl") or (transport.get("request") or {}).get("url", "")
    parts = urlsplit(url) if isinstance(url, str) else None
    return f"{parts.scheme}://{parts.netloc}" if parts is not None else str(url)


def _sharers(feed: Feed) -> str:
    """Who shares the allowance of a rate limit."""
    scope = str((feed.transport.get("rateLimit") or {}).get("scope", "credential"))
    return f"{scope} {({'feed': feed.id, 'host': _api(feed.transport)}).get(scope, login_of(feed))}"


def _heard(feed: Feed, world: World) -> Callable[[int], None]:
    total = 0

    def heard(count: int) -> None:
        nonlocal total
        total += count
        world.progress(Progress(feed.id, "", total, 0))

    return heard
