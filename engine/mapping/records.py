"""Records of a batch: the rows themselves, or what a path selects from whole documents, joined within them.

Maps nothing: fields and gates come after.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count, islice
from typing import overload

import orjson

from engine.errors import DeliveryRefused, RecordError
from engine.mapping.compiler import compiled_path
from engine.mapping.keys import text_of
from engine.mapping.paths import parsed, plain_keys
from engine.model import Batch, Beside, Fault, RecordJoin, Value

Read = Callable[[Value], Value]


@dataclass(frozen=True, slots=True)
class Portion:
    """The records that some streams of the feed share. `streams` are indexes into `Feed.streams`.

    `raws` are what quarantine and digests keep: the text as it was sent, or canonical JSON of a
    record with its joins. `faults` are rows that must not be mapped.
    """

    streams: tuple[int, ...]
    rows: list[Value]
    lines: list[int]
    raws: Sequence[str]
    faults: list[Fault]


class Written(Sequence[str]):
    """The canonical JSON of records, written once and only when it is asked for: who stores them asks, nobody else.

    `damaged` has the text of those that are no records, by their places.
    """

    def __init__(self, records: Sequence[Value], damaged: Mapping[int, str]) -> None:
        self._records = list(records)  # as they were sent: a person's corrections come into the portion's own list
        self._damaged = damaged

    @cached_property
    def _texts(self) -> list[str]:
        texts = list(map(canonical, self._records))
        for place, text in self._damaged.items():
            texts[place] = text
        return texts

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self._texts[place]

    def __len__(self) -> int:
        return len(self._records)


class Attached:
    """What an API was asked beside its records, one after the other through all selections of a delivery."""

    def __init__(self, beside: Mapping[str, Beside]) -> None:
        self._values = {name: _read(each) for name, each in beside.items()}
        self._places = count()

    def attached(self, record: Value) -> Value:
        """The next record, with what belongs to it under its names; None where there is nothing."""
        place = next(self._places)
        if not isinstance(record, dict):
            return record
        return {
            **record,
            **{name: values[place] if place < len(values) else None for name, values in self._values.items()},
        }


@dataclass(slots=True)
class Selection:
    """Records of one path in whole documents."""

    streams: tuple[int, ...]
    path: str | None
    joins: tuple[RecordJoin, ...]
    select: Read | None = None
    attach: list[tuple[RecordJoin, Read, Read, Read]] = field(default_factory=list)
    beside: "Attached | None" = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.select = None if self.path is None else compiled_path(self.path)
        self.attach = [
            (join, compiled_path(join.list), compiled_path(join.key), compiled_path(join.by)) for join in self.joins
        ]

    def portion(self, batch: Batch) -> Portion:
        """The records of all documents in the batch, numbered from 1 through the delivery."""
        rows: list[Value] = []
        lines: list[int] = []
        texts: dict[int, str] = {}  # of documents that are none
        faults: list[Fault] = []
        damaged = {fault.index for fault in batch.faults}
        for index, document in enumerate(batch.rows):
            if index in damaged:
                texts[len(rows)] = batch.raws[index]
                rows.append(None)
                lines.append(batch.lines[index])
                faults.extend(replace(fault, index=len(rows) - 1) for fault in batch.faults if fault.index == index)
                continue
            lookups = [(join, _indexed(found(document), key), by) for join, found, key, by in self.attach]
            records = self.records(document)
            if not lookups and self.beside is None:
                rows += records
                lines += islice(self.numbers, len(records))
                continue
            for record in records:
                line = next(self.numbers)
                if self.beside is not None:
                    record = self.beside.attached(record)
                try:
                    record = _joined(record, lookups)
                except RecordError as error:
                    faults.append(Fault(len(rows), line, error.code, error.message, error.field))
                rows.append(record)
                lines.append(line)
        return Portion(self.streams, rows, lines, Written(rows, texts), faults)

    def records(self, document: Value) -> list[Value]:
        """One object is a list of one. Raises DeliveryRefused ("path.missing")."""
        if self.path is None or self.select is None:
            return document if isinstance(document, list) else [document]
        found = self.select(document)
        if found is None:
            if _is_null(document, self.path):
                return []
            there = ", ".join(sorted(map(repr, document))[:40]) if isinstance(document, dict) else "no object"
            raise DeliveryRefused("path.missing", f"records.path {self.path!r} is not in the document; it has {there}")
        return found if isinstance(found, list) else [found]


def _is_null(document: Value, path: str) -> bool:
    """Whether the path ends at a key that is there and null: an empty section, as XML has it."""
    keys = plain_keys(parsed(path))
    if keys is None:
        return False
    for key in keys[:-1]:
        document = document.get(key) if isinstance(document, dict) else None
    return isinstance(document, dict) and keys[-1] in document


def _read(beside: Beside) -> list[Value]:
    """The value that belongs to each record. Raises DeliveryRefused where `read` cannot be."""
    read = None if beside.read is None else compiled_path(beside.read)
    try:
        documents = [document if read is None else read(document) for document in beside.documents]
    except RecordError as error:
        raise DeliveryRefused("include.read", f"what is included cannot be read by {beside.read}: {error}") from error
    return [None if place is None else documents[place] for place in beside.of]


def _indexed(elements: Value, key: Read) -> Mapping[str, Value]:
    """The elements by their key, the first where two share one."""
    index: dict[str, Value] = {}
    for element in elements if isinstance(elements, list) else [elements]:
        name = key(element)
        if name is not None:
            index.setdefault(text_of(name), element)
    return index


def _joined(record: Value, lookups: list[tuple[RecordJoin, Mapping[str, Value], Read]]) -> Value:
    if not lookups or not isinstance(record, dict):
        return record
    joined = dict(record)
    for join, index, by in lookups:
        name = by(record)
        found = None if name is None else index.get(text_of(name))
        if found is None and join.required:
            raise RecordError("join.missing", f"no {join.name} in the document has this record's {join.by}", join.name)
        joined[join.name] = found
    return joined


def canonical(record: Value) -> str:
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
