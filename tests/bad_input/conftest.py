"""The line that group M prints at the end, whichever process ran it."""

from typing import Any

GROUP = "group M"  # the name of the test's property: how many files had the same verdict on both databases


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == GROUP and getattr(report, "when", "") == "call":
                terminalreporter.write_line(f"{GROUP}: {value} files, same verdict on both databases")
