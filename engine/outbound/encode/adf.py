"""Auto-lead Data Format 1.0, the XML that receivers of leads read. Never writes a document that the format forbids.

Fields go by the names of the elements (`prospect.customer.contact.email`), attributes as if they were children
(`prospect.vehicle.interest`), the text of an element that has attributes is its `value`. A list repeats its element;
`name.first` is <name part="first">. A character that XML cannot hold becomes U+FFFD, so that a lead goes out and its
reader sees that something was there. Receivers' dialects are settings.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine.errors import EncodeError
from engine.model import Value
from engine.outbound.encode.adf_elements import ATTRIBUTES, CONTENT, MAY_BE_EMPTY, TOLD_BY
from engine.outbound.encode.encoded import MARK, Encoded, Fields, written

_ROOT = "prospect"
_TEXT = "value"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_INSTRUCTIONS = {"lower": '<?adf version="1.0"?>\n', "upper": '<?ADF VERSION="1.0"?>\n', "none": ""}


def encode(fields: Fields, settings: Mapping[str, Any]) -> Encoded:
    """A document with one prospect."""
    return encode_many([fields], settings)


def encode_many(items: Sequence[Fields], settings: Mapping[str, Any]) -> Encoded:
    """A document with a prospect for each item.

    Raises EncodeError: "encode.name" for a field that ADF does not have, "encode.missing" for one that it wants,
    "encode.repeated", "encode.shape" and "encode.choice" for a value that cannot stand there.
    """
    dialect = _Dialect(frozenset(settings.get("optional", ())), settings.get("extra", {}))
    root = etree.Element("adf")
    for fields in items:
        for name in fields:
            if name != _ROOT:
                raise _unknown(name, "the document", [_ROOT])
        root.append(dialect.element(_ROOT, fields.get(_ROOT) or {}, _ROOT))
    head = _DECLARATION if settings.get("declaration", True) else ""
    head += _INSTRUCTIONS[settings.get("instruction", "lower")]
    body = head.encode("ascii") + etree.tostring(root, encoding="utf-8", xml_declaration=False)
    return Encoded(body, settings.get("media", "application/xml"), ".xml")


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What a receiver does without, and which elements of its own it has, both by dotted names."""

    optional: frozenset[str]
    extra: Mapping[str, Sequence[str]]

    def element(self, name: str, value: Value, where: str) -> Any:
        """One element with all that is in it."""
        members = value if isinstance(value, Mapping) else {_TEXT: value}
        attributes, content = ATTRIBUTES.get(name, {}), CONTENT.get(name, ())
        own = self.extra.get(where, ())
        known = [*(child for child, _ in content), *own] if content else [_TEXT]
        for key in members:
            if key not in known and key not in attributes:
                raise _unknown(f"{where}.{key}", where, [*known, *attributes])
        made = etree.Element(name)
        for key, words in attributes.items():
            if not _is_blank(members.get(key)):
                made.set(key, _attribute(members[key], words, f"{where}.{key}"))
        if not content:
            made.text = _text(members.get(_TEXT), where)
        for child, count in content:
            made.extend(self._children(child, count, members.get(child), f"{where}.{child}"))
        for child in own:
            made.extend(_plain(child, each, f"{where}.{child}") for each in _listed(members.get(child)))
        self._check_reachable(name, made, where)
        return made

    def _children(self, name: str, count: str, value: Value, where: str) -> list[Any]:
        found = [self.element(name, each, where) for each in _repeated(name, value)]
        if len(found) > 1 and count in ("", "?"):
            raise EncodeError(
                "encode.repeated", f"{where} stands there once in ADF, and has {len(found)} values", where
            )
        if found or count in ("?", "*") or where in self.optional:
            return found
        if name in CONTENT or name in MAY_BE_EMPTY:
            return [self.element(name, {}, where)]
        raise _missing(where)

    def _check_reachable(self, name: str, contact: Any, where: str) -> None:
        if name != "contact" or self.optional & {f"{where}.email", f"{where}.phone"}:
            return
        if contact.find("email") is None and contact.find("phone") is None:
            raise _missing(f"{where}.email", " or a phone")


def _repeated(name: str, value: Value) -> list[Value]:
    """What each element of this name is made of; nothing for what is blank."""
    found = [one for each in _listed(value) for one in _told_apart(name, each)]
    if name in CONTENT:
        return found
    filled = [each for each in found if not _is_blank(each.get(_TEXT) if isinstance(each, Mapping) else each)]
    return [_full(each) if name == "name" else each for each in filled]


def _told_apart(name: str, value: Value) -> list[Value]:
    """`{first: Ana, last: Ruiz}` as two values, each with the attribute that tells it apart."""
    told, attributes = TOLD_BY.get(name), ATTRIBUTES.get(name, {})
    if told is None or not isinstance(value, Mapping) or value.keys() <= {_TEXT, *attributes}:
        return [value]
    shared = {key: inner for key, inner in value.items() if key in attributes}
    return [
        {**shared, told: key, **(each if isinstance(each, Mapping) else {_TEXT: each})}
        for key, inner in value.items()
        if key not in attributes
        for each in _listed(inner)
    ]


def _full(value: Value) -> Value:
    """A name says which part it is, also where that is what the format assumes: many receivers do not."""
    members = dict(value) if isinstance(value, Mapping) else {_TEXT: value}
    return members if not _is_blank(members.get("part")) else {**members, "part": "full"}


def _listed(value: Value) -> list[Value]:
    return [each for each in (value if isinstance(value, list | tuple) else [value]) if not _is_blank(each)]


def _is_blank(value: Value) -> bool:
    if isinstance(value, Mapping):
        return all(_is_blank(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_is_blank(inner) for inner in value)
    return value is None or value == ""


def _plain(name: str, value: Value, where: str) -> Any:
    made = etree.Element(name)
    made.text = _text(value, where)
    return made


def _text(value: Value, where: str) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise EncodeError("encode.shape", f"{where} holds text in ADF, and has parts", where)
    return _NOT_XML.sub(MARK, written(value))


def _attribute(value: Value, words: tuple[str, ...], where: str) -> str:
    text = str(int(value)) if isinstance(value, bool) else _text(value, where)
    if words and text not in words:
        raise EncodeError("encode.choice", f"{where} is none of the words of ADF: {', '.join(words)}", where)
    return text


def _missing(where: str, others: str = "") -> EncodeError:
    message = f"ADF wants {where}{others}, and the item has none; `optional` names what a receiver does without"
    return EncodeError("encode.missing", message, where)


def _unknown(field: str, where: str, known: Sequence[str]) -> EncodeError:
    return EncodeError("encode.name", f"{field} is not in ADF; expected in {where}: {', '.join(known)}", field)
