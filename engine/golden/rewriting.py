"""Expectations brought up to what came out: the same names with the values that were found. Pure.

Every other byte of a definition stays as it was, `given` and comments among them; what an author did not
name is not added, except to an expectation that names nothing at all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from engine.golden.agreement import agrees
from engine.golden.asked import like, unlike
from engine.golden.comparing import Element, Found, paired
from engine.golden.running import Result
from engine.language import yaml as loader
from engine.language.tree import Step
from engine.model import Value
from engine.report import COUNTS

_WIDE = 120  # columns of a line
_STORED = ("activities", "contacts", "vehicles", "quarantine")
_LISTS = (*_STORED, "held", "exports", "suppressed")
# What a new element is told by, where its list has none to follow; of an activity all its fields as well.
_SHORT: Mapping[str, Sequence[str]] = {
    "activities": ("type", "key", "occurred", "state"),
    "held": ("type", "key"),
    "contacts": ("externalId", "firstName", "lastName", "company", "email", "phone"),
    "vehicles": ("vin", "year", "make", "model"),
    "quarantine": ("line", "code", "field"),
    "exports": ("export", "message", "key", "text"),
    "suppressed": ("export", "message", "key", "reason"),
}


class CannotRewrite(Exception):
    """This expectation has to be changed by hand; the text says why."""


# --- what is expected from now on -----------------------------------------------------------


def renewed(expected: Mapping[str, Value], found: Found) -> dict[str, Value]:
    """The expectation as the run would have it, its names in their order."""
    if not expected:
        return _everything(found)
    complete = expected.get("complete") or ()
    made: dict[str, Value] = {}
    for name, wanted in expected.items():
        value = _section(name, wanted, found, name in complete)
        if value is not None or wanted is None:
            made[name] = value
    named = {made.get("error"), *(made.get("issues") or ())}
    if "runs" not in made and (codes := [issue["code"] for issue in found.failures if issue["code"] not in named]):
        made["error"] = made.get("error") or codes[0]
    return made


def _everything(found: Found) -> dict[str, Value]:
    counts = {name: count for name, count in found.counts.items() if count}
    lists = {name: [_fresh(each, name, ()) for each in getattr(found, name)] for name in _STORED}
    codes = sorted({issue["code"] for issue in found.issues if issue["severity"] == "warning"})
    made: dict[str, Value] = {"counts": counts, **{name: each for name, each in lists.items() if each}}
    made |= {"requests": len(found.requests)} if found.requests else {"left": list(found.left)}
    error = {"error": found.failures[0]["code"]} if found.failures else {}
    return {**made, **({"issues": codes} if codes else {}), **error}


def _section(name: str, wanted: Value, found: Found, complete: bool) -> Value:
    if name in _LISTS and not (name == "held" and isinstance(wanted, int)):
        return _elements(wanted or (), getattr(found, name), name, complete)
    codes = sorted({issue["code"] for issue in found.issues})
    ended = [issue["code"] for issue in found.failures]
    values: Mapping[str, Any] = {
        "counts": {each: found.counts.get(each, 0) for each in wanted} if name == "counts" else None,
        "runs": [dict(_runs(place, wanted, found)) for place in range(len(found.runs))] if name == "runs" else None,
        "held": len(found.held),
        "requests": _requests(wanted, found) if name == "requests" else None,
        "left": list(found.left),
        "removed": [each for each in wanted if each in found.removed] if name == "removed" else None,
        "issues": codes if complete or not wanted else [each for each in wanted if each in codes],
        "state": {each: found.state.get(each) for each in wanted} if name == "state" else None,
        "error": wanted if wanted in ended else (ended or [None])[0],
    }
    return values.get(name, wanted)


def _requests(wanted: Value, found: Found) -> Value:
    if isinstance(wanted, int):
        return len(found.requests)
    named = [*wanted, *({} for _ in found.requests[len(wanted) :])]
    pairs = zip(named, found.requests, strict=False)
    return [each if not unlike(each, asked, ()) and each else like(each, asked) for each, asked in pairs]


def _runs(place: int, wanted: Sequence[Mapping[str, Any]], found: Found) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each feed of one run: the counts that were named, and those that are not 0."""
    before = wanted[place] if place < len(wanted) else {}
    for feed, counts in found.runs[place].items():
        names = before.get(feed, {"outcome": None, "read": None})
        more = [name for name in COUNTS if counts[name] and name not in names]
        if feed in before or counts["read"]:
            yield feed, {name: counts.get(name) for name in (*names, *more)}


def _elements(wanted: Sequence[Element], found: Sequence[Element], section: str, complete: bool) -> list[Value]:
    pairs = paired(wanted, found, section)
    kept = {**pairs.exact, **pairs.near}
    made = [_like(element, found[kept[place]]) for place, element in enumerate(wanted) if place in kept]
    names = list(dict.fromkeys(name for element in wanted for name in element))
    more = [found[place] for place in pairs.rest] if complete or not wanted else []
    return [*made, *(_fresh(each, section, names) for each in more)]


def _like(wanted: Value, found: Value) -> Value:
    """What was found, as far as it was asked for; the author's way to write it where that agrees."""
    if agrees(wanted, found):
        return wanted
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return {name: _like(value, found[name]) for name, value in wanted.items() if name in found}
    return found


