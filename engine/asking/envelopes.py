"""A sealed reply of an API to records: its body as the definition says, with what was asked beside it.

Never sends anything, and never reads what is not in the envelope.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.message import Message
from pathlib import Path

from engine.decode import decode
from engine.decode.source import Held
from engine.decode.text import DEFAULT
from engine.errors import DecodeError
from engine.garbage import uncollected
from engine.model import Batch, Beside, Decoded, Value
from transports.base import Reply
from transports.envelope import Envelope, NotAnEnvelope
from transports.envelope import opened as unsealed

_NO_CONTENT = (204, 205, 304)


def opened(path: Path) -> Envelope:
    """The envelope in a sealed copy. Raises DecodeError ("envelope.unreadable")."""
    try:
        return unsealed(path.read_bytes())
    except NotAnEnvelope as error:
        raise DecodeError("envelope.unreadable", str(error)) from error


def decoded(
    envelope: Envelope, settings: Mapping[str, Value], batch: int = 5000, fresh: Decoded | None = None
) -> Decoded:
    """The records of a reply; none where it counts as an empty one. Raises what the decoder raises.

    `fresh` is what `body` made of the same one a moment ago.
    """
    if envelope.empty is not None or envelope.status in _NO_CONTENT:
        return Decoded(None, iter(()), whole=True)
    beside = {
        name: Beside(include.of, _documents(include.replies, settings), include.read)
        for name, include in envelope.includes.items()
    }
    found = fresh or body(envelope.body, envelope.media, settings, batch)
    return replace(found, path=envelope.read, beside=beside)


def context(envelope: Envelope) -> dict[str, Value]:
    """What a mapping sees beside the records of a reply."""
    parent = {name: value for each in envelope.parent.values() for name, value in each.items()} | dict(envelope.parent)
    seen = {"parent": parent, "window": envelope.window, "trigger": envelope.trigger}
    return {**envelope.parent, **seen}


def body(content: bytes, media: str, settings: Mapping[str, Value], batch: int = 5000) -> Decoded:
    """A body that came over HTTP; its encoding is that of the media type where the definition names none."""
    charset = _charset(media)
    if "encoding" not in settings and charset is not None:
        settings = {**settings, "encoding": tuple(dict.fromkeys((charset, *DEFAULT)))}
    with uncollected():  # a document is read at once, and whole
        return decode(Held(content), settings, batch)


def document(content: bytes, media: str, settings: Mapping[str, Value]) -> Value:
    """A body as one document: what its format makes of it, or the list of its records."""
    found = body(content, media, settings)
    return together(found, list(found.batches))


def together(found: Decoded, batches: Sequence[Batch]) -> Value:
    """What was decoded, as one document."""
    rows = [row for batch in batches for row in batch.rows]
    if found.header is not None:
        rows = [dict(zip(found.header, row, strict=False)) for row in rows]
    return rows[0] if found.whole and len(rows) == 1 else rows


def _documents(replies: Sequence[Reply], settings: Mapping[str, Value]) -> list[Value]:
    return [document(each.body, each.headers.get("content-type", ""), settings) for each in replies]


def _charset(media: str) -> str | None:
    """The charset of a media type, as Python calls it; None where it says none that we know."""
    message = Message()
    message["content-type"] = media
    named = message.get_content_charset()
    try:
        return codecs.lookup(named).name if named else None
    except LookupError:
        return None
