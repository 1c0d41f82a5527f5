"""A new entry in a dealer's file, put where its neighbours stand: every other byte stays as it is. Writes no file."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from yaml.events import MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent, StreamEndEvent

from engine.errors import DefinitionError
from engine.language.compose import Parser
from engine.language.tree import Node, tree
from engine.language.yaml import Document, parse

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")


class Entry(NamedTuple):
    """Lines of an entry, the first without its dash, and the same on one line for a file that writes so."""

    lines: tuple[str, ...]
    brief: str


class Placed(NamedTuple):
    """The new text of a dealer's file, and the line where the entry stands in it."""

    text: str
    line: int


class _Span(NamedTuple):
    """Where a sequence begins and its end was seen; `elements` are marks of where its elements begin.

    `last` is where the last of them ends.
    """

    start: Any
    end: Any
    is_flow: bool
    elements: Sequence[Any]
    last: Any


def document(path: str, content: bytes) -> tuple[Document, Node]:
    """The dealer's file as it stands. Raises DefinitionError where it is no good YAML, or no dealer's."""
    found, findings = parse(path, content)
    errors = tuple(each for each in findings if each.severity == "error")
    if found is None or errors:
        raise DefinitionError(f"{path} has errors, and nothing was written: `feeds validate` shows them", errors)
    root = tree(found)
    if not root.is_map or root.text("kind") != "dealer":
        raise DefinitionError(f"{path}: expected a dealer's file (`kind: dealer`); nothing was written")
    return found, root


def placed(found: Document, entry: Entry) -> Placed:
    """The file with the entry behind the last one. Raises DefinitionError where its layout has no place for one."""
    text = found.text
    end = "\r\n" if "\r\n" in text else "\n"
    feeds = found.value.get("feeds") if isinstance(found.value, dict) else None
    if "feeds" not in found.value:
        if _is_flow_map(text):
            raise _by_hand(found.path, entry)
        return _appended(found, entry, end)
    span = _span(text)
    if span is None or (feeds is not None and not isinstance(feeds, list)):
        if feeds is None:
            return _first(found, entry, end)
        raise DefinitionError(f"{found.path}: `feeds` is no list; nothing was written")
    if span.is_flow:
        return _in_brackets(text, span, entry)
    return _below(found, span, entry, end)


def rendered(entry: Entry, indent: str, end: str) -> str:
    """The entry's lines behind a dash at this indentation."""
    first, *rest = entry.lines
    return "".join([f"{indent}- {first}{end}", *(f"{indent}  {line}{end}" for line in rest)])


def _by_hand(path: str, entry: Entry) -> DefinitionError:
    return DefinitionError(f"{path} is written on one line; nothing was written. Add to its `feeds`: {entry.brief}")


def _is_flow_map(text: str) -> bool:
    next_event = Parser(text).get_event
    while type(event := next_event()) is not StreamEndEvent:
        if isinstance(event, MappingStartEvent):
            return bool(event.flow_style)
    return False


def _span(text: str) -> _Span | None:
    """The sequence under the key `feeds` of the outermost map."""
    next_event: Callable[[], Any] = Parser(text).get_event
    depth, is_key, wanted = 0, True, False
    opened: Any = None
    elements: list[Any] = []
    last: Any = None
    while type(event := next_event()) is not StreamEndEvent:
        mark = event.start_mark
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            depth -= 1
            if opened is not None and depth == 1:
                return _Span(opened.start_mark, mark, bool(opened.flow_style), elements, last)
        elif depth == 1 and wanted and isinstance(event, SequenceStartEvent):
            opened = event
        elif opened is not None and depth == 2:  # noqa: PLR2004 - the map, its sequence
            elements.append(mark)
        if opened is not None:
            last = event.end_mark
        if depth == 1 and not isinstance(event, MappingStartEvent | SequenceStartEvent):
            wanted = is_key and getattr(event, "value", None) == "feeds"
            is_key = not is_key
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
    return None


def _appended(found: Document, entry: Entry, end: str) -> Placed:
    """A `feeds:` of its own at the end of the file."""
    body, tail = _without_end_marker(found.text)
    if body and not body.endswith(("\n", "\r")):
        body += end
    line = body.count("\n") + 2
    return Placed(f"{body}feeds:{end}{rendered(entry, '  ', end)}{tail}", line)


def _without_end_marker(text: str) -> tuple[str, str]:
    """The text, and a `...` that ends the document."""
    lines = text.splitlines(keepends=True)
    for place, line in enumerate(lines):
        if line.rstrip() == "...":
            return "".join(lines[:place]), "".join(lines[place:])
    return text, ""


def _first(found: Document, entry: Entry, end: str) -> Placed:
    """The first entry, below a `feeds:` that has nothing."""
    lines = found.text.splitlines(keepends=True)
    at = found.mark(("feeds",), key=True).line
    written = lines[at - 1]
    bare = written.split("#")[0].rstrip()
    if not bare.endswith(":"):  # `feeds: null`, `feeds: ~`
        lines[at - 1] = written.replace(bare, bare[: bare.rindex(":") + 1], 1)
    if not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += end
    return Placed("".join([*lines[:at], rendered(entry, "  ", end), *lines[at:]]), at + 1)


def _in_brackets(text: str, span: _Span, entry: Entry) -> Placed:
    """Behind the last element of `[...]`."""
    at = span.end.index
    has_comma = not span.elements or "," in _COMMENT.sub("", text[span.last.index : at])
    return Placed(f"{text[:at]}{'' if has_comma else ', '}{entry.brief}{text[at:]}", span.end.line + 1)


def _below(found: Document, span: _Span, entry: Entry, end: str) -> Placed:
    """On the lines behind the last entry's, its deeper comments included."""
    lines = found.text.splitlines(keepends=True)
    dash = span.start.column
    stop = min((mark.line for mark in _next_keys(found) if mark.line > span.start.line + 1), default=len(lines) + 1) - 1
    body, tail = _without_end_marker(found.text)
    if tail:
        stop = min(stop, body.count("\n"))
    last = span.elements[-1].line
    for place in range(last, stop):
        text = lines[place].strip()
        indent = len(lines[place]) - len(lines[place].lstrip())
        # What is deeper belongs to the entry, be it a comment or a text that only looks like one.
        if text and (not text.startswith("#") or indent > dash):
            last = place
    at = last + 1
    if not lines[last].endswith(("\n", "\r")):
        lines[last] += end
    return Placed("".join([*lines[:at], rendered(entry, " " * dash, end), *lines[at:]]), at + 1)


def _next_keys(found: Document) -> list[Any]:
    value: Mapping[str, Any] = found.value
    return [found.mark((key,), key=True) for key in value]
