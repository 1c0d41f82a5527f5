"""Mistakes as people make them, and the whole text that `feeds validate` answers with.

The text of each stands in `mistakes/<name>.txt`; `UPDATE_SNAPSHOTS=1` writes them anew, to be read before they are
kept.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.language.findings import render
from tests.language.counts import Record, told
from tests.language.everything import Right
from tests.language.projects import changed, place

FOLDER = Path(__file__).with_name("mistakes")


class Case(NamedTuple):
    """Edits of files of `definitions/everything`, where the mistake is to be told, and what is to be offered."""

    name: str
    edits: list[list[str]]  # file, what stands there, what takes its place
    at: list[str]  # file, and what begins where the message points
    says: str | None = None  # stands in the help; None where there is nothing to offer
    bytes: str = ""  # crlf, bom


CASES = [Case(**json.loads(line)) for line in (FOLDER / "cases.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def right() -> Right:
    return Right()


def texts(right: Right, case: Case) -> dict[str, str]:
    made: dict[str, str] = {}
    for file, old, new in case.edits:
        made[file] = changed(made.get(file) or right.text(file), old, new)
    return made


def encoded(text: str, how: str) -> bytes:
    text = text.replace("\n", "\r\n") if how == "crlf" else text
    return text.encode("utf-8-sig" if how == "bom" else "utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said_of_a_mistake(right: Right, case: Case, record_property: Record) -> None:
    edited = texts(right, case)
    found = right.project({name: encoded(text, case.bytes) for name, text in edited.items()})
    file, fragment = case.at
    line, column = place(edited.get(file) or right.text(file), fragment)
    here = [each for each in found.findings if (each.file, each.line, each.column) == (f"feeds/{file}", line, column)]
    helped = [each for each in here if case.says is not None and case.says in each.help]
    counts = {"tried": 1, "at the right line and column": len(here[:1])}
    told(record_property, "mistakes as people make them", {**counts, "with the right advice": len(helped[:1])})
    shown = render(found.findings, found.sources) + "\n"
    snapshot = FOLDER / f"{case.name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(shown, "utf-8")
    assert here, shown
    assert helped or case.says is None, shown
    assert shown == snapshot.read_text("utf-8")


def test_every_mistake_has_its_text_and_no_other_text_is_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {case.name for case in CASES}


def test_the_same_mistakes_are_told_in_the_same_words_each_time(right: Right) -> None:
    """Whatever was looked at before, and whether the files are read for the first time."""
    for case in CASES[::9]:
        edited = {name: encoded(text, case.bytes) for name, text in texts(right, case).items()}
        first, again = right.project(edited), Right().project(edited)
        assert render(first.findings, first.sources) == render(again.findings, again.sources)
