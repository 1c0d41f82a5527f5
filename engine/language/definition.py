"""The feeds that dealers make of a definition. Reads no file."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.deferred import SecretRef
from engine.language import polling, promises, settings
from engine.language.differences import written
from engine.language.filling import Names
from engine.language.problems import Problems
from engine.language.resolution import Definition, Resolved, resolve
from engine.language.shapes import Shape, Workshop, check_structure, look_at_structure, mapping_hash, shaped
from engine.language.tree import Node
from engine.model import Dealer, Feed, Guards, Value


class Checked(NamedTuple):
    """What was prepared of an entry while it was checked."""

    shape: Shape
    is_enabled: bool
    gates: Mapping[str, Mapping[str, str | None]]
    guards: Guards


def feed(
    source: Definition, dealer: Dealer, entry: Node, workshop: Workshop, problems: Problems, samples: bool = False
) -> tuple[Feed | None, Resolved]:
    """The feed that a dealer's entry makes of a definition; None where `problems` then holds an error.

    With `samples` something stands in for each required parameter that is not given.
    """
    resolved = resolve(source, dealer, entry, problems, samples)
    found = check(source, dealer, entry, resolved, resolved, workshop, problems)
    if problems.has_errors:
        return None, resolved
    tree = resolved.tree
    given = _run_params(resolved.names)
    made = Feed(
        id=identity(dealer.name, entry),
        title=tree.word("title", source.name),
        definition=source.name,
        namespace=source.namespace,
        dealer=dealer,
        enabled=found.is_enabled,
        reason=entry.word("reason", ""),
        transport=_plain(tree.child("transport")),
        decode=found.shape.decode,
        streams=found.shape.streams,
        activity_types=found.shape.types,
        schedule=_plain(tree.child("schedule")),
        guards=found.guards,
        excluded=tree.texts("exports", "exclude"),
        excluded_where=str(excluded.key) if (excluded := tree.child("exports", "exclude")) is not None else "",
        sends_whole=tree.text("transport", "type") in settings.FILES,
        triggers=tuple(trigger.plain for trigger in tree.elements("triggers")),
        tags=tuple(dict.fromkeys((*tree.texts("tags"), *entry.texts("tags")))),
        gates=found.gates,
        params=given,
        mapping_hash=mapping_hash(source, found.shape, dealer, given),
        path=entry.place.document.path,
        written=written(resolved, dealer, found.shape.types),
    )
    return made, resolved


def check(
    source: Definition,
    dealer: Dealer,
    entry: Node,
    resolved: Resolved,
    looked: Resolved,
    workshop: Workshop,
    problems: Problems,
) -> Checked:
    """Everything that is wrong with an entry once it is resolved.

    What is read through `looked`, the same thing, is known to whoever wants to know on what the
    verdict rests. The structure is looked at as a whole, by the schema.
    """
    is_enabled = entry.flag("enabled", default=True)
    if is_enabled:
        _require(source, dealer, entry, looked, problems)
    shape = shaped(source, dealer, looked, workshop)
    problems.take(shape.findings)
    check_structure(source, resolved, workshop, problems)
    settings.transport(looked.tree.child("transport"), problems)
    settings.schedule(looked.tree.child("schedule"), problems)
    _check_meaning(source, looked, workshop, problems)
    gates = settings.gates(looked.root, entry, is_enabled, problems)
    return Checked(shape, is_enabled, gates, settings.guards(looked.tree.child("guards"), problems))


def look_at(source: Definition, dealer: Dealer, entry: Node, workshop: Workshop, problems: Problems) -> None:
    """Find what is wrong with a definition that no dealer may use yet, with stand-ins for its parameters."""
    resolved = resolve(source, dealer, entry, problems, samples=True)
    shape = shaped(source, dealer, resolved, workshop, samples=True)
    problems.take(shape.findings)
    look_at_structure(source, resolved, workshop, problems)
    settings.transport(resolved.tree.child("transport"), problems)
    settings.schedule(resolved.tree.child("schedule"), problems)
    settings.guards(resolved.tree.child("guards"), problems)
    promises.check_seals(source.root, "feed", problems)
    _check_meaning(source, resolved, workshop, problems)


def identity(dealer: str, entry: Node) -> str:
    """`<dealer>/<name>`; the name is the definition's path with dashes, unless the entry gives one."""
    return named(dealer, entry.text("name"), entry.word("uses", ""))


def named(dealer: str, name: Value, uses: str) -> str:
    """The same of an entry's plain values."""
    return f"{dealer}/{name if isinstance(name, str) and name else uses.replace('/', '-')}"


def _check_meaning(source: Definition, resolved: Resolved, workshop: Workshop, problems: Problems) -> None:
    """What no schema sees: the source's expressions and cursor, and what the parts promise each other."""
    heard = Problems()
    polling.check(resolved.tree, resolved.root, workshop.known, heard)
    promises.check(resolved.tree, resolved.root, heard)
    # A mistake elsewhere may hide what a name is used for.
    problems.take(each for each in heard.findings if not (source.is_blurred and each.code == "E066"))


def _require(source: Definition, dealer: Dealer, entry: Node, resolved: Resolved, problems: Problems) -> None:
    for lack in settings.lacking(resolved.root, dealer, settings.has_webhook(resolved.tree)):
        at = entry.child("uses") or entry
        help = f"{dealer.title} has not got it: add it where it is true, or say enabled: false"
        if "webhook" in lack:
            help = "what it brings in comes by webhooks alone: switch its trigger on, or say enabled: false"
        problems.add(at, "E054", f"`{source.name}` needs {lack}", help)


def _run_params(names: Names) -> Mapping[str, Value]:
    """What conditions see under `params`: never a secret."""
    return {name: node.plain for name, node in names.params.items() if not isinstance(node.value, SecretRef)}


def _plain(node: Node | None) -> Mapping[str, Value]:
    return node.plain if node is not None and node.is_map else {}
