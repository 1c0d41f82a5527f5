"""A feed's mapping for one delivery: compiled when its header is known, then run per batch.

Decides nothing about what is stored: it turns records into contacts, vehicles and activities.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute

from engine.errors import RecordError
from engine.language.resolution import facts
from engine.mapping.columns import Header, check
from engine.mapping.compiler import Compiled, compiled_path, explainer, filled, lapsed, mapper
from engine.mapping.records import Attached, Portion, Selection, canonical
from engine.mapping.surroundings import Paths as Beside
from engine.model import (
    Batch,
    Column,
    Decoded,
    Fault,
    Feed,
    Field,
    MappedBatch,
    MappedRecord,
    Path,
    Stream,
    Value,
)
from engine.transforms.codes import ELEMENT

_LONGEST = 500  # characters of a value in a fault; the record's raw text is kept whole elsewhere


@dataclass(slots=True)
class Kept:
    """The streams of one feed as they were compiled last, for deliveries that have the same header: pages, mostly."""

    header: Header | None = None  # it knows which columns the streams read
    streams: "list[_StreamMapping]" = attribute(default_factory=list)
    beside: Beside = attribute(default_factory=dict)

    @property
    def never_filled(self) -> tuple[str, ...]:
        """Paths that were null in every record of all these deliveries, as "stream.field: path"."""
        return tuple(text for stream in self.streams for text in stream.never_filled())


def compile_mapping(feed: Feed, decoded: Decoded, kept: Kept | None = None) -> "FeedMapping":
    """Compile every stream against the delivery's header, unless `kept` has them for it.

    Raises DeliveryRefused ("column.missing" with every missing column, "column.ambiguous"), and
    DefinitionError for what validation should have found.
    """
    header = None if decoded.header is None else Header(decoded.header)
    if header is not None:
        check(header, (field for stream in feed.streams for field in stream.fields.values()))
    kept = kept if kept is not None else Kept()
    if not kept.streams or (kept.header and kept.header.names) != (header and header.names):
        nulls = frozenset(text.strip() for text in feed.decode.get("nullValues") or ())
        kept.header = header
        kept.streams = [_StreamMapping(stream, header, feed, nulls) for stream in feed.streams]
    return FeedMapping(feed, kept.header, decoded, kept.streams)


class FeedMapping:
    """Runs the compiled streams. Not for more than one delivery, nor for two threads."""

    def __init__(self, feed: Feed, header: Header | None, decoded: Decoded, streams: "list[_StreamMapping]") -> None:
        self.feed = feed
        self._header = header
        self._streams = streams
        self._beside = Attached(decoded.beside) if decoded.beside else None
        self._selections = list(selections(feed, decoded.path, self._beside)) if decoded.whole else []
        unused = [name for stream in feed.streams for name in stream.records.unused]
        self.unread: tuple[str, ...] = () if header is None else header.unread(unused)

    @property
    def never_filled(self) -> tuple[str, ...]:
        """Paths that were null in every record mapped so far, as "stream.field: path"."""
        return tuple(text for stream in self._streams for text in stream.never_filled())

    def portions(self, batch: Batch) -> list[Portion]:
        """The batch's records, one portion for each distinct `records.path`.

        Raises DeliveryRefused ("path.missing") where a document lacks a path.
        """
        if self._selections:
            return [selection.portion(batch) for selection in self._selections]
        streams = tuple(range(len(self._streams)))
        if self._beside is None:
            return [Portion(streams, batch.rows, batch.lines, batch.raws, batch.faults)]
        rows = [self._beside.attached(row) for row in batch.rows]
        return [Portion(streams, rows, batch.lines, list(map(canonical, rows)), batch.faults)]

    def map(
        self, portion: Portion, indexes: Sequence[int], context: Mapping[str, Value]
    ) -> list[tuple[int, MappedBatch]]:
        """What each stream makes of the records at `indexes`, in the order of the streams.

        A record goes to the first stream whose `if` holds. One that none takes stands once, in
        the first stream with `lapsed`, else as filtered in the last. Rows with a fault of the
        portion are left out.
        """
        context = seen_with(self.feed, context)
        damaged = {fault.index for fault in portion.faults}
        left = [index for index in indexes if index not in damaged] if damaged else list(indexes)
        results: list[tuple[int, MappedBatch]] = []
        for number in portion.streams:
            made, left = self._streams[number].map(portion, left, context)
            results.append((number, made))
        if results:
            self._let_go(portion, left, context, results)
        return results

    def _let_go(
        self,
        portion: Portion,
        left: list[int],
        context: Mapping[str, Value],
        results: list[tuple[int, MappedBatch]],
    ) -> None:
        for number, made in results:
            stream = self._streams[number]
            if left and stream.stream.records.lapsed is not None:
                found, left = stream.lapse(portion, left, context)
                made.records.extend(found)
                break
        results[-1][1].filtered.extend(left)


class _StreamMapping:
    """One stream: its function, and what it needs to explain a fault."""

    def __init__(self, stream: Stream, header: Header | None, feed: Feed, nulls: frozenset[str]) -> None:
        self.stream = stream
        self._header = header
        self._dealer = feed.dealer
        self._nulls = nulls
        self._mapper = mapper(stream, header, feed.dealer, nulls)
        self._lapsed: Compiled | None = None
        self._explainer: Compiled | None = None
        if stream.records.lapsed is not None:
            self._lapsed = mapper(lapsed(stream), header, feed.dealer, nulls)
        self._unfilled = list(_paths(stream.name, stream.fields)) if header is None else []
        self._mapped_any = False

    def map(self, portion: Portion, indexes: list[int], context: Mapping[str, Value]) -> tuple[MappedBatch, list[int]]:
        """What the stream makes of the records, and the indexes of those it does not take."""
        made = MappedBatch([], [], [], [])
        missed: list[int] = []

        def fault(index: int, row: Value, error: RecordError) -> None:
            while made.warnings and made.warnings[-1].index == index:  # the record did not go on
                made.warnings.pop()
            made.faults.append(self._explained(index, portion.lines[index], row, error, context))

        def warn(index: int, error: RecordError, field: str | None, raw: Value) -> None:
            made.warnings.append(
                Fault(index, portion.lines[index], error.code, error.message, error.field or field, _shown(raw))
            )

        def bad_element(index: int, error: RecordError, each: str, at: int) -> None:
            where = f"{each}[{at}]" + (f".{error.field}" if error.field else "")
            made.warnings.append(Fault(index, portion.lines[index], ELEMENT + error.code, error.message, where))

        given = filled(self._mapper, context, self._dealer)
        self._mapper.run(
            portion.rows, indexes, context, given, made.records.append, missed.append, fault, warn, bad_element
        )
        self._look_for_values(portion, made.records)
        return made, missed

    def lapse(
        self, portion: Portion, indexes: list[int], context: Mapping[str, Value]
    ) -> tuple[list[MappedRecord], list[int]]:
        """Records that no longer pass `if`, and those that cannot be told (no key): these are filtered."""
        if self._lapsed is None:
            return [], indexes
        found: list[MappedRecord] = []
        left: list[int] = []
        self._lapsed.run(
            portion.rows,
            indexes,
            context,
            filled(self._lapsed, context, self._dealer),
            lambda record: found.append(record._replace(lapsed=True)),
            left.append,
            lambda index, row, error: left.append(index),
            lambda *ignored: None,
            lambda *ignored: None,
        )
        return found, sorted(left)

    def never_filled(self) -> Iterator[str]:
        if self._mapped_any:
            yield from (text for text, _ in self._unfilled)

    def _look_for_values(self, portion: Portion, records: Sequence[MappedRecord]) -> None:
        """Strike off each path that has a value now; nearly always the first record ends the search."""
        self._mapped_any = self._mapped_any or bool(records)
        rows = portion.rows
        self._unfilled = [
            (text, reads)
            for text, reads in self._unfilled
            if not any(_has_value(read, rows[record.index]) for record in records for read in reads)
        ]

    def _explained(self, index: int, line: int, row: Value, error: RecordError, context: Mapping[str, Value]) -> Fault:
        """One fault for the record: its first problem, and the others by name. Only a damaged record pays for this."""
        problems: list[tuple[str, RecordError]] = []
        if self._header is not None or isinstance(row, dict):
            if self._explainer is None:
                self._explainer = explainer(self.stream, self._header, self._dealer, self._nulls)
            given = filled(self._explainer, context, self._dealer)
            # Without its traceback: that would hold the frame which holds it, and with it the whole batch.
            self._explainer.run(
                row, context, given, lambda name, problem: problems.append((name, problem.with_traceback(None)))
            )
        if not problems:
            return Fault(index, line, error.code, error.message, error.field)
        name, first = problems[0]
        others = "; ".join(f"{other}: {problem.code}" for other, problem in problems[1:])
        message = f"{first.message} (and {others})" if others else first.message
        return Fault(index, line, first.code, message, first.field or name, self._raw(name, row))

    def _raw(self, name: str, row: Value) -> str | None:
        source = self.stream.fields[name].source
        if isinstance(source, Column) and self._header is not None:
            place = self._header.place(source)
            return None if place is None else _shown(row[place])
        if isinstance(source, Path) and len(source.expressions) == 1:
            try:
                return _shown(compiled_path(source.expressions[0])(row))
            except RecordError:
                return None
        return None


def seen_with(feed: Feed, context: Mapping[str, Value]) -> dict[str, Value]:
    """What conditions and references see beside the record: the delivery's context, the dealer, the parameters."""
    return {"dealer": facts(feed.dealer), "params": feed.params, **context}


def selections(feed: Feed, path: str | None = None, beside: Attached | None = None) -> Iterator[Selection]:
    """One for each distinct path, with the joins of all its streams; one alone where `path` takes their place."""
    streams: dict[str | None, list[int]] = {}
    for number, stream in enumerate(feed.streams):
        streams.setdefault(stream.records.path if path is None else path, []).append(number)
    for wanted, numbers in streams.items():
        joins = {join.name: join for number in reversed(numbers) for join in feed.streams[number].records.joins}
        yield Selection(tuple(numbers), wanted, tuple(joins.values()), beside=beside)


def _paths(stream: str, fields: Mapping[str, Field]) -> Iterator[tuple[str, list[Callable[[Value], Value]]]]:
    for name, field in fields.items():
        if isinstance(field.source, Path):
            where = f"{stream}.{name}" if stream else name
            yield (
                f"{where}: {' or '.join(field.source.expressions)}",
                [compiled_path(text) for text in field.source.expressions],
            )


def _has_value(read: Callable[[Value], Value], row: Value) -> bool:
    try:
        return read(row) is not None
    except RecordError:
        return True


def _shown(raw: Value) -> str | None:
    if raw is None:
        return None
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str)
    return text[:_LONGEST]
