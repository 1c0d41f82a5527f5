"""What an API was asked, beside what a test expects, by the names that a test has for a request. Pure.

What is not named may be anything.
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.golden.agreement import Difference, Path, compared
from engine.model import Value
from transports.base import Sent
from transports.http_request import MASK, written

_NAMED = ("query", "headers", "form")  # maps of texts
_WORTH_SAYING = ("method", "path", "query")
_MOST = 6  # names that are told


def asked(sent: Sent) -> dict[str, Value]:
    """A request taken apart: each name that a test may use, None for what it has not."""
    parts = urlsplit(sent.url)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return {
        "method": sent.method,
        "path": unquote(parts.path) or "/",
        "query": _pairs(parts.query),
        "headers": headers,
        "json": None if is_form else _json(sent.body),
        "form": _pairs(sent.body) if is_form else {},
        "text": sent.body or None,
    }


def unlike(expected: Mapping[str, Value], found: Mapping[str, Value], path: Path) -> list[Difference]:
    """All in which a request is not as expected."""
    told: list[Difference] = []
    for name, wanted in expected.items():
        at = (*path, name)
        if name not in found:
            told.append(Difference(at, f"there is no such name; a request has {', '.join(found)}", wanted))
        elif name in _NAMED and isinstance(wanted, Mapping):
            told += _unlike_names(wanted, found[name], at, is_header=name == "headers")
        elif name == "text":
            told += compared(str(wanted).rstrip("\n"), (found[name] or "").rstrip("\n"), at)
        else:
            told += compared(wanted.upper() if name == "method" else wanted, found[name], at)
    return told


def called(request: Mapping[str, Value]) -> str:
    """What a request is called, whether it was asked or is expected: `GET /orders?skip=100`."""
    query = request.get("query") or {}
    pairs = "&".join(f"{name}={_shown(value)}" for name, value in query.items())
    words = [str(request[name]) for name in ("method", "path") if request.get(name)]
    return f"{' '.join(words)}{f'?{pairs}' if pairs else ''}" or "any request"


def requests_unlike(expected: Value, found: Sequence[Mapping[str, Value]], path: Path) -> list[Difference]:
    """How many there were, or each of them, in order."""
    if isinstance(expected, int):
        return compared(expected, len(found), path)
    told = [
        each
        for place, (wanted, other) in enumerate(zip(expected, found, strict=False))
        for each in unlike(wanted, other, (*path, place))
    ]
    count = f"there were {len(found)} requests" if len(found) != 1 else "there was one request"
    missing = [
        Difference((*path, place), f"nobody asked for {called(expected[place])}; {count}", expected[place])
        for place in range(len(found), len(expected))
    ]
    more = [Difference(path, f"not expected: {called(each)}", None, like({}, each)) for each in found[len(expected) :]]
    return [*told, *missing, *more]


def like(wanted: Mapping[str, Value], found: Mapping[str, Value]) -> dict[str, Value]:
    """A request as an expectation names it: by the names and parameters that were named, else by its address."""
    made: dict[str, Value] = {}
    for name in wanted or _WORTH_SAYING:
        value = found.get(name)
        if name in _NAMED and isinstance(value, Mapping) and isinstance(wanted.get(name), Mapping):
            kept = {each: value.get(each.lower() if name == "headers" else each) for each in wanted[name]}
            value = {each: one for each, one in kept.items() if one is not None}
        if value not in (None, {}):
            made[name] = value
    return made


def _unlike_names(
    wanted: Mapping[str, Value], found: Mapping[str, Value], path: Path, is_header: bool
) -> list[Difference]:
    told = []
    for name, value in wanted.items():
        sent = found.get(name.lower() if is_header else name)
        if sent is None:
            there = ", ".join(list(found)[:_MOST]) + (" and more" if len(found) > _MOST else "") or "none at all"
            told.append(Difference((*path, name), f"it was not sent; there are {there}", value))
        elif not any(_fits(value, each) for each in _many(sent)):
            told.append(Difference((*path, name), "", value, sent))
    return told


def _fits(wanted: Value, sent: str) -> bool:
    """Whether a text was sent. In the place of a reference stands a secret, which nobody sees."""
    return MASK in sent if "${" in str(wanted) else written(wanted) == sent


def _pairs(text: str) -> dict[str, Value]:
    """Parameters by their names; one that stands several times has a list."""
    found: dict[str, Value] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = value if name not in found else [*_many(found[name]), value]
    return found


def _many(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


def _json(body: str) -> Value:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _shown(value: Value) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(written(value))
