"""The parts of a schema that look at one value of a definition: what they say of it is all that it can change.

Two values of one type of which they say the same leave a definition's structure as right or wrong as it was.
Judges no definition.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from engine.language.bundle import checked
from engine.language.faults import Schema
from engine.language.yaml import Path
from engine.model import Value

# What a schema says to people, or of names and numbers of entries alone.
_HARMLESS = frozenset(
    {
        *("$schema", "$defs", "$comment", "title", "description", "examples", "default", "type", "required"),
        *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("multipleOf", "minItems", "maxItems", "minProperties", "maxProperties", "propertyNames", "dependentRequired"),
    }
)
_SAME = ("if", "then", "else", "not")  # schemas of the same value
_MANY = ("allOf", "anyOf", "oneOf", "dependentSchemas")
_ABOUT = frozenset({"description", "examples", "default", "title"})


class _Entangled(Exception):
    """Some part of the schema compares a whole block, the value in it."""


@cache
def judges(kind: str, path: Path) -> tuple[Any, ...] | None:
    """A validator for each part of the schema that looks at the value at `path`, and at more than its type.

    None where it is not known which do.
    """
    root = checked(kind, "whole")
    try:
        leaves = list(_leaves(root, path, root["$defs"], frozenset()))
    except _Entangled:
        return None
    distinct = {json.dumps(leaf, sort_keys=True): leaf for leaf in leaves}
    # What looks at the type alone says the same of all values of a type.
    telling = [leaf for leaf in distinct.values() if set(leaf) - {"type"}]
    return tuple(jsonschema_rs.Draft202012Validator(_standing(leaf, root["$defs"])) for leaf in telling)


def said(judging: tuple[Any, ...], value: Value) -> tuple[bool, ...]:
    """What each of them says of a value."""
    return tuple(judge.is_valid(value) for judge in judging)


def _leaves(schema: Any, path: Path, defs: Mapping[str, Schema], seen: frozenset[str]) -> Iterator[Schema]:
    """The schemas that are applied to the value at `path` in some branch or other."""
    if not isinstance(schema, dict):
        return
    if not path:
        yield {key: value for key, value in schema.items() if key not in _ABOUT}
        return
    for key, value in schema.items():
        if key in _HARMLESS or key.startswith("x-"):
            continue
        if key == "$ref":
            if value in seen:
                raise _Entangled
            yield from _leaves(defs[value.removeprefix("#/$defs/")], path, defs, seen | {value})
        elif key in _SAME:
            yield from _leaves(value, path, defs, seen)
        elif key in _MANY:
            for each in value.values() if isinstance(value, dict) else value:
                yield from _leaves(each, path, defs, seen)
        elif key in ("const", "enum"):
            _refuse_blocks(value)
        else:
            yield from _below(key, value, path, defs)


def _below(key: str, value: Any, path: Path, defs: Mapping[str, Schema]) -> Iterator[Schema]:
    """What a keyword asks of the parts of a block."""
    first, rest = path[0], path[1:]
    if key == "properties":
        yield from _leaves(value.get(first), rest, defs, frozenset())
    elif key == "patternProperties":
        for each in value.values():
            yield from _leaves(each, rest, defs, frozenset())
    elif key in ("additionalProperties", "items"):
        yield from _leaves(value, rest, defs, frozenset())
    else:
        raise _Entangled


def _refuse_blocks(value: Any) -> None:
    """A constant that is a map or a list would be compared with all that stands in a block."""
    if any(isinstance(each, dict | list) for each in (value if isinstance(value, list) else [value])):
        raise _Entangled


def _standing(leaf: Schema, defs: Mapping[str, Schema]) -> Schema:
    """The schema with the others that it refers to, and no more."""
    needed: dict[str, Schema] = {}
    waiting: list[Any] = [leaf]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            name = str(at.get("$ref", "")).removeprefix("#/$defs/")
            if name in defs and name not in needed:
                needed[name] = defs[name]
                waiting.append(defs[name])
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)
    return {**leaf, "$defs": needed}
