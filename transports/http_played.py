"""In place of the network: a function answers each request, and all that stands above the socket stays what it is.

For tests that definitions carry. Opens no connection, and shows the function no secret.
"""

from collections.abc import Callable
from http.client import HTTPResponse as Head
from io import BytesIO
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from transports.base import Reply, Sent


class Played(HTTPAdapter):
    """What a session sends through. `shown` masks whatever is secret in a text."""

    def __init__(self, answer: Callable[[Sent], Reply], shown: Callable[[str], str]) -> None:
        super().__init__()
        self._answer = answer
        self._shown = shown

    def send(self, request: PreparedRequest, *how: Any, **more: Any) -> Response:
        headers = {str(name): self._shown(_text(value)) for name, value in request.headers.items()}
        url, body = self._shown(str(request.url)), self._shown(_text(request.body))
        reply = self._answer(Sent(str(request.method), url, headers, body))
        head = Head(_Wire(reply), method=request.method)  # type: ignore[arg-type]  # all of a socket that it uses
        head.begin()
        return self.build_response(
            request,
            HTTPResponse(
                head, HTTPHeaderDict(head.msg.items()), head.status, preload_content=False, original_response=head
            ),
        )


class _Wire:
    """A reply as it comes over a socket."""

    def __init__(self, reply: Reply) -> None:
        headers = {**reply.headers, "content-length": str(len(reply.body))}
        lines = [f"HTTP/1.1 {reply.status} -", *(f"{name}: {value}" for name, value in headers.items())]
        self._content = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + reply.body

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._content)


def _text(value: Any) -> str:
    """A header or a body as text; bytes that are none stand as marks."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
