"""One HTTP request and its reply, and nothing around it: no redirect, no retry, no login.

Never longer than its deadline, never larger than its cap, never to an address that is not allowed; nothing of the
environment (proxies, .netrc) takes part.
"""

import ssl
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import certifi
from requests import Request as Plain
from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import InvalidHeader, InvalidURL, RequestException, SSLError
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError
from urllib3.poolmanager import PoolManager
from urllib3.response import BaseHTTPResponse

from transports.base import BadReply, Refused, Reply, SendTools, Settings, TransferCut, TransportError, Unreachable
from transports.http_guard import (
    Allowed,
    Deadline,
    DeadlineSocket,
    DeadlineTLS,
    NotConnected,
    NotTrusted,
    Resolve,
    connected,
)
from transports.http_played import Played
from transports.http_request import Veil
from transports.settings import octets, seconds

_CHUNK = 1 << 16
# Text compresses to a twentieth, rarely to a fiftieth; a bomb to a thousandth.
_HIGHEST_RATIO = 250
_HARMLESS = 8 << 20  # bytes, below which no ratio is looked at
_BODILESS = (204, 205, 304)

Connect = Callable[[str, int], DeadlineSocket]


class _Clear(HTTPConnection):
    connected: Connect
    deadline: Deadline

    def _new_conn(self) -> DeadlineSocket:
        return self.connected(self.host, int(self.port or 80))

    def request(self, *arguments: Any, **others: Any) -> None:
        super().request(*arguments, **others)
        self.deadline.has_left = True


class _Secured(HTTPSConnection):
    connected: Connect
    deadline: Deadline

    def _new_conn(self) -> DeadlineSocket:
        return self.connected(self.host, int(self.port or 443))

    def connect(self) -> None:
        super().connect()
        self.sock.deadline = self.deadline  # type: ignore[union-attr]  # our class, by `sslsocket_class`

    def request(self, *arguments: Any, **others: Any) -> None:
        super().request(*arguments, **others)
        self.deadline.has_left = True


class _ClearPool(HTTPConnectionPool):
    ConnectionCls = _Clear

    def __init__(self, *arguments: Any, connected: Connect, deadline: Deadline, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._connected, self._deadline = connected, deadline

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.connected, connection.deadline = self._connected, self._deadline
        return connection


class _SecuredPool(HTTPSConnectionPool):
    ConnectionCls = _Secured

    def __init__(self, *arguments: Any, connected: Connect, deadline: Deadline, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._connected, self._deadline = connected, deadline

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.connected, connection.deadline = self._connected, self._deadline
        return connection


class _Adapter(HTTPAdapter):
    def __init__(self, connected: Connect, deadline: Deadline) -> None:
        self._ours: dict[str, Any] = {"connected": connected, "deadline": deadline}
        super().__init__(pool_connections=8, pool_maxsize=8, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **others: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = DeadlineTLS
        self.poolmanager = PoolManager(connections, maxsize=maxsize, block=block, ssl_context=context, **others)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_ClearPool, **self._ours),
            "https": partial(_SecuredPool, **self._ours),
        }


class Wire:
    """A session of one feed: connections are kept, cookies go back to where they came from.

    `played` takes the place of everything below.
    """

    def __init__(
        self,
        connected: Connect,
        deadline: Deadline,
        timeout: float,
        cap: int,
        ca: str | None = None,
        played: HTTPAdapter | None = None,
    ) -> None:
        self._deadline = deadline
        self._timeout = timeout
        self._cap = cap
        self._verify = ca or certifi.where()
        self._session = Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._adapter = played or _Adapter(connected, deadline)

    def close(self) -> None:
        self._adapter.close()
        self._session.close()

    def exchange(self, plain: Plain, heard: Callable[[int], None]) -> Reply:
        """Send it and read the reply whole. Raises Unreachable, TransferCut, BadReply for one that is too large."""
        plain.headers = {"User-Agent": "feeds", "Accept-Encoding": "gzip, deflate", **(plain.headers or {})}
        self._deadline.begins(self._timeout)
        response: Response | None = None
        try:
            prepared = self._session.prepare_request(plain)
            response = self._adapter.send(prepared, stream=True, timeout=self._timeout, verify=self._verify)
            extract_cookies_to_jar(self._session.cookies, prepared, response.raw)  # type: ignore[no-untyped-call]
            body = self._body(response.raw, heard)
        except TransportError:
            raise
        except (InvalidURL, UnicodeError) as error:
            raise Refused("the address of a request is none: look at `baseUrl` and `url`") from error
        except InvalidHeader as error:
            raise Refused("a header of a request holds a line break, or no text: look at `headers`") from error
        except SSLError as error:
            if self._deadline.has_left:
                raise TransferCut(f"TLS with {_host(plain)} broke: {_cause(error)}") from None
            raise NotTrusted(f"TLS with {_host(plain)} failed: {_cause(error)}") from None
        except (IncompleteRead, ProtocolError) as error:
            raise TransferCut(f"{_host(plain)} broke off in the middle of a reply: {_cause(error)}") from None
        except (RequestException, HTTPError, OSError) as error:
            raise self._broken(plain, error) from None
        finally:
            if response is not None:
                response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body)

    def _broken(self, plain: Plain, error: Exception) -> Unreachable:
        kind = Unreachable if self._deadline.has_left else NotConnected
        try:
            self._deadline.remaining()
        except TimeoutError:
            return kind(f"{_host(plain)} took longer than {self._timeout:g} s for a whole reply (`timeout`)")
        return kind(f"the connection to {_host(plain)} broke: {_cause(error)}")

    def _body(self, raw: BaseHTTPResponse, heard: Callable[[int], None]) -> bytes:
        encoding = raw.headers.get("content-encoding", "identity").strip().lower()
        body = b"".join(_unpacked(_chunks(raw, heard, self._cap), encoding, self._cap))
        counted = "content-length" in raw.headers or "chunked" in raw.headers.get("transfer-encoding", "").lower()
        # Without a length the end of the connection is the end of the reply, and a broken one looks the same.
        if not counted and raw.status not in _BODILESS and not _is_closed(body):
            raise TransferCut("a reply without a length ended in the middle of a document")
        return body


