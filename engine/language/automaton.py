"""Whether two patterns can match one file name: both as automata, walked side by side.

Reads what RE2 and Python's own parser have in common, which file patterns do; names are one path
segment of an alphabet that stands for all characters.
"""

import re

# The only parser of regular expressions that every Python carries; private, and without types.
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections import deque
from typing import Any

# ASCII, and one letter for the rest; a name holds no slash and no control character.
ALPHABET = frozenset(map(chr, range(32, 127))) - {"/"} | {"é"}
LARGEST = 5_000  # states of one automaton
_REPEATS = 60  # a longer repetition is taken for an endless one: it may only find more names
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": " ",
    "word": r"\w",
    "punct": r"!-\/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
}


class Unreadable(ValueError):
    """This pattern uses what is not read here."""


class _Automaton:
    """States are numbers; a move is (characters or an anchor, state), an empty set moves for nothing."""

    def __init__(self) -> None:
        self.moves: list[list[tuple[Any, int]]] = []

    def state(self) -> int:
        if len(self.moves) >= LARGEST:
            raise Unreadable("too large")
        self.moves.append([])
        return len(self.moves) - 1

    def link(self, start: int, on: Any, end: int) -> None:
        self.moves[start].append((on, end))


_NOTHING: frozenset[str] = frozenset()
_BEGIN, _END = "begin", "end"


def shared(left: str, right: str) -> str | None:
    """The shortest name that both patterns find something in, or None. Raises Unreadable."""
    first, second = _built(left), _built(right)
    begin = (0, 0, True, False)
    came: dict[tuple[int, int, bool, bool], tuple[tuple[int, int, bool, bool], str] | None] = {begin: None}
    waiting = deque([begin])
    while waiting:
        at = waiting.popleft()
        if at[0] == 1 and at[1] == 1 and not at[2]:
            return _name(at, came)
        for beyond, character in _steps(at, first, second):
            if beyond not in came:
                came[beyond] = (at, character)
                # Moves for nothing come first, so that the first name found is the shortest.
                (waiting.append if character else waiting.appendleft)(beyond)
    return None


def _steps(
    at: tuple[int, int, bool, bool], first: _Automaton, second: _Automaton
) -> list[tuple[tuple[int, int, bool, bool], str]]:
    left, right, is_first, is_last = at
    found: list[tuple[tuple[int, int, bool, bool], str]] = []
    for on, end in first.moves[left]:
        found.extend(((end, right, is_first, last), "") for last in _free(on, is_first, is_last))
    for on, end in second.moves[right]:
        found.extend(((left, end, is_first, last), "") for last in _free(on, is_first, is_last))
    if is_last:
        return found
    for on, end in first.moves[left]:
        for other_on, other_end in second.moves[right]:
            both = on & other_on if isinstance(on, frozenset) and isinstance(other_on, frozenset) else _NOTHING
            if both:
                found.append(((end, other_end, False, False), _friendliest(both)))
    return found


def _free(on: Any, is_first: bool, is_last: bool) -> tuple[bool, ...]:
    """Whether the name has ended, after a move that takes no character; nothing where it may not be made."""
    if on == _NOTHING:
        return (is_last,)
    if on == _BEGIN:
        return (is_last,) if is_first else ()
    return (True,) if on == _END else ()


def _friendliest(characters: frozenset[str]) -> str:
    return min(characters, key=lambda each: (not each.isalnum(), each not in "abcxyz019", each))


def _name(at: tuple[int, int, bool, bool], came: Any) -> str:
    text: list[str] = []
    step = came[at]
    while step is not None:
        before, character = step
        text.append(character)
        step = came[before]
    return "".join(reversed(text))


