"""Where in a definition a key is legal: for the author who wrote it in the wrong place. Judges no value."""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

Schema: TypeAlias = dict[str, Any]

_RARE = ("employee",)  # hardly ever what is meant
_MAX_DEPTH = 5  # of blocks within blocks; deeper ones are found under their own name


class Place(NamedTuple):
    """A block that has the key: the names that lead there, `*` for a name of the author's."""

    names: tuple[str, ...]
    variant: str  # "type sftp" where the block has variants


class Places:
    """The keys of every block of one schema; looked for only when a key is wrong."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._by_key: dict[str, list[Place]] = {}

    def legal_keys(self, node: Schema) -> list[str]:
        """The keys of a block; of one with variants whose variant is unknown, those of any."""
        keys = dict(node.get("properties", {}))
        if "x-by" in node:
            for _, variant in self._variants(node):
                keys.update(variant.get("properties", {}))
        return [key for key, value in keys.items() if not (isinstance(value, dict) and value.get("x-removes"))]

    @property
    def vocabulary(self) -> frozenset[str]:
        """Every key that is legal in some block or other."""
        return frozenset(key for _, properties in self._blocks() for key in properties)

    def has(self, key: str, names: tuple[str, ...], variant: str) -> bool:
        """Whether this variant of a block has the key."""
        return Place(names, variant) in self._of(key)

    def _of(self, key: str) -> list[Place]:
        if not self._by_key:
            for place, properties in self._blocks():
                for name in properties:
                    self._by_key.setdefault(name, []).append(place)
        return self._by_key.get(key, [])

    def elsewhere(self, key: str, at: tuple[str | int, ...]) -> Place | None:
        """The nearest other block that has this key: within this one, then above it, then any other."""
        here = tuple("*" if isinstance(step, int) else step for step in at)
        others = [place for place in self._of(key) if place.names != here or place.variant]
        return min(
            others,
            key=lambda place: (place.names[:1] == _RARE, _steps(place.names, here), len(place.names), place),
            default=None,
        )

    def _blocks(self) -> Iterator[tuple[Place, Schema]]:
        """Every block with its own keys, from the top down."""
        waiting: deque[tuple[Schema, tuple[str, ...], str, tuple[str, ...]]] = deque([(self._root, (), "", ())])
        while waiting:
            node, names, variant, seen = waiting.popleft()
            address = node.get("$ref")
            if address and address not in seen:
                waiting.append((self._resolved(address), names, variant, (*seen, address)))
            if "properties" in node:
                yield Place(names, variant), node["properties"]
            if len(names) >= _MAX_DEPTH:
                continue
            inner = [((*names, key), value) for key, value in node.get("properties", {}).items()]
            inner += [((*names, "*"), node.get(part)) for part in ("items", "additionalProperties")]
            inner += [(names, node.get(part)) for part in ("then", "else")]
            waiting.extend((value, path, "", seen) for path, value in inner if isinstance(value, dict))
            if "x-by" in node:
                variants = self._variants(node)
                waiting.extend((schema, names, f"{node['x-by']} {word}", seen) for word, schema in variants)

    def _variants(self, node: Schema) -> Iterator[tuple[str, Schema]]:
        for branch in node.get("allOf", []):
            chosen = branch.get("if", {}).get("properties", {}).get(node["x-by"], {}).get("const")
            address = branch.get("then", {}).get("$ref")
            if chosen and address:
                yield chosen, self._resolved(address)

    def _resolved(self, address: str) -> Schema:
        schema: Schema = self._root["$defs"][address.removeprefix("#/$defs/")]
        return schema


def _steps(names: tuple[str, ...], here: tuple[str, ...]) -> int:
    """How many levels lie between two blocks."""
    shared = 0
    for left, right in zip(names, here, strict=False):
        if left not in (right, "*"):
            break
        shared += 1
    return len(names) + len(here) - 2 * shared
