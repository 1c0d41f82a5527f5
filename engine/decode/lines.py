"""Lines of text as records, for what has no structure of its own. Never looks into a line."""

from collections.abc import Mapping

from engine.decode.source import Bytes, opened
from engine.decode.text import Records, batches, blocks, character_faults, line_records, long_faults, readable
from engine.model import Batch, Decoded, Value


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """Each line as `{"line": text}`, without its end; blank lines are not records."""
    text = readable(opened(path, settings), settings)
    records = batches(line_records(blocks(text, settings.get("skipRows", 0))), batch)
    return Decoded(None, map(_named, records), encoding=text.encoding, notes=text.notes)


def _named(records: Records) -> Batch:
    faults = character_faults(records.raws, records.lines) | long_faults(records.lines, records.long)
    rows = [{"line": raw.rstrip("\r\n")} for raw in records.raws]
    return Batch(rows, records.lines, records.raws, [faults[index] for index in sorted(faults)])
