"""How a request logs in: one maker per `auth.type`, each of which gives something that places a login on requests.

Never shows a secret: what is placed is a `Secret` until the request is sent.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from transports import auth_signing, auth_tokens
from transports.auth_tokens import Asked, Login
from transports.base import Secret, SendTools, Settings
from transports.http_request import Request, written
from transports.settings import plain


class Auth(Protocol):
    def value(self, request: Request) -> Secret | None:
        """What shows who we are, for this request; None where nothing does. May ask for a token."""

    def renewed(self, refused: Secret | None) -> bool:
        """Whether another value than the refused one can be had now, and has been asked for."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A login that is what it is."""

    secret: Secret | None

    def value(self, request: Request) -> Secret | None:
        return self.secret

    def renewed(self, refused: Secret | None) -> bool:
        return False


Make = Callable[[Settings, SendTools, Asked], Auth]


def _none(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return Fixed(None)


def _basic(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    pair = f"{plain(settings['username'])}:{plain(settings['password'])}"
    return Fixed(Secret("auth.basic", base64.b64encode(pair.encode()).decode("ascii")))


def _bearer(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return Fixed(_secret("auth.token", settings["token"]))


def _api_key(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return Fixed(_secret("auth.key", settings["key"]))


def _login(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return Login(auth_tokens.by_login(settings, tools, asked), tools, auth_tokens.name_of(settings))


def _oauth2(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return Login(auth_tokens.by_grant(settings, tools, asked), tools, auth_tokens.name_of(settings))


def _hmac(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return auth_signing.Signature(settings, tools)


def _jwt(settings: Settings, tools: SendTools, asked: Asked) -> Auth:
    return auth_signing.SignedToken(settings, tools)


AUTHS: Mapping[str, Make] = {
    "none": _none,
    "basic": _basic,
    "bearer": _bearer,
    "apiKey": _api_key,
    "oauth2": _oauth2,
    "login": _login,
    "hmac": _hmac,
    "jwt": _jwt,
}
# Where a token goes that nobody gave a place: RFC 6750 and RFC 7617.
_HEADER = "Authorization"
_NAMES = {"header": _HEADER, "query": "access_token", "cookie": "token", "body": "access_token"}


def made(settings: Settings | None, tools: SendTools, asked: Asked) -> Auth:
    """The login of a `transport.auth` block; `asked` sends the requests it needs itself."""
    block = settings or {"type": "none"}
    return AUTHS[block["type"]](block, tools, asked)


def query_names(settings: Settings | None) -> frozenset[str]:
    """The parameter of an address that holds the login, where one does."""
    inject = (settings or {}).get("inject") or {"in": "header"}
    return frozenset({inject.get("name") or _NAMES["query"]} if inject["in"] == "query" else ())


def placed(request: Request, settings: Settings | None, secret: Secret | None) -> Request:
    """The request with its login where `inject` says, in the Authorization header without."""
    if secret is None or settings is None:
        return request
    inject: Mapping[str, Any] = settings.get("inject") or {"in": "header"}
    where = inject["in"]
    name = inject.get("name") or _NAMES[where]
    value = Secret(secret.name, f"{inject.get('prefix', _prefix(settings, where, name))}{secret.reveal()}")
    if where == "query":
        return request.with_query(name, value)
    if where == "cookie":
        return replace(request, cookies={**request.cookies, name: value})
    return request.with_field(name, value) if where == "body" else request.with_header(name, value)


def _prefix(settings: Settings, where: str, name: str) -> str:
    """The word before a token in the Authorization header; other places have none."""
    if where != "header" or name.lower() != _HEADER.lower() or settings["type"] in ("apiKey", "hmac"):
        return ""
    return "Basic " if settings["type"] == "basic" else f"{settings.get('scheme', 'Bearer')} "


def _secret(name: str, value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(name, str(written(value)))
