"""Logins that we make ourselves: texts signed with a key, and signed tokens. Asks nobody for anything."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from transports.base import LoginRefused, Secret, SendTools, Settings
from transports.http_request import Request, masked
from transports.settings import plain, seconds

_LASTS = "5m"
_EARLY = 30  # seconds before its end from which on a token is made anew


class Signature:
    """`auth.type: hmac`: the message's HMAC, made again for each request, since a message may name it."""

    def __init__(self, settings: Settings, tools: SendTools) -> None:
        self._settings = settings
        self._tools = tools

    def value(self, request: Request) -> Secret | None:
        names = _names(request, self._tools.now())
        key = _text(self._settings["key"], names, self._tools)
        message = _text(self._settings["message"], names, self._tools)
        digest = hmac.digest(key.encode(), message.encode(), getattr(hashlib, self._settings["algorithm"]))
        encoded = (
            digest.hex() if self._settings.get("encoding", "base64") == "hex" else base64.b64encode(digest).decode()
        )
        return Secret("auth.hmac", encoded)

    def renewed(self, refused: Secret | None) -> bool:
        return False


class SignedToken:
    """`auth.type: jwt`: claims, signed; one token serves until shortly before its end."""

    def __init__(self, settings: Settings, tools: SendTools) -> None:
        self._settings = settings
        self._tools = tools
        self._lock = threading.Lock()
        self._made: tuple[Secret, datetime] | None = None

    def value(self, request: Request) -> Secret | None:
        with self._lock:
            now = self._tools.now()
            if self._made is None or now >= self._made[1]:
                self._made = self._signed(now)
            return self._made[0]

    def renewed(self, refused: Secret | None) -> bool:
        return False

    def _signed(self, now: datetime) -> tuple[Secret, datetime]:
        lasts = seconds(self._settings.get("ttl", _LASTS))
        claims = {"iat": int(now.timestamp()), "exp": int(now.timestamp() + lasts)}
        claims |= {name: _clear(value) for name, value in (self._settings.get("claims") or {}).items()}
        try:
            token = jwt.encode(
                self._tools.fill(claims, {}),
                plain(self._settings["key"]),
                algorithm=self._settings["algorithm"],
                headers=dict(self._settings.get("headers") or {}),
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise LoginRefused(f"no token can be signed with the key of `auth`: {type(error).__name__}") from error
        return Secret("auth.jwt", token), now + timedelta(seconds=max(lasts - _EARLY, lasts / 2))


def _text(made: Any, names: Mapping[str, Any], tools: SendTools) -> str:
    """A text of the settings, through its transforms."""
    steps = made.get("transforms", ()) if isinstance(made, Mapping) else ()
    text = tools.fill(made["text"] if isinstance(made, Mapping) else made, names)
    if text is None:
        raise LoginRefused("a text that is to be signed has no value: look at the references in `auth`")
    return str(tools.transform(plain(text), steps)) if steps else plain(text)


def _names(request: Request, now: datetime) -> dict[str, Any]:
    """What a signed text may speak of: `${request.method}`, `${request.path}`, `${request.at}` in seconds."""
    parts = urlsplit(str(masked(request.url)))
    at = int(now.timestamp())
    return {"request": {"method": request.method, "path": parts.path, "host": parts.hostname, "at": at}}


def _clear(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value
