"""One sealed delivery becomes rows: decode, map, store, count, in one transaction.

Never touches the far side and never the network. A delivery of very many records is committed
in parts of `chunk_rows`, after a first reading that wrote nothing has found it fit.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from engine import guards, habits
from engine.asking import envelopes
from engine.asking.reading import unasked
from engine.decode import decode
from engine.errors import DeliveryRefused, StoreError
from engine.exported import Brought
from engine.garbage import uncollected
from engine.intake import waiting
from engine.mapping import FeedMapping, Kept, Portion, compile_mapping
from engine.mapping.surroundings import surroundings
from engine.model import Batch, Decoded, Feed, Issue, Tally, Value
from engine.outbound.queueing import queue, watched
from engine.remarks import Remarks
from engine.store import journal, last, leases, positions
from engine.store.bulk import bulk_of
from engine.store.clashes import Memory
from engine.store.database import Connection, inside, lock_dealer, refresh_statistics, writing
from engine.store.delivery import DeliveryWriter, digester
from engine.store.entries import Rows
from engine.store.happenings import Happenings
from engine.store.journal import DONE, ENVELOPED, FILE, PAGE, STORED, Entry, Registered
from engine.store.origin import Origin
from engine.store.quarantine import patched
from engine.store.states import set_state
from engine.world import Progress, World, stamp
from transports import FILES
from transports.envelope import Envelope

_SMALLEST_ROW = 2  # bytes: a file that could not hold more rows than a part needs no first reading
_PACKED = (b"\x1f\x8b", b"PK")


class NotMine(DeliveryRefused):
    """The file has another header than this feed's: another feed's file, or no one's."""


