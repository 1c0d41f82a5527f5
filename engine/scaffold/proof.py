"""What `validate` would say of files that are about to be written, found out in a folder of its own."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.language.findings import Finding
from engine.language.project import load
from engine.scaffold.changes import Change


def findings(
    feeds_dir: Path, packaged: Path | None, changes: Sequence[Change], beside: Sequence[str]
) -> tuple[Finding, ...]:
    """Everything that is said of the changed lines, and of nothing else.

    Beside them stand the folders `beside` of `feeds_dir`, and of `packaged` what they lack.
    """
    with tempfile.TemporaryDirectory(prefix="feeds-new-") as folder:
        copy = Path(folder) / "feeds"
        for path in (path for name in beside for path in (feeds_dir / name).rglob("*.yaml")):
            _put(copy / path.relative_to(feeds_dir), path.read_text(encoding="utf-8", errors="replace"))
        real = {}
        for change in changes:
            path = copy / change.path.relative_to(feeds_dir)
            _put(path, change.text)
            real[str(path)] = change
        found = load(copy, packaged).findings
    return tuple(
        replace(each, file=str(real[each.file].path))
        for each in found
        if each.file in real and real[each.file].line <= each.line <= real[each.file].last
    )


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
