"""What a feed hears from outside: its triggers, and which of them a request is for.

Looks at one request at a time; asks nobody and keeps nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from engine.asking import envelopes
from engine.errors import DecodeError, DeliveryRefused, RecordError
from engine.intake.inbox import Entry
from engine.language import fingerprint
from engine.mapping.compiler import compiled_path
from engine.mapping.keys import escaped, text_of
from engine.model import Feed, Value
from engine.world import stamp
from transports import webhook
from transports.base import Settings
from transports.envelope import Envelope, NotAnEnvelope, opened, sealed
from transports.http_rules import is_true
from transports.webhook import Request

IMPORT, FETCH, POLL_NOW, SET_STATE = "import", "fetch", "pollNow", "setState"
_LONGEST_ID = 500  # characters
_PROOF_CHARACTERS = 16


def hooks(feed: Feed) -> list[Settings]:
    """The settings of every address at which an enabled feed listens: of its transport, and of its triggers."""
    return _named_by(feed) if feed.enabled else []


def _named_by(feed: Feed) -> list[Settings]:
    pushed = [feed.transport] if feed.transport.get("type") == "webhook" else []
    woken = [each for each in feed.triggers if each.get("type") == "webhook" and each.get("enabled", True)]
    return [*pushed, *woken]


def endpoints(feed: Feed) -> list[str]:
    """The addresses, each once."""
    return sorted({str(place["endpoint"]) for place in hooks(feed)})


def addresses(feed: Feed) -> set[str]:
    """The addresses that a feed names, also while it is not enabled."""
    return {str(place["endpoint"]) for place in _named_by(feed)}


def proof(settings: Settings) -> str:
    """What a request has to prove at an address, as its definition has it: the same for the same `verify`.

    Names of secrets count in it, never what they stand for.
    """
    return fingerprint.digest(settings["verify"])[:_PROOF_CHARACTERS]


@dataclass(frozen=True)
class Heard:
    """A request, with what its conditions see of it: `query`, `headers`, `body`."""

    entry: Entry
    envelope: Envelope
    parts: Mapping[str, Any]

    def proven(self, feed: str) -> Mapping[str, Any] | None:
        """The proofs that it `gave` to the feed, which asked for so many (`of`); None of one that an earlier release
        has kept.
        """
        verified: Mapping[str, Any] | None = self.envelope.request.get("verified")
        return None if verified is None else verified.get(feed, {"gave": (), "of": 0})


@dataclass(frozen=True)
class Trigger:
    """One address of a feed, and what is done with what comes there."""

    feed: Feed
    settings: Settings

    @property
    def does(self) -> str:
        wanted = self.settings.get("do", IMPORT)
        return wanted if isinstance(wanted, str) else SET_STATE

    def takes(self, heard: Heard) -> bool:
        """Whether a request is for this trigger, whose own `verify` it has to have passed when it came."""
        if not _is_at(self.settings, heard) or not _is_proven(self._proof, heard, self.feed):
            return False
        return self._condition is None or is_true(_found(self._condition, heard.parts))

    def id(self, heard: Heard) -> str:
        """The id of what a request names. Raises DeliveryRefused where it names nothing that could be one."""
        path = self.settings.get("id")
        value = None if path is None else _found(compiled_path(path), heard.parts)
        return _named(value, f"`id: {path}`")

    def delivery(self, heard: Heard) -> bytes:
        """The request as it is sealed: with all that an import needs to know of it, today or at a replay."""
        named = {} if "id" not in self.settings else {"id": _found(compiled_path(self.settings["id"]), heard.parts)}
        seen = {name: heard.parts[name] for name in ("query", "headers")}  # the body is what is imported
        envelope = replace(heard.envelope, trigger={**seen, **named})
        if self.does == SET_STATE:
            return sealed(replace(envelope, trigger={"setState": self._state(heard)}))
        if heard.envelope.request.get("method") == "GET":  # the query is the data
            query = heard.parts["query"]
            is_form = self.feed.decode["format"] == "form"
            envelope = replace(envelope, body=urlencode(query, True).encode() if is_form else orjson.dumps(query))
        return sealed(envelope)

    @cached_property
    def _proof(self) -> str:
        return proof(self.settings)

    @cached_property
    def _condition(self) -> Any:
        return None if self.settings.get("if") is None else compiled_path(self.settings["if"])

    def _state(self, heard: Heard) -> dict[str, Any]:
        wanted = self.settings["do"][SET_STATE]
        value = _found(compiled_path(wanted["key"]), heard.parts)
        key = escaped(_named(value, f"`setState.key: {wanted['key']}`"))
        known = [name for name, kind in self.feed.activity_types.items() if wanted["state"] in kind.states]
        types = [wanted["type"]] if "type" in wanted else known
        return {"types": types, "key": key, "state": wanted["state"]}


def triggers(feed: Feed) -> list[Trigger]:
    """The feed's, in the order in which they are asked whether a request is for them."""
    return [Trigger(feed, settings) for settings in hooks(feed)]


