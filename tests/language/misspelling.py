"""Every word of a definition that the language or its author gave a meaning, and how each is easily misspelt.

Which words are the language's is asked of the schemas themselves, by the reference validator. Checks nothing.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import jsonschema
from jsonschema.validators import extend

from engine.language import schema, yaml

Sort = Literal["key", "word", "name"]


class Word(NamedTuple):
    """A word at its place; `others` are what else would be right there."""

    sort: Sort  # a key or a choice of the language's, or a name of the author's
    path: yaml.Path
    is_key: bool
    text: str
    others: frozenset[str]


class Walk:
    """What the schema of a kind says of a definition: its words, and which properties it used."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.found: dict[tuple[yaml.Path, bool], Word] = {}
        self.used: set[int] = set()  # ids of the schemas of the properties that were looked at
        self.root = schema.bundled(value["kind"])
        self._path: list[str | int] = []
        self._is_name = False  # while a key itself is looked at
        checks = {
            "properties": self._properties,
            "patternProperties": self._matching_keys,
            "additionalProperties": self._author_keys,
            "propertyNames": self._names,
            "items": self._items,
            "enum": self._enum,
            "const": self._enum,
            "type": self._type,
            "$ref": self._ref,
        }
        self._checks = dict(jsonschema.Draft202012Validator.VALIDATORS)
        validator = extend(jsonschema.Draft202012Validator, checks)
        wrong = [error.message for error in validator(self.root).iter_errors(value)]
        assert wrong == []

    def _note(self, sort: Sort, text: str, *step: str, others: frozenset[str] = frozenset()) -> None:
        if self._is_name:
            return
        place = ((*self._path, *step), bool(step))
        known = self.found.get(place)
        if known is None or known.sort in ("name", sort):
            others |= known.others if known is not None else frozenset()
            self.found[place] = Word(sort, place[0], place[1], text, others)

    def _below(self, validator: Any, instance: Any, step: str | int, node: Any) -> Iterator[Any]:
        self._path.append(step)
        errors = list(validator.descend(instance[step], node, path=step))
        self._path.pop()
        return iter(errors)

    def _properties(self, validator: Any, properties: Any, instance: Any, _: Any) -> Iterator[Any]:
        if not isinstance(instance, dict):
            return
        for key, node in properties.items():
            if key in instance:
                self.used.add(id(node))
                if node is not False:
                    self._note("key", key, key, others=frozenset(properties))
                yield from self._below(validator, instance, key, node)

    def _author_keys(self, validator: Any, node: Any, instance: Any, block: Any) -> Iterator[Any]:
        """What stands under `additionalProperties`: the other keys are wrong, or the author's own."""
        if node is False:
            yield from self._checks["additionalProperties"](validator, node, instance, block)
        elif isinstance(node, dict) and isinstance(instance, dict):
            for key in [key for key in instance if key not in block.get("properties", {})]:
                self._note("name", key, key)
                yield from self._below(validator, instance, key, node)

    def _matching_keys(self, validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator[Any]:
        for pattern, node in patterns.items() if isinstance(instance, dict) else ():
            for key in [key for key in instance if re.search(pattern, key)]:
                self._note("name", key, key)
                yield from self._below(validator, instance, key, node)

    def _names(self, validator: Any, node: Any, instance: Any, block: Any) -> Iterator[Any]:
        choices = node.get("enum") if isinstance(node, dict) else None
        for key in instance if isinstance(instance, dict) and choices else ():
            self._note("key", key, key, others=frozenset(choices or ()))
        self._is_name = True
        errors = list(self._checks["propertyNames"](validator, node, instance, block) or ())
        self._is_name = False
        yield from errors

    def _items(self, validator: Any, node: Any, instance: Any, _: Any) -> Iterator[Any]:
        for index in range(len(instance)) if isinstance(instance, list) else ():
            yield from self._below(validator, instance, index, node)

    def _enum(self, validator: Any, choices: Any, instance: Any, block: Any) -> Iterator[Any]:
        every = choices if isinstance(choices, list) else [choices]
        if isinstance(instance, str) and instance in every:
            self._note("word", instance, others=frozenset(str(choice) for choice in every))
        keyword = "enum" if isinstance(choices, list) and "enum" in block else "const"
        yield from self._checks[keyword](validator, choices, instance, block) or ()

    def _type(self, validator: Any, types: Any, instance: Any, block: Any) -> Iterator[Any]:
        if isinstance(instance, bool) and "boolean" in types and "string" not in types:
            self._note("word", "true" if instance else "false", others=frozenset({"true", "false"}))
        yield from self._checks["type"](validator, types, instance, block) or ()

    def _ref(self, validator: Any, address: str, instance: Any, block: Any) -> Iterator[Any]:
        if isinstance(instance, str) and address.endswith(("common.name", "common.slug", "common.definition")):
            self._note("name", instance)
        yield from self._checks["$ref"](validator, address, instance, block) or ()


def words(document: yaml.Document) -> list[Word]:
    """Every word of a right definition where it is written, in the order of the text."""
    every = Walk(document.value).found.values()
    found = [word for word in every if document.anchor(word.path, word.is_key) is None]
    return sorted(found, key=lambda word: document.mark(word.path, key=word.is_key))


def misspelt(word: str, every: bool = False) -> list[str]:
    """The word with a letter dropped, doubled, and swapped with its neighbour: one of each, or all there are."""
    first = sum(map(ord, word)) % len(word)
    places = range(len(word)) if every else [first]
    made = [form for at in places for form in (word[:at] + word[at + 1 :], word[: at + 1] + word[at:])]
    pairs = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    chosen = pairs if every or not pairs else [min(pairs, key=lambda at: (at < first, at))]
    made += [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in chosen]
    return [form for form in dict.fromkeys(made) if form and form != word]


def replaced(document: yaml.Document, word: Word, form: str) -> str:
    """The text with this one word misspelt."""
    mark = document.mark(word.path, key=word.is_key)
    lines = document.text.split("\n")
    at = sum(len(line) + 1 for line in lines[: mark.line - 1]) + mark.column - 1
    at += document.text[at] in "'\""
    assert document.text.startswith(word.text, at), (word, document.text[at : at + 20])
    return document.text[:at] + form + document.text[at + len(word.text) :]


def damaged(document: yaml.Document, word: Word, form: str) -> yaml.Document:
    """The same without reading the text again; the lines are still right."""
    return yaml.Document(document.path, "", _with(document.value, word.path, word.is_key, form), document._spots)


def _with(value: Any, path: yaml.Path, is_key: bool, form: str) -> Any:
    if not path:
        return form
    if is_key and len(path) == 1:
        return {form if key == path[0] else key: item for key, item in value.items()}
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], is_key, form)
    return copy
