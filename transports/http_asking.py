"""The requests of a list, one for each of its places, and where each reply leads.

Keeps nothing of what it reads; the address of a next page is kept without a key that the server repeats in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from transports import paging
from transports.base import BadReply, PageTools, Settings
from transports.http_client import Answer, Client
from transports.http_request import Request, built, readdressed, stripped

NONE = {"type": "none"}


class Asking:
    """The lists of one feed: its own, and those of its `forEach`."""

    def __init__(self, settings: Settings, client: Client, tools: PageTools) -> None:
        self._base = settings.get("baseUrl")
        self._client = client
        self._tools = tools

    def request(self, block: Settings, kind: Settings, place: paging.Place, names: Mapping[str, Any]) -> Request:
        """The request for a place; `kind` is the `pagination` of the list."""
        known = {**names, "page": paging.names(kind, place)}
        request = built(block, self._base, known, self._tools)
        if is_named(kind, place):
            return readdressed(request, place.token)
        url = block["url"]
        return paging.placed(request, kind, place, not isinstance(url, str) or "${page." in url)

    def after(
        self, kind: Settings, place: paging.Place, answer: Answer, count: int, request: Request
    ) -> paging.Place | None:
        """The place after a reply with so many records; None at the end of the list."""
        if answer.empty:
            return None
        after = paging.following(kind, place, answer.reply, answer.document, count, answer.url, self._tools.search)
        if after is not None and kind["type"] in paging.ADDRESSED:
            # Some servers repeat the key in the next address: it is kept in no position, and put in again when asked.
            secret = {name for name, value in request.query if not isinstance(value, str)} | self._client.query_secrets
            return replace(after, token=stripped(after.token, secret))
        return after

    def resource(self, block: Settings, names: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
        """The records of a `forEach.resource`, page by page."""
        kind: Settings = block.get("pagination") or NONE
        path = (block.get("records") or {}).get("path", "@")
        place: paging.Place | None = paging.Place()
        trail = paging.Trail(True)
        while place is not None:
            request = self.request(block["request"], kind, place, names)
            answer = self._client.send(request, foreign=is_named(kind, place))
            found = None if answer.empty else self._tools.search(path, answer.document)
            if found is None and not answer.empty:
                keys = ", ".join(map(str, answer.document)) if isinstance(answer.document, Mapping) else "no names"
                text = f"expected `{path}` in the reply to {answer.name} (`forEach.resource.records`), found {keys}"
                raise BadReply(text, answer.reply.status, "http.path")
            records = found if isinstance(found, list) else [] if found is None else [found]
            trail.page(records)
            yield records
            place = trail.next(self.after(kind, place, answer, len(records), request), len(records))


def is_named(kind: Settings, place: paging.Place) -> bool:
    """Whether the other side named the address of this place."""
    return kind["type"] in paging.ADDRESSED and place.token is not None