def is_stranger(heard: Heard, feed: Feed) -> bool:
    """Whether all that the feed asks for at its address was changed since a request came, each time in its own way."""
    here = [settings for settings in hooks(feed) if _is_at(settings, heard)]
    return bool(here) and not any(_is_proven(proof(settings), heard, feed) for settings in here)


def heard(entry: Entry, feed: Feed) -> Heard:
    """A request out of the inbox. Raises DecodeError."""
    try:
        envelope = opened(entry.content)
    except NotAnEnvelope as error:
        raise DecodeError("envelope.unreadable", str(error)) from error
    kept = envelope.request
    request = Request(kept["method"], kept["path"], kept["query"], kept["headers"], envelope.body)
    parts = dict(request.parts)
    if parts["body"] is None and envelope.body:
        with suppress(DecodeError):
            parts["body"] = envelopes.document(envelope.body, envelope.media, feed.decode)
    return Heard(entry, envelope, parts)


class Party(NamedTuple):
    """One of those who listen at an address, and what a request has to prove to it."""

    feed: str
    proof: str
    checks: Sequence[Settings]
    dedupe: Settings | None


def taken(request: Request, endpoint: str, by: Sequence[Party], everyone: Sequence[Party], now: datetime) -> Entry:
    """A request as the inbox keeps it: the body as it came, beside it nothing that proves who sent it.

    `by` are those of `everyone` at this address to whom it has proved what they ask for. Where that is not all
    of them, it is the same request again only for the same ones: two senders may say the same words.
    """
    verified = {each.feed: {"gave": _proofs(each.feed, by), "of": len(_proofs(each.feed, everyone))} for each in by}
    who = "" if len(by) == len(everyone) else f" {sorted((each.feed, each.proof) for each in by)}"
    identity = webhook.identity(request, endpoint + who, by[0].checks, by[0].dedupe)
    kept = webhook.kept(request, endpoint, [check for each in everyone for check in each.checks])
    kept |= {"received": stamp(now), "id": identity.name, "verified": verified}
    media = request.headers.get("content-type", "")
    return Entry(
        name=identity.name,
        endpoint=endpoint,
        feeds=tuple(verified),
        received_at=stamp(now),
        keep_until=stamp(now + timedelta(seconds=identity.keep)),
        content=sealed(Envelope(request=kept, status=200, media=media, body=request.body)),
    )


def _is_at(settings: Settings, heard: Heard) -> bool:
    here = (settings["endpoint"], settings.get("method", "POST"))
    return here == (heard.entry.endpoint, heard.envelope.request.get("method"))


def _is_proven(wanted: str, heard: Heard, feed: Feed) -> bool:
    """Whether a request gave the proof that is asked for here.

    Where the feed asked for one alone, and was changed since, but still does, that one stands for this one.
    """
    proven = heard.proven(feed.id)
    if proven is None or wanted in proven["gave"]:
        return True
    return bool(proven["of"] == 1 == len({proof(each) for each in hooks(feed) if _is_at(each, heard)}))


def _proofs(feed: str, parties: Sequence[Party]) -> list[str]:
    return sorted({each.proof for each in parties if each.feed == feed})


def _found(path: Any, parts: Mapping[str, Any]) -> Value:
    """None also where the expression cannot be applied to what came."""
    try:
        return path(parts)
    except RecordError:
        return None


def _named(value: Value, where: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(text_of(value)) <= _LONGEST_ID:
        return text_of(value)
    found = "nothing" if value is None else f"a {type(value).__name__}"
    text = f"expected an id at {where} of the request (text or a number, up to {_LONGEST_ID} characters), found {found}"
    raise DeliveryRefused("hook.noId", text)