def _fresh(element: Element, section: str, names: Sequence[str]) -> dict[str, Value]:
    """A new element of a list: by the names that the others use, else by what is worth saying."""
    chosen = [*names] or [*_SHORT[section], *(element.get("fields") or ())]
    return {name: element[name] for name in chosen if element.get(name) is not None}


# --- in the text ----------------------------------------------------------------------------


class _Edit(NamedTuple):
    """Characters `start` to `end` of a text, and what takes their place."""

    start: int
    end: int
    text: str


def rewritten(path: str, text: str, results: Sequence[Result]) -> str:
    """A definition's text with the expectations of these tests brought up to date. Raises CannotRewrite."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits: list[_Edit] = []
    for result in results:
        assert root is not None and result.found is not None  # noqa: S101  (only tests that ran are given)
        node, in_flow = _node(root, result.case.expect.place.path)
        before = result.case.expect.plain
        edits += _edits(text, node, before, renewed(before, result.found), in_flow)
    new, ending = text, "\r\n" if "\r\n" in text else "\n"
    for edit in sorted(edits, reverse=True):
        new = new[: edit.start] + edit.text.replace("\n", ending) + new[edit.end :]
    if _given(path, new) != _given(path, text):
        raise CannotRewrite(f"{path}: the expectations stand in a way that cannot be changed in place: do it by hand")
    return new


def _given(path: str, text: str) -> Value:
    """All that a definition says but for what its tests expect."""
    document, _ = loader.parse(path, text)
    value: Any = document.value if document is not None else None
    if not isinstance(value, dict):
        return None
    tests = [{name: each for name, each in test.items() if name != "expect"} for test in value.get("tests", ())]
    return {**value, "tests": tests}


def folder_text(result: Result) -> str:
    """A case folder's `expected.json`, as it is from now on."""
    assert result.found is not None  # noqa: S101  (only tests that ran are given)
    written: Mapping[str, Value] = result.case.expect.plain
    new = renewed({**result.case.expected, **written}, result.found)
    implied = {"quarantine", "left"} - set(written)
    kept = {name: value for name, value in new.items() if name != "complete" and (value or name not in implied)}
    ordered = {name: kept[name] for name in (*written, *kept) if name in kept}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def _node(root: yaml.Node, path: Sequence[Step]) -> tuple[yaml.Node, bool]:
    """The node at a path, and whether it stands inside { } or [ ]."""
    node, in_flow = root, False
    for step in path:
        in_flow = in_flow or bool(getattr(node, "flow_style", False))
        if isinstance(node, yaml.MappingNode):
            node = next(value for key, value in node.value if key.value == step)
        else:
            node = node.value[step]
    return node, in_flow


def _edits(text: str, node: yaml.Node, before: Value, after: Value, in_flow: bool) -> Iterator[_Edit]:
    """The fewest changes that make one value of the other."""
    if agrees(before, after) and agrees(after, before):
        return
    if isinstance(node, yaml.MappingNode) and isinstance(before, Mapping) and list(before) == list(after or ()):
        below = in_flow or bool(node.flow_style)
        for key, child in node.value:
            yield from _edits(text, child, before[key.value], after[key.value], below)
    elif isinstance(node, yaml.SequenceNode) and isinstance(after, list | tuple) and len(node.value) == len(after):
        below = in_flow or bool(node.flow_style)
        for place, child in enumerate(node.value):
            yield from _edits(text, child, before[place], after[place], below)
    else:
        yield _replaced(text, node, after, in_flow)


def _replaced(text: str, node: yaml.Node, after: Value, in_flow: bool) -> _Edit:
    """The whole of a value, in the style that it had: in lines, or between brackets."""
    start = node.start_mark.index
    if text[start : start + 1] in ("*", "&"):
        raise CannotRewrite("an alias or an anchor stands where the expectation would change: write it out")
    column = node.start_mark.column
    is_block = not in_flow and isinstance(node, yaml.CollectionNode) and not node.flow_style
    short = flow(after)
    if in_flow or (not is_block and column + len(short) <= _WIDE):
        return _Edit(start, _end(node), short)
    lines = _lines(after)
    if is_block and lines:
        return _Edit(start, _end(node), f"\n{' ' * column}".join(lines))
    head = text[:start].rpartition("\n")[2]
    pad = " " * (len(head) - len(head.lstrip(" -")) + 2)
    return _Edit(len(text[:start].rstrip(" ")), _end(node), "".join(f"\n{pad}{line}" for line in lines) or f" {short}")


def _end(node: yaml.Node) -> int:
    """Behind the last character of a value; what stands behind it on the line is not part of it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)


def _lines(value: Value) -> list[str]:
    """A map or list of several lines: one for each entry, longer lists with a line for each element."""
    if isinstance(value, Mapping):
        made = []
        for name, each in value.items():
            if isinstance(each, list | tuple) and each and isinstance(each[0], Mapping):
                made += [f"{name}:", *(f"  - {flow(element)}" for element in each)]
            else:
                made.append(f"{name}: {flow(each)}")
        return made
    return [f"- {flow(each)}" for each in value] if isinstance(value, list | tuple) else []


def flow(value: Value) -> str:
    """On one line, quoted where YAML needs it."""
    text = yaml.safe_dump([value], default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True)
    return str(text).strip()[1:-1]
