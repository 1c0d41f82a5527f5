"""What is wrong with a definition, where, and how it is shown; decides nothing about what is wrong.

A source line is never shown with the value of a key that names a secret (see `masking`).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.language import manual, masking
from engine.language.codes import MEANING

_WIDTH = 160  # characters of a source line

Format = Literal["text", "json", "github", "sarif"]

# Stable codes and their titles. A code is never given a second meaning; one that is no longer
# used stays out of use. E001-E039: the text and its structure. E040-E099: names, expressions and
# what they mean together. W: worth a look, never a reason to refuse.
CODES: dict[str, str] = {
    "E001": "the text is not YAML",
    "E002": "a character that a definition may not hold",
    "E003": "too large, too deep, or too many nodes",
    "E004": "a key is given twice",
    "E005": "a YAML tag",
    "E006": "a merge key",
    "E007": "an alias that names nothing, or holds itself",
    "E008": "not exactly one document",
    "E009": "a # cut off the end of a value",
    "E010": "a reference inside { } or [ ] without quotes",
    "E011": "a key that is not text",
    "E012": "not a kind of definition",
    "E020": "an unknown key",
    "E021": "a key is missing",
    "E022": "a value of the wrong type",
    "E023": "a word that is not one of the choices",
    "E024": "a unit is missing",
    "E025": "a value of the wrong form",
    "E026": "a number out of range",
    "E027": "too few or too many entries",
    "E028": "a field without exactly one source",
    "E029": "keys that do not go together",
    "E030": "a secret written out",
    "E039": "more problems than are listed",
    **MEANING,
}


class Note(NamedTuple):
    """A second place that explains the first; in the same file."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem at one place. Lines and columns count from 1, columns in characters."""

    file: str
    line: int
    column: int
    code: str
    severity: str  # error, warning
    message: str
    help: str = ""
    length: int = 1  # characters that the caret underlines
    notes: tuple[Note, ...] = ()


def render(findings: Iterable[Finding], sources: Mapping[str, str], format: Format = "text") -> str:
    """The findings in order of place, the same text for the same input.

    `sources` holds the text of every file that was looked at, by the name that findings use; a
    finding in a file that is not among them is shown without its line.
    """
    ordered = sorted(findings)
    if format == "json":
        return json.dumps([_plain(finding) for finding in ordered], indent=2, ensure_ascii=False)
    if format == "github":
        return "\n".join(_annotation(finding) for finding in ordered)
    if format == "sarif":
        return json.dumps(_sarif(ordered), indent=2, ensure_ascii=False)
    lines = {name: source_lines(text) for name, text in sources.items()}
    secrets = {(finding.file, finding.line, finding.column) for finding in ordered if finding.code == "E030"}
    blocks = [_block(finding, lines.get(finding.file, []), secrets) for finding in ordered]
    return "\n".join([*blocks, _summary(ordered, len(sources))])


