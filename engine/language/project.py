"""All definitions of a folder, read and resolved in one pass: the feeds of every dealer, and every problem.

A file that cannot be read costs the feeds that need it and no others. Opens nothing but these files.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from engine.errors import DefinitionError
from engine.language import alerts as alerting
from engine.language import definition, entries, outgoing, overlap, parts, resolution
from engine.language import files as files_of
from engine.language.alerts import Alerts
from engine.language.dealers import Listed
from engine.language.entries import Outcome, Roster
from engine.language.files import File
from engine.language.findings import Finding
from engine.language.folder import Folder, Look, named
from engine.language.library import Library, library
from engine.language.parts import LeftOut
from engine.language.problems import Problems
from engine.language.resolution import Definition, Resolved
from engine.language.shapes import Workshop
from engine.language.tree import Node
from engine.model import ActivityType, Dealer, Export, Feed


class Made(NamedTuple):
    """What a feed was made from."""

    source: Definition
    found: Listed
    number: int  # of its entry

    @property
    def dealer(self) -> Dealer:
        return self.found.dealer

    @property
    def file(self) -> str:
        """The dealer's, as findings name it."""
        return self.found.file.path

    @property
    def entry(self) -> Node:
        return self.found.entry(self.number)


class Exports(Mapping[str, Export]):
    """The exports without an error by their ids, each made when it is first asked for.

    `due` are those of which something goes out because its day has come; `told` are enabled, and hear later what
    became of what they sent; `unread` are enabled, have an
    error, and are not among the others.
    """

    def __init__(self, rosters: Iterable[Roster], types: Mapping[str, ActivityType]) -> None:
        found = {sent.name: (sent, roster.found) for roster in rosters for sent in roster.sent if roster.found}
        self._made = {name: (sent, listed.dealer) for name, (sent, listed) in found.items() if sent.is_sound}
        self._types = types
        self._ready: dict[str, Export] = {}
        self._of: dict[str, list[str]] = {}
        for name, (sent, dealer) in self._made.items():
            if sent.is_enabled:
                self._of.setdefault(dealer.name, []).append(name)
        self.unread: dict[str, list[str]] = {}
        for name, (sent, listed) in found.items():
            if sent.is_enabled and not sent.is_sound:
                self.unread.setdefault(listed.dealer.name, []).append(name)
        self.due = frozenset(name for name, (sent, _) in self._made.items() if outgoing.watches_time(sent.root))
        sounds = (sent for sent, _ in self._made.values() if sent.is_enabled)
        self.told = frozenset(sent.name for sent in sounds if outgoing.is_told(sent.root, sent.entry))

    def of(self, dealer: str) -> tuple[Export, ...]:
        """Those of a dealer that are enabled."""
        return tuple(self[name] for name in self._of.get(dealer, ()))

    def answering(self) -> Iterator[Export]:
        """Those that answer requests, of all dealers; none is made that does not."""
        enabled = (name for names in self._of.values() for name in names)
        yield from (self[name] for name in enabled if self._made[name][0].root.child("find") is not None)

    def __getitem__(self, name: str) -> Export:
        export = self._ready.get(name)
        if export is None:
            sent, dealer = self._made[name]
            problems = Problems()
            export = outgoing.export(sent.root, dealer, sent.entry, self._types, problems)
            if problems.has_errors:
                raise DefinitionError(f"{name} was found to be sound, and is not", problems.findings)
            self._ready[name] = export
        return export

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class Feeds(Mapping[str, Feed]):
    """Feeds by their ids, each made when it is first asked for: of ten thousand, one is run."""

    def __init__(self, made: Mapping[str, Made], workshop: Workshop, exports: Exports) -> None:
        self._made, self._workshop, self._exports = made, workshop, exports
        self._ready: dict[str, Feed] = {}

    def __getitem__(self, name: str) -> Feed:
        feed = self._ready.get(name)
        if feed is None:
            feed = self._ready[name] = self._feed(self._made[name])
        return feed

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, name: object) -> bool:
        return name in self._made

    def _feed(self, made: Made) -> Feed:
        problems = Problems()
        feed, _ = definition.feed(made.source, made.dealer, made.entry, self._workshop, problems)
        if feed is None:
            raise DefinitionError(f"{made.file} was found to be sound, and is not", problems.findings)
        unread = self._exports.unread.get(made.dealer.name, ())
        return replace(feed, exports=self._exports.of(made.dealer.name), unread_exports=tuple(unread))


@dataclass(frozen=True, slots=True)
class Project:
    """What a folder of definitions comes to: `feeds` are those without an error, paused ones among them.

    `sources` is the text of every file that was read, by the name that findings give it.
    """

    feeds: Mapping[str, Feed]
    dealers: Mapping[str, Dealer]
    activity_types: Mapping[str, ActivityType]
    findings: tuple[Finding, ...]
    sources: Mapping[str, str]
    made: Mapping[str, Made] = field(default_factory=dict, repr=False)
    definitions: Mapping[str, Definition] = field(default_factory=dict, repr=False)  # of feeds, used by a dealer or not
    type_files: Mapping[str, File] = field(default_factory=dict, repr=False)  # of the activity types
    exports: Exports = field(default_factory=lambda: Exports((), {}), repr=False)
    outgoing: Mapping[str, Node] = field(default_factory=dict, repr=False)  # definitions of exports, used or not
    alerts: Mapping[str, Alerts | None] = field(default_factory=dict, repr=False)  # by file; None: it has an error

    def resolved(self, feed: str) -> Node:
        """The definition as this feed uses it, each value with its origin. Raises KeyError for an unknown feed."""
        return resolution.whole(self._resolved(feed))

    def left_out(self, feed: str) -> tuple[LeftOut, ...]:
        """The parts of its definition that this feed goes without. Raises KeyError for an unknown feed."""
        return tuple(parts.left_out(self._resolved(feed), self.made[feed].dealer))

    def _resolved(self, feed: str) -> Resolved:
        made = self.made[feed]
        return resolution.resolve(made.source, made.dealer, made.entry, Problems())


