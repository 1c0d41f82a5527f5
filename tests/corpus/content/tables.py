"""C3, C4, C7: quoting, line ends, quotes that are not closed, rows of another width."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    for name, text, settings in (*line_ends(), *quoted(), *unclosed(), *ragged(), *fixed(), *lines()):
        yield name, text.encode, {"format": "csv", **settings}


def line_ends() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for (word, end), (inner_word, inner) in product(ENDS.items(), {**ENDS, "none": ""}.items()):
        text = end.join(["a,b", "1,z", f'2,"x{inner}y"'])
        yield f"ends-{word}-inside-{inner_word}", text + end, {}
        yield f"ends-{word}-inside-{inner_word}-unfinished", text, {}
    yield "ends-mixed", "a,b\r\n1,2\n3,4\r5,6\r\n7,8", {}
    yield "ends-cr-cr-lf", "a,b\r\r\n1,2\r\r\n", {}
    yield "ends-lf-cr", "a,b\n\r1,2\n\r", {}
    yield "ends-vertical-tab-is-none", "a,b\n1,x\x0by\n", {}
    yield "ends-unicode-is-none", "a,b\n1,x\u2028y\x85z\u2029\n", {}
    yield "ends-control-z", "a,b\n1,2\n\x1a", {}


def quoted() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "quoted-comma", 'first,last,city\nAnn,Lee,"Springfield, IL"\n', {}
    yield "quoted-empty", 'a,b,c\n1,"",""\n2,3,4\n', {}
    yield "quoted-quote", 'a,b\n1,"ha ""ha"" ha"\n3,4\n', {}
    yield "quoted-json", 'key,val\n1,"{""type"": ""Point"", ""at"": [1, 2]}"\n', {}
    yield "quoted-quotes-and-lines", 'a,b\n1,"ha\n""ha""\nha"\n3,4\n', {}
    yield "quoted-everything", '"a","b"\n"1","2"\n', {}
    yield "quoted-blanks", 'a,b\n" 1 "," "\n', {}
    yield "quoted-only-quote", 'a,b\n1,""""\n', {}
    yield "quote-inside-text", "a,b\n1,5\" hose\n2,6'\n", {}
    yield "quote-after-blank", 'a,b\n1, "2"\n', {}
    yield "backslash", 'a,b\n1,C:\\dir\\\n2,\\"x\n', {}
    yield "backslash-before-quote", 'a,b\n1,"x\\"y"\n', {}
    yield "text-after-quote", 'a,b\n1,"2" \n', {}
    yield "text-after-quote-late", "a,b\n" + "1,2\n" * 30_000 + '3,"4"x\n', {}
    yield "semicolons", 'a;b\n1;"x;y"\n', {"delimiter": ";"}
    yield "tabs", "a\tb\n1\tx,y\n", {"delimiter": "\t"}
    yield "pipes", "a|b\n1|x,y\n", {"delimiter": "|"}
    yield "unit-separator", "a\x1fb\n1\x1fx\n", {"delimiter": "\x1f"}
    yield "apostrophes", "a,b\n1,'x,y'\n", {"quote": "'"}
    yield "no-quotes", 'a,b\n"1,2"\n', {"quote": "none"}
    yield "quoted-across-blocks", "a,b\n" + '1,"x\n\ny"\n' * 40_000, {}
    yield "formula", "a,b\n=1+1,@x\n+2,-3\n", {}


def unclosed() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "unclosed-last", 'a,b\n1,2\n3,"4', {}
    yield "unclosed-last-with-end", 'a,b\n1,2\n3,"4\n', {}
    yield "unclosed-first", 'a,b\n1,"2\n3,4\n5,6\n', {}
    yield "unclosed-in-the-header", 'a,"b\n1,2\n', {}
    yield "unclosed-alone", 'a,b\n"', {}
    yield "unclosed-swallows-much", 'a,b\n1,"2\n' + "3,4\n" * 100_000, {}
    yield "unclosed-late", "a,b\n" + "1,2\n" * 100_000 + '3,"4\n5,6\n', {}
    yield "unclosed-two-cancel", 'a,b\n1,"2\n3,4"\n5,6\n', {}
    yield "unclosed-three", 'a,b\n1,"2\n3,"4\n5,"6\n', {}
    yield "unclosed-escaped", 'a,b\n1,"2""\n3,4\n', {}
    yield "unclosed-apostrophe", "a,b\n1,'2\n3,4\n", {"quote": "'"}


def ragged() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "width-short", "a,b,c\n1,2\n1,2,3\n", {}
    yield "width-long", "a,b,c\n1,2,3,4\n1,2,3\n", {}
    yield "width-both", "a,b,c\n1\n1,2,3\n1,2,3,4\n1,2\n", {}
    yield "width-all-bad", "a,b,c\n1,2\n3,4\n", {}
    yield "width-unquoted-comma", "name,city\nAnn,Springfield, IL\nBo,Salem\n", {}
    yield "width-trailing-in-rows", "a,b\n1,2,\n3,4,\n", {}
    yield "width-delimiter-changes", "a,b\n1,2\n3;4\n5;6\n", {}
    yield "width-cut-last", "a,b,c\n1,2,3\n4,5", {}
    yield "width-footer", "a,b,c\n1,2,3\nTotal: 1\n", {}
    yield "width-one-blank-cell", "a,b\n1,2\n \n3,4\n", {}
    yield "width-one-column", "a\n1\n\n2,3\n", {}
    yield "width-bad-among-many", "a,b\n" + "1,2\n" * 7000 + "3\n" + "4,5\n" * 7000, {}


def fixed() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    columns = [{"name": "no", "start": 1, "width": 4}, {"name": "name", "start": 5, "width": 6}]
    form = {"format": "fixedWidth", "columns": columns}
    yield "fixed", "0001Ann   \n0002Bo    \n", form
    yield "fixed-cut-blanks", "0001Ann\n0002\n", form
    yield "fixed-too-long", "0001Ann   \n0002Bo    extra\n", form
    yield "fixed-wide-letters", "0001José😀 \n", form
    yield "fixed-skipped", "REPORT\n0001Ann   \n", {**form, "skipRows": 1}
    yield "fixed-blank-lines", "\n0001Ann\n          \n", form


def lines() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "lines", "a\r\n\r\nb\rc", {"format": "lines"}
    yield "jsonl", '{"a": 1}\n\n{"a": 2}', {"format": "jsonl"}
    yield "jsonl-bad", '{"a": 1}\n{"a": 2\n{"a": 3}\n', {"format": "jsonl"}
    yield "jsonl-list-and-scalar", '[1]\n2\nnull\n{"a": 3}\n', {"format": "jsonl"}
    yield "jsonl-key-twice", '{"a": 1, "a": 2}\n{"a": 3}\n', {"format": "jsonl"}
    yield "jsonl-huge-integer", '{"a": 12345678901234567890}\n', {"format": "jsonl"}
    yield "jsonl-two-in-a-line", '{"a": 1}{"a": 2}\n', {"format": "jsonl"}
    yield "jsonl-list-over-lines", '[\n{"a": 1}\n]\n', {"format": "jsonl"}
    yield "form", "a=1&b=J%C3%B3se&a=2", {"format": "form"}
    yield "form-line-end", "a=1&b=2\r\n", {"format": "form"}
    yield "form-no-pair", "hello", {"format": "form"}
    yield "form-many", "&".join(["a=1"] * 20_000), {"format": "form"}
    yield "form-bad-utf-8", "a=%FF", {"format": "form", "encoding": ["utf-8"]}
