"""YAML as a person would write it: quoted only where it must be, comments in a column. Knows no key's meaning."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.language.compose import scalar
from engine.model import Value

# Plain in every place, also inside { } and [ ], for our loader and for others.
_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.*+@-]*(?: [A-Za-z0-9_/.*+-]+)*")
# Words that other YAML readers take for something else; `y` and `n` are booleans in YAML 1.1.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NUMBERLIKE = re.compile(r"[0-9.+-][0-9_.,:eE+-]*|[+-]?0[xXoObB][0-9a-fA-F_]*|[+-]?\.(?:inf|nan)", re.IGNORECASE)
_WIDEST = 88  # columns: a comment begins here at the latest, or stands on a line of its own


class Line(NamedTuple):
    """A line of YAML with its comment, which may be empty."""

    text: str
    comment: str = ""


def text_of(value: str) -> str:
    """A text as a YAML scalar that any reader takes for just this text, on one line.

    A literal `${` is written `$${`: nothing in a sample is a reference.
    """
    value = value.replace("${", "$${")
    return quoted(value)


def quoted(value: str) -> str:
    """The same without a look at references."""
    is_plain = _PLAIN.fullmatch(value) and value.casefold() not in _WORDS and not _NUMBERLIKE.fullmatch(value)
    if is_plain and scalar(value) == value:
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, value)) + '"'


def flow(value: Value) -> str:
    """A value on one line: `{key: value}`, `[a, b]`, or a scalar."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return text_of(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def literal(text: str, indent: int) -> list[str]:
    """A text of several lines as the lines of a block behind `key: `; quoted where a block cannot hold it."""
    rows = text.split("\n")
    is_fit = (
        text.endswith("\n")
        and not text.endswith("\n\n")
        and not rows[0].startswith((" ", "\t"))
        and rows[0] != ""
        and all(row.replace("\t", "").isprintable() for row in rows)
    )
    if not is_fit:
        return ['"' + "".join(map(_escaped, text)) + '"']
    return ["|", *(" " * indent + row if row else "" for row in rows[:-1])]


def commented(text: str) -> str:
    """A text that can stand in a comment: one line, printable."""
    return "".join(character if character.isprintable() else " " for character in text)


def page(lines: Iterable[Line]) -> str:
    """The lines as a file. Comments of neighbouring lines begin in one column; where one is too far right, above."""
    rows: list[str] = []
    group: list[Line] = []
    for line in lines:
        if line.comment and len(line.text) < _WIDEST:
            group.append(line)
            continue
        rows += _aligned(group)
        group = []
        if line.comment:
            indent = line.text[: len(line.text) - len(line.text.lstrip())]
            rows.append(f"{indent}# {commented(line.comment)}")
        rows.append(line.text)
    rows += _aligned(group)
    return "\n".join(rows) + "\n"


def _aligned(group: Sequence[Line]) -> list[str]:
    column = max((len(line.text) for line in group), default=0) + 4
    return [f"{line.text:<{column}}# {commented(line.comment)}" for line in group]


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return "\\n"
    if character == "\t":
        return "\\t"
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"
