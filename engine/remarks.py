"""What is to be said of one delivery: its rows one by one up to a number, what is alike together. Decides nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.model import Fault, Issue

_MOST = 100  # rows of one delivery that are listed one by one; all are in quarantine
_Kind = tuple[str, str | None, str]


@dataclass(slots=True)
class Remarks:
    issues: list[Issue] = field(default_factory=list)
    _warned: Counter[_Kind] = field(default_factory=Counter)
    _first_line: dict[_Kind, int] = field(default_factory=dict)

    def faults(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if len(self.issues) < _MOST:
                self.issues.append(Issue(fault.code, fault.message, "error", line=fault.line, field=fault.field))

    def warnings(self, warnings: Iterable[Fault]) -> None:
        """Values that were kept or blanked; said at the end, those that are alike in one sentence."""
        for warning in warnings:
            kind = (warning.code, warning.field, warning.message)
            self._warned[kind] += 1
            self._first_line.setdefault(kind, warning.line)

    def of_warnings(self) -> None:
        for kind, count in self._warned.items():
            code, name, message = kind
            text = message if count == 1 else f"{message} ({count} records like this; the first is named)"
            self.issues.append(Issue(code, text, "warning", line=self._first_line[kind], field=name))

    def of_columns(self, unread: Iterable[str]) -> None:
        if names := ", ".join(unread):
            text = f"these columns are neither mapped nor listed under records.unused: {names}"
            self.issues.append(Issue("column.unread", text, "warning"))

    def of_paths(self, never_filled: Iterable[str]) -> None:
        for path in never_filled:
            text = f"no record of this delivery had a value at {path}"
            self.issues.append(Issue("path.neverFilled", text, "warning"))
