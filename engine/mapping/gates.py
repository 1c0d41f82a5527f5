"""Conditions on mapped fields, in three values: true, false, and unknown where a blank or unlike types are compared.

`and`, `or` and `not` are those of SQL, so one blank does not decide what another part already
decides. A filter takes only what is true; a state refuses what is unknown. Never raises: a
function that is given what it does not take is unknown too.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

from engine.mapping.functions import COMPARATORS, NUMBERS
from engine.mapping.paths import ROOT, Known, Paths, Tree
from engine.mapping.scope import Scope
from engine.mapping.source import Source, literal
from engine.model import Value

# Names that a condition sees beside the mapped fields, given by the run.
RESERVED = ("state", "dealer", "params", "run", "window", "file")

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_ORDERED = frozenset({"lt", "lte", "gt", "gte"})
_AMOUNTS = frozenset({"decimal", "money"})


def conjuncts(tree: Tree) -> Iterator[Tree]:
    """The parts of `a && b && c`: each can hold a record back before the next one's fields are read."""
    if tree["type"] == "and_expression":
        for child in tree["children"]:
            yield from conjuncts(child)
    else:
        yield tree


def names(tree: Tree) -> Iterator[str]:
    """The names it reads from the mapped fields; ROOT where it reads all of them."""
    kind, children = tree["type"], tree["children"]
    if kind == "field":
        yield tree["value"]
    elif kind in {"current", "identity"}:
        yield ROOT
    elif kind in {"subexpression", "pipe", "index_expression", "projection", "value_projection", "filter_projection"}:
        yield from names(children[0])
    elif kind not in {"literal", "index", "slice", "expref"}:
        for child in children:
            yield from names(child)


def truth(scope: Scope, node: Tree) -> str:
    """Write a condition on the scope's fields; the name of a variable that then holds True, False or None."""
    for name in names(node):
        for field in _all_names(scope) if name == ROOT else [name]:
            if scope.has(field):
                scope.var(field)
    return _Gates(scope.source, _roots(scope)).truth(node, scope.known)


def truth_of(source: Source, node: Tree, at: str) -> str:
    """The same of a condition on what stands in the variable `at`: an object that has all its names."""

    def variable(name: str, known: Known) -> str:
        if name == ROOT:
            return at
        result = source.name()
        source.line(f"{result} = {at}.get({literal(name)})")
        return result

    return _Gates(source, variable).truth(node, {})


def _roots(scope: Scope) -> Callable[[str, Known], str]:
    """What a condition sees by name: fields as they are typed, amounts as numbers, and the reserved names."""
    source = scope.source

    def variable(name: str, known: Known) -> str:
        if name == ROOT:
            seen = ", ".join(f"{literal(other)}: {variable(other, known)}" for other in _all_names(scope))
            return f"{{{seen}}}"
        result = source.name()
        if name in RESERVED:
            source.line(f"{result} = context.get({literal(name)})")
        elif not scope.has(name):
            source.line(f"{result} = None")
        elif (var := scope.var(name)).type in _AMOUNTS:
            source.line(f"{result} = {source.bind(_number)}({var.value})")
        else:
            return var.value
        return result

    return variable


def _all_names(scope: Scope) -> list[str]:
    found = dict.fromkeys(scope.fields)
    outer = scope.outer
    while outer is not None:
        found.update(dict.fromkeys(outer.fields))
        outer = outer.outer
    return [*found, *RESERVED]


def _number(text: Value) -> Value:
    """An exact decimal as a number, which is what literals and JSON have; a raw text stays one."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


class _Gates:
    def __init__(self, source: Source, roots: Callable[[str, Known], str]) -> None:
        self.source = source
        self.paths = Paths(source, roots)

    def truth(self, node: Tree, known: Known) -> str:
        """The name of a variable that then holds True, False or None."""
        if node["type"] == "or_expression":
            return self._either(node, known, decides=True)
        if node["type"] == "and_expression":
            return self._either(node, known, decides=False)
        if node["type"] == "not_expression":
            inner = self.truth(node["children"][0], known)
            return self._assigned(f"None if {inner} is None else not {inner}")
        if _calls(node):
            return self._guarded(node, known)
        return self._leaf(node, known)

    def _either(self, node: Tree, known: Known, decides: bool) -> str:
        """`or` (decided by a true side) and `and` (by a false one)."""
        left, right = node["children"]
        result = self._assigned(self.truth(left, known))
        with self.source.block(f"if {result} is not {decides}"):
            other = self.truth(right, dict(known))
            undecided = f"None if {result} is None or {other} is None else {not decides}"
            self.source.line(f"{result} = {decides} if {other} is {decides} else {undecided}")
        return result

    def _leaf(self, node: Tree, known: Known) -> str:
        if node["type"] != "comparator":
            value = self.paths.value(node, ROOT, known)
            return self._assigned(f"not ({self.paths.is_false(value)})")
        left, right = (self.paths.value(child, ROOT, known) for child in node["children"])
        if any(child["type"] == "literal" and child["value"] is None for child in node["children"]):
            # Compared with `null` itself, a blank is what the author asks about.
            return self._assigned(f"{self.source.bind(COMPARATORS[node['value']])}({left}, {right})")
        return self._assigned(f"{self.source.bind(_COMPARISONS[node['value']])}({left}, {right})")

    def _guarded(self, node: Tree, known: Known) -> str:
        result = self.source.name()
        with self.source.block("try"):
            self.source.line(f"{result} = {self._leaf(node, dict(known))}")
        with self.source.block("except RecordError"):
            self.source.line(f"{result} = None")
        return result

    def _assigned(self, expression: str) -> str:
        name = self.source.name()
        self.source.line(f"{name} = {expression}")
        return name


def _calls(node: Tree) -> bool:
    return node["type"] == "function_expression" or any(_calls(child) for child in node["children"] if _is_tree(child))


def _is_tree(child: object) -> bool:
    return isinstance(child, dict)  # the children of a slice are its bounds


def _compared(compare: Callable[[Any, Any], bool], ordered: bool) -> Callable[[Value, Value], bool | None]:
    def compared(left: Value, right: Value) -> bool | None:
        kind = left.__class__
        if kind is str:
            return compare(left, right) if right.__class__ is str else None
        if kind in NUMBERS:
            return compare(left, right) if right.__class__ in NUMBERS else None
        if left is None or ordered:
            return None
        return compare(left, right) if right.__class__ is kind else None

    return compared


_COMPARISONS = {word: _compared(compare, word in _ORDERED) for word, compare in _COMPARE.items()}
