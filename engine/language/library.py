"""All that dealers draw on: activity types, definitions with what they are based on, and exports.

What did not change since it was made before is taken over from there. Knows no dealer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.language import dealers, definition, exports, inherit, kinds, resolution, unused
from engine.language.files import File
from engine.language.findings import Finding
from engine.language.problems import Problems
from engine.language.resolution import Definition
from engine.language.shapes import Workshop
from engine.language.tree import Node, Place
from engine.model import ActivityType

# What a definition says about itself alone: one that is based on it does not take these over.
_OWN = frozenset({"basedOn", "namespace", "tests", "capabilities"})
_MOST_KEYS = 100  # at the top of a file: no kind of definition has half as many
# Mistakes in these sections hide no use of a field.
_CLEAR = frozenset(
    {
        *("version", "kind", "title", "about", "basedOn", "namespace", "requires", "gates", "sealed", "tags", "params"),
        *("transport", "decode", "fields", "exports", "schedule", "guards", "triggers", "capabilities", "tests"),
    }
)


class _Bound(NamedTuple):
    """A definition that was looked at, the files it is made of, and what was found."""

    chain: tuple[File, ...]
    definition: Definition
    merging: tuple[Finding, ...]  # found while it was laid on another
    looking: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Library:
    """`definitions` are those that can be used; `known` are the names of all files of a kind.

    `broken` are files that are there and of no use, such as "vendors/ids/sales", and activity
    types with an error.
    """

    files: tuple[File, ...]
    known: Mapping[str, Mapping[str, File]]
    broken: frozenset[str]
    types: Mapping[str, ActivityType]
    workshop: Workshop
    definitions: Mapping[str, Definition]
    exports: Mapping[str, Node]  # merged with what they are based on
    findings: tuple[Finding, ...]
    faulty: frozenset[str]  # definitions of whose files one has an error
    bound: Mapping[str, _Bound]
    activities: tuple[File, ...]
    faulty_exports: frozenset[str]


def library(files: Sequence[File], before: Library | None) -> Library:
    """What all files but the dealers' come to; the same library as before where none has changed."""
    if before is not None and before.files == tuple(files):
        return before
    known: dict[str, dict[str, File]] = {"feed": {}, "export": {}, "activity": {}}
    for file in files:
        if file.kind in known:
            known[file.kind][file.stem] = file
    problems = Problems()
    activities = tuple(file for file in files if file.folder == "activities")
    same_types = before is not None and before.activities == activities
    types, faults = _types(known["activity"], problems)
    broken = {f"{file.folder}/{file.stem}" for file in files if file.is_broken or not file.kind} | faults
    unread = {name.partition("/")[2] for name in broken if name.startswith("activities/")} - set(types)
    if same_types and before is not None:
        types, workshop = before.types, before.workshop
    else:
        workshop = Workshop(types, frozenset(unread))
    bound = _bound(known["feed"], broken, workshop, before.bound if before is not None and same_types else {}, problems)
    sent, unsound = _outgoing(known["export"], broken, workshop, problems)
    outgoing = {name: root for name, (_, root) in sent.items()}
    unused.check([*((each.chain, each.definition.root) for each in bound.values()), *sent.values()], problems)
    exports.check_excluded((each.definition.root for each in bound.values()), outgoing.values(), problems)
    return Library(
        files=tuple(files),
        known=known,
        broken=frozenset(broken),
        types=types,
        workshop=workshop,
        definitions={name: each.definition for name, each in bound.items()},
        exports=outgoing,
        findings=problems.findings,
        faulty=frozenset(name for name, each in bound.items() if any(file.errors for file in each.chain)),
        bound=bound,
        activities=activities,
        faulty_exports=unsound,
    )


def _types(files: Mapping[str, File], problems: Problems) -> tuple[Mapping[str, ActivityType], frozenset[str]]:
    """Every activity type by the name of its file, and those with an error: they stop the feeds that name them."""
    types: dict[str, ActivityType] = {}
    faulty: set[str] = set()
    for stem, file in files.items():
        heard = Problems()
        types[stem] = kinds.activity_type(file.tree, stem, heard)
        problems.take(heard.findings)
        if heard.has_errors or file.errors:
            faulty.add(f"activities/{stem}")
    return types, frozenset(faulty)


