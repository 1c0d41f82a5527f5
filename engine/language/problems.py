"""Collects what is wrong with definitions, each finding once, at the place where the fault was written.

Decides nothing: what is a fault is known by the modules that look for it.
"""

from collections.abc import Iterable

from engine.language import words
from engine.language.findings import Finding
from engine.language.tree import Node, Place

_SHOWN = 12  # names that a message lists where none is near


class Problems:
    """Findings in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str, str], Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._found.values())

    @property
    def has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self._found.values())

    def take(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            key = (finding.file, finding.line, finding.column, finding.code, finding.message)
            self._found.setdefault(key, finding)

    def add(
        self, at: Node | Place, code: str, message: str, help: str = "", *, key: bool = False, offset: int = 0
    ) -> None:
        """Note a fault of a value, or of its key; `offset` counts characters into the value.

        What stands in for a parameter while no dealer gives it is never at fault. Codes that
        begin with W are warnings.
        """
        if isinstance(at, Node) and at.is_sample and not key:
            return
        place = at if isinstance(at, Place) else at.key if key else at.place
        mark = place.mark
        column = mark.column if key or not offset else _column(place, mark.line, mark.column, offset)
        severity = "warning" if code.startswith("W") else "error"
        self.take([Finding(str(place.document.path), mark.line, column, code, severity, message, help)])

    def unknown(
        self,
        node: Node,
        code: str,
        what: str,
        known: Iterable[str],
        *,
        name: str = "",
        offset: int = 0,
        key: bool = False,
    ) -> None:
        """Note a name that is none of the known ones, with the nearest of them."""
        name = name or str(node.value)
        names = sorted(set(known))
        near = words.nearest(name, names)
        if near:
            help = f"did you mean `{near}`?"
        elif names:
            shown = ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
            help = f"known: {shown}"
        else:
            help = "none is declared"
        self.add(node, code, f"unknown {what} `{name}`", help, offset=offset, key=key)


def _column(place: Place, line: int, column: int, offset: int) -> int:
    """The column of a character inside a scalar, its quotes counted; the start where the text is folded."""
    lines = place.document.text.splitlines()
    source = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    quote = source[:1]
    if quote == "'":
        at = 1
        for _ in range(offset):
            at += 2 if source.startswith("''", at) else 1
    elif quote == '"':
        at = 1
        for _ in range(offset):
            at += 2 if source.startswith("\\", at) else 1
    elif quote in {"|", ">"}:
        return column
    else:
        at = offset
    return column + min(at, max(len(source) - 1, 0))
