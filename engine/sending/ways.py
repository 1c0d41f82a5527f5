"""The way out of one export, opened: secrets resolved at this moment, and what an item adds put in by itself.

Sends nothing.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any

from engine.asking import envelopes
from engine.asking.filling import Filler
from engine.asking.logins import SealedTokens
from engine.asking.tools import transformed, turns
from engine.deferred import Reference, Template
from engine.errors import DecodeError, RecordError
from engine.language.secrets import Secrets
from engine.mapping.compiler import compiled_path
from engine.model import Export, Value
from engine.world import World
from transports import SENDERS
from transports.base import Reply, Sender, SendTools, Settings

_ADDRESS = "url"
_NAMED = "filename"
_OF_ITEMS = frozenset({"activity", "contact", "vehicle", "message"})
_BY_NAME = ("sftp", "file")  # what is there already under its name was taken


def has_way(export: Export) -> bool:
    """Whether something carries it: a reply is asked for instead."""
    return export.transport["type"] in SENDERS


def knows_again(export: Export) -> bool:
    """Whether the other side takes the same item once, however often it comes."""
    return export.transport["type"] in _BY_NAME or "idempotency" in export.transport


@contextmanager
def way_out(export: Export, world: World) -> Iterator[Sender]:
    """The export's sender; nothing is connected to yet. Raises SecretMissing."""
    settings = _closed(world.secrets.filled(export.transport))
    limit = export.transport.get("rateLimit")
    tools = SendTools(
        clock=world.clock.monotonic,
        now=world.clock.now,
        sleep=world.clock.sleep,
        chance=world.chance,
        document=_document,
        search=_found,
        fill=lambda value, names: value,
        address=lambda value, names: value,
        transform=transformed,
        tokens=SealedTokens(world, settings),
        turn=turns(limit, world, _sharers(export, settings)),
        note=world.note,
        answer=world.answer,
    )
    with world.way_out(str(export.transport["type"]), settings, tools) as sender:
        yield sender


def of_item(export: Export, secrets: Secrets, what: Mapping[str, Any]) -> Settings:
    """What of the transport is this item's own: an address, a recipient, a header."""
    filler = Filler(what, export.dealer.timezone)
    mine = {name: value for name, value in export.transport.items() if name != _NAMED and _is_open(value)}
    return {
        name: filler.address(value, {}) if name == _ADDRESS else filler.fill(value, {})
        for name, value in secrets.filled(mine).items()
    }


def name_of(export: Export, what: Mapping[str, Any], key: str, suffix: str) -> str | None:
    """The name of the item's file: as the definition says, and another one for each item."""
    written = export.transport.get(_NAMED)
    if written is None:
        return None
    name = str(Filler(what, export.dealer.timezone).fill(written, {}) or "")
    if _is_of_item(written) and name:
        return name
    path = PurePosixPath(name or f"item{suffix}")
    return f"{path.stem}-{key[:12]}{path.suffix}"


def key_of(export: Export, key: str) -> str:
    """What the other side knows an item by: the same whenever it is sent again, and nothing of a customer's."""
    return blake2b(f"{export.id}\x00{key}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _sharers(export: Export, settings: Settings) -> str:
    """Who shares the allowance: by its `scope`, the secret, the host or the export."""
    limit = export.transport.get("rateLimit") or {}
    scope = str(limit.get("scope", "credential"))
    parts = {"feed": export.id, "host": str(settings.get("url", settings.get("host", "")))}
    return f"out {scope} {parts.get(scope) or export.transport.get('auth', export.id)}"


def _closed(value: Value) -> Any:
    """Settings with what only an item knows left out: of a text what stands before it."""
    if isinstance(value, Template):
        return value.parts[0] if isinstance(value.parts[0], str) else ""
    if isinstance(value, Mapping):
        return {name: _closed(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_closed(each) for each in value]
    return value


def _is_open(value: Value) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_open, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_open, value))
    return isinstance(value, Template) and any(_is_late(part) for part in value.parts)


def _is_late(part: str | Reference) -> bool:
    return isinstance(part, Reference) and part.path[0] != "secret"


def _is_of_item(value: Value) -> bool:
    parts = value.parts if isinstance(value, Template) else ()
    return any(isinstance(part, Reference) and part.path[0] in _OF_ITEMS for part in parts)


def _document(reply: Reply) -> Value:
    """A reply as its media type says; its text where it says nothing that we read, None where it cannot be read."""
    media = reply.headers.get("content-type", "")
    text = reply.body.decode("utf-8", "replace")
    try:
        if "xml" in media:
            return envelopes.document(reply.body, media, {"format": "xml"})
        if "form-urlencoded" in media:
            return envelopes.document(reply.body, media, {"format": "form"})
        return json.loads(text)
    except DecodeError:
        return None
    except ValueError:
        return None if "json" in media else text or None


def _found(path: str, value: Value) -> Value:
    try:
        return compiled_path(path)(value)
    except RecordError:
        return None