@dataclass(slots=True)
class Import:
    """One delivery on its way in. `lines` limits a replay to these rows of the file.

    `within` is the caller's transaction, which a trial rolls back: nothing is then committed here.
    """

    feed: Feed
    registered: Registered
    entry: Entry
    root: int  # the delivery whose file is read
    world: World
    lease: leases.Lease
    lines: Collection[int] | None = None
    guarded: bool = True
    within: Connection | None = None
    kept: Kept = field(default_factory=Kept)  # of the deliveries before, where one comes after the other
    tally: Tally = field(default_factory=Tally)
    remarks: Remarks = field(default_factory=Remarks)
    codes: Counter[str] = field(default_factory=Counter)  # of the rows in quarantine
    memory: Memory = field(default_factory=Memory)
    envelope: Envelope | None = None  # of a page
    fresh: Decoded | None = None  # its body, decoded a moment ago by those who asked for it; for the first reading
    passed: int = 0  # records of the file behind us, in earlier parts as well

    @property
    def issues(self) -> list[Issue]:
        """What a person should look at."""
        return self.remarks.issues

    @issues.setter
    def issues(self, issues: list[Issue]) -> None:
        self.remarks.issues = issues

    # --- the story ---------------------------------------------------------------------------

    def run(self) -> None:
        """Store the delivery whole, or raise and leave nothing of it; a page's position with it.

        Raises DecodeError and DeliveryRefused for what is wrong with the file, NotMine where it
        is another feed's, LeaseLost, StoreError and DiskError for what is wrong around it.
        """
        with self.world.archive.usable():
            if self._is_enveloped:
                self.envelope = envelopes.opened(self.world.archive.path(self.entry.sha256 or ""))
                if "setState" in self.envelope.trigger:
                    self._set_state(**self.envelope.trigger["setState"])
                    return
            chunked = self._may_be_long() and self._fit_for_parts()
            self._restore()
            decoded, mapping = self._opened()
            batches = decoded.batches
            limit = self.world.chunk_rows if chunked and self.within is None else None
            with uncollected():
                while not self._part(decoded, mapping, batches, limit):
                    pass
            if self.within is None:
                refresh_statistics(self.world.engine, self.tally.inserted)
            self._report(mapping, decoded)

    def _part(self, decoded: Decoded, mapping: FeedMapping, batches: Iterator[Batch], limit: int | None) -> bool:
        """One transaction; True when the delivery is in."""
        skip, start = self.entry.checkpoint or 0, self.tally.read
        with writing(self.world.engine) if self.within is None else inside(self.within) as connection:
            lock_dealer(connection, self.registered.dealer_id)
            origin = self._origin()
            happenings = Happenings(watched(self.feed.exports))
            writer = DeliveryWriter(bulk_of(connection), origin, self.tally, self.memory, happenings)
            digests = digester(self._salt(decoded))
            done = True
            while (batch := self._read(batches)) is not None:
                behind = min(max(skip - self.passed, 0), len(batch.rows))
                self.passed += len(batch.rows)
                if behind < len(batch.rows):
                    with self.world.step("store"):
                        self._store(_without(batch, behind), decoded, mapping, writer, digests)
                if limit is not None and self.tally.read - start >= limit:
                    done = False
                    break
            self.issues += writer.issues
            if done and writer.has_clashes:
                self._second_look(writer, digests)
            if done and limit is None and self.entry.checkpoint is None:
                self._decide(self.tally)
            self.codes.update(writer.codes)
            self._queue(connection, happenings)
            self._settle(connection, decoded, done)
        return done

    def _read(self, batches: Iterator[Batch]) -> Batch | None:
        with self.world.step("decode"):
            return next(batches, None)

    def _set_state(self, types: Sequence[str], key: str, state: str) -> None:
        """What a request says of a known activity, whatever its body is."""
        with writing(self.world.engine) if self.within is None else inside(self.within) as connection:
            lock_dealer(connection, self.registered.dealer_id)
            self.tally.read = 1
            happenings = Happenings(watched(self.feed.exports))
            grade = set_state(bulk_of(connection), self._origin(), types, key, state, happenings)
            setattr(self.tally, grade, 1)
            self.tally.activities_updated += grade == "updated"
            self._queue(connection, happenings)
            self._settle(connection, Decoded(None, iter(())), True)

    def _queue(self, connection: Connection, happenings: Happenings) -> None:
        """What goes out for it is noted with it, or not at all."""
        feed, origin = self.feed, (self.registered.dealer_id, self.entry.id)
        if happenings.types:
            mine = {feed.id: Brought(feed.id, feed.excluded, feed.excluded_where)}
            queue(connection, feed.exports, happenings, origin, self.world.clock.now(), mine)

    def _settle(self, connection: Connection, decoded: Decoded, done: bool) -> None:
        """The last words of a transaction: the identity, the fence, and what the ledger now says."""
        if not self.tally.is_balanced:
            raise StoreError(f"the counts of {self.entry.name} do not add up: {journal.counted(self.tally)}")
        leases.check(connection, self.lease)
        columns: dict[str, Any] = {
            "counts": self.tally,
            "mapping_hash": self.feed.mapping_hash,
            "header": None if decoded.header is None else orjson.dumps(decoded.header).decode(),
        }
        if done:
            state = DONE if self.entry.kind in ENVELOPED else STORED
            columns |= {"state": state, "checkpoint": None, "progress": None, "error_code": None, "error": None}
        else:
            columns |= {"checkpoint": self.passed, "progress": self.memory.packed()}
        journal.mark(connection, self.entry.id, self._now, **columns)
        if done and self.envelope is not None and self.entry.kind == PAGE:
            positions.save(connection, self.registered.id, self.envelope.after, self._now)

    # --- parts -------------------------------------------------------------------------------

    def _may_be_long(self) -> bool:
        """A cheap look before a dear one: by line ends, or by size where the file is packed."""
        if self.envelope is not None:
            return False  # a reply is capped
        path, rows = self.world.archive.path(self.entry.sha256 or ""), self.world.chunk_rows
        if path.stat().st_size < rows * _SMALLEST_ROW:
            return False
        with path.open("rb") as file:
            if file.read(2) in _PACKED:
                return True
            file.seek(0)
            counts = [(chunk.count(b"\n"), chunk.count(b"\r")) for chunk in iter(lambda: file.read(1 << 20), b"")]
        return max(sum(n for n, _ in counts), sum(r for _, r in counts)) >= rows

    def _fit_for_parts(self) -> bool:
        """Read the delivery once without writing, where it is long: guards decide before any row is kept.

        False where it is not long after all, or was begun already: then it was found fit.
        """
        if self.entry.checkpoint is not None:
            return True
        if not self._is_long():
            return False
        decoded, mapping = self._opened()
        tally = Tally()
        context = self._context()
        for batch in decoded.batches:
            for portion in mapping.portions(batch):
                bad = {fault.index for fault in portion.faults}
                made = mapping.map(portion, [i for i in range(len(portion.rows)) if i not in bad], context)
                tally.read += len(portion.rows)
                tally.quarantined += len(bad) + sum(len(mapped.faults) for _, mapped in made)
        self._decide(tally)
        return True

    def _is_long(self) -> bool:
        decoded = self._decoded()
        if decoded.whole:
            return False  # a document is one batch
        rows = 0
        for batch in decoded.batches:
            rows += len(batch.rows)
            if rows > self.world.chunk_rows:
                return True
        return False

    def _restore(self) -> None:
        """Take up the counts of the parts that are committed."""
        if self.entry.checkpoint is None:
            return
        for name, count in (self.entry.counts or {}).items():
            setattr(self.tally, name, count)
        self.memory.add_packed(self.entry.progress or {})

    # --- batches -----------------------------------------------------------------------------

    def _store(
        self, batch: Batch, decoded: Decoded, mapping: FeedMapping, writer: DeliveryWriter, digests: Any
    ) -> None:
        context = self._context()
        for portion in self._portions(batch, decoded, mapping):
            self.tally.read += len(portion.rows)
            portion = self._asked_for(portion, context)
            rows = Rows(portion.raws, portion.lines, digests(portion.raws))
            writer.keep(portion.faults, rows)
            self.remarks.faults(portion.faults)
            left = self._changed(portion, rows, writer)
            self._mend(portion, left, writer, decoded)
            for number, mapped in mapping.map(portion, left, context):
                self.remarks.faults(mapped.faults)
                self.remarks.warnings(mapped.warnings)
                writer.store(self.feed.streams[number], mapped, rows)
        self.world.progress(Progress(self.feed.id, self.entry.name, 0, self.tally.read))

    def _portions(self, batch: Batch, decoded: Decoded, mapping: FeedMapping) -> list[Portion]:
        """The records, or only those that a replay asks for: of a document they are known once it is looked into."""
        lines = self.lines
        if lines is None:
            return mapping.portions(batch)
        if decoded.whole:
            return [_part_of(portion, lines) for portion in mapping.portions(batch)]
        return mapping.portions(_chosen(batch, [p for p, line in enumerate(batch.lines) if line in lines]))

    def _asked_for(self, portion: Portion, context: Mapping[str, Value]) -> Portion:
        """Without the records that the API sent unasked, which are filtered."""
        old = unasked(self.feed, context, portion.rows)
        self.tally.filtered += len(old)
        return _part_of(portion, {line for at, line in enumerate(portion.lines) if at not in old}) if old else portion

    def _changed(self, portion: Portion, rows: Rows, writer: DeliveryWriter) -> list[int]:
        """Indexes of the records that are not stored already just as they are."""
        types = sorted({spec.type for number in portion.streams for spec in self.feed.streams[number].activities})
        same = writer.unchanged(rows.digests, types)
        bad = {fault.index for fault in portion.faults}
        if not same and not bad:
            return list(range(len(portion.rows)))
        return [index for index in range(len(portion.rows)) if index not in same and index not in bad]

    def _mend(self, portion: Portion, left: Sequence[int], writer: DeliveryWriter, decoded: Decoded) -> None:
        """Apply again what a person has corrected in such a row before."""
        fixes = writer.fixes([portion.raws[index] for index in left])
        for place, fix in fixes.items():
            index = left[place]
            portion.rows[index] = patched(decoded.header, portion.rows[index], fix)

    def _second_look(self, writer: DeliveryWriter, digests: Any) -> None:
        """Find the rows again that a later one contradicted, and keep them in quarantine."""
        decoded, mapping = self._opened()
        for batch in decoded.batches:
            for portion in self._portions(batch, decoded, mapping):
                writer.keep_taken_back(Rows(portion.raws, portion.lines, digests(portion.raws)))

    # --- deciding and telling ----------------------------------------------------------------

    def _decide(self, tally: Tally) -> None:
        """Raise DeliveryRefused where too much is wrong; once, before any row is kept for good."""
        if any(stream.records.on_bad == "fail" for stream in self.feed.streams) and tally.quarantined:
            raise DeliveryRefused("row.bad", f"{tally.quarantined} rows could not be used and records.onBad is `fail`")
        if self.guarded:
            before = (
                self.world.journal.rows_before(self.registered.id, self.entry.id, 5) if self.feed.sends_whole else []
            )
            guards.check(self.feed.guards, tally, before)

    def _report(self, mapping: FeedMapping, decoded: Decoded) -> None:
        self.remarks.of_warnings()
        self.remarks.of_columns(mapping.unread)
        # One record, or one page, says nothing of what a path is good for.
        if self.entry.kind not in ENVELOPED:
            self.remarks.of_paths(mapping.never_filled)
        # What a person may want to ask the sender about; of a whole file, that came by itself.
        if self.entry.kind == FILE and self.lines is None and self.feed.sends_whole:
            before = last.before(self.world.engine, self.registered.id, self.entry.id)
            self.issues += habits.volume(self.tally.read, self.entry.run_date, before)
            self.issues += habits.columns(decoded.header, before)
        self.issues += [Issue(code, message, "info") for code, message in decoded.notes]

    # --- reading -----------------------------------------------------------------------------

    @property
    def _is_enveloped(self) -> bool:
        """A feed of files has its files bare; what a request has brought it came with all that belongs to it."""
        if str(self.feed.transport["type"]) not in FILES or self.entry.kind in ENVELOPED:
            return True
        root = self.world.journal.delivery(self.root) if self.root != self.entry.id else None
        return root is not None and root.kind in ENVELOPED

    def _decoded(self) -> Decoded:
        if self.envelope is not None:
            fresh, self.fresh = self.fresh, None
            return envelopes.decoded(self.envelope, self.feed.decode, self.world.batch_rows, fresh)
        return decode(self.world.archive.path(self.entry.sha256 or ""), self.feed.decode, self.world.batch_rows)

    def _opened(self) -> tuple[Decoded, FeedMapping]:
        decoded = self._decoded()
        self._check_ours(decoded)
        return decoded, compile_mapping(self.feed, decoded, self.kept)

    def _check_ours(self, decoded: Decoded) -> None:
        """By its header: a file of another kind is left alone, whatever its name."""
        foreign = waiting.not_ours(self.feed.transport, decoded.header)
        if foreign is not None:
            raise NotMine("file.notOurs", foreign)

    def _context(self) -> dict[str, Value]:
        entry, of = self.entry, waiting.pattern(self.feed.transport)
        modified = None if entry.modified is None else stamp(datetime.fromtimestamp(entry.modified, UTC))
        facts = {
            "file": waiting.facts(of, entry.name, entry.size, modified),
            "run": {"date": entry.run_date, "now": entry.run_now},
        }
        return facts if self.envelope is None else {**envelopes.context(self.envelope), **facts}

    def _origin(self) -> Origin:
        return Origin(
            self.registered.dealer_id, self.registered.id, self.feed.namespace, self.entry.id, self.root, self._now
        )

    @property
    def _now(self) -> str:
        return stamp(self.world.clock.now())

    def _salt(self, decoded: Decoded) -> str:
        """What makes the same text another row: its feed, the definition, the header, the file where that is read."""
        salt = f"{self.feed.id}\x00{self.feed.mapping_hash}\x00{decoded.header}"
        beside = surroundings(self.feed.streams, self._context(), self.kept.beside)
        return f"{salt}\x00{orjson.dumps(beside).decode()}" if beside else salt


def _without(batch: Batch, behind: int) -> Batch:
    """The batch without its first rows: those a part that is committed has stored already."""
    return batch if not behind else _chosen(batch, range(behind, len(batch.rows)))


def _part_of(portion: Portion, lines: Collection[int]) -> Portion:
    places = [place for place, line in enumerate(portion.lines) if line in lines]
    part = _chosen(Batch(portion.rows, portion.lines, list(portion.raws), portion.faults), places)
    return replace(portion, rows=part.rows, lines=part.lines, raws=part.raws, faults=part.faults)


def _chosen(batch: Batch, places: Sequence[int]) -> Batch:
    new = {old: place for place, old in enumerate(places)}
    faults = [replace(fault, index=new[fault.index]) for fault in batch.faults if fault.index in new]
    return Batch(
        [batch.rows[p] for p in places], [batch.lines[p] for p in places], [batch.raws[p] for p in places], faults
    )
