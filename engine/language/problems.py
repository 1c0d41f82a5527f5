"""Collects what is wrong with definitions, each finding once, at the place where the fault was written.

Decides nothing: what is a fault is known by the modules that look for it.
"""

from collections import Counter
from collections.abc import Iterable

from engine.language import words
from engine.language.findings import Finding, source_lines
from engine.language.tree import Node, Place

_MOST = 100  # findings of one file
_COMPARED = 10_000  # words
_SHOWN = 12  # names that a message lists where none is near


class Problems:
    """Findings in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str, str], Finding] = {}
        self._misshapen: set[tuple[str, int, int]] = set()
        self._counts: Counter[str] = Counter()  # by file
        self._compared = 0  # words that were compared to offer the nearest

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._found.values())

    @property
    def has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self._found.values())

    def take(self, findings: Iterable[Finding]) -> None:
        """Add findings; one that was told before is not told again.

        A value with a structural fault (below E040) is not judged for its meaning as well.
        """
        for finding in findings:
            place = (finding.file, finding.line, finding.column)
            message = finding.message
            if finding.code < "E040":
                self._misshapen.add(place)
                # The same fault of a file and of what it was merged into is told in other words.
                message = message if finding.code == "E021" else ""
            elif place in self._misshapen:
                continue
            key = (*place, finding.code, message)
            if key in self._found:
                continue
            self._counts[finding.file] += 1
            if self._counts[finding.file] <= _MOST:
                self._found[key] = finding
            elif self._counts[finding.file] == _MOST + 1:
                message, help = "there are more problems than are listed", f"correct these {_MOST} first"
                more = Finding(finding.file, 1, 1, "E039", "error", message, help)
                self._found[finding.file, 1, 1, "E039", ""] = more

    def add(
        self,
        at: Node | Place,
        code: str,
        message: str,
        help: str = "",
        *,
        key: bool = False,
        offset: int | None = None,
        length: int = 0,
    ) -> None:
        """Note a fault of a value, or of its key; `offset` counts characters into the value.

        What stands in for a parameter while no dealer gives it is never at fault. Codes that
        begin with W are warnings.
        """
        if isinstance(at, Node) and at.is_sample and not key:
            return
        place = at if isinstance(at, Place) else at.key if key else at.place
        if self._counts[place.document.path] > _MOST:
            return
        mark = place.mark
        column = mark.column if key or offset is None else _column(place, mark.line, mark.column, offset)
        severity = "warning" if code.startswith("W") else "error"
        length = length or (_length(place) if offset is None else 1)
        self.take([Finding(place.document.path, mark.line, column, code, severity, message, help, length)])

    def unknown(
        self,
        node: Node,
        code: str,
        what: str,
        known: Iterable[str],
        *,
        name: str = "",
        offset: int | None = None,
        key: bool = False,
        help: str = "",
    ) -> str | None:
        """Note a name that is none of the known ones; returns the one that was probably meant.

        `help` is what is to be said in place of that one.
        """
        if self._counts[(node.key if key else node.place).document.path] > _MOST:
            return None
        name = name or str(node.value)
        names = sorted(set(known))
        self._compared += len(names)
        near = words.nearest(name, names) if not help and self._compared < _COMPARED else None
        if help:
            pass
        elif near:
            help = f"did you mean `{near}`?"
        elif names:
            shown = ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
            help = f"known: {shown}"
        else:
            help = "none is declared"
        self.add(node, code, f"unknown {what} `{name}`", help, offset=offset, key=key, length=len(name))
        return near


def _length(place: Place) -> int:
    if place.is_key and place.path:
        return len(str(place.path[-1]))
    return len(place.document.raw(place.path)) or 1


def _column(place: Place, line: int, column: int, offset: int) -> int:
    """The column of a character inside a scalar, its quotes counted; the start where the text is folded."""
    lines = source_lines(place.document.text)
    source = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    escapes = {"'": "''", '"': "\\"}
    at = 1 if source[:1] in escapes else 0
    if source[:1] in ("|", ">"):
        return column
    for _ in range(offset):
        at += 2 if at and source.startswith(escapes.get(source[:1], "\0"), at) else 1
    return column + min(at, max(len(source) - 1, 0))
