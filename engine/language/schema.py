"""Structure: whether a definition is one, by the JSON Schemas in `schemas/`. Knows no other file of the project's."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from engine.language import masking, words
from engine.language.bundle import KINDS, Form, bundled, checked
from engine.language.explain import faults
from engine.language.faults import Fault, Verdict
from engine.language.findings import Finding, Note
from engine.language.yaml import Document
from engine.model import Value

__all__ = ["KINDS", "Fault", "bundled", "check", "problems"]

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


def problems(kind: str, value: Value, form: Form = "whole") -> list[Fault]:
    """The same for a plain value: a definition after inheritance and substitution, say.

    `based` is laid on another definition and `override` is a dealer's: nothing is required there.
    """
    validator = _validator(kind, form)
    return [] if validator.is_valid(value) else faults([*_verdicts(validator, checked(kind, form), value)])


def _overrides(dealer: dict[str, Value]) -> list[Fault]:
    """What a dealer overrides, entry by entry."""
    found: list[Fault] = []
    for section, kind in (("feeds", "feed"), ("exports", "export")):
        entries = dealer.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("override"), dict):
                at = (section, index, "override")
                found += [fault.under(at) for fault in problems(kind, entry["override"], "override")]
    return found


@cache
def _validator(kind: str, form: Form) -> Any:
    return jsonschema_rs.Draft202012Validator(checked(kind, form))


def _verdicts(validator: Any, root: dict[str, Any], value: Value) -> Iterator[Verdict]:
    """The validator's errors with what our words need beside them.

    `schema_path` leads from the root of the bundle to the keyword, through no reference.
    """
    for error in validator.iter_errors(value):
        path = tuple(error.instance_path)
        node: Any = root
        rule = None
        keyword, detail = error.kind.name, error.kind.value
        for step in error.schema_path:
            if isinstance(node, dict) and "x-rule" in node:
                rule = node
            inner = node[step] if isinstance(node, list) or step in node else None
            if not isinstance(inner, dict | list):
                break
            node = inner
        if isinstance(node, dict) and "x-rule" in node:
            rule = node
        at = value
        for step in path:
            at = at[step]
        if rule is not None:
            keyword = "rule"
        elif keyword == "propertyNames":
            detail = detail.instance if hasattr(detail, "instance") else detail
        yield Verdict(path, keyword, detail, node, rule, at, root, value)


def _no_kind(value: dict[str, Value]) -> Fault:
    found = value.get("kind")
    if "kind" in value:
        near = words.nearest(found, KINDS) if isinstance(found, str) else None
        help = f"did you mean `{near}`?" if near else f"choices: {', '.join(KINDS)}"
        return Fault(("kind",), False, "E012", f"`kind` cannot be `{found}`", help)
    for key in value:
        if words.nearest(key, ("kind", "version", "title", "name"), edits=1) == "kind":
            return Fault((key,), True, "E020", f"unknown key `{key}` at the top level", "did you mean `kind`?")
    return Fault((), False, "E012", "the definition lacks `kind`", f"say which: {', '.join(KINDS)}")


def _finding(document: Document, fault: Fault) -> Finding:
    mark = document.mark(fault.path, key=fault.on_key)
    length = len(str(fault.path[-1])) if fault.on_key and fault.path else len(document.raw(fault.path))
    if fault.code == "E030":
        length = len(masking.MASK)
    notes: tuple[Note, ...] = ()
    anchor = document.anchor(fault.path)
    if anchor is not None:
        notes = (Note(anchor.line, anchor.column, "the alias stands for what is written here"),)
    return Finding(
        document.path, mark.line, mark.column, fault.code, "error", fault.message, fault.help, max(length, 1), notes
    )


def _key_in_text(document: Document) -> Finding:
    before = document.text[: document.text.index(_PRIVATE_KEY)]
    line = before.count("\n") + 1
    help = "give the key outside of the definition and name it: '${secret.NAME}'"
    return Finding(document.path, line, 1, "E030", "error", "a private key is written out", help, len(masking.MASK))
