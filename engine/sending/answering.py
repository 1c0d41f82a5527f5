"""A request of the other side answered, from what is committed: found, judged, rendered, kept under the request's name.

Imports nothing, and hears no request by itself.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from engine.errors import EncodeError, RecordError, StoreError
from engine.exported import Find, Subject
from engine.language import durations
from engine.mapping.keys import escaped, text_of
from engine.mapping.versions import Check
from engine.model import Export, Value
from engine.outbound.encode import encode
from engine.outbound.rendering import Withheld, answered
from engine.outbound.seen import found, seen
from engine.outbound.select import barred
from engine.store import replies
from engine.store.bulk import bulk_of
from engine.store.database import Connection, reading, writing
from engine.store.replies import Given
from engine.store.subjects import subjects
from engine.world import World, stamp

_KEPT = timedelta(days=7)  # a reply, for the same request that comes again


class Refused(Exception):
    """The request is not answered: it comes from an older version than the definition requires."""


class Answering:
    """One request of one export. `parts` are its query, headers and body."""

    def __init__(self, export: Export, parts: Mapping[str, Any], world: World) -> None:
        assert export.find is not None  # noqa: S101  (a reply has one: the schema says so)
        self._export, self._parts, self._world = export, parts, world
        self._find: Find = export.find
        self._now = world.clock.now()
        self._request = self._name()
        given = (export.transport.get("dedupe") or {}).get("keepFor")
        keep = _KEPT if given is None else timedelta(seconds=durations.seconds(str(given)))
        self._times = (stamp(self._now), stamp(self._now - keep))

    def given(self) -> Given | None:
        """What the same request was answered before."""
        if self._request is None:
            return None
        with reading(self._world.engine) as connection:
            return replies.given(connection, self._export.id, self._request, self._times[1])

    @property
    def names_one(self) -> bool:
        """Whether the request says which activity it is about."""
        return self._key() is not None

    def answer(self) -> Given | None:
        """The reply, kept; None where there is no such activity, and that is to be told. Raises Refused."""
        with writing(self._world.engine) as connection:
            replies.acknowledge(connection, self._export.id, self._acknowledged(), self._times[0])
            subject = self._subject(connection)
            versions = self._versions(subject)
            if subject is None and self._find.on_none == "notFound":
                return None
            fields, once = self._fields(connection, subject, versions)
            try:
                made = encode(fields, self._export.encode)
            except (EncodeError, RecordError) as error:
                raise StoreError(f"the reply of {self._export.id} cannot be written: {error}") from error
            reply = Given(made.media, made.body)
            if self._request is None:
                return reply
            number = None if subject is None else subject.id
            return replies.kept(connection, self._export.id, self._request, number, reply, once, self._times)

    def _fields(
        self, connection: Connection, subject: Subject | None, versions: Mapping[str, str]
    ) -> tuple[Mapping[str, Value], list[str]]:
        """What it says, and what of it once: nothing where a rule of the definition keeps it back."""
        if subject is None:
            return {}, []
        delivered = replies.delivered(connection, self._export.id, subject.id)
        try:
            if (held := barred(self._export, subject, self._now, {})) is not None:
                raise Withheld(held)
            return answered(self._export, subject, self._parts, self._now, versions, delivered)
        except Withheld as error:
            details = {"export": self._export.id, "reason": error.held.reason, "rule": error.held.rule}
            self._world.note("reply.withheld", {"level": "warning", **details})
            return {}, []

    def _subject(self, connection: Connection) -> Subject | None:
        key = self._key()
        if key is None:
            return None
        export = self._export
        number = replies.activity_of(connection, export.dealer.name, export.namespace, self._find.type, key)
        return None if number is None else next(iter(subjects(bulk_of(connection), [number])), None)

    def _versions(self, subject: Subject | None) -> dict[str, str]:
        """Those that the request says, or the activity; Refused where one that is required is too old."""
        what = {**(seen(self._export, subject, self._now) if subject is not None else {}), **self._parts}
        said = {product: found(path, what) for product, path in self._export.versions.items()}
        for product, least in self._export.minima.items():
            if (lack := Check(product, least)(said.get(product))) is not None:
                raise Refused(lack.message)
        return {product: text_of(version) for product, version in said.items() if version is not None}

    def _key(self) -> str | None:
        parts = [found(path, self._parts) for path in self._find.key]
        return None if any(part in (None, "") for part in parts) else "|".join(map(escaped, parts))

    def _name(self) -> str | None:
        """What the other side calls its request; None where it has no name: then it is answered anew each time."""
        by = (self._export.transport.get("dedupe") or {}).get("by") or ()
        parts = [found(path, self._parts) for path in by]
        if not parts or any(part in (None, "") for part in parts):
            return None
        return text_of(parts[0]) if len(parts) == 1 else "|".join(map(escaped, parts))

    def _acknowledged(self) -> Iterator[str]:
        path = self._export.transport.get("acknowledged")
        value = None if path is None else found(path, self._parts)
        yield from (text_of(each) for each in (value if isinstance(value, list) else [value]) if each is not None)
