"""Dealers: who they are, and which feeds they have. Makes no feed."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.language import values
from engine.language.findings import Finding
from engine.language.problems import Problems
from engine.language.tree import Node, Place
from engine.model import Dealer

# Looks at a definition without a dealer: where nothing depends on who it is.
NOBODY = Dealer(name="dealer", title="a dealer", timezone=ZoneInfo("UTC"))


class Listed(NamedTuple):
    """A dealer with the entries of its feeds, as they stand in its file."""

    dealer: Dealer
    node: Node
    entries: tuple[Node, ...]


def listed(node: Node, problems: Problems) -> Listed | None:
    """What a document of kind `dealer` says, or None where it has no name or no zone that can be read."""
    name, zone = node.text("name"), _zone(node, problems)
    if name is None or zone is None:
        return None
    stem = node.place.document.path.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml")
    if name != stem:
        problems.add(node.value["name"], "E053", f"the dealer `{name}` stands in {stem}.yaml", "name the file after it")
    dealer = Dealer(
        name=name,
        title=node.word("title", name),
        timezone=zone,
        region=node.word("region", "US"),
        features=frozenset(node.texts("features")),
        contact={key: child.value for key, child in node.entries("contact").items() if isinstance(child.value, str)},
    )
    return Listed(dealer, node, tuple(entry for entry in node.elements("feeds") if entry.is_map))


def touched(findings: Sequence[Finding], found: Listed, entry: Node) -> bool:
    """Whether one of the findings in a dealer's file concerns this feed: it is in its entry, or in no entry.

    A mistake in another feed's entry, or in an export's, stops that one only.
    """
    if not findings:
        return False
    document = found.node.place.document
    heads = [document.mark(Place(document, (key,)).path, key=True).line for key in found.node.entries()]
    others = [each.place.mark.line for each in (*found.entries, *found.node.elements("exports"))]
    exports = found.node.child("exports")
    if exports is not None:
        others.append(exports.key.mark.line)
    begin = entry.place.mark.line
    bounds = sorted({*heads, *others})
    for finding in findings:
        start = max((line for line in bounds if line <= finding.line), default=0)
        if start == begin or start not in others:
            return True
    return False


def _zone(node: Node, problems: Problems) -> ZoneInfo | None:
    given = node.child("timezone")
    if given is None or not isinstance(given.value, str):
        return None  # the schema says so
    try:
        return values.zone(given.value)
    except ValueError:
        problems.unknown(given, "E060", "zone", values.zones())
        return None
