"""Puts parameters and what a dealer is into a definition's tree; what only a run knows stays open.

Substitution is on values, after parsing, and once: what a parameter brings in is not read again.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.deferred import Reference, Template
from engine.language import references
from engine.language.problems import Problems
from engine.language.tree import Node, Step
from engine.model import Value

# Their texts are JMESPath, which holds no references; `expressions` says so where one stands.
EXPRESSIONS = frozenset({"if", "path", "check", "having", "lacking"})
_WHOLE = re.compile(r"\$\{params\.(\w+)\}")
# Sections that are not filled: declarations, and examples with their own rules.
LEFT = frozenset({"params", "tests", "capabilities", "about", "sealed", "requires", "gates"})
_WITH_SECRETS = frozenset({"transport", "triggers", "override", "params"})


@dataclass(frozen=True, slots=True)
class Names:
    """What references may name: `params` and `dealer` have values now, `others` at run time."""

    params: Mapping[str, Node]
    dealer: Mapping[str, Value]
    others: frozenset[str] = frozenset()  # roots of this definition: the names of its `forEach`

    def has_root(self, name: str) -> bool:
        return name in references.ROOTS or name in self.others


def filled(definition: Node, names: Names, problems: Problems, plain: Container[str] = ()) -> Node:
    """The whole definition with parameters and the dealer put in; sections in `plain` have no references."""
    sections = {
        name: node if name in LEFT or name in plain else section(node, name, names, problems)
        for name, node in definition.entries().items()
    }
    return definition.with_entries(sections)


def section(node: Node, name: str, names: Names, problems: Problems) -> Node:
    """One section of a definition, filled; subtrees without references are the same objects as before."""
    return _filled(node, name, names, problems, secrets=name in _WITH_SECRETS)


def used(node: Node) -> frozenset[tuple[str, ...]]:
    """The paths of every reference in a tree; broken ones are left out, `section` reports them."""
    found: set[tuple[str, ...]] = set()
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at.value, dict):
            waiting.extend(at.value.values())
            if _is_known(at):
                found.add(tuple(at.value["context"].value.split(".")))
        elif isinstance(at.value, tuple):
            waiting.extend(at.value)
        elif isinstance(at.value, str) and "${" in at.value:
            try:
                found.update(reference.path for reference in references.references(at.value))
            except references.BadReference:
                continue
    return frozenset(found)


def wholes(node: Node) -> frozenset[str]:
    """The parameters that stand somewhere for a whole value: what they give has to fit there."""
    if isinstance(node.value, dict):
        return frozenset(name for child in node.value.values() for name in wholes(child))
    if isinstance(node.value, tuple):
        return frozenset(name for child in node.value for name in wholes(child))
    match = _WHOLE.fullmatch(node.value) if isinstance(node.value, str) else None
    return frozenset({match[1]}) if match else frozenset()


def is_param(text: str) -> bool:
    """Whether a text is one whole parameter."""
    return _WHOLE.fullmatch(text) is not None


def texts(node: Node, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Every text with references below a node."""
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield from texts(child, (*path, name))
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from texts(child, (*path, index))
    elif isinstance(node.value, str) and "${" in node.value:
        yield path, node.value


def is_plain(node: Node) -> bool:
    """Whether nothing in a tree is a reference, not even a broken one."""
    if isinstance(node.value, dict):
        return not _is_known(node) and all(map(is_plain, node.value.values()))
    if isinstance(node.value, tuple):
        return all(map(is_plain, node.value))
    return not (isinstance(node.value, str) and "${" in node.value)


def _filled(node: Node, key: str, names: Names, problems: Problems, secrets: bool) -> Node:
    if isinstance(node.value, dict):
        entries = {name: _filled(child, name, names, problems, secrets) for name, child in node.value.items()}
        if _is_known(node):
            # `context: dealer.name` is known now: what is left for the run is a constant.
            text = replace(entries.pop("context"), value=f"${{{node.value['context'].value}}}")
            entries["const"] = _text(text, names, problems, secrets)
        return node if _same(tuple(entries.values()), tuple(node.value.values())) else replace(node, value=entries)
    if isinstance(node.value, tuple):
        elements = tuple(_filled(child, key, names, problems, secrets) for child in node.value)
        return node if _same(elements, node.value) else replace(node, value=elements)
    if isinstance(node.value, str) and "${" in node.value and key not in EXPRESSIONS:
        return _text(node, names, problems, secrets)
    return node


def _is_known(node: Node) -> bool:
    """A field whose `context` is a parameter or something of the dealer's."""
    return (node.text("context") or "").startswith(("dealer.", "params."))


def _same(after: Sequence[Node], before: Sequence[Node]) -> bool:
    return len(after) == len(before) and all(new is old for new, old in zip(after, before, strict=True))


