"""Dealers: who they are, and which feeds they have. Makes no feed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.language import values
from engine.language.files import File
from engine.language.findings import Finding
from engine.language.problems import Problems
from engine.language.resolution import facts
from engine.language.tree import Node
from engine.model import Dealer, Value

# Looks at a definition without a dealer: where nothing depends on who it is.
NOBODY = Dealer(name="dealer", title="a dealer", timezone=ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A dealer with the entries of its feeds by their place in its file, as plain values.

    Their nodes are made when they are asked for: of most entries nothing has to be said.
    """

    dealer: Dealer
    file: File
    entries: Mapping[int, Mapping[str, Value]]
    facts: Mapping[str, Value]  # what references can name of the dealer

    def entry(self, index: int) -> Node:
        node: Node = self.file.tree.value["feeds"].value[index]
        return node


def listed(file: File, problems: Problems) -> Listed | None:
    """What a document of kind `dealer` says, or None where it has no name or no zone that can be read."""
    value = file.value
    name, zone = value.get("name"), _zone(file, problems)
    if not isinstance(name, str) or zone is None:
        return None
    stem = file.stem.rpartition("/")[2]
    if name != stem:
        at = file.tree.value["name"]
        problems.add(at, "E053", f"the dealer `{name}` stands in {stem}.yaml", "name the file after it")
    contact, entries = value.get("contact"), value.get("feeds")
    dealer = Dealer(
        name=name,
        title=_word(value.get("title"), name),
        timezone=zone,
        region=_word(value.get("region"), "US"),
        features=frozenset(each for each in _elements(value.get("features")) if isinstance(each, str)),
        contact={key: each for key, each in contact.items() if isinstance(each, str)}
        if isinstance(contact, dict)
        else {},
    )
    found = entries if isinstance(entries, list) else ()
    kept = {index: entry for index, entry in enumerate(found) if isinstance(entry, dict)}
    return Listed(dealer, file, kept, facts(dealer))


def exports(file: File) -> Mapping[int, str]:
    """The definitions that a dealer's exports use, by their place in its file."""
    entries = file.value.get("exports")
    uses = {
        index: entry.get("uses")
        for index, entry in enumerate(entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    }
    return {index: name for index, name in uses.items() if isinstance(name, str)}


def touched(findings: Sequence[Finding], found: Listed, entry: Node) -> bool:
    """Whether one of the findings in a dealer's file concerns a feed or an export: it is in its entry, or in none.

    A mistake in another feed's entry, or in an export's, stops that one only.
    """
    if not findings:
        return False
    root = found.file.tree
    heads = [node.key.mark.line for node in root.entries().values()]
    others = [node.place.mark.line for node in (*map(found.entry, found.entries), *root.elements("exports"))]
    block = root.child("exports")
    if block is not None:
        others.append(block.key.mark.line)
    begin = entry.place.mark.line
    bounds = sorted({*heads, *others})
    for finding in findings:
        start = max((line for line in bounds if line <= finding.line), default=0)
        if start == begin or start not in others:
            return True
    return False


def _elements(value: Value) -> Sequence[Value]:
    """A scalar counts as a list of one."""
    if isinstance(value, list):
        return value
    return () if value is None or isinstance(value, dict) else (value,)


def _word(value: Value, default: str) -> str:
    return value if isinstance(value, str) else default


def _zone(file: File, problems: Problems) -> ZoneInfo | None:
    given = file.value.get("timezone")
    if not isinstance(given, str):
        return None  # the schema says so
    try:
        return values.zone(given)
    except ValueError:
        problems.unknown(file.tree.value["timezone"], "E060", "zone", values.zones())
        return None
