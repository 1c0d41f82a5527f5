"""What the fields of a feed come to over the records of a sample: how often filled, how often bad, what never matched.

Looks at each field by itself, so that one that fails hides no other. Decides nothing: what becomes
of a record is the mapping's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from jmespath.lexer import Lexer

from engine.errors import RecordError
from engine.mapping.columns import Header
from engine.mapping.compiler import Compiled, compiled_path, filled, inspector
from engine.mapping.keys import text_of
from engine.mapping.near import near_paths
from engine.model import Column, Dealer, Feed, Field, Join, Path, Stream, Value

_EXAMPLES = 3
_LONGEST = 60  # characters of an example
_KEPT = 100  # records in which near names are looked for


class Unmatched(NamedTuple):
    """A column or path that nothing in the sample has, and names of the data that may have been meant."""

    field: str
    source: str
    near: tuple[str, ...]
    optional: bool = False  # the definition says that it may be missing


class Problem(NamedTuple):
    """What is wrong with one field of one record. `passes` says that `onError` lets the record go on."""

    field: str
    code: str
    message: str
    passes: bool


@dataclass(slots=True)
class Looked:
    """One record, as each field by itself sees it."""

    values: dict[str, Value] = field(default_factory=dict)
    raws: dict[str, Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)  # parts of `if` that do not hold


@dataclass(slots=True)
class Figure:
    """One field over the sample. Examples are customers' data: shown, never kept."""

    name: str
    total: int = 0
    filled: int = 0
    bad: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, value: Value, is_bad: bool) -> None:
        self.total += 1
        self.bad += is_bad
        if value is None:
            return
        self.filled += 1
        if len(self.examples) < _EXAMPLES:
            text = text_of(value)
            text = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
            if text not in self.examples:
                self.examples.append(text)


@dataclass(slots=True)
class _Paths:
    """The paths of one field: whether any record had a value there, and some that had none."""

    name: str
    expressions: tuple[str, ...]
    matched: bool = False
    records: list[Value] = field(default_factory=list)


