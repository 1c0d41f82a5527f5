"""Groups completed: an element is added where a group has one kind and lacks another."""

from collections.abc import Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from engine.errors import RecordError
from engine.model import Value


def transform(
    value: Value, per: str, having: str, lacking: str, add: Mapping[str, Value], list: str | None = None
) -> Value:
    """Add `add` once to each group that has an element `having` and none `lacking` (ST-12 to 14).

    `value` is a list (one object is a list of one). With `list`, its elements hold the lines in
    a list of that name, and `per` sees a line's own keys over those of its parent; the new line
    goes behind the first line that made it necessary. Without, the elements are the lines.
    Lines whose `per` is blank form one group per parent. Nothing given is changed in place.
    """
    parents = value if isinstance(value, _LIST) else [value]
    if not all(isinstance(parent, dict) for parent in parents):
        raise RecordError("transform.unsuitable", "`ensure` takes a list of objects")
    if list is None:
        return _completed([("", parents)], per, having, lacking, add)[0]
    lines = [_lines(parent, list) for parent in parents]
    whole = _completed([*zip(parents, lines, strict=True)], per, having, lacking, add)
    completed = [
        parent if new is old else {**parent, list: new} for parent, old, new in zip(parents, lines, whole, strict=True)
    ]
    return completed if isinstance(value, _LIST) else completed[0]


_LIST = list


def _lines(parent: dict[str, Value], name: str) -> _LIST[Value]:
    lines = parent.get(name)
    if lines is None:
        return []
    lines = lines if isinstance(lines, _LIST) else [lines]
    if not all(isinstance(line, dict) for line in lines):
        raise RecordError("transform.unsuitable", "`ensure` takes lists of objects")
    return lines


def _completed(
    parents: _LIST[tuple[Any, _LIST[Value]]], per: str, having: str, lacking: str, add: Mapping[str, Value]
) -> _LIST[_LIST[Value]]:
    """The lines of each parent, completed; the same list where nothing was added."""
    first: dict[object, tuple[int, int]] = {}
    complete: set[object] = set()
    for number, (parent, lines) in enumerate(parents):
        for at, line in enumerate(lines):
            group = _group({**parent, **line} if parent else line, per, number)
            if _holds(having, line):
                first.setdefault(group, (number, at))
            if _holds(lacking, line):
                complete.add(group)
    results = [lines for _, lines in parents]
    for group, (number, at) in sorted(first.items(), key=lambda entry: entry[1], reverse=True):
        if group not in complete:
            results[number] = [*results[number][: at + 1], dict(add), *results[number][at + 1 :]]
    return results


def _group(line: Mapping[str, Value], per: str, number: int) -> object:
    found = _search(per, line)
    return ("blank", number) if found in (None, "") else ("group", repr(found))


def _holds(condition: str, line: Value) -> bool:
    """False where it compares a blank or unlike types: a condition never raises."""
    found = _search(condition, line)
    return bool(found) or (found == 0 and found is not False)


def _search(expression: str, line: Value) -> Value:
    try:
        return jmespath.compile(expression).search(line)
    except (JMESPathError, TypeError):
        return None
