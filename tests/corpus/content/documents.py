"""C14, C15: XML and JSON that are too deep, too large, ambiguous, or ask for things outside themselves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DEEP = 100_000


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    for name, text in xml_bombs():
        yield f"xml-{name}", text.encode, {"format": "xml"}
    for name, text, settings in xml():
        yield f"xml-{name}", text.encode, {"format": "xml", **settings}
    for name, text in json():
        yield f"json-{name}", text.encode, {"format": "json"}


def xml_bombs() -> Iterator[tuple[str, str]]:
    yield "billion-laughs", f'<!DOCTYPE r [<!ENTITY l0 "lol">{LOL}]><r>&l9;</r>'
    yield "quadratic", f'<!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]><r>{"&a;" * 50_000}</r>'
    yield "external-entity", '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>'
    yield "external-dtd", '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>'
    yield "parameter-entity", '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]><r/>'
    yield "attribute-entities", f'<!DOCTYPE r [<!ENTITY l0 "lol">{LOL}<!ATTLIST r a CDATA "&l9;">]><r/>'
    yield "depth", "<a>" * DEEP + "</a>" * DEEP
    yield "many-attributes", "<r " + " ".join(f'a{n}="1"' for n in range(20_000)) + "/>"


def xml() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "plain", "<r><Item><a>1</a></Item><Item><a>2</a></Item></r>", {}
    yield "one-item", "<r><Item><a>1</a></Item></r>", {"lists": ["Item"]}
    yield "depth-200", "<a>" * 199 + "x" + "</a>" * 199, {}
    yield "undefined-entity", "<r>&nbsp;</r>", {}
    yield "xinclude", '<r xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="/etc/hostname"/></r>', {}
    yield "processing-instruction", '<?xml-stylesheet href="file:///etc/hostname"?><r><a>1</a></r>', {}
    yield "cdata", "<r><a><![CDATA[<!DOCTYPE x> & <b>]]></a></r>", {}
    yield "doctype-in-a-comment", "<!-- <!DOCTYPE r> --><r><a>1</a></r>", {}
    yield "html", "<!DOCTYPE html><html><body>Login</body></html>", {}
    yield "not-closed", "<r><a>1</r>", {}
    yield "two-roots", "<r/><r/>", {}
    yield "text", "Service unavailable", {}
    yield "json", '{"a": 1}', {}
    yield "namespace-not-declared", "<r><x:a>1</x:a></r>", {}
    yield "attribute-twice", '<r a="1" a="2"/>', {}
    yield "declares-utf-16", '<?xml version="1.0" encoding="utf-16"?><r><a>José</a></r>', {}
    yield "declares-a-codec", '<?xml version="1.0" encoding="rot13"?><r/>', {}
    yield "declares-utf-7", '<?xml version="1.0" encoding="utf-7"?><r><a>+ADw-</a></r>', {}
    yield "huge-text", f"<r><a>{'x' * 11_000_000}</a></r>", {}
    yield "nil", '<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="true"/></r>', {}


def json() -> Iterator[tuple[str, str]]:
    yield "depth-lists", "[" * DEEP + "]" * DEEP
    yield "depth-objects", '{"a":' * DEEP + "1" + "}" * DEEP
    yield "depth-unclosed", "[" * DEEP
    yield "depth-254", "[" * 254 + "]" * 254
    yield "depth-255", "[" * 255 + "]" * 255
    yield "key-twice", '{"a": 1, "a": 2}'
    yield "key-twice-same-value", '{"a": 1, "a": 1}'
    yield "key-twice-deep", '{"d": [{"x": {"a": 1, "b": 2, "a": 3}}]}'
    yield "key-twice-escaped", '{"a": 1, "\\u0061": 2}'
    yield "key-twice-and-quotes", '{"a": "\\u0022", "a": "\\u0022\\u0022"}'
    yield "keys-of-many", '{"d": [' + ",".join(f'{{"a": {n}, "b": "\\"{n}\\\\"}}' for n in range(5000)) + "]}"
    yield "nan", '{"a": NaN}'
    yield "infinity", '{"a": -Infinity}'
    yield "1e999", '{"a": 1e999}'
    yield "integer-of-64-bits", '{"a": 9223372036854775807, "b": 18446744073709551615}'
    yield "integer-of-30-digits", '{"a": 123456789012345678901234567890}'
    yield "integer-of-5000-digits", '{"a": 1' + "0" * 5000 + "}"
    yield "digits-in-a-text", '{"a": "1234567890123456789012345"}'
    yield "nul", '{"a": "x\\u0000y"}'
    yield "nul-in-a-key", '{"x\\u0000": 1}'
    yield "no-nul-but-a-backslash", '{"a": "x\\\\u0000"}'
    yield "lone-surrogate", '{"a": "\\ud83d"}'
    yield "pair-of-surrogates", '{"a": "\\ud83d\\ude00"}'
    yield "raw-control-character", '{"a": "x\ty"}'
    yield "text", '"down for maintenance"'
    yield "number", "42"
    yield "null", "null"
    yield "empty-list", "[]"
    yield "empty-object", "{}"
    yield "two-documents", '{"a": 1}{"a": 2}'
    yield "trailing-comma", '{"a": [1, 2,]}'
    yield "comment", '{"a": 1} // done'
    yield "single-quotes", "{'a': 1}"
    yield "cut", '{"data": [{"a": 1}, {"a"'
    yield "html", "<html><body>Login</body></html>"
    yield "wrapped", ')]}\',\n{"a": 1}'
    yield "many-keys", "{" + ",".join(f'"k{n}": {n}' for n in range(50_000)) + "}"
    yield "blanks-around", ' \n\t{"a": 1}\r\n '
