"""When what waits in the inbox is to be taken up: at once, once it stands still, or again after it was in vain.

Pure: what waits and the clock come in.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.intake.inbox import Waits
from engine.language.durations import seconds
from engine.model import Feed
from engine.visits.listening import hooks
from transports.base import Settings

# A nudge may come before its object can be read: again after 1, 5 and 30 minutes, each after the one before.
_AGAIN = (timedelta(minutes=1), timedelta(minutes=6), timedelta(minutes=36))
EARLY = _AGAIN[-1]
_THEN = timedelta(hours=1)  # an API that answers with an error is asked each hour, as long as a request counts
_MOST = 10  # times its `debounce`, however restless it is


def again(received: datetime, now: datetime) -> datetime:
    """When a request that was taken up in vain is taken up again."""
    for each in _AGAIN:
        if received + each > now:
            return received + each
    return received + _THEN * ((now - received) // _THEN + 1)


def debounce(settings: Settings) -> timedelta:
    """How long requests for a trigger have to stand still."""
    return timedelta(seconds=seconds(str(settings.get("debounce", "0s"))))


def still(first: datetime, last: datetime, wait: timedelta) -> datetime:
    """When requests from the first to the last of them stand still, or have been restless for long enough."""
    return min(last + wait, first + wait * _MOST)


def wakes(feed: Feed, waits: Mapping[tuple[str, str], Waits]) -> datetime | None:
    """When a feed is to be run for what waits for it; None where nothing does that it listens for.

    Where several of its triggers listen at one address, the most impatient one decides: only a run sees for which
    of them a request is, and leaves what has to stand still.
    """
    patience: dict[str, timedelta] = {}
    for settings in hooks(feed):
        wait, endpoint = debounce(settings), str(settings["endpoint"])
        patience[endpoint] = min(wait, patience.get(endpoint, wait))
    places = [endpoint for endpoint in patience if (feed.id, endpoint) in waits]
    return min((_moment(waits[feed.id, each], patience[each]) for each in places), default=None)


def _moment(waits: Waits, wait: timedelta) -> datetime:
    moments = [] if waits.due is None else [datetime.fromisoformat(waits.due)]
    if waits.first is not None and waits.last is not None:
        moments.append(still(datetime.fromisoformat(waits.first), datetime.fromisoformat(waits.last), wait))
    return min(moments)