def opened(settings: Settings, tools: SendTools, veil: Veil, resolve: Resolve) -> Wire:
    """The wire of a `transport` block; where `tools` have an answer, the one that is played."""
    allowed = Allowed(map(str, settings.get("allowPrivate") or ()))
    deadline = Deadline(tools.clock)
    return Wire(
        lambda host, port: connected(host, port, allowed, resolve, deadline),
        deadline,
        seconds(settings.get("timeout", "30s")),
        octets(settings.get("maxBytes", "64MiB")),
        settings.get("ca"),
        None if tools.answer is None else Played(tools.answer, veil.shown),
    )


def _chunks(raw: BaseHTTPResponse, heard: Callable[[int], None], cap: int) -> Iterator[bytes]:
    total = 0
    while chunk := raw.read(_CHUNK, decode_content=False):
        heard(len(chunk))
        total += len(chunk)
        if total > cap:
            raise _too_large(cap)
        yield chunk


def _unpacked(chunks: Iterator[bytes], encoding: str, cap: int) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadReply(
            f"expected gzip, deflate or nothing as Content-Encoding, found {encoding!r}", None, "http.notDecoded"
        )
    packed = unpacked = 0
    unpacker = None
    try:
        for chunk in chunks:
            packed += len(chunk)
            rest = chunk
            while rest:
                unpacker = unpacker or zlib.decompressobj(_window(encoding, rest))
                piece = unpacker.decompress(rest, _CHUNK * 16)
                unpacked += len(piece)
                if unpacked > cap or (unpacked > _HARMLESS and unpacked > packed * _HIGHEST_RATIO):
                    raise _too_large(cap)
                yield piece
                rest = unpacker.unconsumed_tail or unpacker.unused_data
                unpacker = None if unpacker.eof and rest else unpacker
    except zlib.error as error:
        raise BadReply(f"a reply said to be {encoding} is not: {error}", None, "http.notDecoded") from error
    if unpacker is not None and not unpacker.eof:
        raise TransferCut(f"a reply in {encoding} ended before its end")


def _window(encoding: str, start: bytes) -> int:
    """What zlib has to expect. Deflate is meant to have a header of zlib, and half the servers leave it out."""
    if encoding != "deflate":
        return 16 + zlib.MAX_WBITS
    has_header = start[0] & 0x0F == zlib.DEFLATED and (len(start) == 1 or (start[0] << 8 | start[1]) % 31 == 0)
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


def _is_closed(body: bytes) -> bool:
    """Whether a body ends where its document ends, as far as that shows: JSON and XML close what they opened."""
    text = body.strip()
    return (text[:1] + text[-1:]) in (b"{}", b"[]", b"<>")


def _too_large(cap: int) -> BadReply:
    return BadReply(
        f"a reply is larger than {cap} bytes, or unpacks like a bomb: ask for smaller pages, or raise `maxBytes`",
        None,
        "http.tooLarge",
    )


def _host(plain: Plain) -> str:
    return str(plain.url).partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]


def _cause(error: BaseException) -> str:
    """What went wrong at the bottom, without the address: that may hold a secret."""
    while (inner := error.__cause__ or error.__context__) is not None and not isinstance(inner, NotConnected):
        error = inner
    return f"{type(error).__name__}: {error.args[-1] if error.args else ''}"[:300]
