"""JMESPath as straight Python: each node of the syntax tree becomes lines that leave its value in a variable.

The semantics are jmespath's own, which the tests hold it to, but for one thing: the order of
unlike types is null, never an exception (ruling 29). Evaluates nothing itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

from engine.errors import DefinitionError
from engine.mapping.functions import COMPARATORS, EXPRESSIONS, FUNCTIONS, NUMBERS, call
from engine.mapping.source import Source, literal

Tree = Mapping[str, Any]
# Values that stand in variables already, by node and what it was applied to: shared paths are walked once.
Known = dict[tuple[str, str, object], str]

# What a condition is applied to: no variable, but the mapped fields by name.
ROOT = "@"

_MOST_LOOPS = 8  # inside each other, in one Python function


def parsed(text: str) -> Tree:
    """The syntax tree. Raises DefinitionError."""
    try:
        tree: Tree = Parser().parse(text).parsed
    except JMESPathError as error:
        raise DefinitionError(f"{text!r} is no JMESPath: {error}") from None
    return tree


def plain_keys(tree: Tree) -> tuple[str, ...] | None:
    """`a.b.c` as its keys; None for every other expression."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression":
        keys: tuple[str, ...] = ()
        for child in tree["children"]:
            found = plain_keys(child)
            if found is None:
                return None
            keys += found
        return keys
    return None


