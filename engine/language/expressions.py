"""JMESPath in definitions: checked and measured before anything is fetched.

An expression is refused by its text alone when it is long, nested deep, or could make more of a
document than a budget allows. It is never evaluated here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import Parser

from engine.language.words import nearest

LONGEST = 2_000  # characters
DEEPEST = 40  # brackets inside each other, and levels of the syntax tree per bracket level below
MOST_NODES = 500
# An expression may visit and produce at most this many times the values of what it is given.
LARGEST_GROWTH = 300

Tree = dict[str, Any]

_LITERAL = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class BadExpression(ValueError):
    """A JMESPath text that cannot be taken; `offset` is where in it, `help` what to do."""

    def __init__(self, message: str, offset: int = 0, help: str = "", is_budget: bool = False) -> None:
        super().__init__(message)
        self.offset = offset
        self.help = help
        self.is_budget = is_budget  # well formed, but too much of it


class Growth(NamedTuple):
    """The most an expression makes of n values: times * n + plus."""

    times: float
    plus: float

    def then(self, after: "Growth") -> "Growth":
        return Growth(self.times * after.times, self.plus * after.times + after.plus)

    def each(self, after: "Growth") -> "Growth":
        return Growth(self.times * (after.times + after.plus), self.plus * (after.times + after.plus))

    def beside(self, other: "Growth") -> "Growth":
        return Growth(self.times + other.times, self.plus + other.plus)


def checked(text: str) -> Tree:
    """The syntax tree of a good expression. Raises BadExpression."""
    if len(text) > LONGEST:
        raise BadExpression(f"an expression of {len(text)} characters; {LONGEST} is the most", is_budget=True)
    _refuse_references(text)
    _refuse_bare_words(text)
    _refuse_nesting(text)
    try:
        parsed = cast(Tree, Parser().parse(text).parsed)
    except JMESPathError as error:
        raise _explained(text, error) from None
    except RecursionError:
        raise BadExpression(
            "an expression nested too deeply to be read", 0, "split it into several fields", True
        ) from None
    _refuse_size(parsed)
    _refuse_calls(text, parsed)
    work, _ = _growth(parsed)
    if work.times + work.plus > LARGEST_GROWTH:
        raise BadExpression(
            f"an expression that may make more than {LARGEST_GROWTH} times of what it reads",
            0,
            "it repeats its input inside itself; split it into several fields",
            True,
        )
    return parsed


def names(parsed: Tree) -> tuple[str, ...]:
    """The names it reads from what it is applied to, not from what stands inside those."""
    return tuple(dict.fromkeys(_names(parsed)))


def subpaths(parsed: Tree) -> tuple[tuple[str, ...], ...]:
    """The same with what is read below each: `dealer.features` is ("dealer", "features")."""
    return tuple(dict.fromkeys(_chains(parsed)))


def literal_help(name: str) -> str:
    """What to write where a name was meant as a literal, as in other languages; "" for any other name."""
    if name in ("true", "false"):
        return f"it is read as a name: the literal is `{name}` in backticks, or leave the comparison out"
    return "it is read as a name: for what is not there write `!name`" if name in ("null", "None", "nil") else ""


def offset_of(text: str, name: str) -> int:
    """Where a name stands in an expression, outside quotes; 0 where it is not found."""
    blanked = _QUOTED.sub(lambda match: " " * len(match[0]) if match[0][0] == "'" else match[0], text)
    blanked = _LITERAL.sub(lambda match: " " * len(match[0]), blanked)
    match = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", blanked)
    return match.start() if match else 0


def _refuse_references(text: str) -> None:
    if "${" in text:
        found = re.search(r"['\"`]?\$\{([\w.]+)\}['\"`]?", text)
        help = "conditions see params, dealer, run, window and file by name: `amount > params.limit`"
        if found:
            help = f"it sees params, dealer, run, window and file by name: write `{found[1]}` for `{found[0]}`"
        raise BadExpression("an expression holds no ${}", text.index("${"), help)


def _refuse_bare_words(text: str) -> None:
    blanked = _QUOTED.sub(lambda match: " " * len(match[0]), text)
    for match in _LITERAL.finditer(blanked):
        literal = text[match.start() + 1 : match.end() - 1].replace("\\`", "`")
        try:
            json.loads(literal)
        except ValueError:
            raise BadExpression(f"`{literal}` is no JSON", match.start(), f"write the text as '{literal}'") from None


def _refuse_nesting(text: str) -> None:
    depth = 0
    for index, character in enumerate(_QUOTED.sub(lambda match: " " * len(match[0]), text)):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth > DEEPEST:
            raise BadExpression(f"brackets nested deeper than {DEEPEST}", index, "split it into several fields", True)


def _refuse_size(parsed: Tree) -> None:
    """Iterative: the tree may be deeper than Python's stack."""
    count = 0
    waiting = [(parsed, 1)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MOST_NODES or depth > 4 * DEEPEST:
            raise BadExpression("an expression with too many parts", 0, "split it into several fields", True)
        waiting.extend((child, depth + 1) for child in _children(node))


def _refuse_calls(text: str, parsed: Tree) -> None:
    for node in _walk(parsed):
        if node["type"] == "slice" and node["children"][2] == 0:
            raise BadExpression("a slice with a step of 0", max(text.find(":0"), 0), "leave the step out")
        if node["type"] != "function_expression":
            continue
        name = node["value"]
        signature = Functions.FUNCTION_TABLE.get(name)
        if signature is None:
            near = nearest(name, Functions.FUNCTION_TABLE)
            help = f"did you mean `{near}`?" if near else "the functions are those of https://jmespath.org"
            raise BadExpression(f"there is no function {name}()", offset_of(text, name), help)
        arguments = signature["signature"]
        given = len(node["children"])
        variadic = bool(arguments) and bool(arguments[-1].get("variadic"))
        if given != len(arguments) and not (variadic and given >= len(arguments)):
            raise BadExpression(
                f"{name}() takes {'at least ' if variadic else ''}{len(arguments)} arguments, here it has {given}",
                offset_of(text, name),
            )


def _explained(text: str, error: JMESPathError) -> BadExpression:
    offset = int(getattr(error, "lex_position", 0) or 0)
    token = getattr(error, "token_value", None)
    if not text.strip():
        return BadExpression("an empty expression")
    if token in (None, ""):
        return BadExpression("the expression breaks off", len(text), "")
    help = ""
    if re.search(r"(?<![=!<>])=(?!=)", text):
        help = "a comparison is written =="
    elif str(getattr(error, "token_type", "")) == "UNQUOTED_IDENTIFIER" and re.fullmatch(r"[\w. ]+", text):
        parts = [f'"{part}"' if " " in part else part for part in text.split(".")]
        help = f"a name with a space is quoted: '{'.'.join(parts)}'; a header of a file is a `column`"
    elif re.search(r"\b(and|or|not)\b", text):
        help = "and, or, not are written &&, ||, !"
    return BadExpression(f"unexpected {str(token)!r}", offset, help)


def _walk(node: Tree) -> Iterator[Tree]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def _children(node: Tree) -> list[Tree]:
    """Those of a slice are numbers, not nodes."""
    return [] if node["type"] == "slice" else node["children"]


def _names(node: Tree) -> Iterator[str]:
    for chain in _chains(node):
        yield chain[0]


def _chains(node: Tree) -> Iterator[tuple[str, ...]]:
    kind, children = node["type"], _children(node)
    if kind == "field":
        yield (node["value"],)
    elif kind in {"subexpression", "pipe", "index_expression"}:
        left = list(_chains(children[0])) if children else []
        if kind == "subexpression" and len(left) == 1 and children[1]["type"] == "field":
            yield (*left[0], children[1]["value"])
        else:
            yield from left
    elif kind in {"projection", "value_projection", "flatten", "filter_projection"}:
        yield from _chains(children[0])
    elif kind not in {"expref"}:
        for child in children:
            yield from _chains(child)


_SELF = Growth(1, 0)
_ONE = Growth(0, 1)


def _growth(node: Tree) -> tuple[Growth, Growth]:
    """(work, size of the result), both bounds over the size of what the node is applied to.

    Work in JMESPath is linear in the input, because no inner part can reach back to an outer
    value; only copies (multi-select, escapes of to_string) and literals make it grow.
    """
    kind, children = node["type"], node["children"]
    if kind == "literal":
        values = Growth(0, sum(1 for _ in _values(node["value"])))
        return values, values
    if kind in {"field", "current", "identity", "index", "slice"}:
        return _ONE.beside(_SELF) if kind == "slice" else _ONE, _SELF
    if kind in {"subexpression", "index_expression", "pipe"}:
        return _chained(children, Growth.then)
    if kind in {"projection", "value_projection", "filter_projection"}:
        return _chained(children, Growth.each)
    if kind == "flatten":
        work, size = _growth(children[0])
        return work.beside(size), size
    if kind == "expref":
        return _growth(children[0])
    if kind == "function_expression":
        return _called(node)
    work, size = _beside(children)
    return work.beside(size), _ONE if kind in {"comparator", "not_expression"} else size


def _beside(children: list[Tree]) -> tuple[Growth, Growth]:
    """All of them applied to the same value, their results put together."""
    work = size = _ONE
    for child in children:
        child_work, child_size = _growth(child)
        work, size = work.beside(child_work), size.beside(child_size)
    return work, size


def _chained(children: list[Tree], join: Any) -> tuple[Growth, Growth]:
    work, size = _growth(children[0])
    for child in children[1:]:
        next_work, next_size = _growth(child)
        work = work.beside(join(size, next_work))
        size = join(size, next_size)
    return work, size


def _called(node: Tree) -> tuple[Growth, Growth]:
    children = node["children"]
    work, size = _beside([child for child in children if child["type"] != "expref"])
    for child in children:
        if child["type"] == "expref":
            inner_work, inner_size = _growth(child)
            work = work.beside(size.each(inner_work))
            size = size.each(inner_size).beside(size)
    # Each round of to_string may double every quote and backslash.
    factor = 4 if node["value"] in {"to_string", "to_array", "join"} else 1
    size = Growth(size.times * factor, size.plus * factor)
    return work.beside(size), size


def _values(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