def _bound(
    files: Mapping[str, File],
    broken: Iterable[str],
    workshop: Workshop,
    before: Mapping[str, _Bound],
    problems: Problems,
) -> Mapping[str, _Bound]:
    """Every feed definition, merged with what it is based on and looked at; those in a circle are left out."""
    found: dict[str, _Bound] = {}
    for name in files:
        chain = _chain(name, files, broken, problems)
        if not chain:
            continue
        old = before.get(name)
        same = old is not None and old.chain == tuple(chain.values())
        found[name] = old if old is not None and same else _looked_at(name, chain, workshop)
    # In this order: what is misshapen in a base is told once, and not judged for its meaning as well.
    for each in found.values():
        problems.take(each.merging)
    for each in found.values():
        problems.take(each.looking)
    return found


def _outgoing(
    files: Mapping[str, File], broken: Iterable[str], workshop: Workshop, problems: Problems
) -> tuple[Mapping[str, tuple[tuple[File, ...], Node]], frozenset[str]]:
    """Every export with its files, merged and looked at, and those with an error; those in a circle are left out."""
    found: dict[str, tuple[tuple[File, ...], Node]] = {}
    unsound: set[str] = set()
    for name in files:
        chain = _chain(name, files, broken, problems)
        if chain:
            heard = Problems()
            root = _laid(tuple(chain.values()), heard)
            exports.look_at(root, workshop.known, heard)
            problems.take(heard.findings)
            found[name] = tuple(chain.values()), root
            if heard.has_errors or any(file.errors for file in chain.values()):
                unsound.add(name)
    return found, frozenset(unsound)


def _looked_at(name: str, chain: Mapping[str, File], workshop: Workshop) -> _Bound:
    merging, looking = Problems(), Problems()
    made = _merged(name, chain, merging)
    definition.look_at(made, dealers.NOBODY, _nothing(made.root), workshop, looking)
    return _Bound(tuple(chain.values()), made, merging.findings, looking.findings)


def _merged(name: str, chain: Mapping[str, File], problems: Problems) -> Definition:
    files = tuple(chain.values())
    root = _laid(files, problems)
    if not {"fields", "streams"} & files[-1].tree.entries().keys():
        # They go by another name: told already, and without them every name in them would be unknown.
        root = root.with_entries({key: child for key, child in root.entries().items() if key != "fields"})
    elif len(files) > 1:
        inherit.check_structure(root, problems)
    return resolution.definition(name, root, tuple(file.path for file in files), any(map(_is_blurred, files)))


def _laid(files: Sequence[File], problems: Problems) -> Node:
    """The first of the files laid on what it is based on: the others, the last at the bottom."""
    root = files[-1].tree
    for file in reversed(files[:-1]):
        inherited = root.with_entries({key: child for key, child in root.entries().items() if key not in _OWN})
        root = inherit.merged(inherited, file.tree, problems)
    return root


def _is_blurred(file: File) -> bool:
    """Whether a structural error stands where fields are used: under `contact`, say, or a misspelt key."""
    if file.document is None or not file.errors:
        return False
    if len(file.tree.entries()) > _MOST_KEYS:
        return True
    heads = sorted((file.document.mark((key,), key=True).line, key) for key in file.tree.entries())
    for finding in file.errors:
        section = [key for line, key in heads if line <= finding.line]
        if not section or section[-1] not in _CLEAR:
            return True
    return False


def _chain(name: str, known: Mapping[str, File], broken: Iterable[str], problems: Problems) -> Mapping[str, File]:
    """A definition and those it is based on, itself first; nothing where that never ends."""
    chain: dict[str, File] = {}
    while True:
        chain[name] = known[name]
        base = known[name].tree.child("basedOn")
        if base is None or not isinstance(base.value, str):
            return chain
        if base.value not in known and {f"vendors/{base.value}", f"exports/{base.value}"} & {*broken}:
            return {}
        if base.value not in known:
            problems.unknown(base, "E048", "definition", set(known) - {name})
            return {}
        if base.value in chain:
            circle = " -> ".join([*chain, base.value])
            problems.add(base, "E049", f"definitions based on each other: {circle}", "leave one basedOn out")
            return {}
        name = base.value


def _nothing(root: Node) -> Node:
    """An entry that gives nothing, at the head of the definition."""
    return Node({}, Place(root.place.document, ()), Place(root.place.document, ()))