def _text(node: Node, names: Names, problems: Problems, secrets: bool) -> Node:
    try:
        reader = _Reader(node, names, problems, secrets)
        value = references.parsed(node.value, reader.known)
    except references.BadReference as error:
        problems.add(node, "E041", str(error), offset=error.offset)
        return replace(node, is_sample=True)
    if isinstance(value, Node):
        # The fault of a value is where the value was written, the fault of a key where the key is.
        return replace(value, key=node.key, is_sample=value.is_sample or node.is_sample)
    if isinstance(value, Template):
        warn_of_zones(node, value, problems)
        if len(value.parts) > 1:
            reader.refuse_mixture(value)
    return replace(node, value=value, is_sample=node.is_sample or reader.is_sample)


def warn_of_zones(node: Node, value: Template, problems: Problems) -> None:
    """A format prints in the dealer's zone, whatever stands behind it; `value` is what was read from the node."""
    for reference, word in references.local_as_utc(value):
        name = ".".join(reference.path)
        help = f"`${{{name}}}` without a format is UTC"
        if reference.path[0] == "window":
            help += ", and `incremental.format` says how that is written"
        else:
            help += "; %z writes the offset of the dealer's zone"
        message = f"the format of `{name}` prints the dealer's own time, and this says that it is UTC"
        offset = str(node.value).find(f":{reference.format}") + 1 + word
        problems.add(node, "W008", message, help, offset=offset)


def _wrapped(value: Value, at: Node) -> Node:
    """A value that was no part of a tree, as if it had been written at this node."""
    if isinstance(value, Mapping):
        value = {key: _wrapped(item, at) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        value = tuple(_wrapped(item, at) for item in value)
    return replace(at, value=value)


class _Reader:
    """Reads the references of one text, and remembers whether a stand-in was among them."""

    def __init__(self, node: Node, names: Names, problems: Problems, secrets: bool) -> None:
        self.node = node
        self.names = names
        self.problems = problems
        self.secrets = secrets
        self.is_sample = False
        # A parameter inside an offset is not the whole text.
        self.is_whole = references.is_whole(node.value) and node.value.count("${") == 1

    def known(self, reference: Reference) -> Value:
        root, rest = reference.path[0], reference.path[1:]
        text = ".".join(reference.path)
        if not self.names.has_root(root):
            return self.unknown(root, "reference", {*references.ROOTS, *self.names.others}, text)
        if root == "secret":
            return self.secret(text, rest)
        if root == "params" and rest:
            return self.param(reference, rest)
        members = references.ROOTS.get(root)
        if members is not None and (not rest or rest[0] not in members):
            return self.unknown(text, "reference", (f"{root}.{member}" for member in members), text)
        if root == "dealer":
            return self.dealer(rest)
        raise references.Unfilled(text)

    def secret(self, text: str, rest: tuple[str, ...]) -> Value:
        if not self.secrets:
            self.problems.add(
                self.node,
                "E042",
                f"`${{{text}}}` stands outside of `transport` and `triggers`: a secret goes nowhere else",
                "leave it out: what stands here is stored and shown",
                offset=self.offset(text),
            )
            self.is_sample = True
        if len(rest) != 1:
            return self.unknown(text, "reference", (), text)
        raise references.Unfilled(text)

    def param(self, reference: Reference, rest: tuple[str, ...]) -> Value:
        node = self.names.params.get(rest[0])
        if node is None or len(rest) > 1:
            return self.unknown(".".join(rest), "parameter", self.names.params, ".".join(reference.path))
        if reference.format or reference.months or reference.days or reference.seconds:
            raise references.BadReference("a parameter takes no offset and no format: it is no moment of the run", 0)
        self.is_sample = self.is_sample or node.is_sample
        return node if self.is_whole else node.plain

    def dealer(self, rest: tuple[str, ...]) -> Value:
        value: Value = self.names.dealer
        for name in rest:
            value = value.get(name) if isinstance(value, Mapping) else None
        return _wrapped(value, self.node) if self.is_whole else value

    def unknown(self, name: str, what: str, known: Iterable[str], shown: str) -> Value:
        at = self.offset(shown) + max(shown.find(name), 0)
        self.problems.unknown(self.node, "E040", what, known, name=name, offset=at)
        self.is_sample = True
        return ""

    def offset(self, name: str) -> int:
        return max(str(self.node.value).find(name), 0)

    def refuse_mixture(self, value: Template) -> None:
        """A text of a secret and of what a run knows would have to be kept unmasked until the run."""
        roots = {part.path[0] for part in value.parts if isinstance(part, Reference)}
        if "secret" in roots and len(roots) > 1:
            self.problems.add(
                self.node,
                "E042",
                "a secret and a value of the run in one text",
                "give the secret a place of its own: `auth` with `inject`, or a header",
            )
