"""The results as JUnit XML: one suite for each definition, each case with its file and line. Writes no file."""

from collections.abc import Sequence
from itertools import groupby

from lxml import etree

from engine.golden.running import Result
from engine.golden.telling import text
from engine.surface import printable

_ELEMENTS = {"failed": "failure", "error": "error"}


def xml(results: Sequence[Result]) -> bytes:
    """What CI services read: counts and times stand on every level."""
    root = etree.Element("testsuites", _counts(results))
    for name, group in groupby(results, key=lambda each: each.case.definition):
        of_one = list(group)
        suite = etree.SubElement(root, "testsuite", {"name": name, **_counts(of_one)})
        for result in of_one:
            _add(suite, result)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True))


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(each.outcome == "failed" for each in results)),
        "errors": str(sum(each.outcome == "error" for each in results)),
        "skipped": "0",
        "time": f"{sum(each.seconds for each in results):.3f}",
    }


def _add(suite: etree._Element, result: Result) -> None:
    case = result.case
    details = {
        "name": printable(case.name),
        "classname": case.definition,
        "file": case.place.document.path,
        "line": str(case.place.mark.line),
        "time": f"{result.seconds:.3f}",
    }
    element = etree.SubElement(suite, "testcase", details)
    if result.outcome in _ELEMENTS:
        first = next(iter(result.faults or [each.text for each in result.differences]))
        kind = {"message": printable(first), "type": result.outcome}
        told = etree.SubElement(element, _ELEMENTS[result.outcome], kind)
        told.text = text(result)
