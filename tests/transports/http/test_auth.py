"""Logins: where they are put, when they are renewed, and that nobody sees them."""

import base64
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.transports.http.room import Answers, Api, Asked, Room, Said, rows, secret
from transports.base import BadReply, LoginRefused, Token

Serve = Callable[[Answers], Api]
KEY = {"type": "apiKey", "key": secret("canary-1")}

PLACED = [
    pytest.param(None, {}, lambda asked: asked.headers.get("authorization"), None, id="none"),
    pytest.param(
        {"type": "basic", "username": "ann", "password": secret("canary:ü")},
        {},
        lambda asked: base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode(),
        "ann:canary:ü",
        marks=pytest.mark.feature("auth.basic"),
        id="basic",
    ),
    pytest.param(
        {"type": "bearer", "token": secret("canary-1")},
        {},
        lambda asked: asked.headers["authorization"],
        "Bearer canary-1",
        marks=pytest.mark.feature("auth.bearer"),
        id="bearer",
    ),
    pytest.param(
        {"type": "bearer", "token": secret("canary-1"), "scheme": "SSWS"},
        {},
        lambda asked: asked.headers["authorization"],
        "SSWS canary-1",
        marks=pytest.mark.feature("auth.bearer"),
        id="another word",
    ),
    pytest.param(
        {**KEY, "inject": {"in": "header", "name": "X-Api-Key", "prefix": "Key "}},
        {},
        lambda asked: asked.headers["x-api-key"],
        "Key canary-1",
        marks=[pytest.mark.feature("auth.apiKey.header"), pytest.mark.feature("auth.viaHeaderTemplate")],
        id="header",
    ),
    pytest.param(
        {**KEY, "inject": {"in": "query", "name": "key"}},
        {"query": {"a": 1}},
        lambda asked: asked.query,
        {"a": "1", "key": "canary-1"},
        marks=pytest.mark.feature("auth.apiKey.query"),
        id="query",
    ),
    pytest.param(
        {**KEY, "inject": {"in": "cookie", "name": "session"}},
        {},
        lambda asked: asked.headers["cookie"],
        "session=canary-1",
        id="cookie",
    ),
    pytest.param(
        {**KEY, "inject": {"in": "body", "name": "auth.key"}},
        {"json": {"a": 1}},
        lambda asked: asked.json,
        {"a": 1, "auth": {"key": "canary-1"}},
        marks=[pytest.mark.feature("auth.apiKey.body"), pytest.mark.feature("request.post")],
        id="json",
    ),
    pytest.param(
        {**KEY, "inject": {"in": "body", "name": "key"}},
        {"form": {"a": "1 2"}},
        lambda asked: asked.form,
        {"a": "1 2", "key": "canary-1"},
        marks=pytest.mark.feature("auth.apiKey.body"),
        id="form",
    ),
    pytest.param(
        None,
        {"headers": {"X-Key": secret("canary-1")}},
        lambda asked: asked.headers["x-key"],
        "canary-1",
        marks=pytest.mark.feature("auth.viaHeaderTemplate"),
        id="in a header of the request",
    ),
    pytest.param(
        None,
        {"query": {"connection": secret("canary-1")}},
        lambda asked: asked.query["connection"],
        "canary-1",
        marks=pytest.mark.feature("auth.viaQueryTemplate"),
        id="in the query of the request",
    ),
    pytest.param(
        None,
        {"json": {"login": {"key": secret("canary-1")}}},
        lambda asked: asked.json["login"]["key"],
        "canary-1",
        marks=pytest.mark.feature("auth.viaBodyTemplate"),
        id="in the body of the request",
    ),
]


@pytest.mark.parametrize(("auth", "request_", "where", "expected"), PLACED)
def test_a_login_goes_where_it_belongs_and_is_never_shown(
    serve: Serve, room: Room, auth: Any, request_: Any, where: Callable[[Asked], Any], expected: Any
) -> None:
    api = serve(lambda asked: {"data": rows(1)})
    result = room.read(api, request={"url": "/order", **request_}, **({"auth": auth} if auth else {}))
    assert where(api.asked[0]) == expected
    assert "canary" not in repr([(page.name, page.envelope, page.after) for page in result.pages])


