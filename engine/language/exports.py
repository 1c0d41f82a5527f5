"""What goes out, looked at before anything does: names, expressions, what a dealer gives, and what would leak.

Sends nothing and makes nothing of an export; whether one is right by its structure the schema has said.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.deferred import Template
from engine.language import fields, inherit, outgoing, params, polling, promises, references, settings, streams, words
from engine.language.filling import Names, section, warn_of_zones
from engine.language.lint import Types
from engine.language.problems import Problems
from engine.language.tree import Node
from engine.model import ActivityType, Dealer

LEADS = "leads"
_CLASSES = (LEADS, "texts")  # those that the product itself reasons about
_SEEN = ("activity", "contact", "vehicle", "dealer", "params", "run")  # by conditions
_SENT = (*_SEEN, "message")  # by paths
_REFERRED = ("params", "secret", "dealer", "run", *outgoing.OPEN)
_ASKED = ("query", "headers", "body")
_LEAKING = frozenset({"sale", "service"})
_OWN_WORDS = ("occurred", "state")  # what changes of any activity
_TEXTLESS = frozenset({"params", "tests", "capabilities", "about", "sealed", "requires", "gates"})


class Produced(NamedTuple):
    """What an enabled feed of a dealer brings in, and the classes of exports that get none of it."""

    feed: str
    types: frozenset[str]
    excluded: frozenset[str]


class Listed(NamedTuple):
    """A dealer's entry with the definition that it uses."""

    entry: Node
    root: Node


def look_at(root: Node, types: Types, problems: Problems) -> None:
    """Everything that is wrong with the names and expressions of one export."""
    promises.check_seals(root, "export", problems)
    promises.check_versions(root, root.entries("versions"), problems)
    promises.check_places(root, problems)
    declared = params.declared(root)
    for name, node in root.entries().items():
        if name not in _TEXTLESS:
            _references(node, declared, problems)
    given = root.child("class")
    near = words.nearest(str(given.value), _CLASSES, edits=1) if given is not None else None
    if given is not None and near not in (None, given.value):
        problems.unknown(given, "E023", "class", _CLASSES)
    for event in outgoing.events(root):
        _event(event, types, problems)
    _types(root.elements("exclude", "activities"), types, problems)
    _types(root.elements("find", "type"), types, problems)
    _expressions(root, problems)
    _quiet(root, problems)
    for message in root.elements("messages"):
        for pattern in message.elements("forbid"):
            fields.check_pattern(pattern, problems)
    consent = root.child("consent")
    if consent is not None and isinstance(consent.value, str) and consent.value not in outgoing.CONSENTS:
        problems.unknown(consent, "E064", "consent", outgoing.CONSENTS)
    _mapped(root, (*_SENT, *_ASKED) if root.child("find") is not None else _SENT, problems)
    _answering(root, root, problems)


def _quiet(root: Node, problems: Problems) -> None:
    begins, ends = (root.child("quiet", name) for name in ("from", "until"))
    if begins is not None and ends is not None and begins.value == ends.value:
        problems.add(ends, "E025", "`quiet` ends when it begins: nothing would ever go out", "give it another end")


def _answering(root: Node, node: Node, problems: Problems) -> None:
    """What is sent once in replies needs somebody who says that it has come; what an element needs, it has."""
    is_reply = root.text("transport", "type") == "reply"
    for field in node.entries("fields").values():
        for once in field.elements("once") if is_reply else ():
            for key in ("dedupe", "acknowledged"):
                if root.child("transport", key) is None:
                    help = "by `dedupe` a request has a name; in `acknowledged` it names those whose answers have come"
                    problems.add(once, "E021", f"`once` needs `transport.{key}`", help, key=True)
        for needed in field.elements("needs"):
            if isinstance(needed.value, str) and needed.value not in field.entries("fields"):
                problems.unknown(needed, "E064", "field of the element", field.entries("fields"))
        _answering(root, field, problems)


def check(
    dealer: Dealer, found: Sequence[Listed], produced: Iterable[Produced], types: Types, problems: Problems
) -> None:
    """What is wrong with the exports of one dealer: their parameters, overrides, gates, and leaks."""
    made = tuple(produced)
    for entry, root in found:
        is_enabled = entry.flag("enabled", default=True)
        whole = _given(dealer, entry, root, problems)
        settings.gates(root, entry, is_enabled, problems)
        if entry.child("override", "quiet") is not None:
            _quiet(whole, problems)
        if is_enabled:
            for lack in settings.lacking(root, dealer, has_webhook=True):
                help = f"{dealer.title} has not got it: add it where it is true, or say enabled: false"
                problems.add(entry.child("uses") or entry, "E054", f"`{entry.text('uses')}` needs {lack}", help)
            _leaks(entry, whole, made, types, problems)


def produced(feed: str, root: Node, dealer: Dealer) -> Produced:
    """What a feed brings in for a dealer, as its definition says."""
    has_webhook = settings.has_webhook(root)
    types = [
        activity.word("type", "")
        for stream in streams.shapes(root).values()
        if stream is root or not settings.lacking(stream, dealer, has_webhook)
        for activity in stream.elements("activities")
        if not settings.lacking(activity, dealer, has_webhook)
    ]
    return Produced(feed, frozenset(types), frozenset(root.texts("exports", "exclude")))


def check_excluded(definitions: Iterable[Node], exports: Iterable[Node], problems: Problems) -> None:
    """A class that a feed keeps its activities from has to be one: a misspelt one would let them out."""
    known = {*_CLASSES, *(name for root in exports if (name := root.text("class")) is not None)}
    for root in definitions:
        for node in root.elements("exports", "exclude"):
            if isinstance(node.value, str) and node.value not in known:
                problems.unknown(node, "E064", "class of exports", known)


