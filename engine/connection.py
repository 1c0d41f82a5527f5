"""The far side of a feed, opened: secrets resolved at this moment, a refused login left to rest.

Knows nothing of files or rows; what is done on the connection is the caller's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from engine.errors import DeliveryRefused
from engine.model import Feed
from engine.world import Progress, World, stamp
from transports import FILES, connect
from transports.base import Files, LoginRefused, Tools

# How long a refused login rests, by how often it was refused: servers lock accounts.
_RESTS = {1: timedelta(minutes=15), 2: timedelta(hours=1), 3: timedelta(hours=6), 4: timedelta(hours=24)}


@contextmanager
def connected(feed: Feed, world: World) -> Iterator[Files]:
    """The feed's place, unless its login was refused lately: servers lock accounts that keep trying.

    One breaker for all feeds that use the login. Raises TransportError and SecretMissing.
    """
    kind = str(feed.transport["type"])
    if kind not in FILES:
        raise DeliveryRefused("transport.notYet", f"this release runs {', '.join(sorted(FILES))}, not {kind}")
    login, journal = login_of(feed), world.journal
    resting = journal.login_refused_until(login, stamp(world.clock.now()))
    if resting is not None:
        raise LoginRefused(f"not tried again before {resting[0]}: {resting[1]}; `feeds state reset` ends the wait")
    tools = Tools(world.clock.monotonic, _heard(feed, world), world.note)
    try:
        with connect(kind, world.secrets.filled(feed.transport), tools) as far:
            journal.login_worked(login)
            yield far
    except LoginRefused as error:
        now = world.clock.now()
        until = journal.login_refused(login, str(error), {n: stamp(now + rest) for n, rest in _RESTS.items()})
        raise LoginRefused(f"{error}; one try was made, the next not before {until}") from error


def login_of(feed: Feed) -> str:
    """Who logs in where, by the names of its secrets: the same for every feed that uses the login."""
    return " ".join(str(feed.transport.get(name, "")) for name in ("type", "host", "port", "username", "auth"))


def _heard(feed: Feed, world: World) -> Callable[[int], None]:
    total = 0

    def heard(count: int) -> None:
        nonlocal total
        total += count
        world.progress(Progress(feed.id, "", total, 0))

    return heard
