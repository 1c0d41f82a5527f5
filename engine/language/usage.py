"""The names of a stream's fields, and which of them something uses: what every other part is measured by.

Knows no part of a definition by its key.
"""

from collections.abc import Iterable, Mapping, Sequence

from engine.deferred import Reference, Template
from engine.language import expressions, references
from engine.language import fields as fields_of
from engine.language.problems import Problems
from engine.language.tree import Node

# Names that conditions see beside the mapped fields, with what each offers; None: anything.
RESERVED: Mapping[str, tuple[str, ...] | None] = {
    "state": None,
    "params": None,
    **{root: references.ROOTS[root] for root in ("dealer", "run", "window", "file")},
}


class Names:
    """The fields of a stream, and which of them something uses."""

    def __init__(self, fields: Iterable[str], params: Iterable[str], problems: Problems) -> None:
        self.fields = frozenset(fields)
        self.params = frozenset(params)
        self.problems = problems
        self.used: set[str] = set()
        self.read: set[str] = set()  # parameters that conditions read

    def with_fields(self, own: Iterable[str]) -> "Names":
        """The same with the fields of an element beside them."""
        names = Names({*self.fields, *own}, self.params, self.problems)
        names.used, names.read = self.used, self.read
        return names

    def use(self, node: Node | None, what: str = "field") -> None:
        """A value that names a field."""
        if node is None or not isinstance(node.value, str):
            return
        if node.value in self.fields:
            self.used.add(node.value)
        else:
            self._meant(self.problems.unknown(node, "E064", what, self.fields))

    def use_all(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.use(node)

    def condition(self, node: Node | None) -> None:
        """A JMESPath over the fields and the reserved names."""
        tree = fields_of.expression(node, self.problems) if node is not None else None
        if node is None:
            return
        if tree is None:
            # What it would have used is not known.
            self.used.update(self.fields)
            return
        for chain in expressions.subpaths(tree):
            root = chain[0]
            if root in self.fields:
                self.used.add(root)
            elif root in RESERVED:
                self._reserved(node, chain)
            else:
                offset = expressions.offset_of(node.value, root)
                known = {*self.fields, *RESERVED}
                help = expressions.literal_help(root)
                self._meant(self.problems.unknown(node, "E058", "field", known, name=root, offset=offset, help=help))

    def template(self, node: Node | None) -> None:
        """The `${field.x}` of a text, however deep it stands."""
        if node is None:
            return
        for child in (*node.entries().values(), *(node.value if isinstance(node.value, tuple) else ())):
            self.template(child)
        parts = node.value.parts if isinstance(node.value, Template) else ()
        paths = [part.path for part in parts if isinstance(part, Reference)]
        for name in dict.fromkeys(path[1] for path in paths if path[0] == "field" and len(path) > 1):
            if name in self.fields:
                self.used.add(name)
            else:
                self._meant(self.problems.unknown(node, "E064", "field", self.fields, name=name))

    def _meant(self, name: str | None) -> None:
        """What was meant by a misspelt name is used: one mistake is told once."""
        self.used.update([name] if name else self.fields)

    def _reserved(self, node: Node, chain: Sequence[str]) -> None:
        if chain[0] == "params":
            self.read.update(chain[1:2] or self.params)
        known = self.params if chain[0] == "params" else RESERVED[chain[0]]
        if known is not None and len(chain) > 1 and chain[1] not in known:
            offset = expressions.offset_of(node.value, chain[0])
            self.problems.unknown(node, "E058", f"member of {chain[0]}", known, name=chain[1], offset=offset)
