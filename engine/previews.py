"""What a feed makes of one file: how it is read, what its first rows become, how its fields are filled.

Decodes and maps, and nothing more: no row is stored, no file on the far side touched, and a sample
needs neither a database nor a secret.
"""

import codecs
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from engine import guards
from engine.connection import connected
from engine.decode import decode
from engine.decode.source import chunks, opened
from engine.decode.text import DEFAULT
from engine.errors import DecodeError, DeliveryRefused, RecordError
from engine.intake import waiting
from engine.intake.names import escaped
from engine.mapping import FeedMapping, Portion, compile_mapping
from engine.mapping.columns import Header
from engine.mapping.near import near_paths
from engine.mapping.plan import seen_with
from engine.mapping.survey import Figure, Looked, StreamSurvey, Unmatched, surveys
from engine.model import Batch, Decoded, Fault, Feed, MappedBatch, MappedRecord, Tally, Value
from engine.store import overview
from engine.transforms.codes import ELEMENT
from engine.world import World, stamp
from transports import FILES
from transports.base import Files, RemoteFile

MOST = 5_000  # records that are looked at
STORED, FILTERED, QUARANTINED, REFUSED = "stored", "filtered", "quarantined", "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the whole file would be kept out."""

    code: str
    message: str
    line: int | None = None


@dataclass(slots=True)
class Row:
    """One record: as it was sent, as each field sees it, and what would become of it."""

    line: int
    stream: str
    raw: Value
    verdict: str
    code: str | None = None
    message: str | None = None
    field: str | None = None
    record: MappedRecord | None = None
    looked: Looked | None = None
    warnings: list[Fault] = attribute(default_factory=list)


@dataclass(slots=True)
class Preview:
    """`complete` says that the sample was read to its end; `counts` are verdicts over all that was looked at."""

    feed: Feed
    name: str
    size: int
    compression: str = "none"
    encoding: str = ""
    reason: str = ""  # of the encoding
    columns: tuple[str, ...] | None = None
    records: int = 0
    complete: bool = True
    refusal: Refusal | None = None
    counts: Counter[str] = attribute(default_factory=Counter)
    rows: list[Row] = attribute(default_factory=list)
    figures: list[Figure] = attribute(default_factory=list)
    unread: tuple[str, ...] = ()
    unmatched: list[Unmatched] = attribute(default_factory=list)
    notes: list[tuple[str, str]] = attribute(default_factory=list)


def preview_sample(feed: Feed, path: Path, rows: int, now: datetime) -> Preview:
    """A file of our own, as if the feed had fetched it now."""
    about = path.stat()
    return _previewed(feed, path, RemoteFile(path.name, about.st_size, about.st_mtime), rows, now)


def preview_live(feed: Feed, world: World, rows: int) -> Preview | None:
    """The oldest file that waits, read through the transport; one that was taken already where none waits.

    None where no file matches. Raises TransportError and SecretMissing.
    """
    if feed.transport["type"] not in FILES:
        text = "an API is not previewed live yet: `feeds run --dry-run` tries its first page, `--sample` takes a file"
        raise DeliveryRefused("preview.noFiles", text)
    with connected(feed, world) as far:
        found = _oldest(feed, world, far)
        if found is None:
            return None
        file, is_new = found
        with world.archive.aside() as aside:
            part = aside.part(0)
            with world.archive.usable():
                far.fetch(file, part)
            preview = _previewed(feed, part, file, rows, world.clock.now())
    if not is_new:
        preview.notes.insert(0, ("file.taken", "no file waits; this one has been imported already"))
    return preview


def _oldest(feed: Feed, world: World, far: Files) -> tuple[RemoteFile, bool] | None:
    """The first file of the feed's order that is new, else the last that matches; and whether it is new."""
    of = waiting.pattern(feed.transport)
    files = waiting.wanted(far.files(), of)
    ordered = waiting.in_order(files, str(feed.transport.get("order", "name")), of, len(files))
    standing = overview.standings(world.engine, stamp(world.clock.now()), history=False).get(feed.id)
    known = {} if standing is None else world.journal.known(standing.id, far.source, [escaped(f.name) for f in files])
    # What was refused waits as well: whoever looks is about to mend it.
    new = [file for file in ordered if waiting.is_new(file, known.get(escaped(file.name), ()), "")]
    if new:
        return new[0], True
    return (ordered[-1], False) if ordered else None


# --- one file --------------------------------------------------------------------------------