def _given(dealer: Dealer, entry: Node, root: Node, problems: Problems) -> Node:
    """The export as this dealer uses it."""
    nobody = Names({}, {"name": dealer.name, "title": dealer.title, "timezone": dealer.timezone.key})

    def filled(node: Node) -> Node:
        return section(node, "params", nobody, problems)

    params.given(params.declared(root), entry, dealer.region, problems, filled)
    override = entry.child("override")
    if override is None or not override.is_map:
        return root
    inherit.refuse_sealed(override, root.elements("sealed"), problems)
    return inherit.merged(root, override, problems)


def _leaks(entry: Node, root: Node, produced: Sequence[Produced], types: Types, problems: Problems) -> None:
    """Ruled by category: a sale or a service is no lead, wherever it is sent as one."""
    if root.text("class") != LEADS:
        return
    for feed, made, excluded in produced:
        kinds = [types[name] for name in sorted(made) if name in types] if LEADS not in excluded else []
        for kind in kinds:
            if kind is not None and kind.category in _LEAKING and _admits(root, kind):
                message = (
                    f"`{entry.text('uses')}` would send each {kind.name} of `{feed}` as a lead: it is a {kind.category}"
                )
                here, there = f"exclude: {{categories: [{kind.category}]}}", f"exports: {{exclude: [{LEADS}]}}"
                help = f"exclude it: `{here}` in the export, or `{there}` in the feed"
                problems.add(entry.child("uses") or entry, "E082", message, help)


def _admits(root: Node, kind: ActivityType) -> bool:
    if kind.category in root.texts("exclude", "categories") or kind.name in root.texts("exclude", "activities"):
        return False
    named = [name for event in outgoing.events(root) for name in event.texts("activities")]
    return kind.name in named or not named


def _event(event: Node, types: Types, problems: Problems) -> None:
    _types(event.elements("activities"), types, problems)
    names = [name for name in event.texts("activities") if name in types]
    kinds = [kind for name in names if (kind := types[name]) is not None]
    if len(kinds) < len(event.elements("activities")):
        return
    states = {state for kind in kinds for state in kind.states}
    for node in event.elements("state"):
        if isinstance(node.value, str) and node.value not in states:
            problems.unknown(node, "E068", f"state of {' or '.join(names)}", states)
    known = {*_OWN_WORDS, *(name for kind in kinds for name in kind.fields)}
    for node in event.elements("fields"):
        if isinstance(node.value, str) and node.value not in known:
            problems.unknown(node, "E065", f"field of {' or '.join(names)}", known)


def _types(nodes: Iterable[Node], types: Types, problems: Problems) -> None:
    for node in nodes:
        if isinstance(node.value, str) and node.value not in types:
            problems.unknown(node, "E067", "activity type", types)


def _expressions(root: Node, problems: Problems) -> None:
    spots = {
        ("exclude", "if"): _SEEN,
        ("messages", "*", "if"): _SEEN,
        ("key", "*"): _SEEN,
        ("find", "key", "*"): _ASKED,
        ("versions", "*", "path"): (*_ASKED, *_SEEN),
        ("transport", "acknowledged"): _ASKED,
        ("transport", "dedupe", "by", "*"): _ASKED,
        ("transport", "accepted", "id"): (),
        ("transport", "accepted", "if"): ("status", "headers", "body"),
        ("transport", "receipts", "id"): (),
        ("transport", "receipts", "status"): (),
        ("transport", "receipts", "item"): _ASKED,
        ("transport", "onError", "*", "if"): ("status", "headers", "body"),
    }
    for path, roots in spots.items():
        for node in polling.below(root, path):
            if isinstance(node.value, str):
                polling.expression(node, roots, problems)


def _mapped(node: Node, roots: tuple[str, ...], problems: Problems) -> None:
    """The fields of an export; inside an `each` paths begin at the element, whose names nobody knows here."""
    for field in node.entries("fields").values():
        for key in ("path", "each", "if"):
            for found in field.elements(key):
                polling.expression(found, roots, problems)
        for found in field.elements("once"):
            polling.expression(found, (), problems)
        _mapped(field, () if field.child("each") is not None else roots, problems)


def _references(node: Node, declared: Mapping[str, object], problems: Problems) -> None:
    for child in (*node.entries().values(), *(node.value if isinstance(node.value, tuple) else ())):
        _references(child, declared, problems)
    if not isinstance(node.value, str) or "${" not in node.value:
        return
    try:
        found = references.references(node.value)
    except references.BadReference as error:
        problems.add(node, "E041", str(error), offset=error.offset)
        return
    value = references.parsed(node.value)
    if isinstance(value, Template):
        warn_of_zones(node, value, problems)
    for reference in found:
        root, rest = reference.path[0], reference.path[1:]
        text = ".".join(reference.path)
        members = declared if root == "params" else references.ROOTS.get(root)
        offset = max(node.value.find(text), 0)
        if root not in _REFERRED:
            problems.unknown(node, "E040", "reference", _REFERRED, name=root, offset=offset)
        elif members is not None and (not rest or rest[0] not in members):
            what = "parameter" if root == "params" else "reference"
            known = members if root == "params" else [f"{root}.{member}" for member in members]
            problems.unknown(
                node, "E040", what, known, name=".".join(rest) if root == "params" else text, offset=offset
            )
