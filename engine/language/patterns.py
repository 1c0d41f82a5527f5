"""Regular expressions that definitions bring: RE2 only, so that no pattern and no name can stall a run.

Checks and explains; where patterns are used, `engine.intake` and `engine.mapping` compile them again.
"""

import ast
from functools import lru_cache
from typing import Any

import re2

_SHOWN = 40  # a longer part of a pattern is not repeated in a message
LONGEST = 1_000  # characters; real file patterns have fewer than a hundred
LARGEST = 1_500  # RE2's instructions; real file patterns have fewer than a hundred

_MEANINGS = {
    "missing )": "a `(` is never closed",
    "unexpected )": "this `)` closes nothing",
    "missing ]": "a `[` is never closed",
    "missing argument to repetition operator": "there is nothing in front to repeat",
    "no argument for repetition operator": "there is nothing in front to repeat",
    "bad repetition operator": "two repetition operators follow each other",
    "invalid repetition size": "it repeats too often (1000 is the most) or its ends are the wrong way round",
    "invalid character class range": "this character class or range is not known",
    "invalid named capture group": "a named group is written (?P<day>...)",
    "invalid escape sequence": "this escape is not known",
    "invalid perl operator": "RE2 has no such group",
    "trailing \\": "a backslash stands at the end",
    "pattern too large": "the pattern needs too much memory; repeat less often",
}
_CLOSING = {
    "missing )": "close it with `)`; a bracket that is meant literally is written \\(",
    "unexpected )": "open it with `(`, or write \\) for a literal one",
    "missing ]": "close it with `]`; a bracket that is meant literally is written \\[",
}
_HELP = {
    "(?=": "look-ahead is not part of RE2: match the text itself and take it out with a group",
    "(?!": "look-ahead is not part of RE2: match what is wanted instead of what is not",
    "(?<=": "look-behind is not part of RE2: match the text itself and take the wanted part with a group",
    "(?<!": "look-behind is not part of RE2: match what is wanted instead of what is not",
    "(?>": "atomic groups are not part of RE2, and not needed: it never backtracks",
    "(?#": "comments are not part of RE2: put one into the YAML",
    "\\Z": "the end of the text is \\z in RE2",
}


class BadPattern(ValueError):
    """A regular expression that RE2 refuses; `offset` is where in it, `help` what to do."""

    def __init__(self, message: str, offset: int, help: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.help = help


def options() -> Any:
    """Options for RE2: it would write its own errors to stderr."""
    chosen = re2.Options()
    chosen.log_errors = False
    return chosen


@lru_cache(maxsize=4096)  # many feeds share few patterns
def groups(text: str) -> tuple[str, ...]:
    """The names of the groups of a good pattern. Raises BadPattern."""
    if len(text) > LONGEST:
        raise BadPattern(f"a pattern of {len(text)} characters; {LONGEST} is the most", 0, "")
    try:
        compiled = re2.compile(text, options())
    except re2.error as error:
        raise _explained(text, str(error)) from None
    if compiled.programsize > LARGEST:
        raise BadPattern("the pattern repeats too much", 0, "repeat less often, or with + or * in place of a number")
    return tuple(compiled.groupindex)


def _explained(text: str, reason: str) -> BadPattern:
    if reason.startswith(("b'", 'b"')):
        reason = ast.literal_eval(reason).decode("utf-8", "replace")
    name, _, part = reason.partition(": ")
    meaning = _MEANINGS.get(name, name)
    offset = _offset(text, name, part)
    if name in _CLOSING:
        return BadPattern(meaning, offset, _CLOSING[name])
    return BadPattern(
        meaning if not part or len(part) > _SHOWN else f"{meaning}: {part}", offset, _help(text, offset, part)
    )


def _offset(text: str, name: str, part: str) -> int:
    """RE2 says what it disliked but not where; an unclosed bracket is found by counting."""
    if name in {"missing )", "missing ]", "unexpected )"}:
        return _unbalanced(text)
    found = text.rfind(part) if name.startswith("trailing") else text.find(part)
    return max(found, 0) if part else max(len(text) - 1, 0)


def _unbalanced(text: str) -> int:
    stack: list[int] = []
    in_class = -1
    index = 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif in_class >= 0:
            # A `]` right behind the opening, or behind its `^`, is a literal one.
            if text[index] == "]" and index > in_class + 1 + (text[in_class + 1 : in_class + 2] == "^"):
                in_class = -1
        elif text[index] == "[":
            in_class = index
        elif text[index] == "(":
            stack.append(index)
        elif text[index] == ")":
            if not stack:
                return index
            stack.pop()
        index += 1
    return in_class if in_class >= 0 else stack[-1] if stack else 0


def _help(text: str, offset: int, part: str) -> str:
    for beginning, advice in sorted(_HELP.items(), key=lambda item: -len(item[0])):
        if text.startswith(beginning, offset) or part.startswith(beginning):
            return advice
    if part[:1] == "\\" and part[1:2].isdigit():
        return "back-references are not part of RE2: compare two mapped fields instead"
    return "the syntax is RE2's: https://github.com/google/re2/wiki/Syntax"