def source_lines(text: str) -> list[str]:
    """The lines as YAML and editors count them: broken by LF, CRLF or CR, and by nothing else."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _block(finding: Finding, lines: Sequence[str], secrets: Collection[tuple[str, int, int]]) -> str:
    title = f"{finding.severity}[{finding.code}]: {finding.message}"
    number = str(finding.line)
    edge = " " * len(number)
    rows = [title, f"{edge}--> {finding.file}:{finding.line}:{finding.column}"]
    if 1 <= finding.line <= len(lines):
        columns = [column for file, line, column in secrets if (file, line) == (finding.file, finding.line)]
        shown, at = _excerpt(*_masked(lines, finding.line, finding.column, columns))
        width = max(1, min(finding.length, len(shown) - at))
        rows += [f"{edge} |", f"{number} | {shown}".rstrip(), f"{edge} | {' ' * at}{'^' * width}"]
    if finding.help:
        rows.append(f"{edge} = help: {finding.help}")
    rows += [f"{edge} = note: {note.message} ({finding.file}:{note.line}:{note.column})" for note in finding.notes]
    return "\n".join(rows) + "\n"


def _masked(lines: Sequence[str], number: int, column: int, secrets: Sequence[int]) -> tuple[str, int]:
    """The line without secrets, and the offset in it of what stands at `column`.

    `secrets` are columns where a value begins that was found to be one, whatever its key is called.
    """
    line = lines[number - 1]
    if len(line) > masking.LONGEST:
        return f"({len(line):,} characters)", 0
    found = [
        (at - 1, len(line) if line[at - 1 : at] in ("[", "{") else masking.value_end(line, at - 1)) for at in secrets
    ]
    text, offset, done = "", min(column - 1, len(line)), 0
    place = offset
    for start, end in sorted(found + masking.hidden(lines, number)):
        if end <= done:
            continue
        text += line[done : max(start, done)] + (masking.MASK if start >= done else "")
        if offset >= end:
            place = len(text) + offset - end
        elif offset >= start:
            place = len(text) - len(masking.MASK)
        done = end
    return text + line[done:], place


def _excerpt(source: str, offset: int) -> tuple[str, int]:
    """The line as it is shown, and where `offset` stands in it.

    Tabs are four spaces and other controls dots; of a long line only the part around the place.
    """
    cells = ["    " if char == "\t" else char if char.isprintable() else "." for char in source]
    shown, at = "".join(cells), len("".join(cells[:offset]))
    if len(shown) <= _WIDTH:
        return shown, at
    start = max(0, min(at - _WIDTH // 2, len(shown) - _WIDTH))
    before, behind = "..." if start else "", "..." if start + _WIDTH < len(shown) else ""
    return before + shown[start : start + _WIDTH] + behind, at - start + len(before)


def _summary(findings: Sequence[Finding], files: int) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    touched = len({finding.file for finding in findings})
    counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if not findings:
        return f"{counts} in {_count(files, 'file')}."
    first = next((f.code for f in findings if f.severity == "error"), findings[0].code)
    return f"{counts} in {touched} of {_count(max(files, touched), 'file')}. Run `feeds explain {first}` for more."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(finding: Finding) -> dict[str, Any]:
    names = ("code", "severity", "file", "line", "column", "message", "help")
    return {name: getattr(finding, name) for name in names}


def _annotation(finding: Finding) -> str:
    """A workflow command (GitHub documents the escapes: the data's, and two more for properties)."""
    level = "error" if finding.severity == "error" else "warning"
    text = _escaped(f"{finding.message}\nhelp: {finding.help}" if finding.help else finding.message)
    file = _escaped(finding.file).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} file={file},line={finding.line},col={finding.column},title={finding.code}::{text}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """SARIF 2.1.0, which code scanning services read."""
    used = sorted({finding.code for finding in findings})
    rules = [_rule(code) for code in used]
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": used.index(finding.code),
            "level": "error" if finding.severity == "error" else "warning",
            "message": {"text": f"{finding.message}. {finding.help}".rstrip(". ") + "."},
            "locations": [{"physicalLocation": _location(finding)}],
        }
        for finding in findings
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "feeds", "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    """A code as such services list it, with what `feeds explain` says of it."""
    rule: dict[str, Any] = {"id": code, "shortDescription": {"text": CODES.get(code, code)}}
    page = manual.page(code)
    if page is None:
        return rule
    text = f"{page.cause}\n\nWhat to do: {page.fix}"
    examples = [("Wrong", page.example), ("Right", page.fixed)]
    blocks = "".join(f"\n\n{name}:\n\n```yaml\n{shown}\n```" for name, shown in examples if shown)
    level = {"level": "error" if page.severity == "error" else "warning"}
    full = {"fullDescription": {"text": page.cause}, "help": {"text": text, "markdown": text + blocks}}
    return {**rule, **full, "defaultConfiguration": level}


def _location(finding: Finding) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endColumn": finding.column + max(1, finding.length),
    }
    return {"artifactLocation": {"uri": finding.file.replace("\\", "/")}, "region": region}
