"""What the YAML parser could not read, or read otherwise than meant, in the author's words. Makes no values."""

import re
from itertools import islice
from typing import Any, NamedTuple

import yaml
from yaml.events import ScalarEvent, StreamEndEvent

from engine.language.compose import MAX_FINDINGS, Parser, scalar
from engine.language.findings import Finding, source_lines


class _Advice(NamedTuple):
    message: str
    help: str


_PLACED_WRONGLY = "look at how far this line and the lines above it are indented"
_QUOTE_BRACKETS = "put quotes around a value that holds { } [ ] or a comma"
_TAG = _Advice("`!` begins a YAML tag", "put quotes around a value that begins with `!`")
_TAB = _Advice("a tab where YAML wants spaces", "indent with spaces")
_OPEN_QUOTE = _Advice("a quote is opened and never closed", "close the quote that begins here")
_ESCAPE = _Advice(
    "an unknown escape in double quotes", "write patterns in single quotes: a backslash is only a backslash there"
)
# What the parser says, and what we say. The first that is found in its words applies.
_ADVICE: tuple[tuple[str, _Advice], ...] = (
    (
        "mapping values are not allowed",
        _Advice("a second `: ` in one value, or a key indented wrongly", "put quotes around a value that holds `: `"),
    ),
    ("found unexpected end of stream", _OPEN_QUOTE),
    ("found unexpected document indicator", _OPEN_QUOTE),
    ("found unknown escape character", _ESCAPE),
    ("did not find expected hexdecimal number", _ESCAPE),
    ("found character '\\t'", _TAB),
    ("found a tab character", _TAB),
    (
        "found character that cannot start any token",
        _Advice("a value cannot begin with this character", "put quotes around the value"),
    ),
    (
        "did not find expected alphabetic or numeric character",
        _Advice("`*` begins an alias and `&` an anchor", "put quotes around a value that holds `*` or `&` there"),
    ),
    ("while scanning a tag", _TAG),
    ("while parsing a node found undefined tag handle", _TAG),
    (
        "could not find expected ':'",
        _Advice("a key without `:` behind it", "write `key: value`; put quotes around text of several lines"),
    ),
    ("did not find expected ',' or '}'", _Advice("inside { } a `,` or the closing `}` is missing", _QUOTE_BRACKETS)),
    ("did not find expected ',' or ']'", _Advice("inside [ ] a `,` or the closing `]` is missing", _QUOTE_BRACKETS)),
    (
        "did not find expected '-' indicator",
        _Advice("this line does not continue the list above it", "begin it with `- `, or indent it as its key"),
    ),
    (
        "did not find expected key",
        _Advice("this does not continue what stands above it", f"{_PLACED_WRONGLY}, and for quotes closed too early"),
    ),
    (
        "did not find expected node content",
        _Advice("a value is missing here", "look for a bracket or a comma too many, or one that is not closed"),
    ),
    ("block sequence entries are not allowed", _Advice("a list cannot begin here", "put `- ` on a line of its own")),
    (
        "did not find expected comment or line break",
        _Advice("`|` and `>` begin a block of text", "put quotes around a value that begins with `|` or `>`"),
    ),
    ("directive", _Advice("a line that begins with % is a directive of YAML", "leave it out, or quote the value")),
    ("did not find expected <document start>", _Advice("this does not continue what stands above it", _PLACED_WRONGLY)),
    ("block mapping", _Advice("this does not continue what stands above it", _PLACED_WRONGLY)),
)