def _built(pattern: str) -> _Automaton:
    """An automaton that searches: anything before, the pattern, anything behind. Begins in 0, accepts in 1."""
    automaton = _Automaton()
    begin, accept = automaton.state(), automaton.state()
    automaton.link(begin, ALPHABET, begin)
    automaton.link(accept, ALPHABET, accept)
    try:
        parsed = sre_parser.parse(_translated(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise Unreadable(str(error)) from None
    automaton.link(_sequence(automaton, parsed, begin, bool(parsed.state.flags & re.IGNORECASE)), _NOTHING, accept)
    return automaton


def _translated(pattern: str) -> str:
    """RE2's spellings in Python's."""
    pattern = re.sub(r"(\\\\)|\\z", lambda match: match[1] or "\\Z", pattern)
    pattern = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    return re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match[0]), pattern)


def _sequence(automaton: _Automaton, parsed: Any, start: int, folds: bool) -> int:
    for kind, argument in parsed:
        start = _part(automaton, kind, argument, start, folds)
    return start


def _part(automaton: _Automaton, kind: Any, argument: Any, start: int, folds: bool) -> int:
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return _repeat(automaton, argument, start, folds)
    if kind is sre.SUBPATTERN:
        _, added, removed, inner = argument
        return _sequence(
            automaton, inner, start, (folds or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
        )
    end = automaton.state()
    if kind is sre.BRANCH:
        for branch in argument[1]:
            automaton.link(_sequence(automaton, branch, start, folds), _NOTHING, end)
    elif kind is sre.AT:
        automaton.link(start, _anchor(argument), end)
    else:
        characters = _characters(kind, argument)
        if folds:
            characters = frozenset(each for each in ALPHABET if {each.lower(), each.upper()} & characters)
        if characters:
            automaton.link(start, characters, end)
    return end


def _anchor(argument: Any) -> str:
    if argument in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        return _BEGIN
    if argument in (sre.AT_END, sre.AT_END_STRING):
        return _END
    raise Unreadable("a word boundary")


def _repeat(automaton: _Automaton, argument: Any, start: int, folds: bool) -> int:
    low, high, inner = argument
    for _ in range(min(int(low), _REPEATS)):
        start = _sequence(automaton, inner, start, folds)
    end = automaton.state()
    automaton.link(start, _NOTHING, end)
    if high is sre.MAXREPEAT or int(high) - int(low) > _REPEATS:
        automaton.link(_sequence(automaton, inner, end, folds), _NOTHING, end)
        return end
    for _ in range(int(high) - int(low)):
        start = _sequence(automaton, inner, start, folds)
        automaton.link(start, _NOTHING, end)
    return end


def _characters(kind: Any, argument: Any) -> frozenset[str]:
    if kind is sre.LITERAL:
        return frozenset({chr(argument) if chr(argument) in ALPHABET else "é"})
    if kind is sre.NOT_LITERAL:
        return ALPHABET - {chr(argument)}
    if kind is sre.ANY:
        return ALPHABET
    if kind is sre.IN:
        return _set(argument)
    raise Unreadable(str(kind))


def _set(items: Any) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for kind, argument in items:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.RANGE:
            found.update(each for each in ALPHABET if argument[0] <= ord(each) <= argument[1])
        elif kind is sre.CATEGORY:
            found |= _category(argument)
        else:
            found |= _characters(kind, argument)
    return ALPHABET - found if negated else frozenset(found)


def _category(argument: Any) -> frozenset[str]:
    """As RE2 reads them: ASCII only."""
    ascii_only = frozenset(each for each in ALPHABET if each.isascii())
    digits = frozenset(filter(str.isdigit, ascii_only))
    words = frozenset(each for each in ascii_only if each.isalnum() or each == "_")
    known = {
        sre.CATEGORY_DIGIT: digits,
        sre.CATEGORY_NOT_DIGIT: ALPHABET - digits,
        sre.CATEGORY_WORD: words,
        sre.CATEGORY_NOT_WORD: ALPHABET - words,
        sre.CATEGORY_SPACE: frozenset({" "}),
        sre.CATEGORY_NOT_SPACE: ALPHABET - {" "},
    }
    return known[argument]
