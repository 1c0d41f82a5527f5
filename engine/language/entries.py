"""What the entries of one dealer's file come to: their feeds' ids, what is wrong with them, what they claim.

Makes no feed; an entry that has a verdict in common with others is not looked at a second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from engine.language import dealers, definition, exports, inherit, overlap, plans
from engine.language.dealers import Listed
from engine.language.files import File
from engine.language.findings import Finding
from engine.language.library import Library
from engine.language.plans import Input, Plan, Verdict
from engine.language.problems import Problems
from engine.language.resolution import Definition, resolve
from engine.language.tree import Node, Place


class Outcome(NamedTuple):
    """One entry of a dealer's.

    `is_sound` says that a feed can be made of it; `claim` is what an enabled one takes from where.
    """

    name: str
    number: int  # its place among the entries
    source: Definition
    findings: tuple[Finding, ...]
    is_sound: bool
    claim: tuple[overlap.Source, overlap.Claim] | None


class Sent(NamedTuple):
    """An entry of what goes out: `root` is the definition that it uses, merged with what that is based on."""

    name: str
    entry: Node
    root: Node
    is_sound: bool

    @property
    def is_enabled(self) -> bool:
        return self.entry.flag("enabled", default=True)


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """A dealer's file under one library. `findings` are those of the dealer, and of names that nothing has."""

    found: Listed | None
    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    library: Library
    sent: tuple[Sent, ...] = ()


def roster(file: File, library: Library, before: Roster | None) -> Roster:
    """What a dealer's file comes to; entries whose definition has not changed are taken over from `before`."""
    if before is not None and before.library is library:
        return before
    problems = Problems()
    found = dealers.listed(file, problems)
    if found is None:
        return Roster(None, (), problems.findings, library)
    known: dict[int, Outcome] = {}
    if before is not None and before.library.types is library.types:
        known = {each.number: each for each in before.outcomes}
    outcomes = tuple(_outcomes(found, library, known, problems))
    for index, name in dealers.exports(file).items():
        if name not in library.known["export"] and not {f"exports/{name}", f"vendors/{name}"} & library.broken:
            uses = file.tree.value["exports"].value[index].value["uses"]
            problems.unknown(uses, "E048", "export", library.known["export"])
    sent = tuple(_sent(found, outcomes, library, problems))
    return Roster(found, outcomes, problems.findings, library, sent)


def _sent(found: Listed, outcomes: tuple[Outcome, ...], library: Library, problems: Problems) -> Iterator[Sent]:
    """A dealer's exports, with what is wrong with them and with what its feeds would send through them."""
    used = [
        exports.Listed(found.file.tree.value["exports"].value[index], library.exports[name])
        for index, name in dealers.exports(found.file).items()
        if name in library.exports
    ]
    for index, name in dealers.exports(found.file).items():
        if name not in library.exports:
            entry = found.file.tree.value["exports"].value[index]
            yield Sent(definition.identity(found.dealer.name, entry), entry, entry, is_sound=False)
    if not used:
        return
    made: list[exports.Produced] = []
    for outcome in outcomes:
        entry, root = found.entry(outcome.number), outcome.source.root
        override = entry.child("override")
        if entry.flag("enabled", default=True):
            root = root if override is None else inherit.merged(root, override, Problems())
            made.append(exports.produced(outcome.name, root, found.dealer))
    names: set[str] = set()
    for entry, root in used:
        heard = Problems()
        exports.check(found.dealer, [exports.Listed(entry, root)], made, library.workshop.known, heard)
        name = definition.identity(found.dealer.name, entry)
        if name in names:
            at = entry.child("name") or entry.value["uses"]
            heard.add(at, "E051", f"there are two exports `{name}`", "give one of them a name")
        names.add(name)
        problems.take(heard.findings)
        is_whole = entry.word("uses", "") not in library.faulty_exports
        is_sound = is_whole and not heard.has_errors and not dealers.touched(found.file.errors, found, entry)
        yield Sent(name, entry, root, is_sound)


