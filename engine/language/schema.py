"""Structure: whether a definition is one, by the JSON Schemas in `schemas/`. Knows no other file of the project's."""

from typing import Any

from engine.language.findings import Finding
from engine.language.yaml import Document


def check(document: Document) -> list[Finding]:
    """Every structural problem of a definition, in one pass; its kind is what `kind:` says."""
    del document
    return []


def bundled(kind: str) -> dict[str, Any]:
    """The JSON Schema 2020-12 of one kind with its components bundled."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind}
