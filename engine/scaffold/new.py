"""What `feeds new` does: an entry for a definition that there is, or all that a sample file tells.

Proves what it made before a byte is written: a draft with an error is our fault, and is not left behind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DecodeError, DefinitionError
from engine.language.findings import Finding
from engine.language.project import Project
from engine.language.words import nearest
from engine.model import ActivityType
from engine.scaffold import changes, dealer, draft, entries, headings, pages, proof, sample
from engine.scaffold.changes import Change
from engine.scaffold.dealer import Outstanding, Wanted
from engine.scaffold.draft import Draft
from engine.scaffold.sample import Sample

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LACKING = "E054"
_LATER = frozenset({"E044", _LACKING})  # what is missing is told as outstanding, and by `validate`
_MONTH_FIRST = frozenset({"US", "CA", "PH"})  # regions that write 05/02 for the second of May


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of definitions, that of those which ship, and the one where a person stands."""

    feeds: Path
    packaged: Path | None
    here: Path

    def dealer(self, wanted: Wanted) -> Path:
        return self.feeds / "dealers" / f"{wanted.dealer}.yaml"


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and what is left to do."""

    feed: str
    files: tuple[Change, ...]
    outstanding: tuple[Outstanding, ...]
    draft: Draft | None = None


def from_definition(found: Project, places: Places, wanted: Wanted) -> Made:
    """Give a dealer a feed of a definition that there is.

    Raises DefinitionError, and writes nothing, where the definition is unknown, a parameter does not
    fit, or the dealer has a feed of this id.
    """
    source = found.definitions.get(wanted.uses)
    if source is None:
        close = nearest(wanted.uses, found.definitions)
        help = f"did you mean {close}?" if close else f"there are {', '.join(sorted(found.definitions)) or 'none'}"
        raise DefinitionError(f"there is no definition {wanted.uses!r}; {help}")
    entry, outstanding = dealer.entry(wanted, source)
    change, more = dealer.change(places.dealer(wanted), wanted, entry)
    findings = proof.findings(places.feeds, places.packaged, [change], ("vendors", "activities"))
    _refuse([each for each in findings if each.code not in _LATER], "nothing was written")
    lacking = [Outstanding("feature", "features", each.message) for each in findings if each.code == _LACKING]
    changes.write([change])
    return Made(wanted.id, (change,), (*more, *lacking, *outstanding))


def from_sample(found: Project, places: Places, wanted: Wanted, file: Path, activity: str | None) -> Made:
    """Draft a definition from a sample file, with its activity type where none fits, and give it to the dealer.

    Raises DecodeError for a sample that cannot be used, DefinitionError where something of the name
    is there already; nothing is written then.
    """
    path = places.feeds / "vendors" / f"{wanted.uses}.yaml"
    if wanted.uses in found.definitions or path.exists():
        raise DefinitionError(
            f"there is a definition {wanted.uses} already ({path if path.exists() else 'it ships with Feeds'}); "
            f"use it by --uses {wanted.uses}, or name another by --vendor"
        )
    change, more = dealer.change(places.dealer(wanted), wanted, dealer.plain_entry(wanted))
    name, kind = _activity(found, places, wanted, activity)
    made = draft.drafted(_read(file), name, kind, _is_day_first(places.dealer(wanted)))
    title = headings.label_of(wanted.uses)
    written = [Change(path, pages.definition(made, pages.folder(file, places.here), title)), change]
    if kind is None:
        written.insert(0, Change(places.feeds / "activities" / f"{name}.yaml", pages.activity_type(made)))
    _refuse(
        proof.findings(places.feeds, places.packaged, written, ("activities",)),
        "the draft has errors, which is a fault in Feeds; nothing was written",
    )
    changes.write(written)
    return Made(wanted.id, tuple(written), (*more, *_doubts(made)), made)


def _read(file: Path) -> Sample:
    try:
        return sample.read(file)
    except DecodeError as error:
        raise DecodeError(error.code, f"{file}: {error}; nothing was written", error.line) from error


def _refuse(findings: Sequence[Finding], message: str) -> None:
    errors = tuple(each for each in findings if each.severity == "error")
    if errors:
        raise DefinitionError(message, errors)


def _is_day_first(path: Path) -> bool:
    if not path.exists():
        return False
    return entries.document(str(path), path.read_bytes())[1].word("region", "US") not in _MONTH_FIRST


def _activity(found: Project, places: Places, wanted: Wanted, asked: str | None) -> tuple[str, ActivityType | None]:
    """The name of the activity type, as asked for or after the product, and the type where there is one."""
    name = asked or _singular(headings.name_of(wanted.uses.rpartition("/")[2]))
    if not _NAME.fullmatch(name):
        raise DefinitionError(f"an activity type is named with letters and digits, such as workOrder; found {name!r}")
    kind = found.activity_types.get(name)
    path = places.feeds / "activities" / f"{name}.yaml"
    if kind is None and path.exists():
        raise DefinitionError(f"{path} is there, but cannot be read: `feeds validate` shows why")
    return name, kind


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _doubts(made: Draft) -> tuple[Outstanding, ...]:
    """What the sample leaves open, for a person to look at first."""
    doubts = [
        Outstanding("guess", each.name, "ambiguous: no value says which number is the month")
        for each in made.fields
        if each.guess.is_ambiguous
    ]
    if made.key.is_hash:
        doubts.append(Outstanding("guess", "key", "no number tells the records apart: ask the sender for one"))
    if made.occurred is None:
        doubts.append(Outstanding("guess", "occurred", "no column is a date: what comes in is undated"))
    if made.sample.bad:
        doubts.append(Outstanding("guess", "rows", f"{made.sample.bad} rows of the sample cannot be used as they are"))
    doubts += [Outstanding("guess", "header", note) for note in made.sample.notes if "column" in note]
    return tuple(doubts)
