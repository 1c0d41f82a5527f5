"""`!a.b` in JMESPath, which is read as `(!a).b`: true and false hold nothing, so it never holds.

Looks at good expressions only, and changes none.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jmespath.lexer import Lexer
from jmespath.parser import Parser

# What goes on with a value, each with what ends it where it is a pair of brackets.
_CHAIN: Mapping[str, str] = {
    **dict.fromkeys(("unquoted_identifier", "quoted_identifier", "literal", "current", "star", "dot", "flatten"), ""),
    **{"lparen": "rparen", "lbracket": "rbracket", "filter": "rbracket", "lbrace": "rbrace"},
}
_LOOSE = ("dot", "flatten", "filter")  # bind their left side less than `!` its right one


class Slip(NamedTuple):
    """A part of an expression, where it begins in it, what it comes to, and what was meant."""

    offset: int
    written: str
    read: str
    meant: str


def slip(text: str) -> Slip | None:
    """The first `!` of an expression that leaves out what its author would have it turn round."""
    if "!" not in text:
        return None
    tokens: Sequence[Mapping[str, Any]] = list(Lexer().tokenize(text))
    for at, token in enumerate(tokens):
        if token["type"] != "not":
            continue
        first = next(index for index in range(at, len(tokens)) if tokens[index]["type"] != "not")
        loose, end = _extent(tokens, first)
        written = text[token["start"] : tokens[end]["start"]].rstrip()
        # A projection takes what follows it along: `![*].b` does mean what it says.
        if loose is None or Parser().parse(written).parsed["type"] == "not_expression":
            continue
        inner, rest = tokens[first]["start"] - token["start"], tokens[loose]["start"] - token["start"]
        read, meant = f"({written[:rest].rstrip()}){written[rest:]}", f"{written[:inner]}({written[inner:]})"
        return Slip(token["start"], written, read, meant)
    return None


def _extent(tokens: Sequence[Mapping[str, Any]], at: int) -> tuple[int | None, int]:
    """Of a value with all that goes on from it: the first token that binds loosely, and the one behind its end."""
    loose: int | None = None
    closing: list[str] = []
    while closing or tokens[at]["type"] in _CHAIN:
        kind = tokens[at]["type"]
        if not closing and loose is None and kind in _LOOSE:
            loose = at
        if closing and kind == closing[-1]:
            closing.pop()
        elif _CHAIN.get(kind):
            closing.append(_CHAIN[kind])
        at += 1
    return loose, at
