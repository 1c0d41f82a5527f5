"""Text of a delivery: which encoding fits all of it, and its lines in blocks. Never guesses and never replaces a byte.

Every encoding is tried strictly over the whole file before a row is read, so there is no half
decision; a byte order mark wins over what is declared. Lines keep their ends and break at LF,
CR LF and CR only, as csv reads them.
"""

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.decode.source import Source, chunks
from engine.errors import DecodeError
from engine.model import Fault, Value

RECORD = 8 << 20  # characters: the longest line, and the longest record, that is kept in memory
BEGINNING = 4096  # characters kept of a record that is too long; the archive has all of it

DEFAULT = ("utf-8", "windows-1252")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MULTIBYTE = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")
_BATCH_CHARACTERS = 8 << 20  # a batch ends here even when it has few rows


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes and the encoding that fits them; `skip` bytes of byte order mark come first."""

    source: Source
    encoding: str
    skip: int
    notes: tuple[tuple[str, str], ...] = ()


class Block(NamedTuple):
    """Whole lines. `cut` has the beginnings of those that were too long, by line number."""

    first: int  # line number of lines[0], from 1
    lines: list[str]
    cut: Mapping[int, str]


class Records(NamedTuple):
    """Records of a block before they are checked; `long` has the line numbers of those over a cap."""

    rows: list[Value]
    lines: list[int]
    raws: list[str]
    long: frozenset[int] = frozenset()


def readable(source: Source, settings: Mapping[str, Value]) -> Text:
    """Choose the encoding. Raises DecodeError: `file.empty`, `encoding.unreadable` with the first offset."""
    declared = settings.get("encoding", DEFAULT)
    ladder = (declared,) if isinstance(declared, str) else tuple(declared)
    start = next(chunks(source, 4), b"")
    mark = next(((mark, name) for mark, name in _MARKS if start.startswith(mark)), None)
    skip, ladder = (len(mark[0]), (mark[1],)) if mark else (0, ladder)
    misfits = []
    for encoding in ladder:
        offset, blank = _trial(source, encoding, skip)
        if offset is None:
            if blank:
                raise DecodeError("file.empty", "the file holds nothing but blanks; expected data")
            return Text(source, encoding, skip, _notes(source, encoding, ladder))
        misfits.append(f"{encoding} (byte {offset})")
    raise DecodeError("encoding.unreadable", f"the file is not text in {' or in '.join(misfits)}; name its encoding")


def content(text: Text) -> bytes:
    """All of it as UTF-8, without a byte order mark."""
    data = b"".join(chunks(text.source))[text.skip :]
    return data if text.encoding == "utf-8" else data.decode(text.encoding).encode()


def blocks(text: Text, skip_rows: int = 0, quote: str = "", delimiter: str = "") -> Iterator[Block]:
    """Whole lines, a chunk at a time; the first `skip_rows` lines are left out.

    A line longer than RECORD is not kept: a line of one NUL stands for it. Where `quote` says
    how the format quotes and the long line leaves a quote open, so does the one in its place.
    """
    first = skip_rows + 1
    for block in _blocks(text, quote, delimiter):
        missing = first - block.first
        if missing <= 0:
            yield block
        elif missing < len(block.lines):
            yield Block(first, block.lines[missing:], block.cut)


def batches(records: Iterator[Records], size: int) -> Iterator[Records]:
    """The same records, `size` at a time, fewer where they are large."""
    rows: list[Value] = []
    lines: list[int] = []
    raws: list[str] = []
    long: frozenset[int] = frozenset()
    weight = 0
    for part in records:
        rows += part.rows
        lines += part.lines
        raws += part.raws
        long |= part.long
        weight += sum(map(len, part.raws))
        while len(rows) >= size or weight > _BATCH_CHARACTERS:
            yield Records(rows[:size], lines[:size], raws[:size], long)
            del rows[:size], lines[:size], raws[:size]
            weight = sum(map(len, raws))
            long = frozenset(line for line in long if lines and line >= lines[0])
    if rows:
        yield Records(rows, lines, raws, long)


def character_faults(raws: list[str], lines: list[int]) -> dict[int, Fault]:
    """Faults of records that hold a NUL, or begin with the byte order mark of a file put behind another."""
    faults: dict[int, Fault] = {}
    together = "".join(raws)
    if "\ufeff" in together:
        message = "the record begins with a byte order mark: were files put together?"
        faults |= {
            index: Fault(index, lines[index], "row.mark", message)
            for index, raw in enumerate(raws)
            if raw.startswith("\ufeff")
        }
    if "\0" in together:
        message = "the record holds a NUL character, which no database keeps"
        faults |= {
            index: Fault(index, lines[index], "row.nul", message) for index, raw in enumerate(raws) if "\0" in raw
        }
    return faults


def long_faults(lines: list[int], long: frozenset[int]) -> dict[int, Fault]:
    """Faults of records that were cut while they were read."""
    message = f"the record is longer than {RECORD} characters; its beginning is kept"
    return {index: Fault(index, line, "row.tooLong", message) for index, line in enumerate(lines) if line in long}


def line_records(blocks: Iterator[Block]) -> Iterator[Records]:
    """Each line that is not blank as a record, its text in `rows` and in `raws`."""
    for first, lines, cut in blocks:
        raws = [cut.get(first + index, line) for index, line in enumerate(lines)] if cut else lines
        kept = [(number, raw) for number, raw in enumerate(raws, first) if not raw.isspace()]
        texts = [raw for _, raw in kept]
        yield Records(texts, [number for number, _ in kept], list(texts), frozenset(cut))


def _trial(source: Source, encoding: str, skip: int) -> tuple[int | None, bool]:
    """The offset of the first byte that is not of `encoding`, and whether all of it is blank."""
    decoder = codecs.getincrementaldecoder(encoding)()
    seen, blank = 0, True
    try:
        for chunk in chunks(source):
            fresh = chunk if seen else chunk[skip:]
            seen += len(chunk)
            text = decoder.decode(fresh)
            blank = blank and (not text or text.isspace())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # What the decoder looked at is what was left of earlier chunks, and this one.
        return seen - len(error.object) + error.start, blank
    return None, blank


def _notes(source: Source, encoding: str, ladder: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if encoding == ladder[0]:
        return ()
    notes = [("encoding.fallback", f"the file is no {ladder[0]}; it was read as {encoding}")]
    if ladder[0] == "utf-8" and any(_MULTIBYTE.search(chunk) for chunk in chunks(source)):
        notes.append(("encoding.mixed", f"read as {encoding}, but parts of the file look like utf-8: are lines mixed?"))
    return tuple(notes)


def _characters(text: Text) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(text.encoding)()
    skip = text.skip
    for chunk in chunks(text.source):
        yield decoder.decode(chunk[skip:])
        skip = 0
    # Bytes that follow no rule were found by the trial; nothing can be left over.


def _blocks(text: Text, quote: str, delimiter: str) -> Iterator[Block]:
    """Lines as they come; what follows the last line end of a chunk waits for the next one."""
    first, pending = 1, ""
    cut: tuple[str, int] | None = None  # beginning and quotes of a line that has grown too long
    for characters in _characters(text):
        # A CR at the very end may be half of a CR LF, so a line that ends with it waits, too.
        if "\n" not in characters and "\r" not in characters and not pending.endswith("\r"):
            pending += characters
            if len(pending) > RECORD:
                beginning, quotes = cut or (pending[:BEGINNING], 0)
                cut, pending = (beginning, quotes + _count(pending, quote)), ""
            continue
        lines = list(io.StringIO(pending + characters, newline=""))
        pending = "" if lines[-1].endswith("\n") else lines.pop()
        if lines:
            yield _block(first, lines, cut, quote, delimiter)
            first, cut = first + len(lines), None
    if pending or cut:
        yield _block(first, [pending], cut, quote, delimiter)


def _block(first: int, lines: list[str], cut: tuple[str, int] | None, quote: str, delimiter: str) -> Block:
    if cut is None:
        return Block(first, lines, {})
    beginning, quotes = cut
    is_open = (quotes + _count(lines[0], quote)) % 2
    lines[0] = f"\0{delimiter}{quote}\n" if is_open else "\0\n"
    return Block(first, lines, {first: beginning})


def _count(text: str, quote: str) -> int:
    return text.count(quote) if quote else 0
