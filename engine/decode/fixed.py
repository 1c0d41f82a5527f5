"""Columns by their place in a line. Never guesses where a column begins."""

from collections.abc import Iterator, Mapping

from engine.decode.source import Bytes, opened
from engine.decode.text import Records, batches, blocks, character_faults, line_records, long_faults, readable
from engine.model import Batch, Decoded, Fault, Value


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """Rows of cells without blanks around them; `start` counts characters from 1.

    Blanks at the end of a line may be lacking, since senders cut them; text after the last
    column is a fault (`row.width`): the layout is another one.
    """
    text = readable(opened(path, settings), settings)
    columns = settings["columns"]
    spans = [(column["start"] - 1, column["start"] - 1 + column["width"]) for column in columns]
    records = batches(line_records(blocks(text, settings.get("skipRows", 0))), batch)
    names = tuple(column["name"] for column in columns)
    return Decoded(names, _cut(records, spans), encoding=text.encoding, notes=text.notes)


def _cut(records: Iterator[Records], spans: list[tuple[int, int]]) -> Iterator[Batch]:
    width = max(end for _, end in spans)
    for _, lines, raws, long in records:
        rows = [[raw[start:end].strip() for start, end in spans] for raw in raws]
        faults = {
            index: Fault(index, lines[index], "row.width", f"expected {width} characters, found text after them")
            for index, raw in enumerate(raws)
            if len(raw) > width and raw[width:].strip()
        }
        faults |= character_faults(raws, lines) | long_faults(lines, long)
        yield Batch(rows, lines, raws, [faults[index] for index in sorted(faults)])
