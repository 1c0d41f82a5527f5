"""What a feed makes of one file or page: each row beside what was sent, and how its fields are filled.

Needs neither a database nor a secret.
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
from engine.asking import envelopes
from engine.asking.reading import unasked
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
from engine.transforms.codes import ELEMENT
from engine.world import stamp
from transports.base import Page, RemoteFile
from transports.envelope import opened as unsealed

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
    return previewed(feed, path, RemoteFile(path.name, about.st_size, about.st_mtime), rows, now)


# --- one file, or one page -------------------------------------------------------------------


def previewed(feed: Feed, path: Path, file: RemoteFile, rows: int, now: datetime) -> Preview:
    """A copy of ours of a file as the far side has it."""
    preview = Preview(feed, escaped(file.name), path.stat().st_size)
    try:
        preview.compression = opened(path, feed.decode, container=feed.decode["format"] == "xlsx").packing
        decoded = decode(path, feed.decode, MOST)
        preview.reason = _reason(path, feed, decoded)
        if (foreign := waiting.not_ours(feed.transport, decoded.header)) is not None:
            preview.refusal = Refusal("file.notOurs", foreign)
        modified = None if file.modified is None else stamp(datetime.fromtimestamp(file.modified, UTC))
        facts = waiting.facts(waiting.pattern(feed.transport), escaped(file.name), file.size, modified)
        _look(preview, decoded, {"file": facts}, rows, now)
    except (DecodeError, DeliveryRefused, RecordError) as error:
        refused(preview, error)
    return _settled(preview)


def previewed_page(feed: Feed, page: Page, rows: int, now: datetime) -> Preview:
    """A page as it would be sealed."""
    envelope = unsealed(page.envelope)
    preview = Preview(feed, page.name, len(envelope.body))
    try:
        _look(preview, envelopes.decoded(envelope, feed.decode, MOST), envelopes.context(envelope), rows, now)
    except (DecodeError, DeliveryRefused, RecordError) as error:
        refused(preview, error)
    return _settled(preview)


def refused(preview: Preview, error: DecodeError | DeliveryRefused | RecordError) -> Preview:
    """With the reason why nothing of it would be stored, unless there is one already."""
    line = error.line if isinstance(error, DecodeError) else None
    preview.refusal = preview.refusal or Refusal(error.code, str(error), line)
    return preview


def _look(preview: Preview, decoded: Decoded, beside: Mapping[str, Value], rows: int, now: datetime) -> None:
    """As an import at this moment would see it."""
    preview.encoding, preview.columns = decoded.encoding, decoded.header
    preview.notes += decoded.notes
    today = now.astimezone(preview.feed.dealer.timezone).date().isoformat()
    context = seen_with(preview.feed, {**beside, "run": {"date": today, "now": stamp(now)}})
    _Look(preview.feed, preview, decoded, context, rows).over()


def _settled(preview: Preview) -> Preview:
    if preview.refusal is not None:
        _refuse(preview)
    return preview


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
        old = unasked(self.feed, self.context, portion.rows)
        made = (
            [] if mapping is None else mapping.map(portion, [each for each in whole if each not in old], self.context)
        )
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
            if index in old and rows[index].verdict == FILTERED:
                rows[index].message = "it was changed before the window that was asked for"
            elif rows[index].verdict == FILTERED:
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
