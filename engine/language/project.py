"""All definitions of a folder, read and resolved in one pass: the feeds of every dealer, and every problem.

A file that cannot be read costs the feeds that need it and no others. Opens nothing but these files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from engine.language import dealers, definition, inherit, kinds, overlap, resolution, schema, tree, words, yaml
from engine.language.findings import Finding
from engine.language.problems import Problems
from engine.language.resolution import Definition
from engine.language.shapes import Workshop
from engine.language.tree import Node, Place
from engine.language.yaml import Document
from engine.model import ActivityType, Dealer, Feed

# What stands in which folder. Vendors' definitions are feeds and exports (write-backs).
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "vendors": ("feed", "export"),
    "exports": ("export",),
    "activities": ("activity",),
    "dealers": ("dealer",),
}
# What a definition says about itself alone: one that is based on it does not take these over.
_OWN = frozenset({"basedOn", "namespace", "tests", "capabilities"})


class Made(NamedTuple):
    """What a feed was made from."""

    source: Definition
    dealer: Dealer
    entry: Node


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

    def resolved(self, feed: str) -> Node:
        """The definition as this feed uses it, each value with its origin. Raises KeyError for an unknown feed."""
        made = self.made[feed]
        return resolution.whole(resolution.resolve(made.source, made.dealer, made.entry, Problems()))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files as read: trees by kind and name, and which of them have structural errors."""

    sources: dict[str, str] = field(default_factory=dict)
    trees: Mapping[str, dict[str, Node]] = field(
        default_factory=lambda: {kind: {} for kind in ("feed", "export", "activity", "dealer")}
    )
    errors: dict[str, list[Finding]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # "vendors/ids/sales": there, but of no use


def load(feeds_dir: Path, packaged: Path | None = None) -> Project:
    """Read and resolve everything under `feeds_dir`; definitions it lacks are taken from `packaged`.

    Dealers are those of `feeds_dir` alone. Never raises for what a file holds: each problem is a
    finding, and a feed that has an error is not among the feeds.
    """
    problems = Problems()
    files = _read(feeds_dir, packaged, problems)
    types = _types(files, problems)
    unread = {name.partition("/")[2] for name in files.broken if name.startswith("activities/")} - set(types)
    workshop = Workshop(types, frozenset(unread))
    sources = _definitions(files, problems)
    for source in sources.values():
        definition.look_at(source, dealers.NOBODY, _nothing(source.root), workshop, problems)
    listed = [found for node in files.trees["dealer"].values() if (found := dealers.listed(node, problems))]
    made: dict[str, _Outcome] = {}
    for found in listed:
        _make(found, files, sources, workshop, made, problems)
        _check_exports(found, files, problems)
    unsafe = overlap.check((each.claim for each in made.values() if each.claim is not None), problems)
    return Project(
        feeds={name: each.feed for name, each in made.items() if each.feed and name not in unsafe},
        dealers={found.dealer.name: found.dealer for found in listed},
        activity_types=workshop.types,
        findings=tuple(sorted(problems.findings)),
        sources=files.sources,
        made={name: each.made for name, each in made.items()},
        definitions=sources,
    )


class _Outcome(NamedTuple):
    feed: Feed | None
    made: Made
    claim: tuple[overlap.Source, overlap.Claim] | None


def _read(feeds_dir: Path, packaged: Path | None, problems: Problems) -> _Files:
    files = _Files()
    _note_strays(feeds_dir, problems)
    for relative, path in _paths(feeds_dir, packaged):
        folder, _, name = relative.removesuffix(".yaml").partition("/")
        try:
            content = path.read_bytes()
        except OSError as error:
            finding = Finding(str(path), 1, 1, "E001", "error", f"the file cannot be read: {error.strerror}")
            problems.take([finding])
            files.broken.add(relative.removesuffix(".yaml"))
            continue
        files.sources[str(path)] = content.decode("utf-8", "replace")
        document, findings = yaml.parse(str(path), content)
        if document is not None:
            findings = [*findings, *schema.check(document)]
            _sort_in(folder, name, document, files, problems)
        else:
            files.broken.add(relative.removesuffix(".yaml"))
        problems.take(findings)
        files.errors[str(path)] = [finding for finding in findings if finding.severity == "error"]
    return files


def _sort_in(folder: str, name: str, document: Document, files: _Files, problems: Problems) -> None:
    node = tree.tree(document)
    kind = node.text("kind")
    if kind not in files.trees:
        return  # the schema says so
    if kind not in _FOLDERS[folder]:
        at = node.value["kind"]
        place = next(key for key, kinds_ in _FOLDERS.items() if kind in kinds_)
        problems.add(at, "E053", f"a definition of kind {kind} in {folder}/", f"move the file to {place}/")
        return
    files.trees[kind][name] = node


def _paths(feeds_dir: Path, packaged: Path | None) -> Iterator[tuple[str, Path]]:
    """Every definition with its path inside the folder; ours before the packaged one of the same path."""
    seen: set[str] = set()
    for root in (feeds_dir, packaged):
        if root is None:
            continue
        for folder in _FOLDERS:
            if root is packaged and root is not feeds_dir and folder == "dealers":
                continue
            for path in sorted((root / folder).rglob("*.yaml")):
                relative = path.relative_to(root).as_posix()
                if relative not in seen and path.is_file():
                    seen.add(relative)
                    yield relative, path


def _note_strays(feeds_dir: Path, problems: Problems) -> None:
    """Files that nobody would ever read, because of how they or their folders are named."""
    for folder in sorted(feeds_dir.iterdir()) if feeds_dir.is_dir() else ():
        meant = words.nearest(folder.name, _FOLDERS)
        for path in sorted(folder.rglob("*.y*ml")) if meant and folder.is_dir() else ():
            relative = path.relative_to(feeds_dir)
            if folder.name not in _FOLDERS:
                help = f"did you mean {Path(str(meant), *relative.parts[1:])}?"
                problems.take([Finding(str(path), 1, 1, "E053", "error", f"nothing is read from {folder.name}/", help)])
            elif path.suffix == ".yml":
                help = f"name it {path.stem}.yaml"
                problems.take([Finding(str(path), 1, 1, "E053", "error", "definitions end in .yaml", help)])


def _types(files: _Files, problems: Problems) -> Mapping[str, ActivityType]:
    """Every activity type by the name of its file; one that has an error stops the feeds that name it."""
    types: dict[str, ActivityType] = {}
    for stem, node in files.trees["activity"].items():
        heard = Problems()
        types[stem] = kinds.activity_type(node, stem, heard)
        problems.take(heard.findings)
        if heard.has_errors or files.errors.get(node.place.document.path):
            files.broken.add(f"activities/{stem}")
    return types


def _definitions(files: _Files, problems: Problems) -> Mapping[str, Definition]:
    """Every feed definition, merged with what it is based on; those in a circle are left out."""
    found: dict[str, Definition] = {}
    for name in files.trees["feed"]:
        chain = _chain(name, files, problems)
        if not chain:
            continue
        root = chain[-1][1]
        for _, node in reversed(chain[:-1]):
            inherited = root.with_entries({key: child for key, child in root.entries().items() if key not in _OWN})
            root = inherit.merged(inherited, node, problems)
        names = tuple(str(node.place.document.path) for _, node in chain)
        if len(chain) > 1:
            inherit.check_structure(root, problems)
        found[name] = resolution.definition(name, root, names, _is_blurred(chain, files))
    return found


# Mistakes in these sections hide no use of a field.
_CLEAR = frozenset(
    {
        *("version", "kind", "title", "about", "basedOn", "namespace", "requires", "gates", "sealed", "tags", "params"),
        *("transport", "decode", "fields", "exports", "schedule", "guards", "triggers", "capabilities", "tests"),
    }
)


def _is_blurred(chain: list[tuple[str, Node]], files: _Files) -> bool:
    """Whether a structural error stands where fields are used: under `contact`, say, or a misspelt key."""
    for _, node in chain:
        document = node.place.document
        heads = sorted((document.mark((key,), key=True).line, key) for key in node.entries())
        for finding in files.errors.get(document.path, ()):
            section = [key for line, key in heads if line <= finding.line]
            if not section or section[-1] not in _CLEAR:
                return True
    return False


def _chain(name: str, files: _Files, problems: Problems) -> list[tuple[str, Node]]:
    """A definition and those it is based on, itself first; nothing where that never ends."""
    chain: list[tuple[str, Node]] = []
    known = files.trees["feed"]
    while True:
        node = known[name]
        chain.append((name, node))
        base = node.child("basedOn")
        if base is None or not isinstance(base.value, str):
            return chain
        if base.value not in known and f"vendors/{base.value}" in files.broken:
            return []
        if base.value not in known:
            problems.unknown(base, "E048", "definition", set(known) - {name})
            return []
        if base.value in {seen for seen, _ in chain}:
            circle = " -> ".join([*(seen for seen, _ in chain), base.value])
            problems.add(base, "E049", f"definitions based on each other: {circle}", "leave one basedOn out")
            return []
        name = base.value


def _make(
    found: dealers.Listed,
    files: _Files,
    sources: Mapping[str, Definition],
    workshop: Workshop,
    made: dict[str, _Outcome],
    problems: Problems,
) -> None:
    """The feeds of one dealer, put into `made`."""
    own = files.errors.get(found.node.place.document.path, [])
    for entry in found.entries:
        uses = entry.child("uses")
        if uses is None or not isinstance(uses.value, str):
            continue
        source = sources.get(uses.value)
        if source is None:
            if uses.value not in files.trees["feed"] and f"vendors/{uses.value}" not in files.broken:
                problems.unknown(uses, "E048", "definition", sources)
            continue
        name = definition.identity(found.dealer.name, entry)
        if name in made:
            problems.add(
                entry.child("name") or uses,
                "E051",
                f"there are two feeds `{name}`",
                f"the other is at {made[name].made.entry.place}; give one of them a name",
            )
            continue
        heard = Problems()
        feed, resolved = definition.feed(source, found.dealer, entry, workshop, heard)
        problems.take(heard.findings)
        if any(files.errors.get(file) for file in source.files) or dealers.touched(own, found, entry):
            feed = None
        if feed is not None and any(f"activities/{name}" in files.broken for name in _type_names(feed)):
            feed = None
        transport = resolved.tree.child("transport")
        claim = overlap.claims(name, transport) if feed is not None and feed.enabled and transport is not None else None
        made[name] = _Outcome(feed, Made(source, found.dealer, entry), claim)


def _type_names(feed: Feed) -> Iterator[str]:
    return (spec.type for stream in feed.streams for spec in stream.activities)


def _check_exports(found: dealers.Listed, files: _Files, problems: Problems) -> None:
    for entry in found.node.elements("exports"):
        uses = entry.child("uses")
        if uses is None or not isinstance(uses.value, str):
            continue
        is_broken = {f"exports/{uses.value}", f"vendors/{uses.value}"} & files.broken
        if uses.value not in files.trees["export"] and not is_broken:
            problems.unknown(uses, "E048", "export", files.trees["export"])


def _nothing(root: Node) -> Node:
    """An entry that gives nothing, at the head of the definition."""
    return Node({}, Place(root.place.document, ()), Place(root.place.document, ()))
