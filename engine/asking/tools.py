"""The tools of a transport of pages, put together for one feed and one run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.asking.filling import Filler
from engine.asking.logins import SealedTokens
from engine.asking.reading import Reader
from engine.language import durations
from engine.mapping.plan import seen_with
from engine.model import Feed
from engine.store import tokens
from engine.transforms import SHORTHAND, TRANSFORMS
from engine.world import World, stamp
from transports.base import PageTools, Settings

_MOST_TIMES = 600  # of requests that are kept; where more are allowed, shorter stretches are counted


def page_tools(feed: Feed, world: World, settings: Settings, sharers: str, heard: Callable[[int], None]) -> PageTools:
    """`settings` have their secrets; `sharers` names who shares the rate limit."""
    now = world.clock.now()
    run = {"now": stamp(now), "date": now.astimezone(feed.dealer.timezone).date().isoformat()}
    known = seen_with(feed, {"run": run})
    reader, filler = Reader(feed, {"run": run}), Filler(known, feed.dealer.timezone)
    return PageTools(
        clock=world.clock.monotonic,
        now=world.clock.now,
        sleep=world.clock.sleep,
        chance=world.chance,
        document=reader.document,
        carried=reader.carried,
        records=reader.records,
        search=reader.search,
        fill=filler.fill,
        address=filler.address,
        transform=transformed,
        identities=reader.identities,
        highest=reader.highest,
        tokens=SealedTokens(world, settings),
        turn=turns(feed.transport.get("rateLimit"), world, sharers),
        progress=heard,
        note=world.note,
        answer=world.answer,
    )


def transformed(text: str, transforms: Sequence[Any]) -> str:
    """A text through transforms as a definition writes them, one after the other."""
    value: Any = text
    for each in transforms:
        for name, arguments in each.items() if isinstance(each, Mapping) else ((each, {}),):
            given = arguments if isinstance(arguments, Mapping) else {SHORTHAND.get(name, "value"): arguments}
            value = TRANSFORMS[name](value, **given)
    return "" if value is None else str(value)


def turns(limit: Mapping[str, Any] | None, world: World, name: str) -> Callable[[], None]:
    """Waits until the other side may be asked once more; whoever shares the allowance, in any process, counts."""
    if not limit:
        return lambda: None
    requests, per = int(limit["requests"]), float(durations.seconds(str(limit["per"])))
    parts = -(-requests // _MOST_TIMES)
    requests, per = requests // parts, per / parts

    def turn() -> None:
        while (wait := tokens.turn(world.engine, name, world.clock.now().timestamp(), requests, per)) > 0:
            world.clock.sleep(wait)

    return turn
