"""A request as data: made of a definition's block, changed by paging and logins, shown without its secrets.

Pure. What has no value is left out; a secret stays one until the request is sent.
"""

import base64
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode, urlsplit, urlunsplit

from requests import Request as Plain

from transports.base import Refused, Secret, SendTools, Settings

Value = str | Secret
MASK = "***"
_SHORTEST_MASKED = 4  # a secret of three letters would mask half of every address
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute. `kind` is json, form, text or bytes, None without a body; `body` is what that kind takes.

    `is_private`: its query and its body tell of a customer, and are not shown.
    """

    method: str
    url: Value
    query: tuple[tuple[str, Value], ...] = ()
    headers: Mapping[str, Value] = field(default_factory=dict)
    kind: str | None = None
    body: Any = None
    cookies: Mapping[str, Value] = field(default_factory=dict)
    is_private: bool = False

    def with_query(self, name: str, value: Value) -> "Request":
        return replace(self, query=(*(pair for pair in self.query if pair[0] != name), (name, value)))

    def with_header(self, name: str, value: Value) -> "Request":
        others = {key: text for key, text in self.headers.items() if key.lower() != name.lower()}
        return replace(self, headers={**others, name: value})

    def without(self, names: Container[str]) -> "Request":
        """Without these parameters of the query and fields of the body."""
        body = self.body
        if self.kind == "form":
            body = tuple(pair for pair in body if pair[0] not in names)
        elif isinstance(body, dict):
            body = {name: value for name, value in body.items() if name not in names}
        return replace(self, query=tuple(pair for pair in self.query if pair[0] not in names), body=body)

    def with_field(self, name: str, value: Any) -> "Request":
        """With a field of the body: of a form where it is one, else of JSON, where dots lead inside."""
        if self.kind == "form":
            return replace(self, body=(*(pair for pair in self.body if pair[0] != name), (name, written(value))))
        if self.kind in ("text", "bytes") or not isinstance(self.body, dict | None):
            raise Refused(f"{name!r} cannot be put into a body that is {self.kind}: give `json` or `form`")
        return replace(self, kind="json", body=_placed(self.body or {}, name.split("."), value))


class Veil:
    """Remembers every secret that was used, so that none of them is shown."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def revealed(self, value: Any) -> Any:
        """The value with its secrets in clear, at any depth."""
        if isinstance(value, Secret):
            self.learn(value.reveal())
            return value.reveal()
        if isinstance(value, Mapping):
            return {name: self.revealed(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.revealed(inner) for inner in value]
        return value

    def learn(self, text: str) -> None:
        if len(text) >= _SHORTEST_MASKED:
            self._known |= {text, quote(text, safe=""), quote(text), base64.b64encode(text.encode()).decode("ascii")}

    def shown(self, text: str) -> str:
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


def masked(value: Any) -> Any:
    """The value with `***` for every secret, at any depth."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {name: masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return value


def written(value: Any) -> Value:
    """A value as it stands in an address, a form or a header."""
    if isinstance(value, Secret | str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def built(block: Settings, base: str | None, names: Mapping[str, Any], tools: SendTools) -> Request:
    """The request that a block of a definition describes, references filled in. Raises Refused."""
    # Where there is no token yet, an address has nothing in its place; elsewhere it is left out.
    page = {name: "" if value is None else value for name, value in names.get("page", {}).items()}
    address = tools.address(block["url"], {**names, "page": page})
    if address is None:
        raise Refused(f"the address {block['url']!r} has no value for one of its references")
    kind = next((kind for kind in ("json", "form", "text") if block.get(kind) is not None), None)
    body = tools.fill(block[kind], names) if kind else None
    if kind == "form":
        body = tuple(_pairs(body or {}))
    elif kind == "json":
        body = _filled_in(body)
    headers = {
        name: written(value)
        for name, value in (tools.fill(block.get("headers") or {}, names)).items()
        if _is_there(value)
    }
    return Request(
        method=str(block.get("method") or ("POST" if kind else "GET")),
        url=absolute(base, address),
        query=tuple(_pairs(tools.fill(block.get("query") or {}, names))),
        headers={name: written(value) for name, value in headers.items() if value is not None},
        kind=kind,
        body=body,
    )


def absolute(base: str | None, address: Value) -> Value:
    """An address below the base, as text that follows text: `/order` does not leave `/v3`."""
    if isinstance(address, Secret):
        clear = address.reveal()
        return Secret(address.name, str(absolute(base, clear)))
    whole = address
    if "://" not in address:
        whole = f"{(base or '').rstrip('/')}/{address.lstrip('/')}" if address else base or ""
    parts = urlsplit(whole)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise Refused("expected an address that begins with https:// or http://; `baseUrl` is what others follow")
    if any(segment in (".", "..") for segment in parts.path.replace("%2e", ".").replace("%2E", ".").split("/")):
        raise Refused("a segment `..` in an address leads to another one: look at the ids that were filled in")
    return whole


def origin(url: str) -> tuple[str, str, int | None]:
    """Who is spoken to: scheme, host, port."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower().rstrip("."), parts.port or _DEFAULT_PORTS.get(parts.scheme)


def plain(request: Request, veil: Veil) -> Plain:
    """The request with its secrets, for the wire."""
    headers = {name: str(value).encode("utf-8") for name, value in veil.revealed(request.headers).items()}
    sent: dict[str, Any] = {"headers": headers, "params": [tuple(pair) for pair in veil.revealed(request.query)]}
    sent["cookies"] = veil.revealed(request.cookies)  # beside those that the server has set
    body = veil.revealed(request.body)
    if request.kind == "json":
        sent["data"] = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        _default(headers, "Content-Type", b"application/json")
    elif request.kind == "form":
        sent["data"] = urlencode([tuple(pair) for pair in body]).encode("ascii")
        _default(headers, "Content-Type", b"application/x-www-form-urlencoded")
    elif request.kind == "text":
        sent["data"] = str(body).encode("utf-8")
        start = str(body).lstrip()[:1]
        _default(headers, "Content-Type", b"application/xml" if start == "<" else b"text/plain; charset=utf-8")
    elif request.kind == "bytes":
        sent["data"] = body
    _default(headers, "Accept", b"*/*")
    return Plain(request.method, str(veil.revealed(request.url)), **sent)


def shown(request: Request, veil: Veil) -> dict[str, Any]:
    """The request as it may be kept: method, address and body, secrets masked."""
    address = MASK if isinstance(request.url, Secret) else request.url
    query = urlencode([tuple(pair) for pair in masked(request.query)], safe="*:,/")
    if request.is_private:
        return {"method": request.method, "url": veil.shown(f"{address}?{MASK}" if query else address)}
    joint = ("&" if "?" in address else "?") if query else ""
    kept: dict[str, Any] = {"method": request.method, "url": veil.shown(f"{address}{joint}{query}")}
    if request.kind is not None:
        body = masked(request.body)
        kept["body"] = veil.shown(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    return kept


def name(kept: Mapping[str, Any]) -> str:
    """What the ledger calls it: "GET /order?limit=100"."""
    parts = urlsplit(kept["url"])
    return f"{kept['method']} {urlunsplit(('', '', parts.path or '/', parts.query, ''))}"


def readdressed(request: Request, url: str) -> Request:
    """The request at a whole address that came from the other side: its own query, and the secrets of ours."""
    ours = tuple(pair for pair in request.query if isinstance(pair[1], Secret))
    return replace(request, url=stripped(url, {key for key, _ in ours}), query=ours)


def stripped(url: str, keys: Container[str]) -> str:
    """An address without these parameters of its query."""
    parts = urlsplit(url)
    kept = [each for each in parts.query.split("&") if each and unquote_plus(each.partition("=")[0]) not in keys]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(kept), ""))


def without_secrets(request: Request) -> Request:
    """For an address that the other side named, elsewhere: nothing secret goes along."""
    return replace(
        request,
        query=tuple(pair for pair in request.query if not isinstance(pair[1], Secret)),
        headers={key: value for key, value in request.headers.items() if not isinstance(value, Secret)},
        cookies={},
    )


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for key, value in values.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            if _is_there(each):
                yield key, written(each)


def _is_there(value: Any) -> bool:
    return value is not None


def _filled_in(value: Any) -> Any:
    """A JSON body without the members that have no value."""
    if isinstance(value, Mapping):
        return {key: _filled_in(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_filled_in(inner) for inner in value]
    return value


def _placed(body: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    inner = body.get(first)
    return {**body, first: _placed(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def _default(headers: dict[str, bytes], key: str, value: bytes) -> None:
    if not any(present.lower() == key.lower() for present in headers):
        headers[key] = value
