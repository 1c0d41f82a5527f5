"""How a definition takes over another's, and how a dealer overrides it: maps merge, lists replace.

Works on trees and knows only what replaces its block: a new source verb, a new discriminator, another kind of time.
"""

from collections.abc import Callable, Sequence

from engine.language import schema
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.language.yaml import Path

SOURCES = ("column", "path", "context", "const", "field", "firstOf", "join", "sum", "text")

_TIMES = ("every", "cron")  # of a schedule: either says when

# The key whose change makes another thing of the block it stands in.
_DISCRIMINATORS = {"transport": "type", "auth": "type", "pagination": "type", "encode": "format", "decode": "format"}


def merged(base: Node, over: Node, problems: Problems, *names: str) -> Node:
    """`base` with what `over` says laid on it; `names` are the keys that lead here.

    A block that keeps its discriminator is merged, one that changes it is replaced; `remove: [keys]`
    takes keys of the base away first.
    """
    if not (base.is_map and over.is_map) or _replaces(base, over, names):
        return over
    entries = dict(base.value)
    removed = over.child("remove")
    for node in removed.value if removed is not None and isinstance(removed.value, tuple) else ():
        if isinstance(node.value, str) and node.value in entries:
            del entries[node.value]
        else:
            problems.unknown(node, "E052", "key to remove", tuple(base.value))
    for key, node in over.value.items():
        if key == "remove" and isinstance(node.value, tuple):
            continue
        entries[key] = merged(entries[key], node, problems, *names, key) if key in entries else node
    return Node(entries, over.place, over.key, over.is_sample)


def refuse_sealed(override: Node, sealed: Sequence[Node], problems: Problems) -> None:
    """An error for each key of a dealer's override that touches what the definition has sealed.

    What a part requires is sealed in every definition: no dealer gives itself what it has not got.
    """
    for name, stream in override.entries("streams").items():
        required = stream.child("requires")
        if required is not None:
            message = f"what the stream `{name}` requires is for the definition to say"
            problems.add(required, "E050", message, "leave it out", key=True)
    for seal in sealed:
        if not isinstance(seal.value, str):
            continue
        node = override
        for name in seal.value.split("."):
            below = node.child(name)
            if below is None:
                break
            node = below
        else:
            problems.add(
                node,
                "E050",
                f"`{seal.value}` is sealed by the definition ({seal.place}): no dealer may override it",
                "change the definition, or leave this out",
                key=True,
            )


def check_structure(
    root: Node,
    problems: Problems,
    override: Sequence[Node] = (),
    giver: Callable[[Path], Node | None] = lambda path: None,
) -> None:
    """Whether what came of merging and filling still has the structure of a feed.

    What an override breaks in the definition's own part is the override's fault, and told at its key;
    what a dealer's value breaks is told at that value, which `giver` knows for the text at a path.
    """
    files = {node.key.document.path for node in override}
    for fault in schema.problems("feed", root.written):
        at, on_key = root.at(fault.path), fault.on_key
        given = giver(fault.path)
        if given is not None:
            at, on_key = given, False
        elif files and at.place.document.path not in files:
            section = str(fault.path[0]) if fault.path else ""
            at, on_key = next((node for node in override if node.key.path[-1] == section), override[0]), True
        problems.add(at, fault.code, fault.message, fault.help, key=on_key)


def _replaces(base: Node, over: Node, names: Sequence[str]) -> bool:
    """Whether `over` makes another thing of this block."""
    name = names[-1] if names else ""
    discriminator = _DISCRIMINATORS.get(name)
    if discriminator is not None:
        new, old = over.child(discriminator), base.child(discriminator)
        return new is not None and old is not None and new.value != old.value
    # `text` and `field` mean a source only beside no other; a renamed target is no map and never gets here.
    among = SOURCES if len(names) > 1 and names[-2] == "fields" else _TIMES if tuple(names) == ("schedule",) else ()
    verbs = {verb for verb in among if over.child(verb) is not None}
    # Who removes keys by name says itself what does not stay.
    return bool(verbs) and not verbs & set(base.value) and over.child("remove") is None
