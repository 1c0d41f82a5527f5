"""The schemas for editors: one JSON Schema 2020-12 for each kind, complete in itself. Judges no definition."""

from functools import cache
from typing import Any

from engine.language.bundle import KINDS, bundled

__all__ = ["KINDS", "printed"]

_REFERENCE = {"$ref": "#/$defs/reference"}


@cache
def printed(kind: str) -> dict[str, Any]:
    """What editors complete and explain from; the same verdicts as `bundled`, without notes of our own."""
    schema: dict[str, Any] = _plain(bundled(kind))
    return schema


def _plain(node: Any) -> Any:
    """A schema without `x-` keywords, and with choices in the place of conditions on references.

    "A reference, or else this" is a condition to a validator, for the sake of its messages; editors
    look for the words to offer in `anyOf`, and not behind an `if`.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _kept(key, value) for key, value in node.items() if not key.startswith("x-")}
    if copy.get("if") == _REFERENCE:
        del copy["if"]
        copy["anyOf"] = [copy.pop("else"), _REFERENCE]
    return copy


def _kept(key: str, value: Any) -> Any:
    """Names and values of the author's are no schemas, whatever they look like."""
    if key in ("properties", "patternProperties", "dependentSchemas", "$defs"):
        return {name: _plain(item) for name, item in value.items()}
    return value if key in ("examples", "default", "const", "enum") else _plain(value)
