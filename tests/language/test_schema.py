"""Structure: closed schemas, one mistake told once, at its place, with the right word; no secret written out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from engine.language import bundle, findings, schema, yaml

DEFINITIONS = sorted((Path(__file__).parent / "definitions").glob("*.yaml"))
SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").rglob("*.json"))


def found(text: str) -> list[findings.Finding]:
    document, problems = yaml.parse("x.yaml", text)
    return problems + (schema.check(document) if document else [])


def loaded(path: Path) -> yaml.Document:
    document, problems = yaml.parse(path.name, path.read_bytes())
    assert document is not None, problems
    assert problems == []
    return document


# --- what is right passes -------------------------------------------------------------------


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_definition_that_uses_the_whole_language_passes(path: Path) -> None:
    assert schema.check(loaded(path)) == []


PACKAGED = sorted((Path(__file__).parents[2] / "feeds").rglob("*.yaml"))


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_a_packaged_definition_passes(path: Path) -> None:
    assert schema.check(loaded(path)) == []


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_the_bundled_schema_says_the_same_by_itself(path: Path) -> None:
    """What editors get is one document, and jsonschema, the reference, reads it as we do."""
    value = loaded(path).value
    validator = jsonschema.Draft202012Validator(schema.bundled(value["kind"]))
    assert [error.message for error in validator.iter_errors(value)] == []


# --- misspelt keys --------------------------------------------------------------------------

# What stands under these is named by the author; a word misspelt there is found by its use.
OF_THE_AUTHOR = {
    *("fields", "params", "streams", "join", "include", "forEach", "map", "headers", "query", "json", "keep"),
    *("confirmed", "versions", "set", "add", "files", "equals", "since"),
}
FREE = re.compile(r"\.(given\.params|expect\.activities)\.")


def closed_keys(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every key of the language in a definition: (where its block stands, the key)."""
    if isinstance(value, dict):
        spoken = "." + ".".join(str(step) for step in path) + "."
        parent = next((step for step in reversed(path) if isinstance(step, str)), "")
        named = parent in OF_THE_AUTHOR and not (parent == "fields" and path[-2:-1] in (("contact",), ("vehicle",)))
        named = named and not isinstance(path[-1], int) and path[-2:] != ("records", "join", "x")
        named = named and not (parent == "join" and {"columns", "fields"} & set(value))
        for key, item in value.items():
            if not named and not FREE.search(spoken) and key != "remove":
                yield path, key
            yield from closed_keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from closed_keys(item, (*path, index))


def misspelt(key: str) -> Iterator[str]:
    """One of each: a letter left out, doubled, changed, swapped with its neighbour; where, depends on the key."""
    at = sum(map(ord, key)) % len(key)
    yield key[:at] + key[at + 1 :]
    yield key[:at] + key[at] + key[at:]
    yield key[:at] + ("x" if key[at] != "x" else "y") + key[at + 1 :]
    swap = at % max(1, len(key) - 1)
    yield key[:swap] + key[swap + 1 : swap + 2] + key[swap] + key[swap + 2 :]


def renamed(value: Any, path: tuple[Any, ...], key: str, name: str) -> Any:
    """A copy with one key under another name, in its place."""
    if not path:
        return {name if old == key else old: item for old, item in value.items()}
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = renamed(value[path[0]], path[1:], key, name)
    return copy


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_every_key_misspelt_by_a_letter_is_an_error_that_offers_the_right_word(path: Path) -> None:
    document = loaded(path)
    tried, silent, wrong, noisy = 0, [], [], []
    for at, key in closed_keys(document.value):
        for name in misspelt(key):
            block = document.value
            for step in at:
                block = block[step]
            if not name or name in block or name == key:
                continue
            tried += 1
            damaged = yaml.Document("x.yaml", "", renamed(document.value, at, key, name), document._spots)
            problems = schema.check(damaged)
            if not problems:
                silent.append((at, name))
            elif not any(f"`{key}`" in problem.help for problem in problems if f"`{name}`" in problem.message):
                wrong.append((at, key, name, [(problem.message, problem.help) for problem in problems]))
            elif len(problems) > 1:
                noisy.append((at, name, [problem.message for problem in problems]))
    print(f"{path.stem}: {tried} misspelt keys, {len(silent)} accepted, {len(wrong)} without the right word, "
          f"{len(noisy)} told more than once")  # fmt: skip
    assert tried > 0
    assert silent == []
    assert wrong == []
    assert noisy == []
