"""From YAML text to plain values, and beside them the places where each stands. Knows no file and no schema.

One pass over the events of the C parser, without recursion: the parser's own composer overflows the
C stack on deep nesting, and a constructor on top of it costs as much again.
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from yaml._yaml import CParser
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent, StreamEndEvent

from engine.language.findings import Finding, Note
from engine.language.words import clipped, nearest
from engine.model import Value

MAX_NODES = 20_000  # aliases counted as what they stand for; a large definition has two thousand
MAX_DEPTH = 50
MAX_FINDINGS = 50

# The core schema of YAML 1.2 without octal and without leading zeros: what looks like one of these
# (01234, 0x1F, 22:30, 2022-01-12, no) is text, and keeps every character.
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*|(?=[eE]))|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?")
_ODD_KEYS = frozenset({"", "<<"})
_TELLING = frozenset("-+.0123456789tfn~")  # what begins a plain scalar that may be other than text


class Refused(Exception):
    """The reading ends here; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Parser(CParser):
    """The C parser, asked for events only."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)


class _Anchor(NamedTuple):
    value: Value
    spots: Any
    nodes: int
    height: int


class Composer:
    """Composes one text; `findings` are the faults that do not end the reading."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self._next: Callable[[], Any] = Parser(text).get_event
        self._anchors: dict[str, _Anchor | None] = {}
        self._dropped: list[tuple[dict[str, Value], list[Any], str]] = []

    def document(self) -> tuple[Value, Any]:
        """The value of the only document, and the places of its parts.

        The places of a map are a list: its own mark, then a key's and a value's in turn. A list's
        are its own mark and its elements'; a scalar's is its mark; an alias's the tuple of its mark
        and the places it leads to. Raises Refused, and yaml.MarkedYAMLError for broken syntax.
        """
        self._next()
        start = self._next()
        if type(start) is StreamEndEvent:
            raise self._refused("E008", start.start_mark, "the file is empty", "begin with `version: 1` and `kind:`")
        value, spots = self._node()
        self._next()
        after = self._next()
        if type(after) is not StreamEndEvent:
            help = "one file holds one definition: split the file"
            raise self._refused("E008", after.start_mark, "a second document begins here", help, 3)
        for mapping, places, key in reversed(self._dropped):
            index = 1 + 2 * list(mapping).index(key)
            del mapping[key], places[index : index + 2]
        return value, spots

    def _node(self) -> tuple[Value, Any]:  # noqa: PLR0912, PLR0915 - one loop: calls would halve its speed
        value: Any = []
        spots: list[Any] = [None]
        key: str | None = None  # of a map, while its value is awaited
        stack: list[tuple[Any, list[Any], str | None, str | None, int, int]] = []
        nodes = deepest = 0
        next_event, anchors = self._next, self._anchors
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                nodes += 1
                if type(value) is dict and key is None:
                    key = event.value
                    if event.tag is not None or event.anchor is not None or key in value or key in _ODD_KEYS:
                        key = self._key(event, value, spots)
                    else:
                        spots.append(event.start_mark)
                    continue
                spot: Any = event.start_mark
                text = event.value
                made: Value = text if event.style or (text and text[0] not in _TELLING) else scalar(text)
                if event.tag is not None:
                    self._tag(event)
                if event.anchor is not None:
                    anchors[event.anchor] = _Anchor(made, spot, 1, 0)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                self._opening(event, value, key, len(stack))
                stack.append((value, spots, key, event.anchor, nodes, deepest))
                value, key, deepest = {} if kind is MappingStartEvent else [], None, len(stack)
                spots = [event.start_mark]
                continue
            elif kind is AliasEvent:
                target = self._target(event, value, key, len(stack))
                nodes += target.nodes
                deepest = max(deepest, len(stack) + target.height)
                made, spot = target.value, (event.start_mark, target.spots)
            else:
                made, spot = value, spots
                value, spots, key, anchor, before, outer = stack.pop()
                if anchor is not None:
                    anchors[anchor] = _Anchor(made, spot, nodes - before + 1, deepest - len(stack))
                deepest = max(deepest, outer)
            if nodes > MAX_NODES:
                help = "an alias counts as all it stands for: write less, or split the file"
                raise self._refused("E003", event.start_mark, f"more than {MAX_NODES:,} values", help)
            if not stack:
                return made, spot
            spots.append(spot)
            if type(value) is dict:
                value[key] = made
                key = None
            else:
                value.append(made)

    def _key(self, event: Any, mapping: dict[str, Value], spots: list[Any]) -> str:
        """The name of the next value: always text, as it is written. A second one of a name is taken out again."""
        key: str = event.value
        mark = event.start_mark
        if event.tag is not None:
            self._tag(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(key, mark, 1, 0)
        if key in mapping:
            first = spots[1 + 2 * list(mapping).index(key)]
            notes = (Note(first.line + 1, first.column + 1, f"`{clipped(key)}` is first given here"),)
            help = f"the first is on line {first.line + 1}: keep one of them"
            self._find("E004", mark, f"the key `{clipped(key)}` is given twice", help, len(key), notes)
            key = self._without(mapping, spots)
        elif key == "<<" and not event.style:
            self._find("E006", mark, "merge keys are not part of YAML 1.2", "use `basedOn`, or write the keys out", 2)
            key = self._without(mapping, spots)
        elif not key:
            self._find("E011", mark, "a key is empty", "write its name before the `:`")
        spots.append(mark)
        return key

    def _without(self, mapping: dict[str, Value], spots: list[Any]) -> str:
        """A key that no text can hold, for a value that is taken out at the end."""
        key = f"\0{len(self._dropped)}"
        self._dropped.append((mapping, spots, key))
        return key

    def _opening(self, event: Any, value: Any, key: str | None, depth: int) -> None:
        """Refuse a map or a list that must not begin here."""
        if type(value) is dict and key is None:
            help = "put quotes around text that begins with { or ["
            raise self._refused("E011", event.start_mark, "a key is text, and here begins a map or a list", help)
        if depth >= MAX_DEPTH:
            help = "no definition needs that: look for brackets that are not closed"
            raise self._refused("E003", event.start_mark, f"nested deeper than {MAX_DEPTH} levels", help)
        if event.tag is not None:
            self._tag(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # known, and not finished

    def _target(self, event: Any, value: Any, key: str | None, depth: int) -> _Anchor:
        """What an alias stands for."""
        mark, name, length = event.start_mark, event.anchor, len(event.anchor) + 1
        if type(value) is dict and key is None:
            raise self._refused("E011", mark, "an alias stands where a key is expected", "write the key itself", length)
        if name not in self._anchors:
            known = nearest(name, self._anchors)
            help = f"did you mean `*{known}`?" if known else "put quotes around text that begins with `*`"
            raise self._refused("E007", mark, f"no anchor `&{clipped(name)}` stands above this alias", help, length)
        target = self._anchors[name]
        if target is None:
            message = f"the alias `*{clipped(name)}` stands inside of what it repeats"
            raise self._refused("E007", mark, message, "write out what is meant", length)
        if depth + target.height > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels through this alias"
            raise self._refused("E003", mark, message, "write less nesting", length)
        return target

    def _tag(self, event: Any) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        help = "put quotes around a value that begins with `!`"
        self._find("E005", event.start_mark, f"`{clipped(tag)}` is read as a YAML tag", help, len(tag))

    def _find(
        self, code: str, mark: Any, message: str, help: str, length: int = 1, notes: tuple[Note, ...] = ()
    ) -> None:
        if len(self.findings) >= MAX_FINDINGS:
            message, help = "there are more problems than are listed", f"correct these {MAX_FINDINGS} first"
            raise Refused(Finding(self.path, mark.line + 1, mark.column + 1, "E039", "error", message, help))
        found = Finding(self.path, mark.line + 1, mark.column + 1, code, "error", message, help, max(length, 1), notes)
        self.findings.append(found)

    def _refused(self, code: str, mark: Any, message: str, help: str, length: int = 1) -> Refused:
        self._find(code, mark, message, help, length)
        return Refused(self.findings.pop())


def scalar(text: str) -> Value:
    """What a plain scalar means: null, a boolean, a number, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _DECIMAL.fullmatch(text):
        return text
    number = float(text)
    # Beyond all floats it stays what was written: nothing can be counted or compared with infinity.
    return number if isfinite(number) else text
