"""How one page of a list leads to the next: one driver for every kind of paging. Pure; counts raw records only.

Never takes a list that repeats for one that goes on, and never ends one quietly because it is long.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import re2
from requests.utils import parse_header_links

from transports.base import BadReply, Refused, Reply, Settings
from transports.http_request import Request, origin, written

# More pages than any list that a dealer's system has; `maxPages` says it better.
MOST_PAGES = 10_000
_FIRST = {"page": 1, "offset": 0}
_COUNTED = frozenset(_FIRST)  # kinds that end with an empty page
ADDRESSED = frozenset({"nextUrl", "link"})

Search = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list we are: pages and raw records before this one, and the token that leads to it.

    `token` is text or a number for a cursor, a whole address for nextUrl and link, None at the beginning.
    """

    pages: int = 0
    records: int = 0
    token: Any = None

    def written(self) -> dict[str, Any]:
        return {"pages": self.pages, "records": self.records, "token": self.token}


def read(position: Mapping[str, Any] | None) -> Place:
    """The place that `written` made; the beginning for None."""
    return Place(**position) if position else Place()


def names(paging: Settings, place: Place) -> dict[str, Any]:
    """What `${page.…}` finds: token, number, offset, size."""
    first = paging.get("first")
    return {
        "token": _value(paging, place),
        "number": (1 if first is None else first) + place.pages,
        "offset": (first or 0) + place.records,
        "size": paging.get("size"),
    }


def placed(request: Request, paging: Settings, place: Place, is_filled: bool) -> Request:
    """The request for this place. `is_filled`: the address has `${page.token}` itself, nothing is added to it."""
    where = paging.get("in", "query")
    if "sizeParam" in paging and "size" in paging:
        request = _put(request, "query" if where == "path" else where, paging["sizeParam"], paging["size"])
    value = _value(paging, place)
    if place.token is not None:
        request = request.without(paging.get("firstPageOnly") or ())
    if value is None or "param" not in paging:
        return request
    if where == "path":
        if not is_filled:
            raise Refused(
                "`in: path` needs ${page.token}, ${page.number} or ${page.offset} in `url`, and there is none"
            )
        return request
    return _put(request, where, paging["param"], value)


def following(
    paging: Settings, place: Place, reply: Reply, document: Any, count: int, url: str, search: Search
) -> Place | None:
    """The place after a reply with `count` raw records, None at the end of the list.

    `url` is the address that was asked. Raises Refused for a next address elsewhere, BadReply beyond `maxPages`.
    """
    kind = paging["type"]
    after = Place(place.pages + 1, place.records + count)
    most = paging.get("maxPages", MOST_PAGES)
    if after.pages > most and count:
        raise _too_many(most)
    if kind == "none" or ("stopIf" in paging and search(paging["stopIf"], document)):
        return None
    stop = paging.get("stopOn", "emptyPage" if kind in _COUNTED else "missingToken")
    if count == 0 and (kind in _COUNTED or stop == "emptyPage"):
        return None
    if stop == "shortPage" and count < paging.get("size", count):
        return None
    if kind in _COUNTED:
        return None if _is_all(paging, after, document, search) else after
    token = _token(paging, reply, document, search)
    if token in (None, "", False):
        return None
    if after.pages > most:
        raise _too_many(most)
    return Place(after.pages, after.records, named(paging, url, str(token)) if kind in ADDRESSED else token)


def promised(paging: Settings, document: Any, search: Search) -> int | None:
    """How many records the API says there are, where it does."""
    return _number(search(paging["total"], document)) if "total" in paging and document is not None else None


class Trail:
    """The tokens and pages of one pass: the same one twice is no progress."""

    def __init__(self, is_stable: bool) -> None:
        # A list that is known to repeat records may repeat a short page, too; `maxPages` ends that one.
        self._is_stable = is_stable
        self._tokens: set[str] = set()
        # Servers that do not know a parameter give the same page again, or begin anew after the last one.
        self._first: Sequence[Any] | None = None
        self._last: Sequence[Any] | None = None

    def page(self, records: Sequence[Any]) -> None:
        """Raises BadReply for raw records that were the first page, or the one before this."""
        if records and self._is_stable and records in (self._first, self._last):
            raise BadReply(
                "the same page came twice in one list: does the API know the parameters of `pagination`?",
                None,
                "http.repeats",
            )
        self._first = records if self._first is None else self._first
        self._last = records

    def next(self, place: Place | None, count: int) -> Place | None:
        """The place, or None for a token that an empty page repeats: some lists end that way. Raises BadReply."""
        if place is None or place.token is None:
            return place
        if str(place.token) in self._tokens:
            if count == 0:
                return None
            raise BadReply(
                "the reply names a token again that led here already: the list would never end", None, "http.repeats"
            )
        self._tokens.add(str(place.token))
        return place

    def begins(self, place: Place) -> None:
        if place.token is not None:
            self._tokens.add(str(place.token))


def _value(paging: Settings, place: Place) -> Any:
    kind = paging["type"]
    if kind == "page":
        return paging.get("first", _FIRST[kind]) + place.pages
    if kind == "offset":
        return paging.get("first", _FIRST[kind]) + place.records
    return place.token if place.token is not None else paging.get("initial")


def _put(request: Request, where: str, name: str, value: Any) -> Request:
    if where == "body":
        return request.with_field(name, value)
    return request.with_header(name, written(value)) if where == "header" else request.with_query(name, written(value))


def _is_all(paging: Settings, after: Place, document: Any, search: Search) -> bool:
    total = promised(paging, document, search)
    if total is not None and after.records >= total:
        return True
    pages = _number(search(paging["totalPages"], document)) if "totalPages" in paging else None
    return pages is not None and after.pages >= pages


def _token(paging: Settings, reply: Reply, document: Any, search: Search) -> Any:
    if paging["type"] == "link":
        wanted = paging.get("rel", "next")
        links: Sequence[Mapping[str, str]] = parse_header_links(reply.headers.get("link", ""))
        return next((link.get("url") for link in links if wanted in link.get("rel", "").split()), None)
    token = reply.headers.get(paging["fromHeader"].lower()) if "fromHeader" in paging else None
    if token is None and "next" in paging:
        token = search(paging["next"], document)
    if token is not None and "extract" in paging:
        found = re2.search(paging["extract"], str(token))
        return found and (found.group(1) if found.re.groups else found.group(0))
    return token


def named(block: Settings, url: str, address: str) -> str:
    """An address that a reply names, whole. Raises Refused for one of another host, unless `sameHost: false`."""
    following = urljoin(url, address)
    asked, there = urlsplit(url), urlsplit(following)
    is_same_host = there.hostname == asked.hostname and there.port in (None, 80)
    if is_same_host and (asked.scheme, there.scheme) == ("https", "http"):
        # Behind a proxy that ends TLS, many an API names itself without it. The port goes with the scheme.
        following = urlunsplit(("https", asked.netloc, there.path, there.query, ""))
    if origin(following) != origin(url) and block.get("sameHost", True):
        raise Refused(
            f"the reply names an address at {there.hostname}, and came from {asked.hostname} itself: "
            "it is not followed unless `sameHost: false` stands where it is read"
        )
    return following


def _number(value: Any) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value.strip()) else None


def _too_many(most: int) -> BadReply:
    text = f"the list has more than {most} pages: raise `pagination.maxPages`, or ask for less at once"
    return BadReply(text, None, "http.maxPages")
