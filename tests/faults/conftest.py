"""Scenes for the fault tests, and the counts that each group of them prints at the end."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.scene import Studio, fast_folder

GROUP = "faults"  # the name of a test's property: (group, cases that held, cases)


@pytest.fixture(scope="session")
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    home = fast_folder()
    made = Studio(home, lambda: request.getfixturevalue("postgres"))
    yield made
    made.close()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Say how many cases of a group a test has seen, and how many of them held."""
    return lambda group, held, cases: record_property(GROUP, [group, held, cases])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each group, whichever processes ran its tests."""
    held: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == GROUP and getattr(report, "when", "") == "call":
                held[value[0]] += value[1]
                cases[value[0]] += value[2]
    for group in sorted(cases):
        failed = "" if held[group] == cases[group] else f", {cases[group] - held[group]} FAILED"
        terminalreporter.write_line(f"{group}: {held[group]} of {cases[group]}{failed or ', 0 lost, 0 doubled'}")