class Paths:
    """Writes expressions into a source. `roots` gives the variable of a name that stands at ROOT."""

    def __init__(self, source: Source, roots: Callable[[str, Known], str] | None = None) -> None:
        self.source = source
        self.roots = roots
        self._loops = 0

    def value(self, node: Tree, at: str, known: Known) -> str:
        """Write the node applied to the variable `at`; the name of the variable that then holds its value."""
        write: Callable[[Tree, str, Known], str] = getattr(self, f"_{node['type']}")
        return write(node, at, known)

    def is_false(self, variable: str) -> str:
        """Null, false and what is empty; a zero is true."""
        return f"not {variable} and {variable}.__class__ not in {self.source.bind(NUMBERS)}"

    def _assigned(self, expression: str) -> str:
        name = self.source.name()
        self.source.line(f"{name} = {expression}")
        return name

    def _shared(self, key: tuple[str, str, object], known: Known, expression: str) -> str:
        found = known.get(key)
        if found is None:
            found = known[key] = self._assigned(expression)
        return found

    # --- one value

    def _field(self, node: Tree, at: str, known: Known) -> str:
        key = ("field", at, node["value"])
        if at == ROOT and self.roots is not None:
            if key not in known:
                known[key] = self.roots(node["value"], known)
            return known[key]
        return self._shared(key, known, f"{at}.get({literal(node['value'])}) if {at}.__class__ is dict else None")

    def _current(self, node: Tree, at: str, known: Known) -> str:
        if at == ROOT and self.roots is not None:
            return self.roots(ROOT, known)
        return at

    _identity = _current

    def _literal(self, node: Tree, at: str, known: Known) -> str:
        return self.source.bind(node["value"])

    def _index(self, node: Tree, at: str, known: Known) -> str:
        index = int(node["value"])
        long_enough = f"len({at}) > {index}" if index >= 0 else f"len({at}) >= {-index}"
        expression = f"{at}[{index}] if {at}.__class__ is list and {long_enough} else None"
        return self._shared(("index", at, index), known, expression)

    def _slice(self, node: Tree, at: str, known: Known) -> str:
        start, stop, step = node["children"]
        if step == 0:
            raise DefinitionError("a slice of JMESPath cannot have step 0")
        bounds = ":".join("" if bound is None else str(int(bound)) for bound in (start, stop, step))
        return self._assigned(f"{at}[{bounds}] if {at}.__class__ is list else None")

    def _chained(self, node: Tree, at: str, known: Known) -> str:
        for child in node["children"]:
            at = self.value(child, at, known)
        return at

    _subexpression = _index_expression = _pipe = _chained

    # --- many values

    def _projection(self, node: Tree, at: str, known: Known) -> str:
        base = self.value(node["children"][0], at, known)
        return self._projected(base, f"{base}.__class__ is list", base, node["children"][1], known)

    def _value_projection(self, node: Tree, at: str, known: Known) -> str:
        base = self.value(node["children"][0], at, known)
        return self._projected(base, f"{base}.__class__ is dict", f"{base}.values()", node["children"][1], known)

    def _filter_projection(self, node: Tree, at: str, known: Known) -> str:
        base = self.value(node["children"][0], at, known)
        return self._projected(base, f"{base}.__class__ is list", base, node["children"][1], known, node["children"][2])

    def _projected(
        self, base: str, fits: str, elements: str, each: Tree, known: Known, wanted: Tree | None = None
    ) -> str:
        source = self.source
        result, element = source.name(), source.name("e")
        source.line(f"{result} = None")
        with source.block(f"if {fits}"):
            source.line(f"{result} = []")
            inner = self._function(each, known) if self._loops >= _MOST_LOOPS else None
            self._loops += 1
            with source.block(f"for {element} in {elements}"):
                inside = dict(known)
                if wanted is not None:
                    chosen = self.value(wanted, element, inside)
                    with source.block(f"if {self.is_false(chosen)}"):
                        source.line("continue")
                value = self._assigned(f"{inner}({element})") if inner else self.value(each, element, inside)
                with source.block(f"if {value} is not None"):
                    source.line(f"{result}.append({value})")
            self._loops -= 1
        return result

    def _function(self, node: Tree, known: Known) -> str:
        """The node as a function of one value: an `&expression`, or a loop too deep for Python (20 blocks)."""
        function, element = self.source.name("f"), self.source.name("e")
        loops, self._loops = self._loops, 0
        with self.source.block(f"def {function}({element})"):
            self.source.line(f"return {self.value(node, element, dict(known))}")
        self._loops = loops
        return function

    def _flatten(self, node: Tree, at: str, known: Known) -> str:
        source = self.source
        base = self.value(node["children"][0], at, known)
        result, element = source.name(), source.name("e")
        source.line(f"{result} = None")
        with source.block(f"if {base}.__class__ is list"):
            source.line(f"{result} = []")
            with source.block(f"for {element} in {base}"):
                with source.block(f"if {element}.__class__ is list"):
                    source.line(f"{result} += {element}")
                with source.block("else"):
                    source.line(f"{result}.append({element})")
        return result

    def _multi_select_list(self, node: Tree, at: str, known: Known) -> str:
        return self._selected(node, at, known, lambda values: f"[{', '.join(values)}]")

    def _multi_select_dict(self, node: Tree, at: str, known: Known) -> str:
        keys = [literal(child["value"]) for child in node["children"]]

        def entries(values: list[str]) -> str:
            return "{" + ", ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=True)) + "}"

        return self._selected(node, at, known, entries)

    def _selected(self, node: Tree, at: str, known: Known, written: Callable[[list[str]], str]) -> str:
        if at == ROOT:
            return self._assigned(written([self.value(child, at, known) for child in node["children"]]))
        result = self._assigned("None")
        with self.source.block(f"if {at} is not None"):
            inside = dict(known)
            self.source.line(f"{result} = {written([self.value(child, at, inside) for child in node['children']])}")
        return result

    def _key_val_pair(self, node: Tree, at: str, known: Known) -> str:
        return self.value(node["children"][0], at, known)

    # --- logic

    def _or_expression(self, node: Tree, at: str, known: Known) -> str:
        result = self._assigned(self.value(node["children"][0], at, known))
        with self.source.block(f"if {self.is_false(result)}"):
            self.source.line(f"{result} = {self.value(node['children'][1], at, dict(known))}")
        return result

    def _and_expression(self, node: Tree, at: str, known: Known) -> str:
        result = self._assigned(self.value(node["children"][0], at, known))
        with self.source.block(f"if not ({self.is_false(result)})"):
            self.source.line(f"{result} = {self.value(node['children'][1], at, dict(known))}")
        return result

    def _not_expression(self, node: Tree, at: str, known: Known) -> str:
        return self._assigned(self.is_false(self.value(node["children"][0], at, known)))

    def _comparator(self, node: Tree, at: str, known: Known) -> str:
        left, right = (self.value(child, at, known) for child in node["children"])
        texts = [child["type"] == "literal" and isinstance(child["value"], str) for child in node["children"]]
        if any(texts) and node["value"] in {"eq", "ne"}:
            return self._assigned(f"{left} {'==' if node['value'] == 'eq' else '!='} {right}")
        return self._assigned(f"{self.source.bind(COMPARATORS[node['value']])}({left}, {right})")

    # --- functions

    def _function_expression(self, node: Tree, at: str, known: Known) -> str:
        name, children = node["value"], node["children"]
        given = [self.value(child, at, known) for child in children]
        arity, short = FUNCTIONS.get(name, (None, None))
        expressions = [index for index, child in enumerate(children) if child["type"] == "expref"]
        wanted = [EXPRESSIONS[name]] if name in EXPRESSIONS else []
        if short is not None and expressions == wanted and (len(given) == arity or (arity == -1 and given)):
            return self._assigned(f"{self.source.bind(short)}({', '.join(given)})")
        arguments = ", ".join([literal(name), *given])
        return self._assigned(f"{self.source.bind(call)}({arguments})")

    def _expref(self, node: Tree, at: str, known: Known) -> str:
        return self._function(node["children"][0], known)
