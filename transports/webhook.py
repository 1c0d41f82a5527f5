"""Is a request from outside what it says it is, and what makes it the same as an earlier one?

Values in, values out: opens nothing, keeps nothing, and tells nobody outside which check has failed.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import jmespath
import orjson
from jmespath.exceptions import JMESPathError

from transports.base import Secret, Settings
from transports.settings import seconds

UNKNOWN, UNVERIFIED = 404, 401
_TOLERANCE = (
    300  # seconds a signed request may be old, or come from a clock ahead of ours; Standard Webhooks says 5 min
)
_KEEP_NAMED = 7 * 86_400  # a request that names itself is remembered for as long as senders try again
_KEEP_PLAIN = 600  # one that does not: twice the tolerance, since the same nudge may well be sent again later
_DIGEST_CHARACTERS = 32
_MILLISECONDS_FROM = 10**11  # a Unix time as large as this is not in seconds (it would be the year 5138)
_FORM = "application/x-www-form-urlencoded"
_FLAT = re.compile(r"(query|headers)\.\"?([^\".\[\]|()]+)\"?")
# Never kept beside a body, whatever verifies it.
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "x-hub-signature", "x-hub-signature-256"})


@dataclass(frozen=True)
class Request:
    """A request as it came: `path` below the receiver's own, header names in lower case, the body's very bytes.

    A parameter of the query that stands in it twice is a list: it equals no text.
    """

    method: str
    path: str
    query: Mapping[str, str | list[str]]
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def parts(self) -> Mapping[str, Any]:
        """What conditions and names see: `query`, `headers` and `body`, decoded, None where it cannot be."""
        return {"query": self.query, "headers": self.headers, "body": _document(self)}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status` is for the sender, `reason` for our own log alone."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Identity:
    """`name` is the same for a request that comes again; `keep` is for how many seconds that counts."""

    name: str
    keep: int


def query(text: str) -> dict[str, str | list[str]]:
    """The query of an address."""
    found: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        before = found.get(name)
        found[name] = value if before is None else [*([before] if isinstance(before, str) else before), value]
    return found


def has_path_token(checks: Sequence[Settings]) -> bool:
    """Whether the last part of the address is a token, and no part of the endpoint."""
    return any(check.get("type") == "token" and check["in"] == "path" for check in checks)


def opens(path_token: str, checks: Sequence[Settings]) -> bool:
    """Whether the token at the end of an address is right: asked before anything else of the request is looked at."""
    wanted = [check for check in checks if check.get("type") == "token" and check["in"] == "path"]
    same = [_equal(path_token, check["token"]) for check in wanted]
    return all(same)


def refusal(request: Request, checks: Sequence[Settings], now: datetime) -> Refusal | None:
    """Why a request is not let in; None where all of `checks` hold.

    Each check is made, also after one has failed. A wrong token in the path is answered as a path that
    nobody knows.
    """
    kinds = [(check.get("type", "equals"), check) for check in checks]
    failed = [kind for kind, check in kinds if not _CHECKS[kind](request, check, now)]
    if not failed:
        return None
    is_known = opens(request.path.rpartition("/")[2], checks)
    return Refusal(UNVERIFIED if is_known else UNKNOWN, _KINDS[failed[0]])


def identity(request: Request, endpoint: str, checks: Sequence[Settings], dedupe: Settings | None) -> Identity:
    """What makes a request the same: `dedupe.by`, else the id that its scheme gives it, else every byte of it.

    Where a part that `dedupe.by` names is missing, the bytes decide: two requests without an id are not one.
    """
    given = dedupe.get("keepFor") if dedupe else None
    by = [part(request, path) for path in dedupe["by"]] if dedupe else [_own_id(request, checks)]
    if all(value is not None for value in by):
        return Identity(_digest([endpoint, "by", by]), _KEEP_NAMED if given is None else int(seconds(given)))
    raw = [endpoint, "raw", request.method, sorted(request.query.items()), sha256(request.body).hexdigest()]
    tolerance = max((_tolerance(check) for check in checks), default=_TOLERANCE)
    return Identity(_digest(raw), max(_KEEP_PLAIN, 2 * tolerance) if given is None else int(seconds(given)))


def part(request: Request, path: str) -> Any:
    """What stands at a JMESPath over query, headers and body; None where nothing does."""
    flat = _FLAT.fullmatch(path)
    if flat:
        return request.query.get(flat[2]) if flat[1] == "query" else request.headers.get(flat[2].lower())
    try:
        return jmespath.search(path, request.parts)
    except JMESPathError:
        return None


def kept(request: Request, endpoint: str, checks: Sequence[Settings]) -> dict[str, Any]:
    """What may be kept of a request beside its body: without what proves who sent it."""
    hidden = {name.lower() for check in checks for name in _names(check, "header", "timestampHeader")}
    asked = {check.get("name", "token") for check in checks if check.get("in") == "query"}
    headers = {name: each for name, each in request.headers.items() if name not in hidden | _CREDENTIALS}
    queried = {name: "***" if name in asked else each for name, each in request.query.items()}
    return {"method": request.method, "path": endpoint, "query": queried, "headers": headers}


# --- what is checked ------------------------------------------------------------------------


def _token(request: Request, check: Settings, now: datetime) -> bool:
    place, name = check["in"], check.get("name")
    if place == "path":
        return _equal(request.path.rpartition("/")[2], check["token"])
    if place == "query":
        return _equal(request.query.get(name or "token"), check["token"])
    if place == "body":
        return _equal(part(request, f"body.{name or 'token'}"), check["token"])
    value = request.headers.get((name or "authorization").lower(), "")
    if (name or "authorization").lower() == "authorization" and value[:7].lower() == "bearer ":
        value = value[7:]
    return _equal(value, check["token"])


def _basic(request: Request, check: Settings, now: datetime) -> bool:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    given = _decoded(text.strip(), "base64") if scheme.lower() == "basic" else None
    user, colon, password = (given or b"").partition(b":")
    # Both are compared, whatever the first says.
    return all([colon == b":", _equal(user, check["username"]), _equal(password, check["password"])])


def _hmac(request: Request, check: Settings, now: datetime) -> bool:
    prefix, text = check.get("prefix", ""), request.headers.get(check["header"].lower(), "")
    stamp = request.headers.get(str(check.get("timestampHeader", "")).lower())
    is_timely = "timestampHeader" not in check or _is_timely(stamp, _tolerance(check), now)
    signed = b"".join(_signed(request, check, stamp or ""))
    given = _decoded(text[len(prefix) :], check.get("encoding", "hex")) if text.startswith(prefix) else None
    keys = _texts(check["secret"])
    return all([is_timely, _is_signed([given], signed, keys, check.get("algorithm", "sha256"))])


def _standard(request: Request, check: Settings, now: datetime) -> bool:
    """standardwebhooks.com: `v1,<base 64>`, several of them with spaces between, over id, time and body."""
    id, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp")
    texts = request.headers.get("webhook-signature", "").split(" ")
    given = [_decoded(text[3:], "base64") for text in texts if text.startswith("v1,")]
    signed = f"{id}.{stamp}.".encode() + request.body
    keys = [key for text in _texts(check["secret"]) for key in _standard_keys(text)]
    return all([id != "", _is_timely(stamp, _tolerance(check), now), _is_signed(given, signed, keys, "sha256")])


def _github(request: Request, check: Settings, now: datetime) -> bool:
    text = request.headers.get("x-hub-signature-256", "")
    given = _decoded(text[7:], "hex") if text.startswith("sha256=") else None
    return _is_signed([given], request.body, _texts(check["secret"]), "sha256")


def _stripe(request: Request, check: Settings, now: datetime) -> bool:
    """`t=<seconds>,v1=<hex>,v1=<hex>` over the time and the body."""
    pairs = [pair.strip().partition("=") for pair in request.headers.get("stripe-signature", "").split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), None)
    given = [_decoded(value, "hex") for name, _, value in pairs if name == "v1"]
    signed = f"{stamp}.".encode() + request.body
    return all(
        [
            _is_timely(stamp, _tolerance(check), now),
            _is_signed(given, signed, _texts(check["secret"]), "sha256"),
        ]
    )


def _equals(request: Request, check: Settings, now: datetime) -> bool:
    same = [_equal(_plain(part(request, path)), _plain(wanted)) for path, wanted in check["equals"].items()]
    return all(same)


_CHECKS: Mapping[str, Callable[[Request, Settings, datetime], bool]] = {
    "token": _token,
    "basic": _basic,
    "hmac": _hmac,
    "standardWebhooks": _standard,
    "github": _github,
    "stripe": _stripe,
    "equals": _equals,
}
_KINDS: Mapping[str, str] = {
    "token": "token",
    "basic": "login",
    "hmac": "signature",
    "standardWebhooks": "signature",
    "github": "signature",
    "stripe": "signature",
    "equals": "condition",
}
_SIGNED_DEFAULT: Mapping[bool, Sequence[str]] = {False: ("body",), True: ("timestamp", ".", "body")}


def _signed(request: Request, check: Settings, stamp: str) -> Iterator[bytes]:
    """The bytes that a signature is over: named parts, and what is no name as it stands."""
    for each in check.get("signed") or _SIGNED_DEFAULT["timestampHeader" in check]:
        if each == "body":
            yield request.body
        elif each == "timestamp":
            yield stamp.encode()
        elif each == "method":
            yield request.method.encode()
        elif each == "form":
            pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            yield "".join(name + value for name, value in sorted(pairs)).encode()
        elif _FLAT.fullmatch(each):
            yield str(part(request, each) or "").encode()
        else:
            yield each.encode()


def _is_signed(given: Sequence[bytes | None], signed: bytes, keys: Sequence[str | bytes], algorithm: str) -> bool:
    """Whether one of the signatures is that of one of the keys; every pair is compared."""
    digests = [hmac.new(key if isinstance(key, bytes) else key.encode(), signed, algorithm).digest() for key in keys]
    same = [hmac.compare_digest(each or b"", digest) for digest in digests for each in given]
    return any(same)


def _is_timely(stamp: str | None, tolerance: int, now: datetime) -> bool:
    moment = _moment(stamp or "")
    return moment is not None and abs((now - moment).total_seconds()) <= tolerance


def _moment(text: str) -> datetime | None:
    """A Unix time in seconds or milliseconds, or ISO 8601 with its zone."""
    try:
        if text.isascii() and text.isdigit():
            count = int(text)
            return datetime.fromtimestamp(count / 1000 if count >= _MILLISECONDS_FROM else count, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else None


def _tolerance(check: Settings) -> int:
    given = check.get("tolerance")
    return _TOLERANCE if given is None else int(seconds(given))


def _equal(given: object, wanted: object) -> bool:
    """Constant in time for what an outsider can choose; several secrets: any of them. Nothing equals nothing."""
    value = given if isinstance(given, bytes) else given.encode() if isinstance(given, str) else b""
    # Hashes have one length: how long the secret is does not show either.
    hashes = [sha256(text.encode()).digest() for text in _texts(wanted) if text]
    same = [hmac.compare_digest(sha256(value).digest(), each) for each in hashes]
    return bool(value) and any(same)


def _texts(wanted: object) -> list[str]:
    """The secrets of a setting: one, or those that count while it is changed for another."""
    if isinstance(wanted, Secret):
        return [wanted.reveal()]
    if isinstance(wanted, list | tuple):
        return [text for each in wanted for text in _texts(each)]
    return [str(wanted)] if wanted is not None else []


def _standard_keys(text: str) -> list[bytes]:
    """`whsec_` and base 64, as the standard writes a secret; one that is no base 64 is the key itself."""
    decoded = _decoded(text.removeprefix("whsec_"), "base64")
    return [text.encode()] if not decoded else [decoded, text.encode()]


def _decoded(text: str, encoding: str) -> bytes | None:
    """The bytes that a text stands for; None where it is not written so, or is empty."""
    try:
        return (bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)) or None
    except (ValueError, binascii.Error):
        return None


def _plain(value: object) -> object:
    """A number or a truth value as its text; a map or a list is equal to nothing that can be configured."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return value


def _own_id(request: Request, checks: Sequence[Settings]) -> Any:
    """The id that a sender of this scheme gives each event, the same when it is sent again."""
    for check in checks:
        path = _OWN_IDS.get(check.get("type", ""))
        if path is not None and (value := part(request, path)) is not None:
            return value
    return None


_OWN_IDS: Mapping[str, str] = {
    "standardWebhooks": "headers.webhook-id",
    "github": "headers.x-github-delivery",
    "stripe": "body.id",
}


def _names(check: Settings, *keys: str) -> Iterator[str]:
    yield from (str(check[key]) for key in keys if key in check)
    if check.get("in") == "header" and "name" in check:
        yield check["name"]
    yield from {"standardWebhooks": ("webhook-signature",), "stripe": ("stripe-signature",)}.get(
        check.get("type", ""), ()
    )


def _document(request: Request) -> Any:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media == _FORM:
            return query(request.body.decode("utf-8"))
        return orjson.loads(request.body)
    except ValueError:
        return None


def _digest(values: object) -> str:
    return sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_DIGEST_CHARACTERS]
