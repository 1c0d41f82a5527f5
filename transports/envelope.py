"""What is sealed of an API: one reply and everything that belongs to it, as bytes that need nothing else to be read.

One line of JSON, then the body as it came. Never holds a secret: requests are masked before they get here.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from transports.base import Reply

_VERSION = 1
# A header holds masked requests and the replies of includes; beyond this it is not one of ours.
_LONGEST_HEADER = 1 << 30


class NotAnEnvelope(ValueError):
    """The bytes are no envelope, or one of a later release."""


@dataclass(frozen=True, slots=True)
class Include:
    """Replies of one `include`: `of[n]` is the index in `replies` of what belongs to raw record n, or None.

    `read` is the JMESPath of what counts in each, None for all of it.
    """

    of: Sequence[int | None]
    replies: Sequence[Reply]
    read: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One reply with everything that a mapping needs to know of it.

    `status`, `media` and `body` are the reply's. `empty` says why a reply counts as one without records, whatever its
    body is: "ignored", "skipped" (an `onError` rule), "unchanged" (304), "job" (a reply about one, and not what it
    makes); None for every other. `read`, where there is one, takes the place of `records.path` (an object that a
    trigger named). `window` has "from", "to" and "filter". `before` and `after` are positions.
    """

    request: Mapping[str, Any]
    status: int
    media: str
    body: bytes
    empty: str | None = None
    read: str | None = None
    parent: Mapping[str, Any] = field(default_factory=dict)
    window: Mapping[str, Any] = field(default_factory=dict)
    trigger: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    includes: Mapping[str, Include] = field(default_factory=dict)


_PLAIN = ("request", "status", "media", "empty", "read", "parent", "window", "trigger", "before", "after")


def sealed(envelope: Envelope) -> bytes:
    """The envelope as bytes; the same for the same envelope."""
    header = {"envelope": _VERSION, **{name: getattr(envelope, name) for name in _PLAIN}}
    header["includes"] = {name: _written(include) for name, include in envelope.includes.items()}
    return orjson.dumps(header) + b"\n" + envelope.body


def opened(content: bytes) -> Envelope:
    """What `sealed` wrote. Raises NotAnEnvelope for anything else."""
    end = content.find(b"\n", 0, _LONGEST_HEADER)
    try:
        header = orjson.loads(memoryview(content)[:end] if end > 0 else b"")
        if header["envelope"] != _VERSION:
            raise NotAnEnvelope(f"expected an envelope of version {_VERSION}, found {header['envelope']!r}")
        includes = {name: _read(include) for name, include in header["includes"].items()}
        return Envelope(**{name: header[name] for name in _PLAIN}, includes=includes, body=content[end + 1 :])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise NotAnEnvelope("expected an envelope (one line of JSON, then the body), found other bytes") from error


def _written(include: Include) -> dict[str, Any]:
    replies = [{"status": each.status, "headers": dict(each.headers), **_body(each.body)} for each in include.replies]
    return {"of": list(include.of), "replies": replies, "read": include.read}


def _read(include: Mapping[str, Any]) -> Include:
    replies = [
        Reply(
            each["status"],
            each["headers"],
            each["text"].encode() if "text" in each else base64.b64decode(each["bytes"]),
        )
        for each in include["replies"]
    ]
    return Include(include["of"], replies, include["read"])


def _body(body: bytes) -> dict[str, str]:
    """As text where it is UTF-8, so that a person can read it; as base 64 where it is not."""
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(body).decode("ascii")}
