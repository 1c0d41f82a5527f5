"""The JSON Schemas of `schemas/` put together, one for each kind of definition. Checks nothing itself.

The files say what a value is once it is there. Two things are added here for all of them alike:
where a definition may stand for a value by `${...}`, text with a reference is legal; and what is
laid on another definition (`basedOn`, a dealer's `override`) may leave out what that one has.
"""

import json
import posixpath
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine.language.masking import names_secret

Form = Literal["whole", "based", "override"]

KINDS = ("feed", "dealer", "activity", "export", "alerts")

_FOLDER = Path(__file__).resolve().parents[2] / "schemas"  # beside the engine, in a checkout and in a wheel
_REFERENCE = {"type": "string", "pattern": "\\$\\{"}
# Keywords whose values are schemas, by the shape they have them in.
_NAMED = ("properties", "patternProperties")
_VALUES = ("items", "additionalProperties")
_BRANCHES = ("then", "else")
_TESTS = ("if", "not", "propertyNames")
_LISTS = ("allOf", "anyOf")
_REMOVE = {
    "description": "Keys of the other definition that are left out.",
    "examples": [["guards"]],
    "type": "array",
    "items": {"type": "string"},
    "x-removes": True,
}
_CHOICES = "enumDescriptions"  # of editors: a text for each word of `enum`
_LEFT_OUT = ("$schema", "$defs", "x-partial", "x-without")


class _Mode(NamedTuple):
    """How a schema is taken over."""

    prefix: str  # of its name in the bundle
    is_open: bool  # references may stand for values
    is_partial: bool  # what is lacking is taken from another definition


_WHOLE = _Mode("", True, False)
_PARTIAL = _Mode("partial.", True, True)
_LITERAL = _Mode("literal.", False, False)


@cache
def bundled(kind: str) -> dict[str, Any]:
    """The JSON Schema 2020-12 of one kind with its components: one document, no other file needed."""
    bundle = _Bundle()
    if kind in ("feed", "export"):
        whole, part = (bundle.reference(f"{kind}.json", "", mode) for mode in (_WHOLE, _PARTIAL))
        based = {"$ref": part, "required": ["version", "kind"]}
        root: dict[str, Any] = {"if": {"required": ["basedOn"]}, "then": based, "else": {"$ref": whole}}
    else:
        root = {"$ref": bundle.reference(f"{kind}.json", "", _LITERAL)}
    about = {key: _file(f"{kind}.json").get(key, "") for key in ("title", "description")}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **about, **root, "$defs": bundle.definitions}


@cache
def checked(kind: str, form: Form) -> dict[str, Any]:
    """The same for one form of definition, and no more than that: it is compiled at every start.

    `whole` stands alone, `based` is laid on another definition, `override` is what a dealer says on
    top of one. A dealer's file does not hold the schemas of its overrides: they are checked by
    themselves.
    """
    bundle = _Bundle(for_people=False)
    if form == "whole":
        root: dict[str, Any] = {
            "$ref": bundle.reference(f"{kind}.json", "", _WHOLE if kind in ("feed", "export") else _LITERAL)
        }
    elif form == "based":
        root = {"$ref": bundle.reference(f"{kind}.json", "", _PARTIAL), "required": ["version", "kind"]}
    else:
        dealers = _file("dealer.json")["$defs"][kind]["properties"]["override"]
        root = {"$ref": bundle.override(dealers["x-partial"], tuple(dealers["x-without"]))}
    return {**root, "$defs": bundle.definitions}


@cache
def _file(name: str) -> dict[str, Any]:
    node: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return node


