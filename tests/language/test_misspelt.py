"""Every word of every definition, misspelt: never accepted, told on its line, and with the right word beside it.

Keys and choices are the language's; names are the author's, and are found out by what they should have led to.
"""

import re
import time
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from engine.language import bundle, schema, yaml
from engine.language.findings import Finding
from engine.language.folder import Folder
from engine.language.project import Loader
from tests.language.counts import Record, told
from tests.language.misspelling import Walk, Word, damaged, misspelt, replaced, words

ROOT = Path(__file__).parents[2]
EVERYTHING = Path(__file__).parent / "definitions" / "everything"
FOLDERS = [ROOT / "feeds", ROOT / "engine" / "samples" / "project" / "feeds", EVERYTHING]
FILES = [(folder, path) for folder in FOLDERS for path in sorted(folder.rglob("*.yaml"))]

each_file = pytest.mark.parametrize(("folder", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])


def document(path: Path) -> yaml.Document:
    made, findings = yaml.parse(str(path), path.read_bytes())
    assert made is not None, findings
    return made


class Beside:
    """The definitions of a folder, read once, with one of them at a time put in another form."""

    def __init__(self, folder: Path) -> None:
        self._look = Folder(folder, None, time.time_ns).look()
        self._loader = Loader(folder)
        self._at = {sheet.path: index for index, sheet in enumerate(self._look.sheets)}
        assert [each for each in self._loader.load(self._look).findings if each.severity == "error"] == []

    def errors(self, path: Path, text: str) -> list[Finding]:
        """What `feeds validate` says when the file holds this text; W001 is the only warning that stands for a name."""
        sheets, at = list(self._look.sheets), self._at[str(path)]
        content = text.encode()
        sheets[at] = sheets[at]._replace(digest=blake2b(content).digest(), content=content)
        found = self._loader.load(self._look._replace(sheets=tuple(sheets))).findings
        return [each for each in found if each.severity == "error" or each.code == "W001"]


@cache
def beside(folder: Path) -> Beside:
    return Beside(folder)


@cache
def words_of(path: Path) -> tuple[yaml.Document, list[Word]]:
    made = document(path)
    return made, words(made)


def forms(path: Path, sorts: tuple[str, ...], every: bool) -> Iterator[tuple[Word, str, int]]:
    """Each word misspelt: the word, its misspelt form, and its line.

    Of a definition that does not ship, one form of each word, by turns, unless `every` form is wanted.
    """
    made, found = words_of(path)
    for index, word in enumerate(word for word in found if word.sort in sorts):
        line = made.mark(word.path, key=word.is_key).line
        wrong = misspelt(word.text, every)
        for form in wrong if every or not path.is_relative_to(EVERYTHING) else wrong[index % len(wrong) :][:1]:
            yield word, form, line


@each_file
def test_no_misspelt_key_or_choice_is_accepted(folder: Path, path: Path, record_property: Record) -> None:
    check(folder, path, record_property, every=False)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@each_file
def test_none_is_accepted_wherever_the_letter_is(folder: Path, path: Path, record_property: Record) -> None:
    check(folder, path, record_property, every=True)


def check(folder: Path, path: Path, record: Record, every: bool) -> None:
    made: dict[str, Outcome] = {"key": Outcome(), "word": Outcome()}
    right, _ = words_of(path)
    for word, form, line in forms(path, ("key", "word"), every):
        found = schema.check(damaged(right, word, form))
        if not found:
            # Nothing is wrong with the file alone: it is looked at beside the others.
            found = beside(folder).errors(path, replaced(right, word, form))
        made[word.sort].note(word, form, line, found)
    told(record, "misspelt keys", made["key"].counts)
    told(record, "misspelt choices", made["word"].counts)
    for outcome in made.values():
        assert outcome.accepted == []
        assert outcome.elsewhere == []
    assert len(made["key"].without) <= made["key"].tried // 10, made["key"].without


