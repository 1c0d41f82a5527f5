"""How many mistakes were tried and what was said of them, at the end of a test run.

A plugin as well: with test processes side by side only those hooks speak that the first process knows.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

PROPERTY = "mistakes"  # the name of a test's property: [group, {what: how many}]
Record = Callable[[str, Any], None]
_TOLD = pytest.StashKey[bool]()


def told(record: Record, group: str, counts: dict[str, int]) -> None:
    """Add to the counts of a group; they are shown in the order in which they were first given."""
    record(PROPERTY, [group, list(counts.items())])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each group, whichever processes ran its tests; once, however often this hook is registered."""
    if terminalreporter.config.stash.get(_TOLD, False):
        return
    terminalreporter.config.stash[_TOLD] = True
    groups: dict[str, Counter[str]] = {}
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY and getattr(report, "when", "") == "call":
                counts = groups.setdefault(value[0], Counter())
                for what, number in value[1]:
                    counts[what] += number
    for group in sorted(groups):
        counts = groups[group]
        terminalreporter.write_line(f"{group}: " + ", ".join(f"{number:,} {what}" for what, number in counts.items()))