def _outcomes(found: Listed, library: Library, known: dict[int, Outcome], problems: Problems) -> Iterator[Outcome]:
    for index, raw in found.entries.items():
        uses = raw.get("uses")
        if not isinstance(uses, str):
            continue
        source, old = library.definitions.get(uses), known.get(index)
        if source is None:
            if uses not in library.known["feed"] and f"vendors/{uses}" not in library.broken:
                at = found.entry(index).value["uses"]
                problems.unknown(at, "E048", "definition", library.definitions)
        else:
            yield old if old is not None and old.source is source else _outcome(found, index, source, library)


def _outcome(found: Listed, index: int, source: Definition, library: Library) -> Outcome:
    raw, workshop = found.entries[index], library.workshop
    name = definition.named(found.dealer.name, raw.get("name"), source.name)
    plan = _plan(found, index, source, library)
    case = None if plan is None else plan.case(raw, found.facts, workshop.fitting)
    if plan is None or case is None:
        return _checked(name, found, index, source, library, None)
    verdict = plan.verdicts.get(case.key)
    if verdict is None:
        return _checked(name, found, index, source, library, plan)
    is_sound = _is_sound(verdict, source, library)
    claim = None
    if is_sound and verdict.is_enabled and verdict.manner is not None and found.file.document is not None:
        claim = plan.claim(name, verdict.manner, case, Place(found.file.document, ("feeds", index)))
    return Outcome(name, index, source, verdict.findings, is_sound, claim)


def _checked(name: str, found: Listed, index: int, source: Definition, library: Library, plan: Plan | None) -> Outcome:
    """An entry looked at by itself; what was found is kept in its plan where others have it in common."""
    entry, dealer, workshop, heard = found.entry(index), found.dealer, library.workshop, Problems()
    resolved = resolve(source, dealer, entry, heard)
    seen: set[Input] = set()
    looked = plans.looked(resolved, seen)
    noted: Any = plans.Noted(dealer, seen)
    checked = definition.check(source, noted, entry, resolved, looked, workshop, heard)
    transport = looked.tree.child("transport")
    verdict = Verdict(
        findings=heard.findings,
        manner=None if transport is None else overlap.manner(transport),
        is_enabled=checked.is_enabled,
        types=frozenset(spec.type for stream in checked.shape.streams for spec in stream.activities),
    )
    # What the schema refuses is told where it was given, and may be told of a default just as well.
    is_common = all(finding.file in source.files and finding.code >= "E040" for finding in heard.findings)
    if plan is not None and is_common:
        plan.rest_on(seen)
        case = plan.case(found.entries[index], found.facts, workshop.fitting)
        if case is not None:
            plan.verdicts[case.key] = verdict
    is_sound = _is_sound(verdict, source, library) and not dealers.touched(found.file.errors, found, entry)
    transport = resolved.tree.child("transport")
    claim = None
    if is_sound and verdict.is_enabled and transport is not None:
        claim = overlap.claims(name, transport)
    return Outcome(name, index, source, heard.findings, is_sound, claim)


def _is_sound(verdict: Verdict, source: Definition, library: Library) -> bool:
    if source.name in library.faulty or any(finding.severity == "error" for finding in verdict.findings):
        return False
    return not any(f"activities/{name}" in library.broken for name in verdict.types)


def _plan(found: Listed, index: int, source: Definition, library: Library) -> Plan | None:
    """What the entry has in common with others; nothing in a file with a mistake, where it may be anything."""
    if found.file.errors:
        return None
    override = found.entries[index].get("override")
    known = library.workshop.plans.setdefault(source, {})
    key = b"" if override is None else orjson.dumps(override)
    plan = known.get(key)
    if plan is None:
        root = source.root
        if override is not None:
            root = inherit.merged(root, found.entry(index).value["override"], Problems())
        plan = known[key] = plans.plan(source, root)
    return plan
