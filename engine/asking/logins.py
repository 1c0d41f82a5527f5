"""Tokens of logins over HTTP, kept between runs and between processes.

A token stands in the database, since every process must find the last rotated one, but never in clear: it is sealed
with a key that is made of the login's own secrets. Whoever has the database alone cannot read it, whoever has those
secrets needs no token of ours, and a secret that is replaced makes the tokens that came of the old one unreadable,
which is what should become of them.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from engine.errors import LeaseHeld
from engine.store import leases
from engine.store import tokens as kept
from engine.world import World, stamp
from transports.base import Secret, Token

_PATIENCE = 60.0  # seconds: longer than any request for a token takes
_LOOK = 0.2


@dataclass(frozen=True)
class SealedTokens:
    """The tokens of one login. `settings` are those of its transport, with their secrets."""

    world: World
    settings: Any

    def load(self, name: str) -> Token | None:
        """The token last saved under this name; None where its secrets are no longer those it was sealed with."""
        sealed = kept.load(self.world.engine, name)
        if sealed is None:
            return None
        try:
            found = json.loads(self._key.decrypt(sealed.encode()))
        except InvalidToken:
            return None
        return Token(found["access"], found["until"], found["refresh"])

    def save(self, name: str, token: Token) -> None:
        plain = {"access": token.access, "until": token.until, "refresh": token.refresh}
        sealed = self._key.encrypt(json.dumps(plain).encode()).decode()
        kept.save(self.world.engine, name, sealed, stamp(self.world.clock.now()))

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """While the block runs nobody else renews this token. Raises LeaseHeld where another takes too long."""
        lease = self._taken(f"token {name}")
        try:
            yield
        finally:
            leases.release(self.world.engine, lease)

    def _taken(self, name: str) -> leases.Lease:
        until = self.world.clock.monotonic() + _PATIENCE
        while True:
            try:
                return leases.take(self.world.engine, name, self.world.owner)
            except LeaseHeld:
                if self.world.clock.monotonic() >= until:
                    raise
                self.world.clock.sleep(_LOOK)

    @cached_property
    def _key(self) -> Fernet:
        # Slow on purpose: a password among the secrets must not be found out by trying.
        text = "\x1f".join(sorted(set(_secrets(self.settings))))
        made = hashlib.scrypt(text.encode(), salt=b"feeds tokens", n=1 << 14, r=8, p=1, dklen=32)
        return Fernet(base64.urlsafe_b64encode(made))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)