def load(feeds_dir: Path, packaged: Path | None = None) -> Project:
    """Read and resolve everything under `feeds_dir`; definitions it lacks are taken from `packaged`.

    Dealers are those of `feeds_dir` alone. Never raises for what a file holds: each problem is a
    finding, and a feed that has an error is not among the feeds.
    """
    return Loader(feeds_dir, packaged).load()


def load_named(feeds_dir: Path, packaged: Path | None, look: Look | None = None) -> Project:
    """The same without the packaged definitions that nothing names: a dozen others are not even parsed."""
    loader = Loader(feeds_dir, packaged)
    seen = look if look is not None else Folder(feeds_dir, packaged, time.time_ns).look()
    found = loader.load(named(seen))
    # A definition that is not there: then the nearest name may be one of all.
    return loader.load(seen) if any(finding.code == "E048" for finding in found.findings) else found


class Loader:
    """The same for a process that goes on: what has not changed since the last time is taken over from it.

    A project that was loaded stays as it is.
    """

    def __init__(self, feeds_dir: Path, packaged: Path | None = None, now: Callable[[], int] = time.time_ns) -> None:
        self._folder = Folder(feeds_dir, packaged, now)
        self._files: dict[str, File] = {}
        self._rosters: dict[File, Roster] = {}
        self._library: Library | None = None
        self._last: tuple[Look, Project] | None = None

    def load(self, look: Look | None = None) -> Project:
        """The project as it is now, or as `look` has seen it; the same one as before where nothing has changed."""
        with _without_collections(is_first=self._last is None):
            seen = look if look is not None else self._folder.look()
            if self._last is not None and self._last[0] == seen:
                return self._last[1]
            files = {sheet.path: self._files.get(sheet.path) for sheet in seen.sheets}
            self._files = {
                sheet.path: old if old is not None and old.sheet is sheet else files_of.file(sheet)
                for sheet, old in zip(seen.sheets, files.values(), strict=True)
            }
            project = self._project(seen)
            self._last = seen, project
            return project

    def _project(self, seen: Look) -> Project:
        files = tuple(self._files.values())
        self._library = library([file for file in files if file.folder != "dealers"], self._library)
        self._rosters = {
            file: entries.roster(file, self._library, self._rosters.get(file))
            for file in files
            if file.kind == "dealer"
        }
        problems = Problems()
        problems.take(seen.strays)
        for file in files:
            problems.take(file.findings)
        problems.take(self._library.findings)
        found = [roster.found for roster in self._rosters.values() if roster.found is not None]
        outcomes = _distinct(self._rosters.values(), problems)
        claims = (outcome.claim for outcome, _ in outcomes.values() if outcome.claim is not None)
        unsafe = overlap.check(claims, problems)
        made = {name: Made(outcome.source, listed, outcome.number) for name, (outcome, listed) in outcomes.items()}
        sound = {name: each for name, each in made.items() if outcomes[name][0].is_sound and name not in unsafe}
        sent = Exports(self._rosters.values(), self._library.types)
        dealers = {listed.dealer.name: listed.dealer for listed in found}
        named = {*dealers, *(file.stem for file in files if file.folder == "dealers")}  # those with an error as well
        told = {file.stem: alerting.alerts(file, named, problems) for file in files if file.folder == "alerts"}
        return Project(
            feeds=Feeds(sound, self._library.workshop, sent),
            dealers=dealers,
            activity_types=self._library.types,
            findings=tuple(sorted(problems.findings)),
            sources={file.path: file.text for file in files if file.sheet.content is not None},
            made=made,
            definitions=self._library.definitions,
            type_files=self._library.known["activity"],
            exports=sent,
            outgoing=self._library.exports,
            alerts=told,
        )


def _distinct(rosters: Iterable[Roster], problems: Problems) -> dict[str, tuple[Outcome, Listed]]:
    """Every entry by its feed's id; of two with one id the second is told, and not looked at."""
    made: dict[str, tuple[Outcome, Listed]] = {}
    for roster in rosters:
        problems.take(roster.findings)
        if roster.found is None:
            continue
        for outcome in roster.outcomes:
            other = made.get(outcome.name)
            if other is None:
                made[outcome.name] = outcome, roster.found
                if outcome.findings:
                    problems.take(outcome.findings)
                continue
            entry = roster.found.entry(outcome.number)
            problems.add(
                entry.child("name") or entry.value["uses"],
                "E051",
                f"there are two feeds `{outcome.name}`",
                f"the other is at {other[1].entry(other[0].number).place}; give one of them a name",
            )
    return made


@contextmanager
def _without_collections(is_first: bool) -> Iterator[None]:
    """Thousands of trees that all stay: looking through them for garbage would be half of the work.

    What the first look has made is not looked through later either; there are no circles in it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_first:
            gc.freeze()
        if was_on:
            gc.enable()
