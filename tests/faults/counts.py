"""How many cases of each group of fault tests held, at the end of a test run.

A plugin as well: with test processes side by side only those hooks speak that the first process knows.
"""

import re
from collections import Counter
from typing import Any

import pytest

GROUP = "faults"  # the name of a test's property: [group, cases that held, cases]
# Groups whose cases are told from the names of their tests: a case holds when all of its tests do.
NAMED = {
    "group F": re.compile(r"\[.*?(F-(?:asy|ftp)-\d\d)"),
    "group N": re.compile(
        r"(?:test_hostile_names\.py::test_a_hostile_name|test_hostile\.py::test_a_regular|test_hostile\.py::test_an_expr"
        r"|test_yaml\.py::test_a_hostile_document)[^[]*\[(?:(?:file|ftp-mlsd|ftp-list|sftp)-)?(.*)\]"
    ),
}
_TOLD = pytest.StashKey[bool]()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each group, whichever processes ran its tests; once, however often this hook is registered."""
    if terminalreporter.config.stash.get(_TOLD, False):
        return
    terminalreporter.config.stash[_TOLD] = True
    held: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == GROUP and getattr(report, "when", "") == "call":
                held[value[0]] += value[1]
                cases[value[0]] += value[2]
    named: dict[tuple[str, str], bool] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            for group, pattern in NAMED.items():
                if getattr(report, "when", "") == "call" and (found := pattern.search(report.nodeid)):
                    case = (group, found[1])
                    named[case] = named.get(case, True) and outcome == "passed"
    for (group, _), good in named.items():
        held[group] += good
        cases[group] += 1
    for group in sorted(cases):
        failed = "" if held[group] == cases[group] else f", {cases[group] - held[group]} FAILED"
        well = "" if group in NAMED else ", 0 lost, 0 doubled"
        terminalreporter.write_line(f"{group}: {held[group]} of {cases[group]}{failed or well}")
