"""The one YAML loader: strict YAML 1.2 values, and for each where it stands. Knows no schema.

Values and places come from one pass over the events of the C parser, without recursion: its own
composer overflows the C stack on deep nesting. Only `true` and `false` are booleans, only `null`,
`~` and nothing are null; numbers are decimal and do not begin with 0. All else is text: `no`,
`01234`, `22:30`, `2022-01-12`, `0x1F`. A key is always text, exactly as it is written.
"""

import re
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.cyaml import CParser
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent, StreamEndEvent

from engine.language.findings import Finding, Note, source_lines
from engine.language.syntax import cut_values, explained
from engine.language.words import nearest
from engine.model import Value

MAX_BYTES = 1 << 20  # 1 MiB
MAX_NODES = 100_000  # aliases counted as what they stand for
MAX_DEPTH = 50

Path: TypeAlias = tuple[str | int, ...]

_NUMBER = re.compile(r"[-+]?(?:(?P<integer>0|[1-9][0-9]{0,18})|(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?|(?:0|[1-9][0-9]*)(?:\.|\.?[eE][-+]?[0-9]+))")
_FIRST_WORD = re.compile(r"[^\s,\[\]{}]*")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}
_TELLING = frozenset("-+.0123456789tfn~")  # what begins a plain scalar that may be other than text
# What YAML calls printable, without the breaks of line that editors do not count (U+0085, U+2028,
# U+2029): with one of these our line numbers would not be theirs.
_UNFIT = re.compile("[^\t\n\r\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


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
        self._spots = spots

    def mark(self, path: Path, key: bool = False) -> Mark:
        """Where the value at `path` begins, or with `key` its key.

        What does not exist has the place of its nearest ancestor that does; what was reached
        through an alias, the place of the alias.
        """
        spot, _ = self._spot(path, key)
        return Mark(spot.line + 1, spot.column + 1)

    def anchor(self, path: Path) -> Mark | None:
        """Where the text really stands that `path` reaches through an alias; None without one."""
        _, spot = self._spot(path, False)
        return None if spot is None else Mark(spot.line + 1, spot.column + 1)

    def raw(self, path: Path) -> str:
        """The first word of the value as it is written: `1.10` for the number 1.1."""
        spot, anchor = self._spot(path, False)
        found = _FIRST_WORD.match(self.text, (anchor or spot).index)
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
    return spots[0] if isinstance(spots, (list, tuple)) else spots


def parse(path: str, text: str | bytes) -> tuple[Document | None, list[Finding]]:
    """The document and everything that is wrong with its YAML; None where no value came of it.

    A duplicate key keeps its first value and a tag is left out, so that what follows can still be
    checked. Bytes are UTF-8, with or without a BOM.
    """
    if isinstance(text, bytes):
        if len(text) > MAX_BYTES:
            return None, [_too_large(path, len(text))]
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, [_undecodable(path, text, error)]
    if len(text) > MAX_BYTES:
        return None, [_too_large(path, len(text))]
    text = text.removeprefix("\ufeff")
    unfit = _UNFIT.search(text)
    if unfit:
        return None, [_unfit_character(path, text, unfit)]
    builder = _Builder(path, text)
    try:
        value, spots = builder.document()
    except yaml.MarkedYAMLError as error:
        return None, [*builder.findings, explained(path, text, error)]
    except _Refused as refusal:
        return None, [*builder.findings, refusal.finding]
    return Document(path, text, value, spots), builder.findings + cut_values(path, text)


class _Refused(Exception):
    """The reading ends here."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _Parser(CParser):
    """The C parser, asked for events only."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)


class _Anchor(NamedTuple):
    value: Value
    spots: Any
    nodes: int
    height: int


class _Builder:
    """Builds the value and its places from events; one use."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self._next = _Parser(text).get_event
        self._anchors: dict[str, _Anchor | None] = {}
        self._dropped: list[tuple[dict[str, Value], list[Any], str]] = []

    def document(self) -> tuple[Value, Any]:
        """The value of the only document, and its places beside it.

        A map's places are a list: its own mark, then a key's and a value's in turn; a list's are its
        own mark and its elements'; a scalar's is its mark; an alias's the tuple of its mark and
        the places it leads to.
        """
        self._next()
        start = self._next()
        if type(start) is StreamEndEvent:
            raise _Refused(self._finding("E008", start.start_mark, "the file is empty", "begin with `version: 1` and `kind:`"))
        value, spots = self._node()
        self._next()
        after = self._next()
        if type(after) is not StreamEndEvent:
            raise _Refused(
                self._finding("E008", after.start_mark, "a second document begins here", "one file holds one definition: split the file", 3)
            )
        for mapping, places, key in reversed(self._dropped):
            index = 1 + 2 * list(mapping).index(key)
            del mapping[key], places[index : index + 2]
        return value, spots

    def _node(self) -> tuple[Value, Any]:  # noqa: PLR0912, PLR0915  one loop over events: calls would cost half its speed
        root: list[Value] = []
        root_spots: list[Any] = [None]
        value: Any = root
        spots: list[Any] = root_spots
        key: str | None = None  # of a map, when its value is awaited
        stack: list[tuple[Any, list[Any], str | None, str | None, int, int]] = []
        nodes = deepest = 0
        anchor: str | None
        next_event = self._next
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                nodes += 1
                if type(value) is dict and key is None:
                    key = self._key(event, value, spots)
                    continue
                spot: Any = event.start_mark
                if event.anchor is not None or event.tag is not None:
                    self._properties(event)
                text = event.value
                made = text if event.style or (text and text[0] not in _TELLING) else _scalar(text)
                if event.anchor is not None:
                    self._anchors[event.anchor] = _Anchor(made, spot, 1, 0)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                self._begin(event, value, key, len(stack))
                stack.append((value, spots, key, event.anchor, nodes, deepest))
                value, spots, key, deepest = {} if kind is MappingStartEvent else [], [event.start_mark], None, len(stack)
                continue
            elif kind is AliasEvent:
                target = self._alias(event, value, key, len(stack))
                nodes += target.nodes
                deepest = max(deepest, len(stack) + target.height)
                made, spot = target.value, (event.start_mark, target.spots)
            else:
                made, spot = value, spots
                value, spots, key, anchor, before, outer = stack.pop()
                if anchor is not None:
                    self._anchors[anchor] = _Anchor(made, spot, nodes - before + 1, deepest - len(stack))
                deepest = max(deepest, outer)
            if nodes > MAX_NODES:
                raise _Refused(self._finding("E003", event.start_mark, f"more than {MAX_NODES:,} values, aliases counted in full", "an alias repeats all it stands for: write less, or split the file"))
            spots.append(spot)
            if type(value) is dict:
                value[key] = made
                key = None
            else:
                value.append(made)
                if not stack:
                    return made, spot

    def _key(self, event: ScalarEvent, mapping: dict[str, Value], spots: list[Any]) -> str:
        """The key of the next value; a second one of the same name takes its value away with it."""
        key: str = event.value
        mark = event.start_mark
        if event.tag is not None or event.anchor is not None:
            self._properties(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(key, mark, 1, 0)
        if key in mapping:
            first = spots[1 + 2 * list(mapping).index(key)]
            note = Note(first.line + 1, first.column + 1, f"`{key}` is first given here")
            self.findings.append(
                self._finding(
                    "E004", mark, f"the key `{key}` is given twice", f"the first is on line {first.line + 1}: keep one of them",
                    len(key), (note,),
                )
            )
            key = f"\0{len(self._dropped)}"  # no text can hold it
            self._dropped.append((mapping, spots, key))
        elif key == "<<" and not event.style:
            self.findings.append(self._finding("E006", mark, "merge keys are not part of YAML 1.2", "use `basedOn`, or write the keys out", 2))
            key = f"\0{len(self._dropped)}"
            self._dropped.append((mapping, spots, key))
        elif not key:
            self.findings.append(self._finding("E011", mark, "a key is empty", "write the key's name, or quote '' if an empty key is meant"))
        spots.append(mark)
        return key

    def _begin(self, event: MappingStartEvent | SequenceStartEvent, value: Any, key: str | None, depth: int) -> None:
        """Refuse what must not be opened here."""
        mark = event.start_mark
        if type(value) is dict and key is None:
            raise _Refused(self._finding("E011", mark, "a key has to be text, this is a map or a list", "in a value, put quotes around text with { } or [ ]"))
        if depth >= MAX_DEPTH:
            raise _Refused(self._finding("E003", mark, f"nested deeper than {MAX_DEPTH} levels", "a definition never needs that: look for brackets that are not closed"))
        if event.tag is not None:
            self._properties(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # known, and not finished

    def _alias(self, event: AliasEvent, value: Any, key: str | None, depth: int) -> _Anchor:
        """What an alias stands for."""
        mark, name = event.start_mark, event.anchor
        if type(value) is dict and key is None:
            raise _Refused(self._finding("E011", mark, "an alias stands where a key is expected", "write the key itself", len(name) + 1))
        if name not in self._anchors:
            known = nearest(name, self._anchors)
            advice = f"did you mean `*{known}`?" if known else "put quotes around text that begins with `*`"
            raise _Refused(self._finding("E007", mark, f"no anchor `&{name}` stands above this alias", advice, len(name) + 1))
        target = self._anchors[name]
        if target is None:
            raise _Refused(self._finding("E007", mark, f"the alias `*{name}` stands inside of what it repeats", "write out what is meant", len(name) + 1))
        if depth + target.height > MAX_DEPTH:
            raise _Refused(self._finding("E003", mark, f"nested deeper than {MAX_DEPTH} levels through this alias", "write less nesting", len(name) + 1))
        return target

    def _properties(self, event: Any) -> None:
        """A finding for a tag; definitions have none."""
        if event.tag is not None:
            self.findings.append(
                self._finding("E005", event.start_mark, f"`{_short(event.tag)}` is read as a YAML tag", "put quotes around a value that begins with `!`", len(_short(event.tag)))
            )

    def _finding(self, code: str, mark: Any, message: str, help: str, length: int = 1, notes: tuple[Note, ...] = ()) -> Finding:
        return Finding(self.path, mark.line + 1, mark.column + 1, code, "error", message, help, max(length, 1), notes)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _scalar(text: str) -> Value:
    """What a plain scalar means in the core schema of YAML 1.2, without octal and leading zeros."""
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return int(text) if number["integer"] else float(text)


def _too_large(path: str, size: int) -> Finding:
    return Finding(path, 1, 1, "E003", "error", f"the file has {size:,} bytes; a definition has at most {MAX_BYTES:,}", "split it: one file for each feed")


def _undecodable(path: str, data: bytes, error: UnicodeDecodeError) -> Finding:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Finding(path, 1, 1, "E002", "error", "the file is UTF-16", "save it as UTF-8")
    before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
    line, column = _place(before, len(before))
    return Finding(path, line, column, "E002", "error", f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")


def _unfit_character(path: str, text: str, found: re.Match[str]) -> Finding:
    line, column = _place(text, found.start())
    help = f'in double quotes it can be written as "\\u{ord(found[0]):04x}"'
    if found[0] == "\0":
        help = "the file looks damaged, or is UTF-16: save it as UTF-8"
    return Finding(path, line, column, "E002", "error", f"the character U+{ord(found[0]):04X} may not stand in a definition", help)


def _place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character of the text."""
    lines = source_lines(text[:offset])
    return len(lines), len(lines[-1]) + 1
