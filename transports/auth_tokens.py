"""Tokens that are asked for: by an OAuth grant or by a request that logs in. Kept, shared, renewed once.

Never uses a rotated refresh token before it is saved, and never lets two askers renew one token at once.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from transports.base import BadReply, LoginRefused, Reply, Secret, SendTools, Settings, Token
from transports.http_request import Request, Value, built
from transports.settings import plain, seconds

_GRANTS = {"clientCredentials": "client_credentials", "refreshToken": "refresh_token", "password": "password"}
_EARLY = 60.0  # seconds before its end from which on a token is renewed; half its life where that is shorter
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSED = (400, 401, 403)

# Sends a request without a login. `again`: whether it may be sent a second time where the first try fails.
Asked = Callable[[Request, bool], Reply]
Ask = Callable[[Token | None], Token]  # from the token that is no longer good to a new one


class Login:
    """A token that is kept between requests, feeds and processes, under one name."""

    def __init__(self, ask: Ask, tools: SendTools, name: str) -> None:
        self._ask = ask
        self._tools = tools
        self._name = name
        self._lock = threading.Lock()
        self._token: Token | None = None

    def value(self, request: Request) -> Secret | None:
        with self._lock:
            if not self._is_good(self._token):
                self._token = self._renewed(None)
            return _shown(self._token)

    def renewed(self, refused: Secret | None) -> bool:
        """Another token than the refused one: somebody else's newer one, or our own."""
        with self._lock:
            if refused is not None and self._token is not None and self._token.access != refused.reveal():
                return True  # another thread was faster
            self._token = self._renewed(refused)
            return True

    def _renewed(self, refused: Secret | None) -> Token:
        with self._tools.tokens.held(self._name):
            kept = self._tools.tokens.load(self._name)
            if self._is_good(kept) and kept is not None and (refused is None or kept.access != refused.reveal()):
                return kept
            token = self._ask(kept)
            self._tools.tokens.save(self._name, token)
            return token

    def _is_good(self, token: Token | None) -> bool:
        return token is not None and bool(token.access) and (token.until is None or self._now() < token.until)

    def _now(self) -> float:
        return (self._tools.now() - _EPOCH).total_seconds()


def name_of(settings: Settings) -> str:
    """Under which name a token is kept: the same for the same login, and no secret can be had from it."""
    text = json.dumps(settings, default=_named, sort_keys=True)
    return f"{settings['type']}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def by_login(settings: Settings, tools: SendTools, asked: Asked) -> Ask:
    """A token by `auth.request`, wherever its reply has it."""

    def ask(kept: Token | None) -> Token:
        reply = asked(built(settings["request"], settings.get("baseUrl"), {}, tools), False)
        ttl = seconds(settings["ttl"]) if "ttl" in settings else None
        return _token(reply, settings["tokenPath"], settings.get("expiresPath"), ttl, tools)

    return ask


def by_grant(settings: Settings, tools: SendTools, asked: Asked) -> Ask:
    """A token by an OAuth 2 grant (RFC 6749), or by what somebody thinks is one."""

    def ask(kept: Token | None) -> Token:
        first = settings.get("refreshToken")
        rotated = kept.refresh if kept is not None and kept.refresh else None
        if settings["grant"] != "refreshToken":
            return granted(None)
        try:
            return granted(rotated or plain(first or ""))
        except LoginRefused:
            # A person gave consent again: what stands in the settings is newer than what rotated here.
            if rotated is None or first is None or rotated == plain(first):
                raise
            return granted(plain(first))

    def granted(refresh: str | None) -> Token:
        reply = asked(_grant(settings, refresh, tools), refresh is None)
        path, expires = settings.get("tokenPath", "access_token"), settings.get("expiresPath", "expires_in")
        token = _token(reply, path, expires, None, tools)
        if refresh is None or token.refresh is not None:
            return token
        if settings.get("rotateRefreshToken"):
            raise BadReply(
                "expected a new refresh token in the reply (`rotateRefreshToken`), found none",
                reply.status,
                "http.token",
            )
        return Token(token.access, token.until, refresh)

    return ask


def _grant(settings: Settings, refresh: str | None, tools: SendTools) -> Request:
    body: dict[str, Any] = {"grant_type": _GRANTS.get(settings["grant"], settings["grant"])}
    if refresh is not None:
        body["refresh_token"] = Secret("auth.refreshToken", refresh)
    body |= {key: settings[key] for key in ("username", "password") if settings.get(key) is not None}
    if settings.get("scopes"):
        body["scope"] = " ".join(settings["scopes"])
    headers: dict[str, Value] = {"Accept": "application/json", **settings.get("tokenHeaders", {})}
    client, secret = settings.get("clientId"), settings.get("clientSecret")
    if client is not None and settings.get("clientAuth", "body") == "basic":
        pair = f"{plain(client)}:{plain(secret or '')}"
        headers["Authorization"] = Secret("auth.client", "Basic " + base64.b64encode(pair.encode()).decode("ascii"))
    else:
        body |= {key: value for key, value in (("client_id", client), ("client_secret", secret)) if value is not None}
    body |= settings.get("tokenParams", {})
    return built({"method": "POST", "url": settings["tokenUrl"], "headers": headers, "form": body}, None, {}, tools)


def _token(reply: Reply, path: str, expires: str | None, ttl: float | None, tools: SendTools) -> Token:
    """The token in a reply. Raises LoginRefused where the other side says no, BadReply where there is none."""
    document = _document(reply, tools)
    if reply.status in _REFUSED:
        raise LoginRefused(
            f"no token was given (status {reply.status}){_reason(document)}: look at the login in `auth`"
        )
    found = tools.search(path, document)
    if not isinstance(found, str | int) or found == "":
        keys = f": it has {', '.join(map(str, document))}" if isinstance(document, Mapping) else ""
        raise BadReply(
            f"expected a token at `{path}` in the reply of the login, found none{keys}", reply.status, "http.token"
        )
    said = tools.search(expires, document) if expires else None
    lasts = float(said) if isinstance(said, int | float) or (isinstance(said, str) and said.isdigit()) else ttl
    refresh = document.get("refresh_token") if isinstance(document, Mapping) else None
    until = None if lasts is None else tools.now() - _EPOCH + timedelta(seconds=lasts - min(_EARLY, lasts / 2))
    return Token(
        str(found), None if until is None else until.total_seconds(), refresh if isinstance(refresh, str) else None
    )


def _document(reply: Reply, tools: SendTools) -> Any:
    """Tokens come as JSON, whatever the feed's records come as."""
    try:
        return json.loads(reply.body)
    except ValueError:
        return tools.document(reply)


def _reason(document: Any) -> str:
    """The words of RFC 6749 5.2, which are codes and no secrets."""
    error = document.get("error") if isinstance(document, Mapping) else None
    return f", {error[:80]}" if isinstance(error, str) else ""


def _shown(token: Token | None) -> Secret | None:
    return None if token is None else Secret("auth.token", token.access)


def _named(value: Any) -> Any:
    """A secret by its name, whatever else is not plain by its text."""
    if isinstance(value, Secret):
        return f"secret {value.name}"
    return list(value) if isinstance(value, Sequence) else dict(value) if isinstance(value, Mapping) else str(value)
