"""Every mistake is found, at the place where it was made, with a word on what to do."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.language.findings import CODES, Finding
from tests.language.projects import (
    FILES,
    PUSHED,
    changed,
    place,
    read,
    shown,
)

TEXTS = {**FILES, **PUSHED}
MISTAKES = Path(__file__).with_name("mistakes.jsonl")


class Case(NamedTuple):
    """One edit of one file of `projects`: what it changes, and where and how that is to be told."""

    code: str
    file: str
    old: str
    new: str
    at: str  # the finding points at where this begins in the edited file
    said: str  # stands in its message or its help

    def __str__(self) -> str:
        return f"{self.code}-{self.at.strip()[:24]}"


def cases() -> list[Case]:
    rows = map(json.loads, MISTAKES.read_text(encoding="utf-8").splitlines())
    return [Case(row["code"], row["in"], row["old"], row["new"], row["at"], row["said"]) for row in rows]


def findings_of(folder: Path, case: Case) -> tuple[tuple[Finding, ...], str]:
    edited = changed(TEXTS[case.file], case.old, case.new)
    return read(folder, {**TEXTS, case.file: edited}).findings, edited


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_mistake_is_told_once_where_it_was_made(tmp_path: Path, case: Case) -> None:
    findings, edited = findings_of(tmp_path, case)
    mine = [each for each in findings if each.code == case.code and each.file.endswith(case.file)]
    line, column = place(edited, case.at)
    assert [(each.line, each.column) for each in mine] == [(line, column)], shown(findings)
    assert case.said in f"{mine[0].message} {mine[0].help}"
    if case.code.startswith("W"):
        assert mine[0].severity == "warning"
    else:
        assert [each.code for each in findings if each.severity == "error"] == [case.code], shown(findings)


def test_every_code_has_a_title_and_a_case() -> None:
    tried = {case.code for case in cases()}
    assert tried <= set(CODES)
    elsewhere = {"E051", "E069", "E070", "E072", "W002", "W004"}  # further below, and in test_overlap.py
    mine = {code for code in CODES if code.startswith("W") or "E040" <= code <= "E099"}
    assert mine - tried - elsewhere == set()