def test_a_cookie_of_ours_stands_beside_those_of_the_server(serve: Serve, room: Room) -> None:
    api = serve(
        lambda asked: Said({"data": rows(*[len(api.asked)][: len(api.asked) < 2])}, headers={"Set-Cookie": "a=b"})
    )
    auth = {**KEY, "inject": {"in": "cookie", "name": "session"}}
    room.read(api, auth=auth, pagination={"type": "page", "param": "page"})
    assert sorted(api.asked[1].headers["cookie"].split("; ")) == ["a=b", "session=canary-1"]


def test_a_signature_is_data(serve: Serve, room: Room) -> None:
    """The vector of the vendors' page: base 64 of an HMAC-SHA1 over hyphenless small letters."""
    without_hyphens = [{"remove": "-"}, "lower"]
    auth = {
        "type": "hmac",
        "algorithm": "sha1",
        "encoding": "base64",
        "key": {"text": secret("00112233-4455-6677-8899-AABBCCDDEEFF"), "transforms": without_hyphens},
        "message": {"text": "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", "transforms": without_hyphens},
        "inject": {"in": "header", "name": "authentication"},
    }
    api = serve(lambda asked: {"data": []})
    room.read(api, auth=auth)
    assert api.asked[0].headers["authentication"] == "0MnepxLKGjAkCruGq1EQ7gip544="


def test_a_signature_may_speak_of_the_request(serve: Serve, room: Room) -> None:
    import hashlib
    import hmac

    auth = {
        "type": "hmac",
        "algorithm": "sha256",
        "encoding": "hex",
        "key": secret("canary-key"),
        "message": "${request.method} ${request.path} ${request.at}",
        "inject": {"in": "query", "name": "sig"},
    }
    api = serve(lambda asked: {"data": []})
    room.read(api, auth=auth)
    message = f"GET /order {int(room.clock.at.timestamp())}".encode()
    assert api.asked[0].query["sig"] == hmac.new(b"canary-key", message, hashlib.sha256).hexdigest()


def pem(key: Any) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


