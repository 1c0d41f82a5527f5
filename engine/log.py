"""The structured log: JSON lines for machines, readable lines on a terminal. Never decides what is worth noting.

Two nets stand before every line, whatever the caller passes: known secrets are taken out by value,
and what identifies a customer by key.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, TextIO, TypeAlias
from urllib.parse import quote, quote_plus

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars

from engine.surface import printable

Event: TypeAlias = MutableMapping[str, Any]
Note: TypeAlias = Callable[[str, Mapping[str, object]], None]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
HIDDEN = "***"
_FIRST = ("at", "level", "event", "run", "feed", "dealer", "stage")
_SHORTEST = 4  # a secret of fewer characters is a part of too many other words
_LAST_DIGITS = 4
_PHONES = {"phone", "phones", "mobile", "cell", "fax", "sms"}
_EMAILS = {"email", "emails", "mail"}
_PEOPLE = {
    *("firstname", "lastname", "middlename", "customer", "contact", "street", "street2", "address"),
    *("birthdate", "raw", "body", "plate"),
}


def logger(
    stream: TextIO,
    *,
    as_json: bool,
    level: str = "info",
    secrets: Callable[[], Iterable[str]] = tuple,
    clock: Callable[[], str] | None = None,
) -> Note:
    """A function that writes one line per event: `note("file.taken", {"feed": ..., "bytes": 12})`.

    `level` among the details decides whether it is written (info where it is absent). `secrets`
    is asked at each line: a secret may be read while the program runs. `clock` gives the time as
    text; without it there is none in the line.
    """
    lowest = LEVELS[level]

    def stamp(_: Any, __: str, event: Event) -> Event:
        if clock is not None:
            event["at"] = clock()
        return event

    chain = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[merge_contextvars, stamp, _masked, _redacting(secrets), _as_json if as_json else _as_text],
        wrapper_class=structlog.BoundLogger,
    )

    def note(event: str, details: Mapping[str, object]) -> None:
        kept = dict(details)
        severity = str(kept.pop("level", "info"))
        if LEVELS.get(severity, LEVELS["info"]) >= lowest:
            chain.msg(event, level=severity, **{key: value for key, value in kept.items() if key != "event"})

    return note


def situated(**facts: object) -> AbstractContextManager[None]:
    """Lines that this thread writes inside the block say so much more, unless they say it themselves."""
    return bound_contextvars(**{name: value for name, value in facts.items() if value is not None})


class Redactor:
    """Takes secrets out of a text, also as URLs, JSON and Python write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)  # a longer one may hold a shorter one

    def text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def value(self, value: object) -> object:
        """The value with each text in it redacted; what is no JSON value becomes text first."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each) for each in value]
        return self.text(str(value))


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield from (line for line in secret.splitlines() if len(line) >= 2 * _SHORTEST)  # of a key in several lines


def masked(key: str, value: object) -> object:
    """What may be shown of a customer's data under this key: four digits, a hash, or nothing."""
    word = key.lower().replace("_", "").replace(".", "")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {name: masked(str(name), each) for name, each in value.items()}
    if word in _PHONES:
        digits = "".join(c for c in str(value) if c.isdigit())
        return f"...{digits[-_LAST_DIGITS:]}" if len(digits) > _LAST_DIGITS else HIDDEN
    if word in _EMAILS:
        return f"email:{blake2b(str(value).casefold().encode(), digest_size=4).hexdigest()}"
    return HIDDEN if word in _PEOPLE else value


def _masked(_: Any, __: str, event: Event) -> Event:
    return {key: masked(key, value) for key, value in event.items()}


def _redacting(secrets: Callable[[], Iterable[str]]) -> Callable[[Any, str, Event], Event]:
    def redacted(_: Any, __: str, event: Event) -> Event:
        redactor = Redactor(secrets())
        return {key: redactor.value(value) for key, value in event.items()}

    return redacted


def _as_json(_: Any, __: str, event: Event) -> str:
    first = {key: event[key] for key in _FIRST if key in event}
    return json.dumps({**first, **{key: value for key, value in event.items() if key not in first}}, ensure_ascii=True)


def _as_text(_: Any, __: str, event: Event) -> str:
    rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in ("at", "level", "event"))
    head = f"{event.get('at', '')} {event['level']:<7} {event['event']}".strip()
    return printable(f"{head} {rest}".rstrip())


def to_stderr(secrets: Callable[[], Iterable[str]], level: str, clock: Callable[[], str]) -> Note:
    """The log of a command: readable on a terminal, JSON lines elsewhere; never on stdout, which is data."""
    return logger(sys.stderr, as_json=not sys.stderr.isatty(), level=level, secrets=secrets, clock=clock)
