"""Times as people give them to a command, as the store writes them. Pure."""

import re
from datetime import datetime, timedelta

from engine.language import durations

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment(text: str, now: datetime, sign: int) -> str:
    """`2022-01-28` stays a day; a time becomes UTC; `7d` is so long before (-1) or after (1) now.

    A time without an offset is UTC. Raises ValueError with what was expected.
    """
    if _DAY.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    try:
        when = now + sign * timedelta(seconds=durations.seconds(text))
    except ValueError:
        try:
            given = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected 2022-01-28, 2022-01-28T14:00Z, or 7d, found {text!r}") from None
        when = given.astimezone(now.tzinfo) if given.tzinfo is not None else given
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def age(then: str | None, now: datetime) -> str:
    """How long ago a stored time was, in two units at most: "4 d 2 h"; "never" without one."""
    if then is None:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(then)).total_seconds()))
    sizes = ((86_400, "d"), (3_600, "h"), (60, "min"))
    for place, (size, unit) in enumerate(sizes):
        if seconds >= size:
            rest = seconds % size
            smaller, name = sizes[place + 1] if place + 1 < len(sizes) else (0, "")
            second = f" {rest // smaller} {name}" if smaller and rest >= smaller else ""
            return f"{seconds // size} {unit}{second}"
    return f"{seconds} s"