class _Bundle:
    """Collects every schema that is referred to, under a name of its own."""

    def __init__(self, for_people: bool = True) -> None:
        self.definitions: dict[str, Any] = {"reference": _REFERENCE}
        self._for_people = for_people  # with overrides inside of a dealer, and what each choice means

    def reference(self, file: str, pointer: str, mode: _Mode) -> str:
        """The address in the bundle of a schema in a file, which is taken over if it is not yet there."""
        words = [
            file.removesuffix(".json").replace("/", "."),
            *(word for word in pointer.split("/")[1:] if word != "$defs"),
        ]
        name = mode.prefix + ".".join(words)
        if name not in self.definitions:
            self.definitions[name] = {}  # a schema may hold itself
            self.definitions[name] = self._value(_at(_file(file), pointer), file, mode)
        return f"#/$defs/{name}"

    def _value(self, node: Any, file: str, mode: _Mode) -> Any:
        """A schema that describes a value, not one that only tests it."""
        copy = self._copy(node, file, mode)
        if not mode.is_open or not isinstance(copy, dict) or not _wants_reference(copy):
            return copy
        about = {key: copy.pop(key) for key in ("description", "examples", "default") if key in copy}
        return {**about, "if": {"$ref": "#/$defs/reference"}, "else": copy}

    def _copy(self, node: Any, file: str, mode: _Mode) -> Any:
        if not isinstance(node, dict):
            return node
        copy: dict[str, Any] = {}
        for key, value in node.items():
            taken = self._keyword(key, value, file, mode)
            if taken is not None and taken != []:
                copy[key] = taken
        if "x-partial" in node and self._for_people:
            copy["$ref"] = self.override(node["x-partial"], tuple(node["x-without"]))
        if mode.is_partial:
            self._loosen(copy)
        return copy

    def _keyword(self, key: str, value: Any, file: str, mode: _Mode) -> Any:
        """One keyword with its value, by the shape in which it holds schemas; None leaves it out."""
        if key == "$ref":
            return self._resolved(value, file, mode)
        if key in _NAMED:
            return {name: self._property(name, item, file, mode) for name, item in value.items()}
        if key == "dependentSchemas":
            return {name: self._copy(item, file, mode) for name, item in value.items()}
        if key in _LISTS:
            return [self._copy(item, file, mode) for item in value if not (mode.is_partial and item.get("x-whole"))]
        if key in _VALUES:
            # Lists are not merged: what stands in one is whole.
            return self._value(value, file, _WHOLE if mode.is_partial and key == "items" else mode)
        if key in _BRANCHES:
            return self._copy(value, file, mode)
        if key in _TESTS:
            return self._copy(value, file, _LITERAL)
        return None if key in _LEFT_OUT or (key == _CHOICES and not self._for_people) else value

    def _property(self, name: str, node: Any, file: str, mode: _Mode) -> Any:
        """A text under a key that names a secret is a reference, also where its schema does not say so."""
        if isinstance(node, dict) and names_secret(name) and node.get("type") == "string" and "pattern" not in node:
            return {
                **{key: node[key] for key in ("description", "examples") if key in node},
                "$ref": self.reference("common.json", "/$defs/secret", mode),
            }
        return self._value(node, file, mode)

    def _resolved(self, target: str, file: str, mode: _Mode) -> str:
        name, _, pointer = target.partition("#")
        return self.reference(
            posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) if name else file, pointer, mode
        )

    def override(self, target: str, without: tuple[str, ...]) -> str:
        """What a dealer may say on top of a definition."""
        file, _, pointer = target.partition("#")
        whole = self.definitions[self.reference(file, pointer, _PARTIAL).removeprefix("#/$defs/")]
        name = f"override.{file.removesuffix('.json')}"
        kept = {key: value for key, value in whole["properties"].items() if key not in without}
        self.definitions[name] = {**whole, "properties": kept}
        return f"#/$defs/{name}"

    def _loosen(self, copy: dict[str, Any]) -> None:
        """What another definition gives may be lacking here; `remove` takes keys of it away."""
        copy.pop("required", None)
        variants = copy.get("allOf", []) if "x-by" in copy else []
        if variants:
            copy["allOf"] = [*variants, self._any_variant(copy["x-by"], variants)]
        elif copy.get("additionalProperties", True) is not True:
            copy["properties"] = {"remove": _REMOVE, **copy.get("properties", {})}

    def _any_variant(self, by: str, variants: list[dict[str, Any]]) -> dict[str, Any]:
        """Without its discriminator a block has the keys of any variant: which one, the other definition says."""
        schemas = [variant["then"] for variant in variants]
        return {"if": {"not": {"required": [by]}}, "then": self._union(schemas)}

    def _union(self, schemas: list[Any]) -> dict[str, Any]:
        """One schema for what may be any of these: keys that none has are wrong in all of them."""
        whole = [self._followed(schema) for schema in schemas]
        first = schemas[0]
        if all(_bare(schema) == _bare(first) for schema in schemas):
            return dict(first)
        secrets = [schema for schema in schemas if "common.secret" in schema.get("$ref", "")]
        if secrets:
            return dict(max(secrets, key=lambda schema: str(schema["$ref"])))
        if not all(schema.get("type") == "object" and "properties" in schema for schema in whole):
            return {}
        for schema in [*whole]:
            if "x-by" in schema:
                whole += [
                    self._followed(branch["then"]) for branch in schema["allOf"] if "$ref" in branch.get("then", {})
                ]
        keys: dict[str, list[Any]] = {}
        for schema in whole:
            for key, value in schema["properties"].items():
                keys.setdefault(key, []).append(value if isinstance(value, dict) else {})
        return {
            "type": "object",
            "properties": {key: self._union(values) for key, values in keys.items()},
            "additionalProperties": False,
        }

    def _followed(self, schema: Any) -> dict[str, Any]:
        followed: dict[str, Any] = schema
        while "$ref" in followed:
            followed = self.definitions[followed["$ref"].removeprefix("#/$defs/")]
        return followed


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what it says to people."""
    return {key: value for key, value in schema.items() if key not in ("description", "examples", "default", _CHOICES)}


def _at(node: Any, pointer: str) -> Any:
    for word in pointer.split("/")[1:]:
        node = node[word]
    return node


def _wants_reference(node: dict[str, Any]) -> bool:
    """Whether plain text with a reference would be refused here, and is meant to be legal."""
    if node.get("x-literal") or "const" in node or "$ref" in node:
        return False
    types = node.get("type", [])
    types = [types] if isinstance(types, str) else types
    if {"enum", "pattern", "maxLength"} & set(node):
        return True
    if ("object" in types and len(types) == 1) or "string" in types or types == ["null"]:
        return False
    if types == ["array"]:
        items = node.get("items", {})
        return not isinstance(items, dict) or not ("$ref" in items or items.get("type") in ("object", "array"))
    return bool(types)
