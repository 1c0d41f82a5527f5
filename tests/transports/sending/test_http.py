"""Exports by HTTP: the contract of senders, and what only an API can do."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.transports.http.room import Room, secret
from tests.transports.sending.contract import CANARY, SenderContract, parcel, tools_of
from tests.transports.sending.post import TAKEN, Post
from transports import connect_sender
from transports.base import (
    BadReply,
    Refused,
    Reply,
    SendTools,
    Sent,
    Throttled,
    TransportError,
    Uncertain,
    Unreachable,
)


@pytest.fixture
def room() -> Room:
    return Room(real_time=True)


@pytest.fixture
def tools(room: Room) -> SendTools:
    return tools_of(room)


@pytest.fixture
def far(tools: SendTools) -> Iterator[Post]:
    with Post(tools).running() as post:
        yield post


class TestHttp(SenderContract):
    @pytest.fixture
    def far(self, tools: SendTools) -> Iterator[Post]:
        with Post(tools).running() as post:
            yield post


def answered(status: int, body: str = "", *, reason: str = "-", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", body]).encode()


def sent(far: Post, reply: bytes, **settings: Any) -> Any:
    far.reply = reply
    with far.connect(**settings) as sender:
        return sender.send(parcel())


# --- what leaves ----------------------------------------------------------------------------


def test_a_request_is_what_the_definition_and_the_item_say(far: Post) -> None:
    settings = {"method": "PUT", "query": {"v": "1"}, "headers": {"X-From": "feeds", "Accept": "application/json"}}
    with far.connect(**settings) as sender:
        sender.send(parcel(url=f"{far.url}/leads/L%2F1", query={"v": "2"}))
    head = far.heads[0].splitlines()
    assert head[0] == "PUT /leads/L%2F1?v=2 HTTP/1.1"
    assert {"X-From: feeds", "Accept: application/json", "Content-Type: application/xml"} < set(head)


def test_a_relative_address_follows_the_base(far: Post) -> None:
    with far.connect(baseUrl=f"{far.url}/v3", url="leads") as sender:
        sender.send(parcel(url="leads/7"))
        assert sender.destination == f"{far.url}/v3/leads".replace("//", "//feeds@")
    assert far.heads[0].startswith("POST /v3/leads/7 ")


def test_a_get_has_everything_in_its_address(far: Post) -> None:
    with far.connect(method="GET") as sender:
        sender.send(parcel(query={"phone": "+15555550101"}))
    assert far.bodies == [b""]
    assert far.heads[0].startswith("GET /leads?phone=%2B15555550101 ")


@pytest.mark.parametrize("key", ["leads:L-1", "a\r\nX-Evil: 1", "leads:Zoë", "k" * 256])
@pytest.mark.parametrize("place", ["header", "query"])
def test_the_key_goes_where_the_other_side_looks_for_it_the_same_each_time(far: Post, place: str, key: str) -> None:
    with far.connect(idempotency={"in": place, "name": "Idempotency-Key"}) as sender:
        sender.send(parcel(key))
        sender.send(parcel(key))
    head = far.heads[0].splitlines()
    assert head[0] == far.heads[1].splitlines()[0]
    written = [line for line in head if "Idempotency-Key" in line]
    assert len(written) == 1
    assert "X-Evil" not in far.heads[0]
    if key == "leads:L-1" and place == "header":
        assert written == ["Idempotency-Key: leads:L-1"]


def test_a_header_with_a_line_break_is_refused(far: Post) -> None:
    with far.connect() as sender, pytest.raises(Refused, match="line break"):
        sender.send(parcel(headers={"X-Name": "Robin\r\nX-Evil: 1"}))
    assert far.heads == []


def test_each_request_waits_for_its_turn(far: Post, room: Room) -> None:
    with far.connect() as sender:
        sender.send(parcel())
        sender.send(parcel("leads:2"))
    assert room.turns == 2


# --- what an answer means -------------------------------------------------------------------


def test_a_receipt_has_the_id_the_status_and_what_was_said(far: Post) -> None:
    receipt = sent(far, TAKEN, accepted={"status": 201, "id": "sid"})
    assert (receipt.id, receipt.status, receipt.text) == ("7", 201, '{"sid": "7"}')


def test_a_receipt_shows_no_secret_and_is_short(far: Post) -> None:
    receipt = sent(far, answered(200, f"{CANARY} " + "x" * 5000))
    assert CANARY not in receipt.text
    assert len(receipt.text) == 500


ACCEPTED = {
    "any success, unless said": (answered(202), {}),
    "without a body": (b"HTTP/1.1 204 -\r\n\r\n", {}),
    "a condition that holds": (answered(200, '{"ok": true}'), {"accepted": {"if": "body.ok"}}),
    "an id that is no text": (answered(200, '{"id": 7}'), {"accepted": {"id": "id"}}),
    "an error that means it is there already": (answered(409), {"accepted": {"status": 409}}),
    "a rule that says so": (answered(409), {"onError": [{"if": "status == `409`", "do": "ignore"}]}),
    "a rule that reads it as success": (answered(500), {"onError": [{"if": "status == `500`", "do": "success"}]}),
}


@pytest.mark.parametrize(("reply", "settings"), ACCEPTED.values(), ids=ACCEPTED)
def test_these_answers_are_receipts(far: Post, reply: bytes, settings: dict[str, Any]) -> None:
    assert sent(far, reply, **settings).status in (200, 202, 204, 409, 500)


FULL = {"onError": [{"if": "body.e", "do": "fail", "message": "body.e"}]}
AGAIN = {"onError": [{"if": "status == `400`", "do": "retry"}]}
KNOWN = {"idempotency": {"in": "header", "name": "K"}}
# The answer, the settings, what is raised, what it says, whether the same may be sent again.
REFUSED: dict[str, tuple[bytes, dict[str, Any], type[TransportError], str, bool | None]] = {
    "another status": (answered(200), {"accepted": {"status": 201}}, BadReply, "expected status 201", False),
    "a condition": (answered(200, '{"ok": false}'), {"accepted": {"if": "body.ok"}}, BadReply, "accepted.if", False),
    "a page for people": (answered(200, "<html>"), {"accepted": {"if": "body.ok"}}, BadReply, "accepted.if", False),
    "nothing changed": (b"HTTP/1.1 304 -\r\n\r\n", {}, BadReply, "304", False),
    "elsewhere": (answered(302, Location="/other"), {}, BadReply, "302", False),
    "wrong": (answered(422), {}, BadReply, "422", False),
    "not allowed": (answered(403), {}, Refused, "403", None),
    "a rule": (answered(200, '{"e": "full"}'), FULL, BadReply, "full", False),
    "a fault": (answered(500), {}, BadReply, "retry", False),
    "a fault, and it may go out again": (answered(500), {"retry": {"attempts": 3}}, BadReply, "500", True),
    "a gateway, and the key is known": (answered(502), KNOWN, BadReply, "502", True),
    "a rule says again": (answered(400), AGAIN, BadReply, "400", True),
}


@pytest.mark.parametrize(("reply", "settings", "kind", "words", "again"), REFUSED.values(), ids=REFUSED)
def test_these_answers_are_a_certain_no(
    far: Post, reply: bytes, settings: dict[str, Any], kind: type[TransportError], words: str, again: bool | None
) -> None:
    with pytest.raises(kind, match=words) as raised:
        sent(far, reply, **settings)
    assert getattr(raised.value, "again", None) == again
    assert len(far.bodies) == 1, "sent a second time"


PAUSES = {
    "too many": (answered(429, **{"Retry-After": "120"}), {}, 120.0),
    "too many, for nobody knows how long": (answered(429), {}, 0.0),
    "not now": (answered(503, **{"Retry-After": "7"}), {}, 7.0),
    "not now, for nobody knows how long": (answered(503), {}, 0.0),
    "a slow request": (answered(408), {}, 0.0),
    "a rule": (answered(200, '{"later": true}'), {"onError": [{"if": "body.later", "do": "wait", "for": "30s"}]}, 30.0),
}


@pytest.mark.parametrize(("reply", "settings", "wait"), PAUSES.values(), ids=PAUSES)
def test_these_answers_put_it_off(far: Post, reply: bytes, settings: dict[str, Any], wait: float) -> None:
    with pytest.raises(Throttled) as raised:
        sent(far, reply, **settings)
    assert raised.value.wait == wait
    assert len(far.bodies) == 1


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_heard_nothing_leaves_it_open(far: Post, status: int) -> None:
    with pytest.raises(Uncertain, match=str(status)) as raised:
        sent(far, answered(status))
    assert not raised.value.again


def test_no_message_has_what_was_sent_in_an_address(far: Post) -> None:
    far.reply = answered(422)
    with far.connect() as sender, pytest.raises(BadReply) as raised:
        sender.send(parcel(query={"phone": "+15555550101"}))
    assert "5555550101" not in str(raised.value)


# --- the moment at which it breaks ----------------------------------------------------------

SMALL, WHOLE = b"x", b"x" * SenderContract.large
MOMENTS = {
    "no byte was read, and it is too large to have left": ("accept", WHOLE, Unreachable),
    "the head was read, and it is too large to have left": ("head", WHOLE, Unreachable),
    "no byte was read, of what had left": ("unread", SMALL, Uncertain),
    "the whole was read": ("body", SMALL, Uncertain),
    "half an answer came": ("reply", SMALL, Uncertain),
}


@pytest.mark.parametrize(("cut", "body", "kind"), MOMENTS.values(), ids=MOMENTS)
def test_what_a_cut_means(far: Post, cut: str, body: bytes, kind: type[TransportError]) -> None:
    far.cut = cut
    with far.connect() as sender, pytest.raises(TransportError) as raised:
        sender.send(parcel(body=body))
    assert type(raised.value) is Uncertain if kind is Uncertain else isinstance(raised.value, kind)
    assert isinstance(raised.value, Uncertain) == (kind is Uncertain)


def test_a_connection_that_was_kept_and_is_cut_leaves_it_open(far: Post) -> None:
    with far.connect() as sender:
        sender.send(parcel())
        far.cut = "body"
        with pytest.raises(Uncertain):
            sender.send(parcel("leads:2"))


def test_silence_after_the_whole_request_leaves_it_open(far: Post) -> None:
    far.cut = "hang"
    with far.connect(timeout="3s") as sender, pytest.raises(Uncertain, match="timeout"):
        sender.send(parcel())


def test_silence_before_the_request_is_certain(tools: SendTools) -> None:
    """Of a server that takes connections and reads nothing: neither a large request nor the start of TLS gets out."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        for scheme, body in (("http", WHOLE), ("https", SMALL)):
            url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"
            settings = {"url": url, "timeout": "1s", "allowPrivate": ["127.0.0.1"]}
            with connect_sender("http", settings, tools) as sender, pytest.raises(Unreachable):
                sender.send(parcel(body=body))


