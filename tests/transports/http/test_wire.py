"""What a server can do to one request: break off, dawdle, swell, mislead. Nothing of it passes for a reply."""

import gzip
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Asked, Room, Said, raw_server, rows, secret
from transports.base import BadReply, Refused, TransferCut, Unreachable

Serve = Callable[[Answers], Api]
ONCE = {"attempts": 1}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"data": [{"id": 1}, {"id": 2}]}'

CUT = {
    "fewer bytes than promised": HEAD + b"Content-Length: 32\r\n\r\n" + BODY[:20],
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n" + BODY + b"\r\n",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n" + BODY[:10],
    "no length, half a document": HEAD + b"Connection: close\r\n\r\n" + BODY[:20],
    "no length, text": HEAD + b"Connection: close\r\n\r\na,b\n1,2",
    "half a gzip": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(BODY, mtime=0)[:20],
    "half the headers": HEAD[:30],
}


@pytest.mark.fault("H7")
@pytest.mark.parametrize("reply", CUT.values(), ids=CUT)
def test_a_reply_that_breaks_off_is_none(room: Room, reply: bytes) -> None:
    with raw_server(reply) as url, pytest.raises((TransferCut, Unreachable)):
        room.read(url, retry=ONCE)


def test_a_reply_that_breaks_off_is_asked_for_again(room: Room) -> None:
    whole = HEAD + b"Content-Length: 32\r\nConnection: close\r\n\r\n" + BODY
    with raw_server(CUT["fewer bytes than promised"], whole) as url:
        assert room.read(url).ids() == [1, 2]


def test_a_whole_document_without_a_length_is_a_reply(room: Room) -> None:
    with raw_server(HEAD + b"Connection: close\r\n\r\n" + BODY + b"\n") as url:
        assert room.read(url).ids() == [1, 2]


PACKED = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "gzip in two parts": ("gzip", gzip.compress(BODY[:10]) + gzip.compress(BODY[10:])),
    "deflate with a header": ("deflate", zlib.compress(BODY)),
    "deflate without": ("deflate", zlib.compress(BODY, wbits=-15)),
}


@pytest.mark.parametrize(("encoding", "content"), PACKED.values(), ids=PACKED)
def test_compression_is_undone(serve: Serve, room: Room, encoding: str, content: bytes) -> None:
    api = serve(lambda asked: Said(content, headers={"Content-Encoding": encoding}))
    assert room.read(api).envelopes[0].body == BODY
    assert api.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_compression_that_is_not_what_it_says_is_an_error(serve: Serve, room: Room, encoding: str) -> None:
    with pytest.raises(BadReply) as raised:
        room.read(serve(lambda asked: Said(BODY, headers={"Content-Encoding": encoding})))
    assert raised.value.code == "http.notDecoded"


@pytest.mark.fault("H12")
def test_a_bomb_is_refused_before_it_unfolds(serve: Serve, room: Room) -> None:
    content = gzip.compress(b"[" + b" " * (20 << 20) + b"]", 9)
    began = time.monotonic()
    with pytest.raises(BadReply) as raised:
        room.read(serve(lambda asked: Said(content, headers={"Content-Encoding": "gzip"})), maxBytes="2GiB")
    assert raised.value.code == "http.tooLarge"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_reply_beyond_the_cap_is_refused(serve: Serve, room: Room, headers: dict[str, str]) -> None:
    content = b"x" * 5000
    said = Said(gzip.compress(content) if headers else content, headers=headers)
    with pytest.raises(BadReply) as raised:
        room.read(serve(lambda asked: said), maxBytes="4KiB")
    assert raised.value.code == "http.tooLarge"


DRIPS = {"headers": [HEAD[n : n + 1] for n in range(60)], "body": [HEAD + b"\r\n", *[b"["] * 60]}


@pytest.mark.fault("H11")
@pytest.mark.parametrize("parts", DRIPS.values(), ids=DRIPS)
def test_a_reply_that_drips_ends_at_the_deadline(parts: Sequence[bytes]) -> None:
    room = Room(real_time=True)
    began = time.monotonic()
    with raw_server(parts) as url, pytest.raises(Unreachable, match="timeout"):
        room.read(url, timeout="1s", retry=ONCE)
    assert time.monotonic() - began < 2.5


def test_nobody_there_is_unreachable(room: Room) -> None:
    with pytest.raises(Unreachable, match="no connection"):
        room.read("http://127.0.0.1:1", retry=ONCE)


def test_what_does_not_speak_tls_is_told_as_such(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    with pytest.raises(Unreachable, match="TLS"):
        room.read(api.url.replace("http:", "https:"), retry=ONCE)


def test_a_redirect_within_the_origin_is_followed(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        return Said(status=302, headers={"Location": "/v2/order?a=1"}) if asked.path == "/order" else {"data": rows(1)}

    api = serve(answers)
    assert room.read(api, auth={"type": "bearer", "token": secret("canary-1")}).ids() == [1]
    assert api.asked[1].headers["authorization"] == "Bearer canary-1"


@pytest.mark.fault("H15")
def test_a_redirect_elsewhere_is_refused_and_no_secret_goes_there(serve: Serve, room: Room) -> None:
    other = serve(lambda asked: {"data": rows(1)})
    api = serve(lambda asked: Said(status=302, headers={"Location": f"{other.url}/order"}))
    with pytest.raises(Refused, match="redirects"):
        room.read(api, request={"url": "/order", "headers": {"X-Api-Key": secret("canary-1")}})
    assert other.asked == []


def test_a_redirect_that_never_ends_is_refused(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said(status=302, headers={"Location": f"/order?n={len(asked.query)}"}))
    with pytest.raises(Refused, match="redirected"):
        room.read(api)
    assert len(api.asked) == 6


@pytest.mark.fault("H16")
def test_nothing_of_the_environment_takes_part(
    serve: Serve, room: Room, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login canary password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    api = serve(lambda asked: {"data": rows(1)})
    assert room.read(api).ids() == [1]
    assert "authorization" not in api.asked[0].headers


@pytest.mark.feature("rate.budget")
def test_every_request_waits_for_its_turn(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*range(3))[int(asked.query["skip"]) :][:1]})
    assert room.read(api, pagination={"type": "offset", "param": "skip", "size": 1}).ids() == [0, 1, 2]
    assert room.turns == len(api.asked) == 4
