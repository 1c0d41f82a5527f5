"""What came of the tests, for people and for programs. Pure; prints nothing."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.golden.agreement import Difference, shown
from engine.golden.running import Result
from engine.language.tree import Place
from engine.surface import printable

_MOST_ISSUES = 8  # of a failed test's run


def lines(results: Sequence[Result], width: int) -> list[str]:
    """A line for each definition, a block for each test that did not pass, and the sum."""
    told: list[str] = []
    for name, group in groupby(results, key=lambda each: each.case.definition):
        of_one = list(group)
        told.append(f"{name}  {_counted(of_one)}")
        blocks = [_block(result) for result in of_one if result.outcome != "passed"]
        told += [part for block in blocks for line in ["", *block] for part in _wrapped(line, width)]
        told += [""] if blocks else []
    return [*told, summary(results)]


def summary(results: Sequence[Result]) -> str:
    return f"{_counted(results)} in {sum(each.seconds for each in results):.1f} s"


def _counted(results: Sequence[Result]) -> str:
    counts = {word: sum(each.outcome == word for each in results) for word in ("passed", "failed", "error")}
    errors = counts.pop("error")
    parts = [f"{count} {word}" for word, count in counts.items() if count or word == "passed"]
    return ", ".join([*parts, *([f"{errors} could not be run"] if errors else [])])


def _wrapped(line: str, width: int) -> list[str]:
    """A line that is too long goes on below, set in. A place stays on its line: it may be copied, or clicked."""
    if re.match(r"  \S+:\d+  |  --> ", line):
        return [line]
    inset = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, width, subsequent_indent=inset, break_long_words=False, break_on_hyphens=False) or [""]


def _block(result: Result) -> list[str]:
    case = result.case
    head = "FAILED" if result.outcome == "failed" else "ERROR"
    told = [f"{head} {case.definition}: {case.name}", f"  --> {_where(case.place)}"]
    told += [f"  {text}" for text in result.faults]
    told += [line for each in result.differences for line in _difference(result, each)]
    return [printable(line) for line in [*told, *_noted(result)]]


def _difference(result: Result, difference: Difference) -> list[str]:
    head = f"  {_where(place(result, difference))}  {name(result, difference)}"
    if difference.message:
        return [head, f"      {difference.message}"]
    return [head, f"      expected {shown(difference.expected)}", f"      found    {shown(difference.found)}"]


def place(result: Result, difference: Difference) -> Place:
    """The line of the expectation, or the nearest that there is; of what is given, where that is at fault."""
    expect = result.case.expect.place
    return difference.place or Place(expect.document, (*expect.path, *difference.path))


def name(result: Result, difference: Difference) -> str:
    """`activities[1].cashPurchase (key D5002)`."""
    text = ""
    for step in difference.path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    known = _known_by(result, difference)
    return f"{text} ({known})" if known else text or "expect"


def _known_by(result: Result, difference: Difference) -> str:
    """The key of the element that a value belongs to."""
    if difference.place is not None or len(difference.path) <= len(("activities", 0)):
        return ""
    node = result.case.expect.at(difference.path[:2])
    found = next((word for word in ("key", "line", "externalId", "lastName") if node.child(word) is not None), None)
    return f"{found} {shown(node.entries()[found].plain)}" if found else ""


def _noted(result: Result) -> Iterable[str]:
    """What the run itself said, for it often explains the difference."""
    found = result.found.issues if result.found is not None and result.outcome == "failed" else ()
    said = " ".join(each.message for each in result.differences)
    # What no record of a small reply had is the least of it.
    issues = sorted((issue for issue in found if issue["message"] not in said), key=_is_little)
    if issues:
        yield "  the run noted"
    for issue in issues[:_MOST_ISSUES]:
        spot = ":".join(str(part) for part in (issue["delivery"], issue["line"]) if part is not None)
        where = " ".join(part for part in (spot, issue["field"]) if part)
        yield f"      {issue['severity']} {where}: {issue['message']} [{issue['code']}]"
    if len(issues) > _MOST_ISSUES:
        yield f"      and {len(issues) - _MOST_ISSUES} more"


def _is_little(issue: Mapping[str, Any]) -> bool:
    return bool(issue["code"] == "path.neverFilled")


def _where(of: Place) -> str:
    return f"{_near(of.document.path)}:{of.mark.line}"


def _near(file: str) -> str:
    """The path as seen from here."""
    path = Path(file)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else file


def plain(results: Sequence[Result]) -> dict[str, Any]:
    """The same as JSON values."""
    words = {"passed": "passed", "failed": "failed", "error": "errors"}
    counts = {name: sum(each.outcome == word for each in results) for word, name in words.items()}
    return {**counts, "tests": [_plain(each) for each in results]}


def _plain(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "definition": case.definition,
        "name": case.name,
        "file": case.place.document.path,
        "line": case.place.mark.line,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 3),
        "errors": list(result.faults),
        "differences": [
            {
                "path": name(result, each),
                "line": place(result, each).mark.line,
                "message": each.text,
                "expected": each.expected,
                "found": each.found,
            }
            for each in result.differences
        ],
        "issues": list(result.found.issues) if result.found is not None and result.outcome == "failed" else [],
    }


def text(result: Result) -> str:
    """What is wrong with one test, for a report of others' making."""
    return "\n".join(_block(result)[2:])
