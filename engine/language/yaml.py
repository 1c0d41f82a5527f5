"""The one YAML loader: strict YAML 1.2 as plain values, and for each part where it stands. Knows no schema.

Only `true` and `false` are booleans, only `null`, `~` and nothing are null, numbers are decimal. All
else is text, and a key is always text. There is one document, without tags and merge keys; keys are
given once; aliases count as what they stand for.
"""

import re
from typing import Any, NamedTuple, TypeAlias

import yaml

from engine.language.compose import Composer, Refused
from engine.language.findings import Finding, source_lines
from engine.language.syntax import cut_values, explained
from engine.model import Value

MAX_BYTES = 1 << 20  # 1 MiB
_LONGEST = 200  # characters of a scalar that are looked at as written

Path: TypeAlias = tuple[str | int, ...]

# What YAML does not call printable, and the breaks of line that editors do not count (U+0085, U+2028,
# U+2029): with one of these our line numbers would not be theirs.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n\r"  # all that most files hold: taken out, nothing is left
_SCALAR = re.compile(r"""'(?:[^'\n]|'')*'|"(?:[^"\\\n]|\\.)*"|[^\n\r]*?(?=[ \t]+#|[ \t]*[\r\n]|[ \t]*\Z|[,\]}])""")


class Mark(NamedTuple):
    """A place in the text: both from 1, the column in characters (a tab is one)."""

    line: int
    column: int


class Document:
    """A parsed file: its value, and where each part of it stands in the text."""

    __slots__ = ("_spots", "path", "text", "value")

    def __init__(self, path: str, text: str, value: Value, spots: Any) -> None:
        self.path = path
        self.text = text  # without a BOM
        self.value = value
        self._spots = spots  # see `Composer.document`

    def mark(self, path: Path, key: bool = False) -> Mark:
        """Where the value at `path` begins, or with `key` its key.

        What does not exist has the place of its nearest ancestor that does; what was reached
        through an alias, the place of the alias.
        """
        return _mark(self._spot(path, key)[0])

    def anchor(self, path: Path, key: bool = False) -> Mark | None:
        """Where the text really stands that `path` reaches through an alias; None without one."""
        spot = self._spot(path, key)[1]
        return None if spot is None else _mark(spot)

    def raw(self, path: Path) -> str:
        """The scalar as it is written, as far as it stands on one line: `1.10` for the number 1.1."""
        spot, anchor = self._spot(path, False)
        begin = (anchor or spot).index
        found = _SCALAR.match(self.text[begin : begin + _LONGEST])
        return found[0] if found else ""

    def _spot(self, path: Path, key: bool) -> tuple[Any, Any]:
        """The parser's mark at `path`, and where an alias on the way leads, or None."""
        value, spots, at, used = self.value, self._spots, _begin(self._spots), None
        for depth, step in enumerate(path):
            if isinstance(spots, tuple):
                used, spots = used or spots[0], spots[1]
            if isinstance(value, dict) and step in value:
                index = 1 + 2 * list(value).index(step)
                only_key = key and depth == len(path) - 1
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                index, only_key = step, False
            else:
                break
            at = _begin(spots[index] if only_key else spots[index + 1])
            value, spots = value[step], None if only_key else spots[index + 1]
        if isinstance(spots, tuple):
            used, at = used or spots[0], _begin(spots[1])
        return (used, at) if used else (at, None)


def _begin(spots: Any) -> Any:
    """The first mark of a scalar (the mark itself), a container (a list) or an alias (a tuple)."""
    return spots[0] if isinstance(spots, list | tuple) else spots


def _mark(spot: Any) -> Mark:
    return Mark(spot.line + 1, spot.column + 1)


def parse(path: str, text: str | bytes) -> tuple[Document | None, list[Finding]]:
    """The document and everything that is wrong with its YAML; None where no value came of it.

    A key that is given twice keeps its first value, and a tag is passed over, so that what follows
    can still be checked. Bytes are UTF-8, with or without a BOM.
    """
    if len(text) > MAX_BYTES:
        help = "split it: one file for each definition"
        message = f"the file has {len(text):,} bytes; a definition has at most {MAX_BYTES:,}"
        return None, [Finding(path, 1, 1, "E003", "error", message, help)]
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, [_undecodable(path, error)]
    text = text.removeprefix("\ufeff")
    is_plain = text.isascii() and not text.encode().translate(None, _PLAIN)
    unfit = None if is_plain else _UNFIT.search(text)
    if unfit:
        return None, [_unfit_character(path, text, unfit)]
    composer = Composer(path, text)
    try:
        value, spots = composer.document()
    except yaml.MarkedYAMLError as error:
        return None, [*composer.findings, explained(path, text, error)]
    except Refused as refusal:
        return None, [*composer.findings, refusal.finding]
    return Document(path, text, value, spots), composer.findings + cut_values(path, text)


def _undecodable(path: str, error: UnicodeDecodeError) -> Finding:
    data = error.object
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Finding(path, 1, 1, "E002", "error", "the file is UTF-16", "save it as UTF-8")
    line, column = _place(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
    message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
    return Finding(path, line, column, "E002", "error", message, "save the file as UTF-8")


def _unfit_character(path: str, text: str, found: re.Match[str]) -> Finding:
    line, column = _place(text[: found.start()])
    help = f'in double quotes it is written "\\u{ord(found[0]):04x}"'
    if found[0] == "\0":
        help = "the file is damaged, or UTF-16: save it as UTF-8"
    message = f"the character U+{ord(found[0]):04X} may not stand in a definition"
    return Finding(path, line, column, "E002", "error", message, help)


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows this text."""
    lines = source_lines(before)
    return len(lines), len(lines[-1]) + 1