class Outcome:
    """What was said of misspelt words of one sort."""

    def __init__(self) -> None:
        self.tried = self.others = 0
        self.accepted: list[Any] = []
        self.elsewhere: list[Any] = []
        self.without: list[Any] = []

    def note(self, word: Word, form: str, line: int, found: list[Finding]) -> None:
        here = [each for each in found if each.line == line]
        if not here and form in word.others:
            self.others += 1  # `phone` for `phones`
            return
        self.tried += 1
        if not found:
            self.accepted.append((line, word.text, form))
        elif not here:
            self.elsewhere.append((line, word.text, form, [(each.line, each.message) for each in found]))
        elif not any(f"`{word.text}`" in each.help for each in here):
            self.without.append((line, word.text, form, [(each.message, each.help) for each in here]))

    @property
    def counts(self) -> dict[str, int]:
        return {
            "tried": self.tried,
            "accepted": len(self.accepted),
            "told on another line": len(self.elsewhere),
            "without the right word": len(self.without),
            "other right words": self.others,
        }


# Names that can be any: only the other side knows them, or people, or nothing else in these folders says them.
ANY = re.compile(
    r"""
    (query|headers|form|tokenParams|tokenHeaders|claims|equals)\.[^.]+$    # the other side's parameters and headers
    | \.(map|add)\.|\.ensure\.list$|fields\.\w+\.fields\.              # values and members of what it sends
    | ^tests\.|\bgiven\.                                                # files and requests of tests
    | (^|\.)tags\.\d|^(feeds|exports|messages)\.\d\.name$|^namespace$|^consent$|^gates\.retire\.|\broles\.\d
    | ^streams\.\w+$|employee\.fields\.                                 # what streams and employees have
    | ^states\.\d$|^shows\.\d\.board$                                   # words of a type that no feed here says
    """,
    re.VERBOSE,
)
# What a type or an export has beside what feeds give it: any name is right.
ANY_FIELDS = re.compile(r"^fields\.|\bfields\.\w+$")


@each_file
def test_a_misspelt_name_leads_nowhere(folder: Path, path: Path, record_property: Record) -> None:
    """One form of a few names of each definition, spread over it: each makes everything be looked at again."""
    names(folder, path, record_property, every=False)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@each_file
def test_no_misspelt_name_leads_anywhere(folder: Path, path: Path, record_property: Record) -> None:
    names(folder, path, record_property, every=True)


def names(folder: Path, path: Path, record: Record, every: bool) -> None:
    right, found = words_of(path)
    is_open = right.value["kind"] in ("activity", "export") or "employee" in right.value
    tried = theirs = 0
    accepted = []
    chosen = [each for each in found if each.sort == "name"]
    if not every:
        chosen = chosen[:: max(1, len(chosen) // (3 if folder == EVERYTHING else 6))]
    for word in chosen:
        for form in misspelt(word.text)[: 3 if every else 1]:
            tried += 1
            if beside(folder).errors(path, replaced(right, word, form)):
                continue
            where = ".".join(map(str, word.path))
            if ANY.search(where) or (is_open and ANY_FIELDS.search(where)):
                theirs += 1
            else:
                accepted.append((where, form))
    counts = {"tried": tried, "accepted": len(accepted), "that may be any": theirs}
    told(record, "misspelt names", counts)
    assert accepted == []


# --- what is misspelt here is the whole language ----------------------------------------------


def described(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """Every property that a schema describes, by a name that does not tell which form of it this is."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from described(item, (*path, str(index)))
    for key, item in node.items() if isinstance(node, dict) else ():
        if key == "properties":
            yield from (("/".join((*path, name)), id(inner)) for name, inner in item.items() if inner is not False)
        if key not in ("examples", "default", "const", "enum", "if"):
            yield from described(item, (*path, key))


def test_the_definitions_here_use_every_key_of_the_language() -> None:
    used: set[int] = set()
    for path in sorted(EVERYTHING.rglob("*.yaml")):
        used |= Walk(document(path).value).used
    known: dict[str, bool] = {}
    for kind in bundle.KINDS:
        for name, identity in described(schema.bundled(kind)):
            plain = name.removeprefix("$defs/").removeprefix("partial.").removeprefix("literal.")
            known[plain] = known.get(plain, False) or identity in used
    # What is laid on another definition may hold the keys of any variant; they are tried in each.
    loose = ("/then/", "override.", "patternProperties", "/remove")
    lacking = [name for name, is_used in known.items() if not is_used and not any(part in name for part in loose)]
    assert lacking == [], "definitions/everything has to use them"
