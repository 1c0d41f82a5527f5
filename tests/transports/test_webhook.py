"""Who is let in, and what counts as the same request: public schemes, and everything that can be wrong with them."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from transports.base import Secret
from transports.webhook import Refusal, Request, identity, kept, opens, query, refusal

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY, OLD = "canary-signing-key", "canary-older-key"
BODY = '{"id": "evt-1", "name": "Zoë", "amount": 1}'.encode()


def request(body: bytes = BODY, path: str = "shop/acme", asked: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", path, query(asked), {"content-type": "application/json", **named}, body)


def secret(value: str = KEY) -> Secret:
    return Secret("HOOK", value)


def hexed(key: str, signed: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode(), signed, algorithm).hexdigest()


def stamp(moment: datetime = NOW) -> str:
    return str(int(moment.timestamp()))


# --- each scheme, made as its public documentation says -------------------------------------


def standard(key: bytes = b"canary-raw-key-of-bytes", at: str = "", body: bytes = BODY, id: str = "msg_1") -> Request:
    """standardwebhooks.com: base 64 of HMAC-SHA256 over `id.timestamp.body`, behind `v1,`."""
    at = at or stamp()
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, "sha256").digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return request(body, webhook_id=id, webhook_timestamp=at, webhook_signature=signature)


def github(key: str = KEY, body: bytes = BODY) -> Request:
    return request(body, x_hub_signature_256="sha256=" + hexed(key, body))


def stripe(key: str = KEY, at: str = "", body: bytes = BODY) -> Request:
    at = at or stamp()
    return request(body, stripe_signature=f"t={at},v1={hexed(key, f'{at}.'.encode() + body)}")


def shopify(key: str = KEY, body: bytes = BODY) -> Request:
    signature = base64.b64encode(hmac.new(key.encode(), body, "sha256").digest()).decode()
    return request(body, x_shopify_hmac_sha256=signature)


def timed(key: str = KEY, at: str = "", body: bytes = BODY) -> Request:
    at = at or stamp()
    return request(body, x_signature="v0=" + hexed(key, f"v0:{at}:".encode() + body, "sha512"), x_time=at)


STANDARD = {
    "type": "standardWebhooks",
    "secret": secret("whsec_" + base64.b64encode(b"canary-raw-key-of-bytes").decode()),
}
GITHUB = {"type": "github", "secret": secret()}
STRIPE = {"type": "stripe", "secret": secret()}
SHOPIFY = {"type": "hmac", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64", "secret": secret()}
TIMED = {
    "type": "hmac", "header": "X-Signature", "prefix": "v0=", "algorithm": "sha512", "secret": secret(),
    "timestampHeader": "X-Time", "tolerance": "2m", "signed": ["v0:", "timestamp", ":", "body"],
}  # fmt: skip
TOKEN = {"type": "token", "in": "header", "name": "X-Token", "token": secret()}
BASIC = {"type": "basic", "username": "robin", "password": secret()}
LOGIN = "Basic " + base64.b64encode(f"robin:{KEY}".encode()).decode()
SIGNED = [(STANDARD, standard), (GITHUB, github), (STRIPE, stripe), (SHOPIFY, shopify), (TIMED, timed)]
WITH_TIME = [(STANDARD, standard, 300), (STRIPE, stripe, 300), (TIMED, timed, 120)]


def let_in(given: Request, *checks: dict[str, Any], now: datetime = NOW) -> bool:
    return refusal(given, checks, now) is None


def test_the_published_example_of_the_standard_is_let_in() -> None:
    """The example of the Standard Webhooks specification: its secret, id, time, body and signature."""
    key = "whsec_" + base64.b64encode(b"canary-of-the-published-shape").decode()
    signed = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    digest = hmac.new(b"canary-of-the-published-shape", signed, "sha256").digest()
    given = request(
        b'{"test": 2432232314}',
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        webhook_timestamp="1614265330",
        webhook_signature="v1a,ignored v1," + base64.b64encode(digest).decode(),
    )
    assert let_in(
        given, {"type": "standardWebhooks", "secret": secret(key)}, now=datetime.fromtimestamp(1614265330, UTC)
    )


def test_githubs_published_vector_is_let_in() -> None:
    """From GitHub's page "Validating webhook deliveries": the secret, the payload and the signature there."""
    given = request(
        b"Hello, World!",
        x_hub_signature_256="sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )
    check = {"type": "github", "secret": secret("It's a Secret to Everybody")}
    assert let_in(given, check)
    assert not let_in(replace(given, body=b"Hello, World"), check)


@pytest.mark.parametrize(("check", "made"), SIGNED)
def test_a_signature_is_over_the_very_bytes(check: dict[str, Any], made: Any) -> None:
    assert let_in(made(), check)
    for body in (b"", BODY + b"\n", BODY.replace(b": ", b":"), BODY[:-1], BODY.replace(b"1}", b"2}"), BODY.upper()):
        assert not let_in(replace(made(), body=body), check), body
        assert let_in(made(body=body), check), "signed like that, it is what was sent"


@pytest.mark.parametrize(("check", "made"), SIGNED)
def test_nothing_but_the_signature_itself_is_one(check: dict[str, Any], made: Any) -> None:
    """Every header cut, empty, doubled, of another key, without its prefix, in other characters: 401, and no more."""
    good = made()
    wrong: list[Request] = []
    for name, value in good.headers.items():
        if name == "content-type":
            continue
        others = [
            "",
            " ",
            value[:-1],
            value[1:],
            value + "0",
            f"{value}x, {value}x",
            value[::-1],
            "\x00",
            "é" * 20,
            "v1,",
            "t=,v1=",
        ]
        wrong += [replace(good, headers={**good.headers, name: other}) for other in others if other != value]
        wrong.append(replace(good, headers={key: each for key, each in good.headers.items() if key != name}))
    other = made(b"canary-of-another") if check is STANDARD else made("canary-of-another")
    assert len(wrong) >= 10
    for given in [*wrong, other]:
        assert refusal(given, [check], NOW) == Refusal(401, "signature"), given.headers


@pytest.mark.parametrize(("check", "made", "tolerance"), WITH_TIME)
def test_an_old_request_is_a_replay(check: dict[str, Any], made: Any, tolerance: int) -> None:
    sent = made(at=stamp())
    for late in (0, 1, tolerance, -tolerance):
        assert let_in(sent, check, now=NOW + timedelta(seconds=late)), late
    for late in (tolerance + 1, 6 * 60, 86_400, -tolerance - 1):
        assert not let_in(sent, check, now=NOW + timedelta(seconds=late)), late
    for at in ("", "yesterday", "-1", "9" * 30, "١٢٣", "1e9", "2026-03-01T12:00:00"):
        assert not let_in(made(at=at) if at else replace(sent, headers={"content-type": ""}), check), at


def test_a_time_may_be_in_milliseconds_or_iso() -> None:
    for at in (stamp() + "000", "2026-03-01T12:00:30+00:00", "2026-03-01T12:00:30Z"):
        assert let_in(timed(at=at), TIMED)


@pytest.mark.parametrize(("check", "made"), SIGNED[1:])
def test_while_a_secret_is_changed_both_count(check: dict[str, Any], made: Any) -> None:
    both = {**check, "secret": [secret(OLD), secret()]}
    assert let_in(made(KEY), both) and let_in(made(OLD), both)
    assert not let_in(made(OLD), check)
    assert not let_in(made("canary-of-another"), both)


@pytest.mark.parametrize(
    ("place", "name", "good", "wrong"),
    [
        ("header", "X-Token", request(x_token=KEY), request(x_token=KEY + "x")),
        ("header", None, request(authorization=f"Bearer {KEY}"), request(authorization=f"Bearer {KEY[1:]}")),
        ("query", "t", request(asked=f"t={KEY}"), request(asked=f"t={KEY}&t={KEY}")),
        ("query", None, request(asked=f"token={KEY}"), request(asked=f"Token={KEY}")),
        ("body", "token", request(json.dumps({"token": KEY}).encode()), request(json.dumps({"token": [KEY]}).encode())),
        ("body", "a.token", request(json.dumps({"a": {"token": KEY}}).encode()), request(b"[" * 100_000)),
    ],
)
def test_a_token_is_looked_for_where_it_is_said_to_be(
    place: str, name: str | None, good: Request, wrong: Request
) -> None:
    check = {"type": "token", "in": place, "token": secret()} | ({"name": name} if name else {})
    assert let_in(good, check)
    for given in (wrong, request(), request(b"\xff\xfe"), request(b"")):
        assert refusal(given, [check], NOW) == Refusal(401, "token")


@pytest.mark.parametrize("empty", ["", None, []])
def test_a_token_that_is_empty_lets_nobody_in(empty: Any) -> None:
    for value in ("", "None", "[]"):
        assert not let_in(request(x_token=value), {**TOKEN, "token": empty})


def test_a_wrong_token_in_the_path_looks_like_a_path_that_nobody_knows() -> None:
    check = {"type": "token", "in": "path", "token": [secret(), secret(OLD)]}
    for token in (KEY, OLD):
        assert let_in(request(path=f"shop/acme/{token}"), check) and opens(token, [check])
    for path in ("shop/acme", "shop/acme/", f"shop/acme/{KEY}x", f"shop/acme/{KEY}/more"):
        assert refusal(request(path=path), [check], NOW) == Refusal(404, "token")
    # What else is wrong beside it does not show either.
    assert refusal(request(path="shop/acme/wrong"), [GITHUB, check], NOW) == Refusal(404, "signature")


@pytest.mark.parametrize(
    "login",
    ["", "Basic", LOGIN[:-2], "Bearer " + LOGIN[6:], "Basic cm9iaW4=", "Basic cm9iaW46", "Basic %%%",
     "Basic " + base64.b64encode(f"alex:{KEY}".encode()).decode()],
)  # fmt: skip
def test_user_and_password_have_to_be_both_right(login: str) -> None:
    assert let_in(request(authorization=LOGIN), BASIC)
    assert let_in(request(authorization=LOGIN.replace("Basic", "basic")), BASIC)
    assert refusal(request(authorization=login), [BASIC], NOW) == Refusal(401, "login")


def test_all_checks_have_to_hold() -> None:
    condition = {"equals": {"query.connectionId": "c-1", "headers.X-Kind": "order", "body.amount": 1, "body.ok": True}}
    body = b'{"amount": 1, "ok": true}'
    good = request(body, asked="connectionId=c-1", x_kind="order", x_token=KEY)
    assert let_in(good, TOKEN, condition)
    for wrong in (
        replace(good, query={"connectionId": "c-2"}),
        replace(good, query={"connectionId": ["c-1", "c-1"]}),
        replace(good, query={}),
        replace(good, headers={**good.headers, "x-kind": "Order"}),
        replace(good, body=b'{"amount": 2, "ok": true}'),
        replace(good, body=b'{"amount": 1, "ok": null}'),
    ):
        assert refusal(wrong, [TOKEN, condition], NOW) == Refusal(401, "condition")
        assert let_in(wrong, TOKEN)


# --- what makes a request the same ----------------------------------------------------------


def name(
    given: Request, dedupe: dict[str, Any] | None = None, *checks: dict[str, Any], endpoint: str = "shop/acme"
) -> str:
    return identity(given, endpoint, checks, dedupe).name


def test_a_request_is_known_by_the_parts_that_name_it() -> None:
    by = {"by": ["query.id", "query.operation", "body.at", 'headers."x-kind"'], "keepFor": "60s"}
    first = request(b'{"at": 1, "n": 1}', asked="id=7&operation=Update", x_kind="a")
    again = request(b'{"n": 2, "at": 1}', asked="operation=Update&id=7&more=1", x_kind="a", x_attempt="2")
    assert identity(first, "shop/acme", [], by).keep == 60
    assert name(first, by) == name(again, by)
    others = [
        request(b'{"at": 1}', asked="id=7&operation=Delete", x_kind="a"),
        request(b'{"at": 2}', asked="id=7&operation=Update", x_kind="a"),
        request(b'{"at": "1"}', asked="id=7&operation=Update", x_kind="a"),
        request(b'{"at": 1}', asked="id=7&operation=Update", x_kind="b"),
    ]
    assert len({name(each, by) for each in [first, *others]}) == 5
    assert name(first, by) != name(first, by, endpoint="shop/birch")


def test_two_requests_without_an_id_are_not_one() -> None:
    by = {"by": ["body.id"]}
    bodies = [b'{"a": 1}', b'{"a": 2}', b"no json", b"", b'{"id": null}']
    assert len({name(request(body), by) for body in bodies}) == 5


@pytest.mark.parametrize(("check", "made"), [(STANDARD, standard), (STRIPE, stripe)])
def test_what_is_sent_again_with_a_new_time_keeps_its_id(check: dict[str, Any], made: Any) -> None:
    later = made(at=stamp(NOW + timedelta(hours=1)))
    assert identity(made(), "shop/acme", [check], None) == identity(later, "shop/acme", [check], None)
    assert identity(made(), "shop/acme", [check], None).keep == 7 * 86_400


def test_without_an_id_every_byte_counts_for_longer_than_a_replay_is_let_in() -> None:
    first, again = shopify(), replace(shopify(), headers={"x-attempt": "2"})
    assert name(first) == name(again) != name(shopify(body=BODY + b" "))
    assert identity(first, "a", [SHOPIFY], None).keep == 600
    assert identity(timed(), "a", [{**TIMED, "tolerance": "1h"}], None).keep == 7_200


def test_what_proves_the_sender_is_not_kept() -> None:
    canary = "canary-of-headers"
    placed = [{"type": "token", "in": place, "name": "t", "token": secret()} for place in ("query", "path")]
    checks = [TOKEN, BASIC, STANDARD, STRIPE, GITHUB, SHOPIFY, *placed]
    names = [
        "x_token",
        "authorization",
        "cookie",
        "webhook_signature",
        "stripe_signature",
        "x_hub_signature_256",
        "x_shopify_hmac_sha256",
    ]
    given = request(
        path=f"shop/acme/{canary}", asked=f"t={canary}&id=7", **dict.fromkeys(names, canary), webhook_id="m-1"
    )
    found = kept(given, "shop/acme", checks)
    assert canary not in json.dumps(found)
    assert found["query"] == {"t": "***", "id": "7"} and found["headers"]["webhook-id"] == "m-1"
    assert sha256(given.body).hexdigest() == sha256(BODY).hexdigest()
