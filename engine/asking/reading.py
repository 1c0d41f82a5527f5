"""Replies as a transport of pages looks at them: documents, records, what makes a record the same, how far they reach.

Decides nothing about what is stored: an import reads the sealed reply again, by the same rules.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.asking import envelopes
from engine.errors import DecodeError, RecordError
from engine.mapping.compiler import Compiled, compiled_path, filled, inspector, lapsed, mapper
from engine.mapping.plan import seen_with, selections
from engine.mapping.records import Selection, canonical
from engine.mapping.scope import needed
from engine.model import Batch, Decoded, Feed, MappedRecord, Records, Stream, Value
from transports.base import Reply
from transports.http_windows import Window, is_before

_PARTS = "\x1f"


@dataclass(slots=True)
class Reader:
    """The replies of one feed's API. `context` is what its fields see beside a record."""

    feed: Feed
    context: Mapping[str, Value]
    _last: tuple[Reply, Value, Decoded, list[Batch]] | None = None
    _searches: dict[str, Any] = field(default_factory=dict)
    _selections: list[Selection] | None = None
    _keys: list[Compiled] | None = None
    _cursors: list[Compiled] | None = None

    def document(self, reply: Reply) -> Value:
        """The decoded body, or None."""
        try:
            return self._document(reply)
        except DecodeError:
            return None

    def carried(self, reply: Reply) -> Decoded | None:
        """What was decoded of this very reply last, where it is one document; an import reads it instead."""
        last = self._last
        if last is None or last[0] is not reply or not last[2].whole:
            return None
        return replace(last[2], batches=iter(last[3]))

    def records(self, reply: Reply) -> Sequence[Value]:
        """What `records.path` picks, before `if`. Raises DecodeError, and DeliveryRefused ("path.missing")."""
        document = self._document(reply)
        if self.feed.decode["format"] not in ("json", "xml"):
            return document if isinstance(document, list) else [document]
        if self._selections is None:
            self._selections = list(selections(self.feed))
        return [record for each in self._selections for record in each.records(document)]

    def search(self, expression: str, value: Value) -> Value:
        """What a JMESPath finds; None where it cannot be applied to such a value."""
        if expression not in self._searches:
            self._searches[expression] = compiled_path(expression)
        try:
            return self._searches[expression](value)
        except RecordError:
            return None

    def identities(self, records: Sequence[Value]) -> list[str]:
        """The strongest key of each record in the first stream that gives it one, else a digest of it."""
        if self._keys is None:
            self._keys = [self._compiled_keys(stream) for stream in self.feed.streams]
        found = [""] * len(records)
        left = [place for place, record in enumerate(records) if isinstance(record, dict)]
        for compiled in self._keys:
            for made in self._mapped(compiled, records, left):
                keys = sorted(f"{activity.spec} {activity.keys[0]}" for activity in made.activities if activity.keys)
                found[made.index] = _PARTS.join(keys)
            left = [place for place in left if not found[place]]
        return [name or _digest(record) for name, record in zip(found, records, strict=True)]

    def highest(self, records: Sequence[Value]) -> str | int | None:
        """The greatest value of the cursor field; None where no record has one that can be read."""
        values = [value for record in records for value in self._values(record)]
        kinds = {type(value) for value in values}
        return max(values) if len(kinds) == 1 else None

    def _document(self, reply: Reply) -> Value:
        last = self._last
        if last is not None and last[0] is reply:
            return last[1]
        media = reply.headers.get("content-type", "")
        found = envelopes.body(reply.body, media, self.feed.decode)
        batches = list(found.batches)
        document = envelopes.together(found, batches)
        self._last = (reply, document, found, batches)
        return document

    def _mapped(self, compiled: Compiled, records: Sequence[Value], places: list[int]) -> list[MappedRecord]:
        made: list[MappedRecord] = []
        given = filled(compiled, self._seen, self.feed.dealer)
        compiled.run(list(records), places, self._seen, given, made.append, _passed, _passed, _passed, _passed)
        return made

    def _values(self, record: Value) -> Iterator[str | int]:
        if self._cursors is None:
            self._cursors = list(self._compiled_cursors())
        cursor = str(self.feed.transport["incremental"]["cursor"])
        for compiled in self._cursors:
            found: dict[str, Value] = {}
            given = filled(compiled, self._seen, self.feed.dealer)
            compiled.run(0, record, self._seen, given, _passed, _passed, found.__setitem__, _passed)
            value = found.get(cursor)
            if isinstance(value, str | int) and not isinstance(value, bool):
                yield value
                return

    @property
    def _seen(self) -> Mapping[str, Value]:
        return seen_with(self.feed, self.context)

    @property
    def _nulls(self) -> frozenset[str]:
        return frozenset(text.strip() for text in self.feed.decode.get("nullValues") or ())

    def _compiled_keys(self, stream: Stream) -> Compiled:
        whole = replace(stream, activities=tuple(spec for spec in stream.activities if spec.each is None))
        return mapper(lapsed(whole), None, self.feed.dealer, self._nulls)

    def _compiled_cursors(self) -> Iterator[Compiled]:
        name = (self.feed.transport.get("incremental") or {}).get("cursor")
        for stream in self.feed.streams:
            if not isinstance(name, str) or name not in stream.fields:
                continue
            fields = {each: stream.fields[each] for each in needed(stream.fields, [name])}
            alone = replace(stream, fields=fields, records=Records(), activities=(), contact=None, vehicle=None)
            yield inspector(alone, None, self.feed.dealer, self._nulls, ())


def unasked(feed: Feed, context: Mapping[str, Value], records: Sequence[Value]) -> set[int]:
    """Indexes of records from before the window, where the API sends everything and leaving out is our affair.

    One without a cursor is none of them: nobody knows when it was changed.
    """
    window = context.get("window")
    if not isinstance(window, Mapping) or window.get("filter") != "client" or window.get("from") is None:
        return set()
    reader, asked = Reader(feed, context), Window(window["from"], None)
    return {
        index
        for index, record in enumerate(records)
        if isinstance(record, dict) and is_before(reader.highest([record]), asked)
    }


def _digest(record: Value) -> str:
    return hashlib.blake2b(canonical(record).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _passed(*ignored: object) -> None:
    """Hears of what does not count here."""
