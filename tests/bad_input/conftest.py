"""The line that group M prints at the end, whichever processes ran it."""

from typing import Any

PROPERTY = "group M"  # the name of a test's property: how many files it took through both databases


def pytest_terminal_summary(terminalreporter: Any) -> None:
    passed = [each for each in terminalreporter.stats.get("passed", ()) if each.when == "call"]
    count = sum(value for each in passed for name, value in each.user_properties if name == PROPERTY)
    if count:
        terminalreporter.write_line(f"{PROPERTY}: {count} files, same verdict on both databases")
