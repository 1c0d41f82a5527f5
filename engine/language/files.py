"""One file of definitions: its document, and all that is wrong with it by itself. Knows no other file."""

from dataclasses import dataclass
from functools import cached_property

from engine.language import schema, tree, yaml
from engine.language.findings import Finding
from engine.language.folder import KINDS, Sheet
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.language.yaml import Document
from engine.model import Value


@dataclass(frozen=True, eq=False)
class File:
    """A file as it was read. Two are the same only if they are one object.

    `kind` is empty for one that is of no use: without a document, of no known kind, in the wrong folder.
    """

    sheet: Sheet
    document: Document | None
    kind: str
    findings: tuple[Finding, ...]
    errors: tuple[Finding, ...]  # those of its text and its structure

    @property
    def path(self) -> str:
        return self.sheet.path

    @cached_property
    def text(self) -> str:
        """What is shown of it."""
        return (self.sheet.content or b"").decode("utf-8", "replace")

    @property
    def stem(self) -> str:
        """The path inside its folder, without the ending: "ids/sales"."""
        return self.sheet.relative.removesuffix(".yaml").partition("/")[2]

    @property
    def folder(self) -> str:
        return self.sheet.relative.partition("/")[0]

    @property
    def is_broken(self) -> bool:
        """It is there, and no document came of it."""
        return self.document is None

    @property
    def value(self) -> dict[str, Value]:
        """The map it holds; only a file that has a kind is asked for it."""
        value = self.document.value if self.document is not None else None
        return value if isinstance(value, dict) else {}

    @cached_property
    def tree(self) -> Node:
        """The same as nodes that know their places; made when something is to be said of one."""
        if self.document is None:
            raise ValueError(f"{self.path} holds no document")
        return tree.tree(self.document)


def file(sheet: Sheet) -> File:
    """What the bytes of one file come to."""
    if sheet.content is None:
        finding = Finding(sheet.path, 1, 1, "E001", "error", f"the file cannot be read: {sheet.error}")
        return File(sheet, None, "", (finding,), ())
    document, found = yaml.parse(sheet.path, sheet.content)
    if document is None:
        return File(sheet, None, "", tuple(found), _errors(found))
    found = [*found, *schema.check(document)]
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    if not isinstance(kind, str) or not any(kind in kinds for kinds in KINDS.values()):
        kind = ""  # the schema says so
    made = File(sheet, document, kind, tuple(found), _errors(found))
    if kind and kind not in KINDS[made.folder]:
        return File(sheet, document, "", (_misplaced(made), *found), made.errors)
    return made


def _misplaced(made: File) -> Finding:
    heard = Problems()
    place = next(folder for folder, kinds in KINDS.items() if made.kind in kinds)
    message = f"a definition of kind {made.kind} in {made.folder}/"
    heard.add(made.tree.value["kind"], "E053", message, f"move the file to {place}/")
    return heard.findings[0]


def _errors(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity == "error")