def _previewed(feed: Feed, path: Path, file: RemoteFile, rows: int, now: datetime) -> Preview:
    preview = Preview(feed, escaped(file.name), path.stat().st_size)
    try:
        preview.compression = opened(path, feed.decode, container=feed.decode["format"] == "xlsx").packing
        decoded = decode(path, feed.decode, MOST)
        preview.encoding, preview.columns = decoded.encoding, decoded.header
        preview.reason = _reason(path, feed, decoded)
        preview.notes += decoded.notes
        if (foreign := waiting.not_ours(feed.transport, decoded.header)) is not None:
            preview.refusal = Refusal("file.notOurs", foreign)
        _Look(feed, preview, decoded, _context(feed, file, now), rows).over()
    except DecodeError as error:
        preview.refusal = preview.refusal or Refusal(error.code, str(error), error.line)
    except (DeliveryRefused, RecordError) as error:
        preview.refusal = preview.refusal or Refusal(error.code, str(error))
    if preview.refusal is not None:
        _refuse(preview)
    return preview


def _context(feed: Feed, file: RemoteFile, now: datetime) -> dict[str, Value]:
    """As an import of the file at this moment would see it."""
    modified = None if file.modified is None else stamp(datetime.fromtimestamp(file.modified, UTC))
    facts = waiting.facts(waiting.pattern(feed.transport), escaped(file.name), file.size, modified)
    today = now.astimezone(feed.dealer.timezone).date().isoformat()
    return seen_with(feed, {"file": facts, "run": {"date": today, "now": stamp(now)}})


def _refuse(preview: Preview) -> None:
    """No row is stored of a file that is kept out."""
    for row in preview.rows:
        if row.verdict in (STORED, FILTERED):
            row.verdict, row.record = REFUSED, None
    preview.counts[REFUSED] += preview.counts.pop(STORED, 0) + preview.counts.pop(FILTERED, 0)


def _reason(path: Path, feed: Feed, decoded: Decoded) -> str:
    """Why it was read in this encoding."""
    if not decoded.encoding:
        return ""
    settings = feed.decode
    start = next(chunks(opened(path, settings), 4), b"")
    if start.startswith(_MARKS):
        return "it begins with a byte order mark"
    if settings["format"] == "xml" and "encoding" not in settings:
        return "XML's own" if decoded.encoding == "utf-8" else "the document declares it"
    ladder = settings.get("encoding", DEFAULT)
    if isinstance(ladder, str) or len(ladder) == 1:
        return "declared"
    return f"the first of {', '.join(ladder)} that fits all of it"


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