def test_an_uncertain_one_may_go_out_again_where_the_key_is_known(far: Post) -> None:
    far.cut = "body"
    with far.connect(idempotency={"in": "header", "name": "K"}) as sender, pytest.raises(Uncertain) as raised:
        sender.send(parcel())
    assert raised.value.again


# --- logins and addresses -------------------------------------------------------------------


def test_a_token_that_ran_out_is_renewed_and_the_parcel_sent_once(tools: SendTools) -> None:
    asked: list[Sent] = []

    def answer(request: Sent) -> Reply:
        asked.append(request)
        if request.url.endswith("/token"):
            return Reply(200, {"content-type": "application/json"}, b'{"access_token": "new-token"}')
        tokens = sum(each.url.endswith("/token") for each in asked)
        return Reply(201 if tokens == 2 else 401, {}, b"{}")

    auth = {"type": "oauth2", "grant": "clientCredentials", "tokenUrl": "https://api.example.com/token"}
    auth |= {"clientId": "feeds", "clientSecret": secret(CANARY)}
    with connect_sender(
        "http", {"url": "https://api.example.com/x", "auth": auth}, replace(tools, answer=answer)
    ) as sender:
        assert sender.send(parcel()).status == 201
        assert sender.destination == "https://api.example.com/x"
    assert [each.url.rpartition("/")[2] for each in asked] == ["token", "x", "token", "x"]


