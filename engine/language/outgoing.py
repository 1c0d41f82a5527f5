"""The exports that dealers make of definitions of what goes out. Reads no file, and finds no fault that was not told.

Every rule of an export keeps the place where it is written: whoever asks why something did not go out is told it.
"""

from collections.abc import Mapping
from datetime import time
from zoneinfo import ZoneInfo

from engine.deferred import SecretRef
from engine.exported import Exclusion, ExportCase, Find, Occasion, OutField, Quiet
from engine.language import definition, fields, filling, inherit, params, settings
from engine.language.filling import Names
from engine.language.problems import Problems
from engine.language.resolution import facts
from engine.language.tree import Node
from engine.model import ActivityType, Dealer, Export, Value

# What a consent is called in a definition, and the field of a contact that holds it.
CONSENTS: Mapping[str, str] = {"texting": "allowText", "email": "allowEmail", "calling": "allowCall"}
# What references name that only an item of the outbox knows, or a request that is answered.
OPEN = frozenset({"activity", "contact", "vehicle", "message", "query", "headers", "body"})
KEY = ("activity.id",)
CREATED = "created"


def export(root: Node, dealer: Dealer, entry: Node, types: Mapping[str, ActivityType], problems: Problems) -> Export:
    """What a dealer's entry makes of an export; `root` is merged with what it is based on."""
    uses = entry.word("uses", "")
    names, tree = _resolved(root, dealer, entry, problems)
    consent = tree.child("consent")
    return Export(
        id=definition.identity(dealer.name, entry),
        title=entry.text("title") or tree.word("title", uses),
        definition=uses,
        namespace=tree.text("namespace") or uses.partition("/")[0],
        dealer=dealer,
        enabled=entry.flag("enabled", default=True),
        reason=entry.word("reason", ""),
        group=tree.text("class"),
        cases=_cases(tree, dealer),
        exclusions=tuple(_exclusions(tree)),
        consent=CONSENTS.get(str(consent.value)) if consent is not None else None,
        consent_where=str(consent.key) if consent is not None else "",
        fields=_fields(tree, problems),
        keeps_blanks=tree.text("onBlank") == "send",
        encode=_plain(tree.child("encode")) or {"format": "json"},
        transport=_plain(tree.child("transport")),
        key=tree.texts("key") or KEY,
        activity_types=types,
        params={name: node.plain for name, node in names.params.items() if not isinstance(node.value, SecretRef)},
        tags=tuple(dict.fromkeys((*tree.texts("tags"), *entry.texts("tags")))),
        path=entry.place.document.path,
        where=str(tree.place),
        quiet=_quiet(tree.child("quiet")),
        find=_find(tree.child("find")),
        versions={product: each.word("path", "") for product, each in tree.entries("versions").items()},
        minima={product: str(each.value) for product, each in tree.entries("requires", "versions").items()},
    )


def _quiet(node: Node | None) -> Quiet | None:
    if node is None:
        return None
    return Quiet(time.fromisoformat(node.word("from", "")), time.fromisoformat(node.word("until", "")))


def _find(node: Node | None) -> Find | None:
    if node is None:
        return None
    return Find(node.word("type", ""), node.texts("key"), node.word("onNone", "empty"))


def watches_time(root: Node) -> bool:
    """Whether something of it goes out because its day has come."""
    return any(event.text("is") == "due" for event in events(root))


def is_told(root: Node, entry: Node) -> bool:
    """Whether somebody tells later what became of what was sent."""
    return any(node.child("transport", "receipts") is not None for node in (root, *_override(entry)))


def _override(entry: Node) -> tuple[Node, ...]:
    override = entry.child("override")
    return () if override is None else (override,)


def events(root: Node) -> tuple[Node, ...]:
    """What sends something: the export's own occasion, and those of its messages."""
    found = (root.child("event"), *(message.child("event") for message in root.elements("messages")))
    return tuple(event for event in found if event is not None)


def _resolved(root: Node, dealer: Dealer, entry: Node, problems: Problems) -> tuple[Names, Node]:
    """Override, parameters and what the dealer is, put into the definition."""
    known = facts(dealer)
    override = entry.child("override")
    if override is not None and override.is_map:
        root = inherit.merged(root, override, problems)
    nobody = Names({}, known)

    def filled(node: Node) -> Node:
        return filling.section(node, "params", nobody, problems)

    given = params.given(params.declared(root), entry, dealer.region, problems, filled)
    names = Names(given, known, OPEN)
    return names, filling.filled(root, names, problems)


def _cases(tree: Node, dealer: Dealer) -> tuple[ExportCase, ...]:
    messages = [node for node in tree.elements("messages") if node.is_map]
    if messages:
        return tuple(_message(node, dealer) for node in messages)
    if tree.child("find") is not None:
        return ()  # nothing sends it: it is asked for
    event = tree.child("event")
    occasion = Occasion((), CREATED, where=str(tree.place)) if event is None else _occasion(event)
    return (ExportCase("", occasion, where=occasion.where),)


def _message(node: Node, dealer: Dealer) -> ExportCase:
    condition, text = node.child("if"), node.child("text")
    return ExportCase(
        name=node.word("name", ""),
        occasion=_occasion(node.child("event") or node),
        condition=node.text("if"),
        lacking=" and ".join(settings.lacking(node, dealer, has_webhook=True)),
        text=text.plain if text is not None else None,
        forbidden=tuple((str(each.value), str(each.place)) for each in node.elements("forbid")),
        where=str(node.place),
        condition_where=str(condition.key) if condition is not None else "",
    )


def _occasion(event: Node) -> Occasion:
    state = event.text("state")
    return Occasion(
        activities=event.texts("activities"),
        happening=event.text("is") or (CREATED if state is None else None),
        fields=event.texts("fields"),
        state=state,
        where=str(event.key),
    )


def _exclusions(tree: Node) -> list[Exclusion]:
    return [
        Exclusion(by, node.texts(), str(node.key))
        for by, node in tree.entries("exclude").items()
        if by in ("categories", "activities", "if")
    ]


def _fields(node: Node, problems: Problems) -> tuple[OutField, ...]:
    return tuple(_field(name, each, problems) for name, each in node.entries("fields").items() if each.is_map)


def _field(name: str, node: Node, problems: Problems) -> OutField:
    const, text, default, zone = (node.child(key) for key in ("const", "text", "default", "timezone"))
    return OutField(
        name=name,
        path=node.text("path"),
        const=const.plain if const is not None else None,
        text=text.plain if text is not None else None,
        each=node.text("each"),
        fields=_fields(node, problems),
        condition=node.text("if"),
        once=node.text("once"),
        needs=node.texts("needs"),
        without=tuple(each.plain for each in node.elements("not")),
        since={product: str(each.value) for product, each in node.entries("since").items()},
        transforms=fields.transforms(node, problems),
        type=node.text("type"),
        format=node.text("format"),
        timezone=ZoneInfo(zone.value) if zone is not None and isinstance(zone.value, str) else None,
        map=fields.value_map(node, problems),
        default=default.plain if default is not None else None,
        required=node.flag("required"),
        where=str(node.key),
    )


def _plain(node: Node | None) -> Mapping[str, Value]:
    return node.plain if node is not None and node.is_map else {}