_REFERENCE = re.compile(r"\$\{[^{}\s]*\}?")
_OPENED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[\[{]|[\]}]""")
# A `#` hardly meant as a comment: no space behind it, nothing behind it, or a reference.
_CLOSE_COMMENT = re.compile(r"[^\s#][ \t]+#(?=[^\s#=*-]|[ \t]*(?:$|\$\{))", re.MULTILINE)
_COMMENT = re.compile(r"[^\s#][ \t]+#")
# A quote that opens a text inside of a plain value.
_INNER_QUOTE = re.compile(r"""(?<![^\s(=,])(?:'[^']*('|$)|"[^"]*("|$))""")
_STARTS = ("{", "[", ", ", ": ")  # what a value inside of brackets may follow
_FEW = 4  # references before an error that may be its cause
_LONGEST = 2_000  # characters of a line that are looked at
_MOST = 2_000  # comments of a text that are looked at


def explained(path: str, text: str, error: yaml.MarkedYAMLError) -> Finding:
    """The parser's error as a finding at the place where the author has to look."""
    problem, context = str(error.problem or ""), str(error.context or "")
    said = f"{context} {problem}"
    advice = next((advice for words, advice in _ADVICE if words in said), None)
    advice = advice or _Advice(f"the text is not YAML: {problem or 'it cannot be read'}", "")
    mark = error.context_mark if advice is _OPEN_QUOTE and error.context_mark else error.problem_mark
    lines = source_lines(text)
    line, column = _on_text(lines, mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    source = lines[line - 1]
    reference = _bare_reference(source, column)
    if reference is not None and advice is not _OPEN_QUOTE:
        message, help = "a reference inside { } or [ ] needs quotes", f"write '{_whole(source, reference)}'"
        return Finding(path, line, reference.start() + 1, "E010", "error", message, help, len(reference[0]))
    if source[column - 1 : column] == "\t" or (not source[: column - 1].strip() and "\t" in source[:column]):
        advice = _TAB
    if advice is _TAG:
        column = max(source.rfind("!", 0, column), 0) + 1
    key = _KEY_ALONE.match(source)
    if "mapping values" in said and key and key.start(1) > 0 and key.end() == column - 1:
        column = key.start(1) + 1
        advice = _Advice("this key is not indented like the ones above it", "indent it like the keys of its block")
    begun = _commented(lines, error)
    if "flow" in context and begun is not None:
        message = "` #` begins a comment, and the brackets before it are not closed"
        return Finding(path, *begun, "E009", "error", message, "put quotes around the whole value")
    help = advice.help
    if "flow" in context and re.search(r"[ \t]#", source):
        help = "` #` begins a comment that ends the line: put quotes around a value that holds it"
    return Finding(path, line, column, "E001", "error", advice.message, help)


def _whole(source: str, reference: re.Match[str]) -> str:
    """The value in which a reference stands, as far as it can be told."""
    before = source[: reference.start()]
    begin = max(before.rfind(mark) + len(mark) for mark in _STARTS if mark in before)
    text = reference[0] if reference[0].endswith("}") else reference[0] + "}"
    rest = re.match(r"[^,\[\]{}\s]*", source[reference.end() :])
    return before[begin:].strip() + text + (rest[0] if rest else "")


def _on_text(lines: list[str], line: int, column: int) -> tuple[int, int]:
    """The place, moved up to the end of the last line that holds something."""
    if line <= len(lines) and (lines[line - 1].strip() or column > 1):
        return line, column
    line = min(line, len(lines))
    while line > 1 and not lines[line - 1].strip():
        line -= 1
    return line, len(lines[line - 1].rstrip()) + 1


_KEY_ALONE = re.compile(r"[ ]*([\w.-]+)[ ]*(?=:)")


def _commented(lines: list[str], error: yaml.MarkedYAMLError) -> tuple[int, int] | None:
    """Where a comment begins behind brackets that are opened further up, on the line where they are."""
    if error.context_mark is None or error.problem_mark is None or error.context_mark.line >= error.problem_mark.line:
        return None
    number = error.context_mark.line
    match = re.search(r"[^\s#][ \t]+(#)", lines[number][error.context_mark.column :][:_LONGEST])
    return None if match is None else (number + 1, error.context_mark.column + match.start(1) + 1)


def _bare_reference(source: str, column: int) -> re.Match[str] | None:
    """The last `${` before the place that stands within brackets of its line, and not within quotes."""
    found = None
    first = max(0, column - _LONGEST)
    last = [*_REFERENCE.finditer(source, first, column + 1)][-_FEW:]
    for match in last:
        depth, inside_quotes = 0, False
        for token in _OPENED.finditer(source, first):
            if token.start() >= match.start():
                break
            inside_quotes = token[0][0] in "'\"" and token.end() > match.start()
            depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > 0 and not inside_quotes:
            found = _REFERENCE.match(source, match.start())
    return found


def cut_values(path: str, text: str) -> list[Finding]:
    """A finding for each text whose end looks swallowed by a ` #`, which begins a comment.

    For the few texts with such a line the events are read a second time, to see whether a plain
    value ends there. Numbers and booleans are left alone: nothing of theirs can be missing.
    """
    if " #" not in text and "\t#" not in text:
        return []
    close = {match.start() + 1 for match in _CLOSE_COMMENT.finditer(text)}
    unclosed = {
        match.start() + 1
        for match in islice(_COMMENT.finditer(text), _MOST)
        if _is_unclosed(text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - _LONGEST) : match.start() + 1])
    }
    if not close and not unclosed:
        return []
    findings = []
    next_event = Parser(text).get_event
    while type(event := next_event()) is not StreamEndEvent:
        if type(event) is not ScalarEvent or event.style or not isinstance(scalar(event.value), str):
            continue
        mark: Any = event.end_mark
        if mark.index in close or (mark.index in unclosed and _is_unclosed(event.value)):
            column = mark.column + text.index("#", mark.index) - mark.index + 1
            message = "` #` begins a comment, and the value before it looks cut off"
            help = "put quotes around the whole value; or, for a comment, write `# ` with a space and text behind it"
            findings.append(Finding(path, mark.line + 1, column, "E009", "error", message, help))
        if len(findings) >= MAX_FINDINGS:
            break
    return findings


def _is_unclosed(text: str) -> bool:
    """Whether a quote or bracket is opened in it and not closed."""
    bare = _INNER_QUOTE.sub(lambda quote: "" if quote[1] or quote[2] else "(", text)
    return bare.count("(") > bare.count(")") or bare.count("[") > bare.count("]")