def test_a_login_that_cannot_be_reached_is_no_doubt_about_the_parcel(far: Post) -> None:
    request = {"method": "POST", "url": f"{far.url}/token", "json": {"a": 1}}
    far.cut = "body"
    auth = {"type": "login", "request": request, "tokenPath": "token"}
    with far.connect(auth=auth) as sender, pytest.raises(Unreachable):
        sender.send(parcel())


def test_an_address_inside_ones_own_walls_is_refused(far: Post) -> None:
    with far.connect(allowPrivate=[]) as sender, pytest.raises(Refused, match="allowPrivate"):
        sender.send(parcel())
    assert far.heads == []


DESTINATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "with a query": ({"url": "https://API.example.com:8443/v1/x?token=1"}, "https://api.example.com:8443/v1/x"),
    "a secret address": ({"url": secret("https://hooks.example.com/T0/canary")}, "https://hooks.example.com"),
    "another for each": (
        {"url": "/l/${activity.id}", "baseUrl": "https://api.example.com/v1"},
        "https://api.example.com/v1",
    ),
}


@pytest.mark.parametrize(("settings", "expected"), DESTINATIONS.values(), ids=DESTINATIONS)
def test_a_destination_is_what_all_parcels_share(tools: SendTools, settings: dict[str, Any], expected: str) -> None:
    with connect_sender("http", settings, tools) as sender:
        assert sender.destination == expected
