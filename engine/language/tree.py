"""A definition as a tree whose every value still knows where it was written.

Inheritance, overrides and parameters put values of several files into one tree; each node keeps the
place it came from. Nothing here knows what a key means.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, TypeAlias

from engine.deferred import Reference, SecretRef, Template
from engine.language.references import written
from engine.language.yaml import Document, Mark
from engine.model import Value

Step: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file: the value at `path`, or its key."""

    document: Document
    path: tuple[Step, ...]
    is_key: bool = False

    @property
    def mark(self) -> Mark:
        return self.document.mark(self.path, key=self.is_key)

    def __str__(self) -> str:
        return f"{self.document.path}:{self.mark.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its origin. `value` is a scalar, a dict of nodes or a tuple of nodes.

    `key` is where its key stands, which may be another file than its value's: a parameter's value
    stands in the dealer's file, the key it is used under in the definition. `is_sample` marks what
    stands in for a parameter while a definition is looked at without a dealer.
    """

    value: Value
    place: Place
    key: Place
    is_sample: bool = False

    @property
    def shape(self) -> type:
        """What kind of value it is: all that most need to know of most values."""
        return type(self.value)

    @property
    def is_map(self) -> bool:
        return issubclass(self.shape, dict)

    @property
    def is_list(self) -> bool:
        return issubclass(self.shape, tuple)

    @property
    def is_open(self) -> bool:
        """Something in it is known only at run time."""
        return issubclass(self.shape, Template | Reference | SecretRef)

    def child(self, *names: str) -> "Node | None":
        """The node under these keys, or None where one is missing."""
        node: Node | None = self
        for name in names:
            node = node.value.get(name) if node is not None and node.is_map else None
        return node

    def entries(self, *names: str) -> Mapping[str, "Node"]:
        """What the map under these keys holds; nothing where there is no map."""
        node = self.child(*names)
        return node.value if node is not None and node.is_map else {}

    def elements(self, *names: str) -> tuple["Node", ...]:
        """What the list under these keys holds; a scalar counts as a list of one."""
        node = self.child(*names)
        if node is None or node.value is None or isinstance(node.value, dict):
            return ()
        return node.value if isinstance(node.value, tuple) else (node,)

    def texts(self, *names: str) -> tuple[str, ...]:
        return tuple(node.value for node in self.elements(*names) if isinstance(node.value, str))

    def text(self, *names: str) -> str | None:
        node = self.child(*names)
        return node.value if node is not None and isinstance(node.value, str) else None

    def word(self, name: str, default: str) -> str:
        text = self.text(name)
        return default if text is None else text

    def flag(self, name: str, default: bool = False) -> bool:
        node = self.child(name)
        return node.value if node is not None and isinstance(node.value, bool) else default

    def number(self, name: str) -> float | None:
        node = self.child(name)
        if node is None or isinstance(node.value, bool):
            return None
        try:
            number = float(node.value)
        except (TypeError, ValueError):
            return None
        return number if isfinite(number) else None

    @property
    def plain(self) -> Value:
        """The value without its places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain for node in self.value]
        return self.value

    @property
    def written(self) -> Value:
        """The same with references as their text: what a schema can look at."""
        if isinstance(self.value, dict):
            return {key: node.written for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.written for node in self.value]
        return written(self.value) if isinstance(self.value, Template | SecretRef) else self.value

    def at(self, path: Iterable[Step]) -> "Node":
        """The node at this path, or the nearest above it that there is."""
        node = self
        for step in path:
            below = node.value
            entries = below if isinstance(below, dict) else dict(enumerate(below)) if isinstance(below, tuple) else {}
            if step not in entries:
                break
            node = entries[step]
        return node

    def with_entries(self, entries: Mapping[str, "Node"]) -> "Node":
        return replace(self, value=dict(entries))


class _Watched(Node):
    """A node that says when its value is read. What is made of it by `replace` was read for that."""

    __slots__ = ("note",)

    @property
    def value(self) -> Value:
        getattr(self, "note", _nothing)()
        return _VALUE.__get__(self)

    @value.setter
    def value(self, value: Value) -> None:
        _VALUE.__set__(self, value)

    @property
    def shape(self) -> type:
        return type(_VALUE.__get__(self))


def _nothing() -> None:
    """For a copy: what it was copied from has said so."""


_VALUE: Any = Node.__dict__["value"]  # the slot behind the name


def watched(node: Node, note: Callable[[], None]) -> Node:
    """The same node, which calls `note` whenever its value is read."""
    made = _Watched(_VALUE.__get__(node), node.place, node.key, node.is_sample)
    object.__setattr__(made, "note", note)
    return made


def tree(document: Document) -> Node:
    """The whole document as nodes."""
    return _node(document.value, document, ())


def _node(value: Value, document: Document, path: tuple[Step, ...]) -> Node:
    if isinstance(value, Mapping):
        value = {str(key): _node(item, document, (*path, key)) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        value = tuple(_node(item, document, (*path, index)) for index, item in enumerate(value))
    return Node(value, Place(document, path), Place(document, path, is_key=bool(path)))
