"""An XML document as JSON-like values. Never reads a DTD, an entity, or anything outside the document.

An element becomes an object of its children; children of one name, and those that `lists` names,
become a list; an attribute is `@name`; text beside attributes or children is `#text`; an element
with nothing but text is that text, an empty one "", one that is `xsi:nil` null. The document is
what is inside the root element, whose name is not part of any path.
"""

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from engine.decode.source import WHOLE, Bytes, Source, chunks, opened
from engine.decode.text import Text, content, readable
from engine.errors import DecodeError
from engine.model import Batch, Decoded, Value

DEPTH = 200  # levels; libxml2 itself stops at 256

_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_WIDE = ("utf-16", "utf-32", "ucs-2", "ucs-4", "unicode")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_PIECE = 1 << 16  # bytes given to the parser at a time, so that it stops soon after a refusal


def decode(path: Bytes, settings: Mapping[str, Value], batch: int) -> Decoded:
    """The document as one row. The encoding is what the document declares, unless `encoding` says another.

    Raises DecodeError: `xml.syntax` with its line, `xml.dtd`, `xml.depth`, `encoding.unreadable`.
    """
    source = opened(path, settings, WHOLE)
    text = _readable(source, settings)
    data = content(text)
    lists = frozenset(settings.get("lists", ()))
    document = _parsed(data, _Builder(lists, settings.get("namespaces", "strip") == "strip"))
    whole = Batch([document], [1], [data.decode()], [])
    return Decoded(None, iter((whole,)), whole=True, encoding=text.encoding, notes=text.notes)


class _Builder:
    """What the parser tells of a document, put together from the inside out."""

    def __init__(self, lists: frozenset[str], strip: bool) -> None:
        self.lists = lists
        self.strip = strip
        self.document: Value = None
        self.open: list[tuple[str, dict[str, Value], list[str], bool]] = []  # name, members, text, is nil

    def doctype(self, name: str, public: str, system: str) -> None:
        raise DecodeError("xml.dtd", "the document has a DTD (<!DOCTYPE ...>); expected one without")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self.open) == DEPTH:
            raise DecodeError("xml.depth", f"elements are nested deeper than {DEPTH} levels")
        is_nil = attributes.get(_NIL) in ("true", "1")
        members = {f"@{self._name(name)}": value for name, value in attributes.items() if name != _NIL}
        self.open.append((self._name(tag), members, [], is_nil))

    def data(self, text: str) -> None:
        self.open[-1][2].append(text)

    def end(self, tag: str) -> None:
        name, members, texts, is_nil = self.open.pop()
        text = "".join(texts)
        if members and not text.isspace() and text:
            members["#text"] = text
        if not self.open:
            self.document = members or ({"#text": text} if text.strip() else {})
            return
        value = members or (None if is_nil else "" if text.isspace() else text)
        siblings = self.open[-1][1]
        if name in siblings:
            earlier = siblings[name]
            if isinstance(earlier, list):
                earlier.append(value)
            else:
                siblings[name] = [earlier, value]
        else:
            siblings[name] = [value] if name in self.lists else value

    def close(self) -> Value:
        return self.document

    def _name(self, tag: str) -> str:
        return tag.rpartition("}")[2] if self.strip else tag


def _parsed(data: bytes, builder: _Builder) -> Value:
    # The bytes are UTF-8 by now, whatever the document declares.
    parser: Any = etree.XMLParser(
        target=builder,
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
    )
    try:
        for start in range(0, len(data), _PIECE):
            parser.feed(data[start : start + _PIECE])
        return parser.close()
    except etree.XMLSyntaxError as error:
        line = error.position[0]
        raise DecodeError("xml.syntax", f"not XML: {' '.join(str(error.msg).split())}", line) from error


def _readable(source: Source, settings: Mapping[str, Value]) -> Text:
    """The ladder of `encoding` where there is one, else what the document declares (XML 1.0, appendix F)."""
    if "encoding" in settings:
        return readable(source, settings)
    start = next(chunks(source), b"")
    declared = _DECLARED.match(start.removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding.startswith(_WIDE):
        encoding = "utf-8"  # or the declaration could not have been read: it was written for a string in memory
    if start.startswith((b"<\0?\0", b"\0<\0?")):
        encoding = "utf-16-le" if start.startswith(b"<") else "utf-16-be"
    try:
        b" ".decode(encoding)  # refuses also the codecs of Python that are no encodings of text
        return readable(source, {"encoding": [encoding]})
    except (LookupError, UnicodeError) as error:
        raise DecodeError("encoding.unreadable", f"the document declares {encoding!r}, which is no encoding") from error
