"""Columns by their place in a line, where blanks that run through all lines show them. Never reads a file."""

from collections.abc import Sequence

from engine.errors import DecodeError
from engine.scaffold.tables import Layout, narrow

_LEAST = 3  # lines: fewer have blanks below each other by chance


def columns(lines: Sequence[str]) -> Layout:
    """The layout of text in fixed columns under a header. Raises DecodeError ("sample.oneColumn")."""
    texts = [line.rstrip("\r\n") for line in lines]
    kept = [text for text in texts if text.strip()]
    if len(kept) < _LEAST or any("\t" in text for text in kept):
        raise narrow()
    width = max(map(len, kept))
    is_blank = [all(text[at : at + 1] in ("", " ") for text in kept) for at in range(width)]
    starts = [at for at in range(width) if not is_blank[at] and (at == 0 or is_blank[at - 1])]
    starts = _with_names(starts, kept[0])
    if len(starts) < 2:  # noqa: PLR2004 - one column is no table
        raise narrow()
    ends = [*starts[1:], width]
    names = [kept[0][start:end].strip() for start, end in zip(starts, ends, strict=True)]
    if len(set(names)) < len(names) or any(name[:1].isdigit() for name in names):
        raise DecodeError(
            "sample.noHeader",
            "columns stand below each other, but the first line does not name each once; put a line of names above",
        )
    made = [
        {"name": name, "start": start + 1, "width": end - start}
        for name, start, end in zip(names, starts, ends, strict=True)
    ]
    above = texts.index(kept[0]) + 1
    why = {
        "format": "no delimiter parts its lines alike, and columns stand below each other",
        "columns": f"blanks run through all {len(kept)} lines there; ask the sender for the widths",
        "skipRows": "the line that names the columns is no record",
    }
    return Layout({"format": "fixedWidth", "columns": made, "skipRows": above}, why, tuple(texts[:above]))


def _with_names(starts: Sequence[int], header: str) -> list[int]:
    """Only columns that the header names: blanks inside a column may stand below each other, too."""
    kept: list[int] = []
    for start in starts:
        if not kept or (header[start : start + 1].strip() and header[:start].endswith(" ")):
            kept.append(start)
    return kept
