"""Group M: files as they come and as they should not, each with its golden verdict in `verdicts.json`.

The bytes are made by this package, always the same; the verdict is a table that a person has
read: how many records there are, the codes of the faults in order, or the code of the refusal,
with the header and the last good record where these are short. To add a file, add it to a
module of its group and its line to the table (`python -m tests.corpus.content` prints what
decoding it gives, to be read before it is believed).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tests.corpus.content import documents, encodings, headers, packing, sizes, tables

VERDICTS = Path(__file__).parent / "verdicts.json"

# Name, what makes the bytes (some are of 64 MB: one at a time), and the `decode:` block.
File: TypeAlias = tuple[str, Callable[[], bytes], Mapping[str, Any]]
Case: TypeAlias = tuple[str, bytes, Mapping[str, Any], Mapping[str, Any]]

GROUPS: dict[str, Callable[[], Iterator[File]]] = {
    "encodings": encodings.files,
    "headers": headers.files,
    "tables": tables.files,
    "sizes": sizes.files,
    "packing": packing.files,
    "documents": documents.files,
}


def files() -> Iterator[File]:
    """Every file by its name, `group/name`, without its verdict; nothing is made yet."""
    for group, found in GROUPS.items():
        for name, content, settings in found():
            yield f"{group}/{name}", content, settings


def cases() -> Iterator[Case]:
    """Name, bytes, settings and verdict of every file, made as it is asked for."""
    verdicts = json.loads(VERDICTS.read_text(encoding="utf-8"))
    for name, content, settings in files():
        yield name, content(), settings, verdicts[name]
