"""What a reply means: the rules of `onError`, then the built-in ones; and how long to wait before the next try. Pure.

Never waits itself, and never takes an error for an empty list unless a rule says so.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from transports.base import BadReply, LoginRefused, Refused, Reply, SendTools, Settings, Throttled, TransportError
from transports.settings import seconds

_ATTEMPTS, _BASE, _LONGEST = 5, "2s", "5m"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
# Statuses with which a server says that it did nothing: a POST may go out again.
_UNTOUCHED = frozenset({425, 429, 503})
_MOST_TEXT = 1 << 16  # bytes of a body that is no document, as rules see it
_MOST_SAID = 200  # characters of what the other side says, in a message
_DAY = 86_400.0
_NOT_MODIFIED, _NO_CONTENT, _UNAUTHORIZED, _FORBIDDEN = 304, (204, 205), 401, 403
_TIME = re.compile(r"(\d{1,3}):([0-5]?\d):([0-5]?\d)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done with a reply: take, empty (`why` says it), again (after at least `wait` seconds), renew, raise."""

    do: str
    why: str = ""
    wait: float | None = None
    error: TransportError | None = None


TAKE = Verdict("take")


@dataclass(frozen=True, slots=True)
class Retry:
    """The `retry` block, with its defaults."""

    attempts: int
    base: float
    longest: float
    doubles: bool
    is_said: bool  # by the definition: then every method is tried again

    def wait(self, attempt: int, floor: float | None, chance: float) -> float:
        """Seconds before try `attempt` + 1: our own back-off with jitter, and never less than was asked for."""
        own = min(self.longest, self.base * (2 ** min(attempt - 1, 30) if self.doubles else 1))
        jittered = own * (0.5 + chance / 2)
        return max(jittered, floor * (1 + chance / 10)) if floor else jittered

    def covers(self, method: str, status: int | None) -> bool:
        """Whether a request may be made again: one that may have changed something only where that is said."""
        return self.is_said or method in ("GET", "HEAD") or status in _UNTOUCHED


def retry(settings: Settings) -> Retry:
    block = settings.get("retry") or {}
    return Retry(
        int(block.get("attempts", _ATTEMPTS)),
        seconds(block.get("base", _BASE)),
        seconds(block.get("max", _LONGEST)),
        block.get("backoff", "exponential") == "exponential",
        "retry" in settings,
    )


def verdict(
    reply: Reply,
    rules: Sequence[Mapping[str, Any]],
    document: Callable[[], Any],
    tools: SendTools,
    where: str,
    shown: Callable[[str], str],
) -> Verdict:
    """The first rule whose `if` holds, else what the status says. `shown` masks what the other side says."""
    if rules:
        body = document()
        if body is None:
            body = reply.body[:_MOST_TEXT].decode("utf-8", "replace")
        seen = {"status": reply.status, "headers": dict(reply.headers), "body": body}
        for rule in rules:
            if is_true(tools.search(rule["if"], seen)):
                return _ruled(rule, seen, reply, tools, where, shown)
    return _built_in(reply, where, tools)


def is_true(value: Any) -> bool:
    """What JMESPath calls true: 0 is, an empty list is not."""
    return value is not None and value is not False and value not in ("", [], {})


def throttled(where: str, wait: float) -> Throttled:
    length = f" of {wait:.0f} s" if wait else ""
    return Throttled(f"{where} asks for a pause{length}: tried again after that", wait)


def pause(reply: Reply, now: datetime) -> float | None:
    """Retry-After (RFC 9110 10.2.3) in seconds from now; None where it is missing or makes no sense."""
    return _until(reply.headers.get("retry-after", "").strip(), now)


def _ruled(
    rule: Mapping[str, Any],
    seen: Mapping[str, Any],
    reply: Reply,
    tools: SendTools,
    where: str,
    shown: Callable[[str], str],
) -> Verdict:
    do = rule["do"]
    said = tools.search(rule["message"], seen) if "message" in rule else None
    message = "" if said is None else f": {shown(str(said)[:_MOST_SAID])}"
    error = BadReply(f"{where} failed by a rule of `onError` ({rule['if']}){message}", reply.status, "http.rule")
    if do == "wait":
        wait = _length(rule.get("for"), seen, tools)
        return Verdict("again", "wait", pause(reply, tools.now()) if wait is None else wait, error)
    if do == "retry":
        return Verdict("again", "retry", pause(reply, tools.now()), error)
    if do in ("ignore", "skipParent"):
        return Verdict("empty", "ignored" if do == "ignore" else "skipped")
    if do == "refreshToken":
        return Verdict("renew", error=LoginRefused(f"{where} refuses the login, also with a new token{message}"))
    return TAKE if do == "success" else Verdict("raise", error=error)


def _built_in(reply: Reply, where: str, tools: SendTools) -> Verdict:
    status = reply.status
    if status in _NO_CONTENT:
        return Verdict("empty", "noContent")
    if status == _NOT_MODIFIED:
        return Verdict("empty", "unchanged")
    if status // 100 == 2:  # noqa: PLR2004  # the class of statuses that mean success
        return TAKE
    if status == _UNAUTHORIZED:
        return Verdict("renew", error=LoginRefused(f"{where} refuses the login (status 401): look at `auth`"))
    if status in _AGAIN:
        error = BadReply(f"{where} answered with status {status}, also when it was tried again", status)
        return Verdict("again", "status", pause(reply, tools.now()), error)
    if status == _FORBIDDEN:
        return Verdict("raise", error=Refused(f"{where} does not allow this (status 403): ask for the permission"))
    text = f"expected a reply with status 200 from {where}, found {status}: look at `url`, `query` and the ids in them"
    return Verdict("raise", error=BadReply(text, status))


def _length(how: Any, seen: Mapping[str, Any], tools: SendTools) -> float | None:
    """Seconds that a rule's `for` says; None where the reply does not have them."""
    if how is None or isinstance(how, str | int | float):
        return None if how is None else seconds(how)
    found = tools.search(how["path"], seen)
    kind, text = how.get("format"), "" if found is None else str(found).strip()
    if kind == "HH:MM:SS":
        match = _TIME.search(text)
        return None if match is None else float(int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]))
    if kind in ("epoch", "epochMs"):
        if not re.fullmatch(r"\d{1,14}(\.\d+)?", text):
            return None
        return max(0.0, float(text) / (1000 if kind == "epochMs" else 1) - tools.now().timestamp())
    return _until(text, tools.now())


def _until(text: str, now: datetime) -> float | None:
    """Seconds, or a date of HTTP; nothing below zero, nothing beyond a day."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        return min(float(text), _DAY)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), _DAY)
