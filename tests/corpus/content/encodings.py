"""C1, C2, C12: byte order marks, encodings that are declared, wrong or mixed, and NULs."""

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
TEXTS = {"ascii": "Ann", "latin": "José", "beyond": "José €中😀"}
JSON = '{"No": "1", "Name": "José"}\n'


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    for name, content, settings in (*marked(), *declared(), *wrong(), *nuls()):
        yield name, lambda content=content: content, settings  # type: ignore[misc]


def table(text: str) -> str:
    return f"No,Name\r\n1,{text}\r\n2,{text} {text}\r\n"


def marked() -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    for encoding, mark in MARKS.items():
        for word, text in TEXTS.items():
            yield f"mark-{encoding}-{word}", mark + table(text).encode(encoding), {"format": "csv"}
        for form in ("json", "jsonl", "lines"):
            yield f"mark-{encoding}-{form}", mark + JSON.encode(encoding), {"format": form}
        quoted = '"No","Name"\n1,José\n'.encode(encoding)
        yield f"mark-{encoding}-quoted-header", mark + quoted, {"format": "csv"}
        yield f"mark-{encoding}-alone", mark, {"format": "csv"}
        lies = {"format": "csv", "encoding": ["windows-1252"]}
        yield f"mark-{encoding}-wins", mark + table(TEXTS["latin"]).encode(encoding), lies
    yield "mark-twice", codecs.BOM_UTF8 * 2 + table("Ann").encode(), {"format": "csv"}
    yield "mark-in-the-middle", table("Ann").encode() + codecs.BOM_UTF8 + b"3,Bo\r\n", {"format": "csv"}
    yield "mark-in-a-text", "No,Name\n1,A\ufeffnn\n".encode(), {"format": "csv"}
    yield "mark-xml", codecs.BOM_UTF8 + "<r><a>José</a></r>".encode(), {"format": "xml"}
    yield "mark-utf-8-then-other", codecs.BOM_UTF8 + table("José").encode("cp1252"), {"format": "csv"}


def declared() -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    samples = {
        "windows-1252": "José €“”",
        "iso-8859-1": "José",
        "iso-8859-2": "Łódź",
        "windows-1250": "Łódź",
        "windows-1251": "Иван",
        "cp437": "José",
        "cp850": "José",
        "mac-roman": "José",
        "shift_jis": "日本",
        "gb18030": "中文",
        "big5": "中文",
        "euc-kr": "한국",
        "utf-16-le": "José",
        "utf-16-be": "José",
        "ascii": "Ann",
    }
    for encoding, text in samples.items():
        yield f"declared-{encoding}", table(text).encode(encoding), {"format": "csv", "encoding": [encoding]}


def wrong() -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    strict = {"format": "csv", "encoding": ["utf-8"]}
    ladder = {"format": "csv"}
    latin = table("José").encode("cp1252")
    yield "windows-1252-as-utf-8", latin, strict
    yield "windows-1252-by-the-ladder", latin, ladder
    yield "neither-of-both", latin + b"3,\x81\n", ladder
    yield "mixed-by-line", table("José").encode() + latin.partition(b"\n")[2], ladder
    yield "mixed-and-strict", table("José").encode() + latin.partition(b"\n")[2], strict
    yield "cut-in-a-character", table("José").encode()[:-3], strict
    yield "overlong", b"No,Name\n1,\xc0\xaf\n", strict
    yield "surrogate-in-utf-8", b"No,Name\n1,\xed\xa0\x80\n", strict
    yield "utf-16-without-a-mark", table("José").encode("utf-16-le"), ladder
    yield "utf-16-odd-length", codecs.BOM_UTF16_LE + table("José").encode("utf-16-le") + b"x", ladder
    yield "utf-16-lone-surrogate", codecs.BOM_UTF16_LE + "No,Name\n1,".encode("utf-16-le") + b"\x00\xd8\n\x00", ladder
    yield "late-bad-byte", b"No,Name\n" + b"1,Ann\n" * 60_000 + b"2,\xe9\n", strict
    yield "late-bad-byte-by-the-ladder", b"No,Name\n" + b"1,Ann\n" * 60_000 + b"2,\xe9\n", ladder
    yield "json-in-windows-1252", JSON.encode("cp1252"), {"format": "json"}
    yield "json-strict", JSON.encode("cp1252"), {"format": "json", "encoding": ["utf-8"]}


def nuls() -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    yield "nul-in-a-cell", b"No,Name\n1,A\0n\n2,Bo\n", {"format": "csv"}
    yield "nul-in-quotes", b'No,Name\n1,"A\0\n\0n"\n2,Bo\n', {"format": "csv"}
    yield "nul-in-the-header", b"No,Na\0me\n1,Ann\n", {"format": "csv"}
    yield "nul-as-padding", b"No,Name\n1,Ann\n" + b"\0" * 512, {"format": "csv"}
    yield "nul-only", b"\0" * 100, {"format": "csv"}
    yield "nul-in-every-row", b"No,Name\n" + b"1,A\0\n" * 5, {"format": "csv"}
    yield "nul-in-a-line", b"a\0b\nc\n", {"format": "lines"}
    yield "nul-in-jsonl", b'{"a": "x\\u0000"}\n{"a": "y"}\n', {"format": "jsonl"}
    yield "nul-in-a-form", b"a=1%00", {"format": "form"}
    yield "nul-in-xml", b"<r><a>x\0y</a></r>", {"format": "xml"}
    yield "nul-as-an-xml-reference", b"<r><a>&#0;</a></r>", {"format": "xml"}