class StreamSurvey:
    """One stream over the sample. `header` is None where records are JSON-like."""

    def __init__(self, stream: Stream, header: Header | None, dealer: Dealer, nulls: frozenset[str]) -> None:
        self.stream = stream
        self.conditions = conditions(stream.records.condition)
        self.figures: dict[str, Figure] = {}
        self._header = header
        self._dealer = dealer
        self._inspector: Compiled = inspector(stream, header, dealer, nulls, self.conditions)
        self._prefix = f"{stream.name}." if stream.name else ""
        self._paths: dict[str, _Paths] = {}
        self._joined: dict[str, bool] = {join.name: False for join in stream.records.joins}
        self._readers: dict[str, Callable[[Value], Value]] = {}

    def look(self, row: Value, context: Mapping[str, Value]) -> Looked:
        """Every field of a record. The row must be one that the decoder found whole."""
        looked = Looked()

        def problem(name: str, error: RecordError) -> None:
            looked.problems.append(Problem(name, error.code, error.message, False))

        def warn(index: int, error: RecordError, name: str | None, raw: Value) -> None:
            looked.problems.append(Problem(name or error.field or "", error.code, error.message, True))

        def holds(number: int, truth: bool | None) -> None:
            if truth is not True:
                looked.held_back.append(self.conditions[number])

        given = filled(self._inspector, context, self._dealer)
        self._inspector.run(0, row, context, given, problem, warn, looked.values.__setitem__, holds)
        for name, one in self.stream.fields.items():
            looked.raws[name] = self._raw(one, row)
        return looked

    def count(self, row: Value, looked: Looked, element_faults: Sequence[str]) -> None:
        """Take a record into the figures. `element_faults` name the bad elements of its lists: "lines[2].total"."""
        bad = {problem.field for problem in looked.problems}
        for name, one in self.stream.fields.items():
            self._figure(name).add(looked.values.get(name), name in bad)
            self._inner(name, one, row, looked.values.get(name))
        for name in self._joined:
            self._joined[name] = self._joined[name] or (isinstance(row, dict) and row.get(name) is not None)
        for spec in self.stream.activities:
            for at, element in enumerate(_elements(looked.values.get(spec.each or ""))):
                for name, one in spec.fields.items():
                    value = self._raw(one, element)
                    is_bad = f"{spec.each}[{at}].{name}" in element_faults
                    self._figure(f"{spec.each}.{name}").add(value, is_bad)
                    self._inner(f"{spec.each}.{name}", one, element, None)

    def unmatched(self) -> Iterator[Unmatched]:
        """In the order of the fields; joins that never found anything last."""
        for name, one in self.stream.fields.items():
            yield from self._missing_columns(name, one)
        for paths in self._paths.values():
            if not paths.matched and paths.records:
                near = dict.fromkeys(n for text in paths.expressions for n in near_paths(text, paths.records))
                yield Unmatched(paths.name, " or ".join(paths.expressions), tuple(near))
        for join in self.stream.records.joins:
            if not self._joined[join.name] and self.figures:
                source = f"{join.list}, its {join.key} by {join.by}"
                yield Unmatched(f"{self._prefix}records.join.{join.name}", source, ())

    # --- parts -------------------------------------------------------------------------------

    def _figure(self, name: str) -> Figure:
        return self.figures.setdefault(name, Figure(f"{self._prefix}{name}"))

    def _missing_columns(self, name: str, one: Field) -> Iterator[Unmatched]:
        if self._header is None:
            return
        origin = one.source
        wanted = [origin.names] if isinstance(origin, Column) else []
        wanted += [(column,) for column in origin.columns] if isinstance(origin, Join) else []
        for names in wanted:
            if not self._header.found(names):
                near = dict.fromkeys(other for column in names for other in self._header.near(column))
                found = tuple(near) or tuple(get_close_matches(names[0], self._header.unread(()), n=1))
                yield Unmatched(f"{self._prefix}{name}", " or ".join(names), found, one.optional)

    def _inner(self, name: str, one: Field, row: Value, value: Value) -> None:
        """The paths of a field, and those of the fields inside its elements."""
        if not isinstance(one.source, Path) or self._header is not None:
            return
        paths = self._paths.setdefault(name, _Paths(f"{self._prefix}{name}", one.source.expressions))
        found = None
        if not paths.matched or one.fields:
            found = self._raw(one, row)
            paths.matched = paths.matched or found is not None
            if not paths.matched and len(paths.records) < _KEPT:
                paths.records.append(row)
        if not one.fields or one.transforms:  # after transforms the elements are not those of the record
            return
        typed = _elements(value)
        for at, element in enumerate(_elements(found)):
            own = typed[at] if at < len(typed) and isinstance(typed[at], dict) else {}
            for inner, each in one.fields.items():
                self._figure(f"{name}.{inner}").add(own.get(inner), False)
                self._inner(f"{name}.{inner}", each, element, own.get(inner))

    def _raw(self, one: Field, row: Value) -> Value:
        """What the record has for a field before anything is done with it; None where it is made of others."""
        origin = one.source
        if isinstance(origin, Column) and self._header is not None:
            place = next(iter(self._header.found(origin.names)), None)
            return None if place is None else row[place]
        if isinstance(origin, Path) and self._header is None:
            for expression in origin.expressions:
                if expression not in self._readers:
                    self._readers[expression] = compiled_path(expression)
                try:
                    found = self._readers[expression](row)
                except RecordError:
                    continue
                if found is not None:
                    return found
        return None


def surveys(feed: Feed, header: Header | None) -> list[StreamSurvey]:
    """One for each stream of the feed."""
    nulls = frozenset(text.strip() for text in feed.decode.get("nullValues") or ())
    return [StreamSurvey(stream, header, feed.dealer, nulls) for stream in feed.streams]


def conditions(text: str | None) -> tuple[str, ...]:
    """The parts of `a && b && c` as they are written, so that the one that held a record back can be named."""
    if text is None:
        return ()
    parts, depth, start = [], 0, 0
    for token in Lexer().tokenize(text):
        kind = token["type"]
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth == 0 and kind in ("or", "pipe"):
            return (text.strip(),)
        if depth == 0 and kind == "and":
            parts.append(text[start : token["start"]].strip())
            start = token["start"] + len("&&")
    return (*parts, text[start:].strip())


_OPENING = frozenset({"lparen", "lbracket", "lbrace", "filter"})
_CLOSING = frozenset({"rparen", "rbracket", "rbrace"})


def _elements(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [] if value is None else [value]