KEYS: dict[str, Callable[[], tuple[str, str]]] = {
    "HS256": lambda: ("canary-of-thirty-two-bytes-length", "canary-of-thirty-two-bytes-length"),
    "RS256": lambda: pem(rsa.generate_private_key(65537, 2048)),
    "ES256": lambda: pem(ec.generate_private_key(ec.SECP256R1())),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_signed_token_is_made_once_and_anew_before_it_ends(serve: Serve, room: Room, algorithm: str) -> None:
    private, public = KEYS[algorithm]()
    api = serve(lambda asked: {"data": []})
    claims = {"type": "jwt", "algorithm": algorithm, "key": secret(private), "claims": {"iss": "feeds"}, "ttl": "5m"}
    room.read(api, auth={**claims, "headers": {"kid": "7"}})
    (asked,) = api.asked
    token = asked.headers["authorization"].removeprefix("Bearer ")
    said = jwt.decode(token, public, [algorithm], options={"verify_exp": False, "verify_iat": False})
    assert said == {"iss": "feeds", "iat": int(room.clock.at.timestamp()), "exp": int(room.clock.at.timestamp()) + 300}
    assert jwt.get_unverified_header(token)["kid"] == "7"


def test_a_key_that_cannot_sign_is_told_without_the_key(room: Room) -> None:
    auth = {"type": "jwt", "algorithm": "RS256", "key": secret("canary-no-pem")}
    with pytest.raises(LoginRefused) as raised:
        room.read("http://127.0.0.1:1", auth=auth)
    assert "canary" not in str(raised.value)


class Issuer:
    """An API with a token endpoint; a token holds for an hour, or until it is revoked."""

    def __init__(self, rotates: bool = False) -> None:
        self.good: set[str] = set()
        self.refresh = "first"
        self.rotates = rotates
        self.issued = 0
        self.grants: list[Asked] = []
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/token":
            with self._lock:
                return self.issue(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") in self.good:
            return {"data": rows(len(self.grants))}
        return Said({"error": "unauthorized"}, 401)

    def issue(self, asked: Asked) -> Any:
        self.grants.append(asked)
        if "refresh_token" in asked.form and asked.form["refresh_token"] != self.refresh:
            return Said({"error": "invalid_grant"}, 400)
        self.issued += 1
        self.good.add(f"canary-{self.issued}")
        reply = {"access_token": f"canary-{self.issued}", "expires_in": 3600}
        if self.rotates:
            self.refresh = f"canary-refresh-{self.issued}"
            reply["refresh_token"] = self.refresh
        return reply


def oauth(api: Api, grant: str = "clientCredentials", **others: Any) -> dict[str, Any]:
    block = {"type": "oauth2", "grant": grant, "tokenUrl": f"{api.url}/token", "clientId": "us"}
    return {**block, "clientSecret": secret("canary-client"), **others}


GRANTS = [
    pytest.param(
        "clientCredentials",
        {"scopes": ["a", "b"], "tokenParams": {"audience": "x"}},
        {
            "grant_type": "client_credentials",
            "scope": "a b",
            "audience": "x",
            "client_id": "us",
            "client_secret": "canary-client",
        },
        marks=pytest.mark.feature("auth.oauth2.clientCredentials"),
    ),
    pytest.param(
        "password",
        {"username": "ann", "password": secret("canary-word")},
        {
            "grant_type": "password",
            "username": "ann",
            "password": "canary-word",
            "client_id": "us",
            "client_secret": "canary-client",
        },
        marks=pytest.mark.feature("auth.oauth2.clientCredentials"),
    ),
    pytest.param(
        "refreshToken",
        {"refreshToken": secret("first"), "clientAuth": "basic"},
        {"grant_type": "refresh_token", "refresh_token": "first"},
        marks=pytest.mark.feature("auth.oauth2.refreshToken"),
    ),
    pytest.param("account_credentials", {"clientAuth": "basic"}, {"grant_type": "account_credentials"}),
]


@pytest.mark.parametrize(("grant", "others", "form"), GRANTS)
def test_a_grant_asks_as_the_definition_says(
    serve: Serve, room: Room, grant: str, others: dict[str, Any], form: dict[str, str]
) -> None:
    issuer = Issuer()
    api = serve(issuer)
    result = room.read(api, auth=oauth(api, grant, **others))
    assert issuer.grants[0].form == form
    client = issuer.grants[0].headers.get("authorization", "")
    assert (base64.b64decode(client.removeprefix("Basic ")) == b"us:canary-client") is ("clientAuth" in others)
    assert "canary" not in repr([(page.name, page.envelope, page.after) for page in result.pages]) + repr(room.notes)


@pytest.mark.feature("auth.oauth2.tokenHeaders")
def test_the_token_request_takes_headers_and_its_reply_any_shape(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/token":
            return {"result": {"jwt": "canary-9"}} if asked.headers.get("x-client") == "feeds" else Said({}, 403)
        return {"data": [asked.headers["x-token"]]}

    api = serve(answers)
    shape = {"tokenHeaders": {"X-Client": "feeds"}, "tokenPath": "result.jwt"}
    room.read(api, auth=oauth(api, **shape, inject={"in": "header", "name": "X-Token", "prefix": "T "}))
    assert api.asked[-1].headers["x-token"] == "T canary-9"


def test_a_token_serves_several_runs_until_shortly_before_its_end(serve: Serve, room: Room) -> None:
    issuer = Issuer()
    api = serve(issuer)
    for _ in range(3):
        room.read(api, auth=oauth(api))
    assert len(issuer.grants) == 1
    room.clock.at += timedelta(minutes=59, seconds=1)
    room.read(api, auth=oauth(api))
    assert len(issuer.grants) == 2


@pytest.mark.fault("H9")
def test_a_token_that_is_refused_is_renewed_once(serve: Serve, room: Room) -> None:
    issuer = Issuer()
    api = serve(issuer)
    room.read(api, auth=oauth(api))
    issuer.good.clear()
    assert room.read(api, auth=oauth(api)).ids() == [2]
    assert len(issuer.grants) == 2


def test_a_login_that_is_refused_twice_is_not_tried_a_third_time(serve: Serve, room: Room) -> None:
    issuer = Issuer()
    api = serve(lambda asked: issuer(asked) if asked.path == "/token" else Said({}, 401))
    with pytest.raises(LoginRefused):
        room.read(api, auth=oauth(api))
    assert [each.path for each in api.asked] == ["/token", "/order", "/token", "/order"]


def test_a_fixed_login_that_is_refused_is_tried_once(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({}, 401))
    with pytest.raises(LoginRefused):
        room.read(api, auth={"type": "bearer", "token": secret("canary-1")})
    assert len(api.asked) == 1


@pytest.mark.fault("H9")
@pytest.mark.feature("auth.oauth2.rotatingRefreshToken")
def test_a_rotated_refresh_token_is_saved_before_its_access_token_is_used(serve: Serve, room: Room) -> None:
    issuer = Issuer(rotates=True)

    def answers(asked: Asked) -> Any:
        room.tokens.log.append(f"asked {asked.path}")
        return issuer(asked)

    api = serve(answers)
    auth = oauth(api, "refreshToken", refreshToken=secret("first"), rotateRefreshToken=True)
    room.read(api, auth=auth)
    room.clock.at += timedelta(hours=2)
    room.read(api, auth=auth)
    assert room.tokens.log == [
        *("asked /token", "saved canary-refresh-1", "asked /order"),
        *("asked /token", "saved canary-refresh-2", "asked /order"),
    ]
    assert [each.form["refresh_token"] for each in issuer.grants] == ["first", "canary-refresh-1"]


def test_a_consent_given_again_takes_the_place_of_a_token_that_rotated(serve: Serve, room: Room) -> None:
    issuer = Issuer(rotates=True)
    api = serve(issuer)
    room.read(api, auth=oauth(api, "refreshToken", refreshToken=secret("first"), rotateRefreshToken=True))
    issuer.refresh, issuer.good = "second", set()
    auth = oauth(api, "refreshToken", refreshToken=secret("second"), rotateRefreshToken=True)
    (name,) = room.tokens.tokens
    room.tokens.tokens = {name: Token("gone", 0.0, "canary-refresh-1")}
    room.read(api, auth=auth)
    assert [each.form["refresh_token"] for each in issuer.grants] == ["first", "canary-refresh-1", "second"]


def test_a_refresh_without_a_new_token_is_an_error_where_they_rotate(serve: Serve, room: Room) -> None:
    api = serve(Issuer())
    with pytest.raises(BadReply, match="rotateRefreshToken"):
        room.read(api, auth=oauth(api, "refreshToken", refreshToken=secret("first"), rotateRefreshToken=True))


def test_eight_at_once_renew_a_token_once(serve: Serve, room: Room) -> None:
    issuer = Issuer(rotates=True)
    api = serve(issuer)
    auth = oauth(api, "refreshToken", refreshToken=secret("first"), rotateRefreshToken=True)
    threads = [threading.Thread(target=room.read, args=(api,), kwargs={"auth": auth}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issuer.grants) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_grant_that_is_refused_is_a_refused_login_and_tells_the_code(serve: Serve, room: Room, status: int) -> None:
    api = serve(lambda asked: Said({"error": "invalid_client"}, status))
    with pytest.raises(LoginRefused, match="invalid_client") as raised:
        room.read(api, auth=oauth(api))
    assert "canary" not in str(raised.value)
    assert len(api.asked) == 1


def test_no_token_in_the_reply_is_an_error_that_names_what_is_there(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"accessToken": "x"})
    with pytest.raises(BadReply, match="accessToken"):
        room.read(api, auth=oauth(api))


@pytest.mark.feature("auth.session")
def test_a_login_request_gives_a_token_for_its_time(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/v1/login":
            assert asked.json == {"user": "ann", "password": "canary-word"}
            return {"session": {"id": f"canary-{len(api.asked)}"}}
        return {"data": [asked.headers["x-session"]]}

    api = serve(answers)
    auth = {
        "type": "login",
        "request": {"method": "POST", "url": "/login", "json": {"user": "ann", "password": secret("canary-word")}},
        "tokenPath": "session.id",
        "ttl": "30m",
        "inject": {"in": "header", "name": "X-Session"},
    }
    base = f"{api.url}/v1"
    for minutes, logins in ((0, 1), (10, 1), (25, 2)):
        room.clock.at += timedelta(minutes=minutes)
        room.read(base, auth=auth)
        assert sum(each.path == "/v1/login" for each in api.asked) == logins


def test_a_token_that_ends_in_the_middle_of_a_list_is_renewed_and_the_list_goes_on(serve: Serve, room: Room) -> None:
    issuer = Issuer()

    def answers(asked: Asked) -> Any:
        if asked.path == "/token":
            return issuer(asked)
        if asked.query["page"] == "3" and issuer.issued == 1:
            issuer.good.clear()
        refused = issuer(asked)
        return refused if isinstance(refused, Said) else {"data": rows(*range(5))[int(asked.query["page"]) - 1 :][:1]}

    api = serve(answers)
    assert room.read(api, auth=oauth(api), pagination={"type": "page", "param": "page"}).ids() == [0, 1, 2, 3, 4]
    assert issuer.issued == 2
