"""Where in a definition a key is legal: for the author who wrote it in the wrong place. Judges no value."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

Schema: TypeAlias = dict[str, Any]

_MAX_DEPTH = 6  # of blocks within blocks; deeper ones are found under their own name


class Place(NamedTuple):
    """A block that has the key: the names that lead there, `*` for a name of the author's."""

    names: tuple[str, ...]
    variant: str  # "type sftp" where the block has variants


def legal_keys(node: Schema, root: Schema) -> list[str]:
    """The keys of a block; of one with variants whose variant is unknown, those of any."""
    keys = [key for key in node.get("properties", {}) if key != "remove"]
    if "x-by" in node:
        for _, variant in _variants(node, root):
            keys += [key for key in variant.get("properties", {}) if key not in keys and key != "remove"]
    return keys


def elsewhere(key: str, at: tuple[str | int, ...], root: Schema) -> Place | None:
    """The nearest other block that has this key: within this one, then above it, then any other."""
    here = tuple("*" if isinstance(step, int) else step for step in at)
    best: tuple[tuple[int, int, tuple[str, ...]], Place] | None = None
    for place, properties in _blocks(root):
        if key not in properties or (place.names == here and not place.variant):
            continue
        shared = sum(1 for left, right in zip(place.names, here, strict=False) if left in (right, "*"))
        steps = len(place.names) + len(here) - 2 * shared
        rank = (steps, len(place.names), place.names)
        if best is None or rank < best[0]:
            best = (rank, place)
    return best[1] if best else None


def _blocks(root: Schema) -> Iterator[tuple[Place, Schema]]:
    """Every block of the schema with its own keys, from the top down."""
    waiting: list[tuple[Schema, tuple[str, ...], str, tuple[str, ...]]] = [(root, (), "", ())]
    while waiting:
        node, names, variant, seen = waiting.pop(0)
        address = node.get("$ref")
        if address and address not in seen:
            waiting.append((_resolved(address, root), names, variant, (*seen, address)))
        if "properties" in node:
            yield Place(names, variant), node["properties"]
        if len(names) >= _MAX_DEPTH:
            continue
        inner = [((*names, key), value) for key, value in node.get("properties", {}).items()]
        inner += [((*names, "*"), node.get(part)) for part in ("items", "additionalProperties")]
        inner += [(names, node.get(part)) for part in ("then", "else")]
        waiting.extend((value, at, "", seen) for at, value in inner if isinstance(value, dict))
        if "x-by" in node:
            waiting.extend((schema, names, f"{node['x-by']} {word}", seen) for word, schema in _variants(node, root))


def _variants(node: Schema, root: Schema) -> Iterator[tuple[str, Schema]]:
    for branch in node.get("allOf", []):
        chosen = branch.get("if", {}).get("properties", {}).get(node["x-by"], {}).get("const")
        address = branch.get("then", {}).get("$ref")
        if chosen and address:
            yield chosen, _resolved(address, root)


def _resolved(address: str, root: Schema) -> Schema:
    schema: Schema = root["$defs"][address.removeprefix("#/$defs/")]
    return schema