@dataclass(slots=True)
class _Look:
    """The records of one file on their way into a preview."""

    feed: Feed
    preview: Preview
    decoded: Decoded
    context: Mapping[str, Value]
    most_rows: int
    surveys: list[StreamSurvey] = attribute(default_factory=list)

    def over(self) -> None:
        """Look at the first records; what is refused ends it, and what was seen until then stays."""
        header = None if self.decoded.header is None else Header(self.decoded.header)
        self.surveys = surveys(self.feed, header)
        mapping = self._mapping()
        try:
            for batch in self._batches():
                for portion in self._portions(mapping, batch):
                    self._portion(portion, mapping)
        finally:
            if header is not None:
                unused = [name for stream in self.feed.streams for name in stream.records.unused]
                self.preview.unread = header.unread(unused)
            for one in self.surveys:
                self.preview.figures += one.figures.values()
                self.preview.unmatched += one.unmatched()
        self._guard()

    def _mapping(self) -> FeedMapping | None:
        """None where the header does not fit: the rows are then shown without being mapped."""
        try:
            return compile_mapping(self.feed, self.decoded)
        except DeliveryRefused as error:
            self.preview.refusal = self.preview.refusal or Refusal(error.code, str(error))
            return None

    def _batches(self) -> Iterator[Batch]:
        seen = 0
        for batch in self.decoded.batches:
            if seen >= MOST:
                self.preview.complete = False
                return
            seen += len(batch.rows)
            yield batch

    def _portions(self, mapping: FeedMapping | None, batch: Batch) -> list[Portion]:
        if mapping is None:
            return [Portion(tuple(range(len(self.feed.streams))), batch.rows, batch.lines, batch.raws, batch.faults)]
        try:
            return mapping.portions(batch)
        except DeliveryRefused:
            paths = {stream.records.path for stream in self.feed.streams} - {None}
            for path in sorted(str(each) for each in paths):
                near = near_paths(path, batch.rows)
                self.preview.unmatched += [Unmatched("records.path", path, tuple(near))] if near else []
            raise

    def _portion(self, portion: Portion, mapping: FeedMapping | None) -> None:
        left = max(MOST - self.preview.records, 0)
        indexes = range(min(len(portion.rows), left))
        self.preview.complete = self.preview.complete and len(indexes) == len(portion.rows)
        self.preview.records += len(indexes)
        damaged = {fault.index: fault for fault in portion.faults}
        whole = [index for index in indexes if index not in damaged]
        made = [] if mapping is None else mapping.map(portion, whole, self.context)
        rows = {index: self._bad(portion, fault, "") for index, fault in damaged.items() if index in indexes}
        for number, mapped in made:
            rows |= self._mapped(portion, number, mapped)
        only = self.feed.streams[portion.streams[0]].name if len(portion.streams) == 1 else ""
        for index in whole:
            rows.setdefault(index, self._row(portion, index, REFUSED if mapping is None else FILTERED, only))
        self._look_closer(portion, rows)
        for index in sorted(rows):
            self.preview.counts[rows[index].verdict] += 1
        for index in islice(sorted(rows), self.most_rows):
            if rows[index].verdict == FILTERED:
                self._explain(rows[index], portion, portion.rows[index])
            self.preview.rows.append(rows[index])

    def _mapped(self, portion: Portion, number: int, mapped: MappedBatch) -> dict[int, Row]:
        """What one stream took, and what of it is to be kept back."""
        stream = self.feed.streams[number].name
        rows = {fault.index: self._bad(portion, fault, stream) for fault in mapped.faults}
        for record in mapped.records:
            verdict = FILTERED if record.lapsed else STORED
            rows[record.index] = self._row(portion, record.index, verdict, stream)
            rows[record.index].record = record
        for warning in mapped.warnings:
            if warning.index in rows:
                rows[warning.index].warnings.append(warning)
                self.preview.counts["elements"] += warning.code.startswith(ELEMENT)
        return rows

    def _row(self, portion: Portion, index: int, verdict: str, stream: str) -> Row:
        row = portion.rows[index]
        header = self.decoded.header
        raw: Value = row if header is None else dict(zip(header, row, strict=False))
        if header is not None and len(row) != len(header):
            raw = portion.raws[index].rstrip("\r\n")
        return Row(portion.lines[index], stream, raw, verdict)

    def _bad(self, portion: Portion, fault: Fault, stream: str) -> Row:
        row = self._row(portion, fault.index, QUARANTINED, stream)
        row.code, row.message, row.field = fault.code, fault.message, fault.field
        if portion.rows[fault.index] is None:
            row.raw = portion.raws[fault.index].rstrip("\r\n")
        return row

    def _look_closer(self, portion: Portion, rows: Mapping[int, Row]) -> None:
        """Field by field: each stream at the records it took, and at all where it took none."""
        for number in portion.streams:
            survey = self.surveys[number]
            mine = [index for index in sorted(rows) if self._is_of(rows[index], survey, portion)]
            for index in mine or sorted(rows):
                if not self._is_whole(portion.rows[index]):
                    continue
                looked = survey.look(portion.rows[index], self.context)
                row = rows[index]
                survey.count(portion.rows[index], looked, [w.field or "" for w in row.warnings])
                if index in mine and row.looked is None:
                    row.looked = looked

    def _is_of(self, row: Row, survey: StreamSurvey, portion: Portion) -> bool:
        return row.stream == survey.stream.name and (row.verdict != FILTERED or len(portion.streams) == 1)

    def _explain(self, row: Row, portion: Portion, record: Value) -> None:
        """Which part of which stream's `if` did not hold."""
        told = []
        for survey in (self.surveys[number] for number in portion.streams):
            if self._is_whole(record) and (held_back := survey.look(record, self.context).held_back):
                where = f"{survey.stream.name}: " if survey.stream.name else ""
                told.append(f"{where}`if` does not hold: {' and '.join(f'`{part}`' for part in held_back)}")
        if row.record is not None:
            told.append(f"a known one becomes {row.record.activities[0].state}" if row.record.activities else "")
        row.message = "; ".join(each for each in told if each) or None

    def _is_whole(self, row: Value) -> bool:
        header = self.decoded.header
        return isinstance(row, dict) if header is None else len(row) == len(header)

    def _guard(self) -> None:
        """What would keep the file out once its rows are counted; only where all of them were."""
        counts = self.preview.counts
        if not self.preview.complete or self.preview.refusal is not None:
            return
        if counts[QUARANTINED] and any(stream.records.on_bad == "fail" for stream in self.feed.streams):
            raise DeliveryRefused(
                "row.bad", f"{counts[QUARANTINED]} rows could not be used and records.onBad is `fail`"
            )
        guards.check(self.feed.guards, Tally(read=self.preview.records, quarantined=counts[QUARANTINED]), [])
