"""Structure: whether a definition is one, by the JSON Schemas in `schemas/`. Knows no other file of the project's."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from engine.language import forms, masking, words
from engine.language.bundle import KINDS, Form, bundled, checked
from engine.language.explain import faults
from engine.language.faults import Fault, Schema, Verdict, inline, offer
from engine.language.findings import Finding, Note
from engine.language.places import Places
from engine.language.yaml import Document, Path
from engine.model import Value

__all__ = ["KINDS", "Fault", "bundled", "check", "problems"]

_MOST = 60  # entries of a map or list that are explained
_PRIVATE_KEY = "PRIVATE KEY-----"


def check(document: Document) -> list[Finding]:
    """Every structural problem of a definition, in one pass; its kind is what `kind:` says."""
    value = document.value
    findings = [] if _PRIVATE_KEY not in document.text else [_key_in_text(document)]
    if not isinstance(value, dict):
        fault = Fault((), False, "E012", "a definition is a map of keys", "begin with `version: 1` and `kind:`")
        return [*findings, _finding(document, fault)]
    kind = value.get("kind")
    if kind not in KINDS:
        return [*findings, _finding(document, _no_kind(value))]
    form: Form = "based" if kind in ("feed", "export") and "basedOn" in value else "whole"
    found = problems(kind, value, form)
    if kind == "dealer":
        found += _overrides(value)
    return sorted({*findings, *(_finding(document, fault) for fault in found)}) if findings or found else []


def problems(kind: str, value: Value, form: Form = "whole", at: Path = ()) -> list[Fault]:
    """The same for a plain value: a definition after inheritance and substitution, say.

    `based` is laid on another definition and `override` is a dealer's: nothing is required there.
    `at` is where in its document the value stands.
    """
    validator = _validator(kind, form)
    if validator.is_valid(value):
        return []
    # The validator makes all errors there are before it gives the first, and a person reads few.
    first = _trimmed(value)
    return faults(_verdicts(kind, form, value if validator.is_valid(first) else first, at))


@cache
def keys(kind: str) -> frozenset[str]:
    """The keys at the top level of a kind of definition."""
    root = node = checked(kind, "whole")
    while "$ref" in node:
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return frozenset(node["properties"])


@cache
def vocabulary(kind: str) -> frozenset[str]:
    """Every key that is legal somewhere in a kind of definition."""
    return _places(kind, "whole").vocabulary


def _trimmed(value: Value) -> Value:
    """The value with the first entries of every map and list."""
    if isinstance(value, dict):
        return {key: _trimmed(item) for key, item in islice(value.items(), _MOST)}
    return [_trimmed(item) for item in value[:_MOST]] if isinstance(value, list) else value


def _overrides(dealer: dict[str, Value]) -> list[Fault]:
    """What a dealer overrides, entry by entry."""
    found: list[Fault] = []
    for section, kind in (("feeds", "feed"), ("exports", "export")):
        entries = dealer.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("override"), dict):
                found += problems(kind, entry["override"], "override", (section, index, "override"))
    return found


@cache
def _validator(kind: str, form: Form) -> Any:
    return jsonschema_rs.Draft202012Validator(checked(kind, form))


@cache
def _places(kind: str, form: Form) -> Places:
    return Places(checked(kind, form))


def _verdicts(kind: str, form: Form, value: Value, base: Path) -> Iterator[Verdict]:
    """The validator's errors with what our words need beside them."""
    root, places = checked(kind, form), _places(kind, form)
    for error in _validator(kind, form).iter_errors(value):
        keyword, detail, steps = error.kind.name, error.kind.value, error.instance_path
        node, block, rule, below = _schema_at(
            root, error.schema_path if keyword == "falseSchema" else error.schema_path[:-1]
        )
        if rule:
            # A rule speaks of the block it stands in, whichever of its values broke it.
            keyword, steps = "rule", steps[: len(steps) - below]
        if keyword == "propertyNames":
            detail = error.kind.error.instance
        instance = value
        for step in steps:
            instance = instance[step]
        yield Verdict((*base, *steps), keyword, detail, node, block, rule, instance, places, len(base))


def _schema_at(root: Schema, path: Sequence[str | int]) -> tuple[Schema, Schema, Schema, int]:
    """The schema that a path from the root leads to, the one around it that tells variants of the
    same value apart (or itself), the nearest around it with a rule of ours (or {}), and how many
    levels of the value lie between the two.

    The path passes through no reference: the validator says where a schema stands.
    """
    node: Any = root
    block: Schema = {}
    rule: Schema = {}
    below = 0
    for step in path:
        node = node[step]
        if step in ("properties", "items"):
            block, below = {}, below + 1
        if isinstance(node, dict):
            block = node if "x-by" in node else block
            rule, below = (node, 0) if "x-rule" in node else (rule, below)
    node = node if isinstance(node, dict) else {}
    return node, block or node, rule, below


def _no_kind(value: dict[str, Value]) -> Fault:
    found = value.get("kind")
    if "kind" in value:
        help = offer(words.likely(found, KINDS) if isinstance(found, str) else (), KINDS, "choices")
        return Fault(("kind",), False, "E012", f"`kind` cannot be `{words.clipped(inline(found))}`", help)
    for key in value:
        if words.nearest(key, ("kind", "version", "title", "name"), edits=1) == "kind":
            return Fault((key,), True, "E020", f"unknown key `{key}` at the top level", "did you mean `kind`?")
    return Fault((), False, "E012", "the definition lacks `kind`", f"say which: {', '.join(KINDS)}")


def _finding(document: Document, fault: Fault) -> Finding:
    mark = document.mark(fault.path, key=fault.on_key)
    length = len(str(fault.path[-1])) if fault.on_key and fault.path else len(document.raw(fault.path))
    if fault.code == "E030":
        length = len(masking.MASK)
    help = fault.help
    if help == forms.QUOTE:
        help = f"{help}: '{document.raw(fault.path)}'"
    notes: tuple[Note, ...] = ()
    anchor = document.anchor(fault.path, fault.on_key)
    if anchor is not None:
        notes = (Note(anchor.line, anchor.column, "the alias stands for what is written here"),)
    return Finding(
        document.path, mark.line, mark.column, fault.code, "error", fault.message, help, max(length, 1), notes
    )


def _key_in_text(document: Document) -> Finding:
    before = document.text[: document.text.index(_PRIVATE_KEY)]
    line = before.count("\n") + 1
    help = "give the key outside of the definition and name it: '${secret.NAME}'"
    return Finding(document.path, line, 1, "E030", "error", "a private key is written out", help, len(masking.MASK))
