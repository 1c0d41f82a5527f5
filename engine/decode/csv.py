"""CSV, always strict, through the standard library's reader. Never repairs a row and never guesses a delimiter.

A record that cannot be used is a fault with its line; a quote that is not closed, or text after
a closing quote, refuses the file, since from there on nobody knows where records begin.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from typing import NamedTuple

from engine.decode.source import Bytes, opened
from engine.decode.table import FIELD, checked, declared, headed
from engine.decode.text import BEGINNING, RECORD, Block, Records, batches, blocks, readable
from engine.errors import DecodeError
from engine.model import Decoded, Value

# The limit belongs to the process, not to a reader: it is the ceiling of every feed's
# `maxFieldBytes`, and set here once, since threads read side by side.
csv.field_size_limit(FIELD)

# csv.Error has no code, only a text.
_CUT_SHORT = "unexpected end of data"
_TOO_LONG = f"field larger than field limit ({FIELD})"

_END = Block(0, [], {})


class _Parsed(NamedTuple):
    """Rows, the count of lines read at the end of each, and what stopped the reader at line `reached`."""

    rows: list[list[str]]
    ends: list[int]
    reached: int
    trouble: str


class _Dialect(NamedTuple):
    delimiter: str
    quote: str  # "" for none

    def parsed(self, lines: list[str]) -> _Parsed:
        rows: list[list[str]] = []
        ends: list[int] = []
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            for row in reader:
                rows.append(row)
                ends.append(reader.line_num)
        except csv.Error as error:
            return _Parsed(rows, ends, reader.line_num, str(error))
        return _Parsed(rows, ends, len(lines), "")


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """Rows of cells beside the header; blank lines are not records.

    Raises DecodeError: `csv.unclosedQuote`, `csv.quote`, what `table.found` raises for a header,
    what `readable` raises for an encoding. Those after the first batch come while iterating.
    """
    text = readable(opened(path, settings), settings)
    quote = settings.get("quote", '"')
    dialect = _Dialect(settings.get("delimiter", ","), "" if quote == "none" else quote)
    parts = _records(blocks(text, settings.get("skipRows", 0), dialect.quote, dialect.delimiter), dialect)
    if settings.get("header", True):
        header, parts = headed(parts)
    else:
        header = declared(settings["columns"])
    rows = checked(batches(parts, batch), header, settings)
    return Decoded(header.names, rows, encoding=text.encoding, notes=text.notes + header.notes)


def _records(parts: Iterator[Block], dialect: _Dialect) -> Iterator[Records]:
    """Parse block by block; a record that is not finished in its block is parsed again with later ones.

    Again only when there is twice as much of it, or no more: a long record costs no more than a long text.
    """
    held: list[str] = []
    cut: dict[int, str] = {}
    first = due = 0
    for block in chain(parts, (_END,)):
        first, lines = block.first if not held else first, held + block.lines
        cut |= block.cut
        if due and block is not _END and sum(map(len, lines)) < due:
            held = lines
            continue
        held, due = [], 0
        while lines:
            parsed = dialect.parsed(lines)
            yield _placed(first, lines, parsed, cut)
            done = parsed.ends[-1] if parsed.ends else 0
            first, lines = first + done, lines[done:]
            if parsed.trouble == _CUT_SHORT and (weight := sum(map(len, lines))) <= RECORD:
                held, lines, due = lines, [], min(2 * weight, RECORD)
            elif parsed.trouble:
                if parsed.trouble not in (_CUT_SHORT, _TOO_LONG):
                    raise _refusal("csv.quote", first)
                yield Records([[]], [first], [lines[0][:BEGINNING]], frozenset((first,)))
                first, lines = _after_long(first, lines, parsed.reached - done, parts, dialect.quote)
    if held:
        raise _refusal("csv.unclosedQuote", first)


def _placed(first: int, lines: list[str], parsed: _Parsed, cut: Mapping[int, str]) -> Records:
    """The parsed rows with the line where each begins and its text."""
    rows, ends = parsed.rows, parsed.ends
    if not rows:
        return Records([], [], [])
    long = frozenset[int]()
    for number, beginning in cut.items():
        if first <= number < first + ends[-1]:
            lines[number - first] = beginning
            long |= {first + [0, *ends][bisect_right(ends, number - first)]}
    if ends[-1] == len(rows):
        return Records(rows, list(range(first, first + len(rows))), lines[: len(rows)], long)
    starts = [0, *ends]
    raws = ["".join(lines[start:end]) for start, end in pairwise(starts)]
    return Records(rows, [first + start for start in starts[:-1]], raws, long)


def _after_long(
    first: int, lines: list[str], reached: int, parts: Iterator[Block], quote: str
) -> tuple[int, list[str]]:
    """The lines after a record that is too long, and the number of the first.

    The record ends with the first line, from the `reached`th on, that leaves no quote open: quotes
    come in pairs, also doubled ones.
    """
    is_open = False
    for count, line in enumerate(lines, 1):
        is_open ^= bool(quote) and line.count(quote) % 2 == 1
        if count >= reached and not is_open:
            return first + count, lines[count:]
    for block in parts:
        for count, line in enumerate(block.lines, 1):
            if line.count(quote) % 2:
                return block.first + count, block.lines[count:]
    raise _refusal("csv.unclosedQuote", first)


def _refusal(code: str, line: int) -> DecodeError:
    found = "a quote that is not closed" if code == "csv.unclosedQuote" else "text after a closing quote"
    return DecodeError(code, f"line {line}: the record that begins here has {found}; the file is refused", line)
