"""The YAML loader: what each scalar means, where everything stands, and what is refused, with its place."""

# A row of a table is read as one line.
# ruff: noqa: E501

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml as reference
from hypothesis import given
from hypothesis import strategies as st

from engine.language import yaml
from tests.pace import slowness


def value(text: str) -> Any:
    document, findings = yaml.parse("x.yaml", text)
    assert document is not None
    assert findings == []
    return document.value


# --- scalars --------------------------------------------------------------------------------

SCALARS = [
    ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
    ("True", "True"), ("TRUE", "TRUE"), ("Null", "Null"), ("NULL", "NULL"),
    ("0", 0), ("17", 17), ("-4", -4), ("+4", 4),
    ("01234", "01234"), ("007", "007"), ("0o17", "0o17"), ("0x1F", "0x1F"), ("0b11", "0b11"), ("1_000", "1_000"),
    ("22:30", "22:30"), ("12:30:00", "12:30:00"), ("2022-01-12", "2022-01-12"), ("2022-01-12T10:00:00Z", "2022-01-12T10:00:00Z"),
    ("3.6", 3.6), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5e-1", -0.25), ("3.6.0.56", "3.6.0.56"), ("01.5", "01.5"),
    (".inf", ".inf"), (".nan", ".nan"), ("1e", "1e"), ("1e999", "1e999"), ("=", "="), (".", "."),
    ("123456789012345678", 123456789012345678), ("1234567890123456789", "1234567890123456789"),
    ("'3.6'", "3.6"), ('"true"', "true"), ("''", ""), ('"\\u00e9"', "é"), ("|\n  3\n", "3\n"), (">-\n  true\n", "true"),
    ("1..5", "1..5"), ("+1 555-555-0199", "+1 555-555-0199"), ("12abc", "12abc"), ("${params.x}", "${params.x}"),
    ("a#b", "a#b"), ("it's", "it's"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), SCALARS, ids=lambda item: repr(item)[:30])
def test_a_scalar_means_what_yaml_1_2_says_and_nothing_that_looks_like_text_is_changed(
    written: str, meant: Any
) -> None:
    got = value(f"a: {written}")["a"]
    assert got == meant
    assert type(got) is type(meant)


@pytest.mark.parametrize("key", ["1", "01", "1.10", "true", "yes", "null", "2022-01-12", "1..5", "on", "~"])
def test_a_key_is_text_exactly_as_it_is_written(key: str) -> None:
    assert value(f"{key}: x\n'{key}q': y") == {key: "x", f"{key}q": "y"}


def test_a_list_and_a_map_in_both_styles() -> None:
    assert value("a: [1, {b: c}]\nd:\n- e\n-\n  f: g\n") == {"a": [1, {"b": "c"}], "d": ["e", {"f": "g"}]}


def test_an_alias_stands_for_the_value_of_its_anchor() -> None:
    assert value("a: &x {b: [1]}\nc: *x\nd: [*x, &y z, *y]") == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": [{"b": [1]}, "z", "z"],
    }


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text("abc 01:#'\"{}[],&*!%@\\\t\u00e9\U0001f600-.~", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc :#'-?\u00e9", min_size=1, max_size=6), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(JSON_LIKE.filter(lambda made: made is not None), st.booleans())
def test_whatever_a_yaml_writer_writes_is_read_back(made: Any, flow: bool) -> None:
    text = reference.dump(
        made, Dumper=reference.CSafeDumper, default_flow_style=flow, allow_unicode=True, sort_keys=False
    )
    document, findings = yaml.parse("x.yaml", text)
    if any(finding.code == "E009" for finding in findings):
        return  # a comment nobody wrote: text such as `a #b` is quoted by the writer, so this is never reached
    assert document is not None, findings
    assert document.value == made


# --- places ---------------------------------------------------------------------------------

PLACED = "\ta: b"  # for the eye: a tab is one character


@pytest.mark.parametrize(
    ("text", "path", "key", "place"),
    [
        ("a: 1\nb:\n  c: [x, {d: e}]\n", ("b", "c", 1, "d"), False, (3, 14)),
        ("a: 1\nb:\n  c: [x, {d: e}]\n", ("b", "c", 1, "d"), True, (3, 11)),
        ("a: 1\nb:\n  c: [x, {d: e}]\n", ("b", "c"), False, (3, 6)),
        ("a: 1\nb:\n  c: [x, {d: e}]\n", (), False, (1, 1)),
        ("a: 1\nb:\n  c: [x, {d: e}]\n", ("b", "nothing", "here"), True, (3, 3)),
        ("a: 1\nb:\n  c: [x]\n", ("b", "c", 7), False, (3, 6)),
        ("\ufeffa: 1\nb: 2\n", ("a",), False, (1, 4)),
        ("a: 1\r\nb: 2\r\n", ("b",), False, (2, 4)),
        ("a: 1\rb: 2\r", ("b",), True, (2, 1)),
        ("a:\t1\nb:\t\t2\n", ("b",), False, (2, 5)),
        ("'\u00e9\u00fc': \U0001f600 \nz: {\u00e9\u00e9\u00e9: x}\n", ("z", "\u00e9\u00e9\u00e9"), False, (2, 10)),
        ("a: >\n  one\n  two\nb: 3\n", ("b",), False, (4, 4)),
        ("a: &x {b: c}\nd: *x\n", ("d",), False, (2, 4)),
        ("a: &x {b: c}\nd: *x\n", ("d", "b"), False, (2, 4)),
        ("a: &x {b: c}\nd: *x\n", ("a", "b"), False, (1, 11)),
        ("a:\nb: 2\n", ("a",), False, (1, 3)),
    ],
)
def test_every_part_knows_its_line_and_column(text: str, path: yaml.Path, key: bool, place: tuple[int, int]) -> None:
    document, _ = yaml.parse("x.yaml", text)
    assert document is not None
    assert document.mark(path, key=key) == place


def test_what_an_alias_leads_to_knows_where_it_is_written() -> None:
    document, _ = yaml.parse("x.yaml", "a: &x {b: c}\nd: {e: *x}\n")
    assert document is not None
    assert document.anchor(("d", "e", "b")) == (1, 11)
    assert document.anchor(("a", "b")) is None


def test_a_scalar_can_be_seen_as_it_was_written() -> None:
    document, _ = yaml.parse("x.yaml", "a: 1.10 # old\nb: {c: 'x y', d: two words}\n")
    assert document is not None
    assert [document.raw(path) for path in (("a",), ("b", "c"), ("b", "d"))] == ["1.10", "'x y'", "two words"]


@given(JSON_LIKE.filter(lambda made: isinstance(made, dict | list) and made))
def test_places_are_those_of_the_reference_parser(made: Any) -> None:
    text = reference.dump(made, Dumper=reference.CSafeDumper, allow_unicode=True, sort_keys=False)
    document, _ = yaml.parse("x.yaml", text)
    assert document is not None

    def compare(node: reference.Node, path: yaml.Path) -> None:
        assert document.mark(path) == (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, reference.MappingNode):
            for key, item in node.value:
                assert document.mark((*path, key.value), key=True) == (
                    key.start_mark.line + 1,
                    key.start_mark.column + 1,
                )
                compare(item, (*path, key.value))
        elif isinstance(node, reference.SequenceNode):
            for index, item in enumerate(node.value):
                compare(item, (*path, index))

    if "&id" not in text:
        node = reference.compose(text, Loader=reference.CSafeLoader)
        assert node is not None
        compare(node, ())


# --- what is refused ------------------------------------------------------------------------

REFUSED = [
    ("a: 1\nb: 2\na: 3\n", ("E004", 3, 1), "line 1"),
    ("a: {b: 1, b: 2}\n", ("E004", 1, 11), "line 1"),
    ("a: 1\n'a': 2\n", ("E004", 2, 1), "keep one"),
    ("1: x\n'1': y\n", ("E004", 2, 1), "keep one"),
    ("a: !email x\n", ("E005", 1, 4), "quotes"),
    ("a: !!str 3\n", ("E005", 1, 4), "quotes"),
    ("a: !!python/object:os.system x\n", ("E005", 1, 4), "quotes"),
    ("a: !paid\n", ("E005", 1, 4), "quotes"),
    ("!x a: 1\n", ("E005", 1, 1), "quotes"),
    ("a: !!map {b: c}\n", ("E005", 1, 4), "quotes"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", ("E006", 3, 3), "basedOn"),
    ("a: *nope\n", ("E007", 1, 4), "quotes"),
    ("a: &base 1\nb: *bose\n", ("E007", 2, 4), "`*base`"),
    ("a: &x [*x]\n", ("E007", 1, 8), "write out"),
    ("a: *.csv\n", ("E001", 1, 5), "quotes"),
    ("a: 1\n---\nb: 2\n", ("E008", 2, 1), "one definition"),
    ("", ("E008", 1, 1), "kind"),
    ("# only a comment\n", ("E008", 2, 1), "kind"),
    ("{a: 1}: b\n", ("E011", 1, 1), "quotes"),
    ("? [a]\n: b\n", ("E011", 1, 3), "quotes"),
    (": b\n", ("E001", 1, 1), "indented"),
    ("a: &k x\n*k : y\n", ("E011", 2, 1), "the key itself"),
    ("a: 'b\nc: d\n", ("E001", 1, 4), "close the quote"),
    ('a: "\\d"\n', ("E001", 1, 5), "single quotes"),
    ("a: b: c\n", ("E001", 1, 5), "quotes"),
    ("a: @b\n", ("E001", 1, 4), "quotes"),
    ("a: `b`\n", ("E001", 1, 4), "quotes"),
    ("a: %b\n", ("E001", 1, 4), "quotes"),
    ("a:\n\tb: c\n", ("E001", 2, 1), "spaces"),
    ("\ta: b\n", ("E001", 1, 1), "spaces"),
    ("a: {b: c\n", ("E001", 1, 9), "quotes"),
    ("a: [b, c\n", ("E001", 1, 9), "quotes"),
    ("a: {b: c]}\n", ("E001", 1, 9), "quotes"),
    ("a:\n  b: 1\n c: 2\n", ("E001", 3, 2), "indented"),
    ("a:\n  - b\n  c: 2\n", ("E001", 3, 3), "- "),
    ("abc\ndef: 1\n", ("E001", 2, 4), "quotes"),
    ("a: >= 5\n", ("E001", 1, 5), "quotes"),
    ("a: {b: RO #, c: d}\n", ("E009", 1, 11), "quotes"),
    ("a: {b: ${params.x}}\n", ("E010", 1, 8), "'${params.x}'"),
    ("a: [x, ${params.x}/y]\n", ("E010", 1, 8), "'${params.x}/y'"),
    ("a: {b: '{', c: x${params.x}}\n", ("E010", 1, 17), "'x${params.x}'"),
    ("a: {b: {c: ${run.date:%Y-%m-%d}}}\n", ("E010", 1, 12), "'${run.date"),
    ("a: b\x07c\n", ("E002", 1, 5), "u0007"),
    ("a: b\n\u00e9: \x00\n", ("E002", 2, 4), "UTF-8"),
    ("a: b\u2028c\n", ("E002", 1, 5), "u2028"),
    ("a: b\udc80c\n", ("E002", 1, 5), "udc80"),
    (b"a: b\nc: \xe9\n", ("E002", 2, 4), "UTF-8"),
    (b"\xef\xbb\xbfa: \xff\n", ("E002", 1, 4), "UTF-8"),
    ("a: b\n".encode("utf-16"), ("E002", 1, 1), "UTF-8"),
    ("[" * 51 + "]" * 51, ("E003", 1, 51), "brackets"),
    ("a: &x " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*x" + "]" * 30, ("E003", 2, 34), "nesting"),
    ("a: [" + "1," * 20_001 + "]", ("E003", 1, 39_999), "alias"),
    ("x" * (yaml.MAX_BYTES + 1), ("E003", 1, 1), "split"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "help"), REFUSED, ids=lambda item: repr(item)[:40])
def test_what_is_not_strict_yaml_is_an_error_with_its_place_and_what_to_do(
    text: str | bytes, place: tuple[str, int, int], help: str
) -> None:
    _, findings = yaml.parse("x.yaml", text)
    assert [(finding.code, finding.line, finding.column) for finding in findings] == [place]
    assert help in findings[0].help
    assert findings[0].severity == "error"


def test_after_a_key_given_twice_or_a_tag_the_rest_is_still_looked_at() -> None:
    document, findings = yaml.parse("x.yaml", "a: 1\nb: !x y\na: {c: 2, c: 3}\nd: 4\n")
    assert [(finding.code, finding.line) for finding in findings] == [("E005", 2), ("E004", 3), ("E004", 3)]
    assert document is not None
    assert document.value == {"a": 1, "b": "y", "d": 4}
    assert document.mark(("d",)) == (4, 4)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a: abc #def\n", 8), ("a: RO #\n", 7), ("a: b\n- c\n", 0), ("a: Sale # ${field.number}\n", 9), ("a: https://x.example/ #/page\n", 23),
        ("a: status == 'x # y'\n", 17), ("a: ^(x # y)$\n", 8), ("a: [b, {c: d #e\n}]\n", 14), ("a: x\t#y\n", 6), ("- a #b\n", 5),
        ("a: b # c\n", 0), ("a: b   #  c\n", 0), ("a: b # it's (c\n", 0), ("a: 'b' #c\n", 0), ("a: 'b #c'\n", 0), ("a: |\n  b #c\n", 0),
        ("a: 5 #five\n", 0), ("a: true #on\n", 0), ("#x\na: b\n  #y\n", 0), ("a: the dealer's # it\n", 0), ("a: x == 'y' # z\n", 0),
        ("a: {b: c, # why\n  d: e}\n", 0), ("a: b ### c\n", 0), ("a: b #------\n", 0), ("a: b (c) # d\n", 0),
    ],
)  # fmt: skip
def test_a_value_that_a_comment_sign_cut_off_is_found_and_an_ordinary_comment_is_not(text: str, column: int) -> None:
    _, findings = yaml.parse("x.yaml", text)
    assert [finding.column for finding in findings if finding.code == "E009"] == ([column] if column else [])


def test_a_duplicate_key_points_at_both_places() -> None:
    _, (finding,) = yaml.parse("x.yaml", "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert (finding.line, finding.column, finding.length) == (4, 3, 1)
    assert [(note.line, note.column) for note in finding.notes] == [(2, 3)]


# --- hostile documents ----------------------------------------------------------------------

MIB = 1 << 20
HEAD = b"version: 1\nkind: feed\ntitle: x\n"
HOSTILE: dict[str, bytes] = {
    "laughs": HEAD
    + b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + b"".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n".encode() for i in range(1, 30)),
    "one large anchor, used often": b"a: &a [" + b"x," * 9_000 + b"]\nb: [" + b"*a," * 9_000 + b"]\n",
    "an alias chain that grows in depth": b"a0: &a0 [x]\n"
    + b"".join(f"a{i}: &a{i} [*a{i - 1}]\n".encode() for i in range(1, 5_000)),
    "brackets": b"[" * (MIB - 1),
    "keys that do not exist": HEAD + b"".join(f"k{i}: {i}\n".encode() for i in range(9_900)),
    "fields that are all wrong": HEAD
    + b"transport: {type: file, directory: a}\ndecode: {format: csv}\nfields:\n"
    + b"".join(f"  f{i}: {{colum: A}}\n".encode() for i in range(4_900)),
    "one key, given again and again": HEAD + b"title: x\n" * 90_000,
    "tags that run code": HEAD + b"a: !!python/object/apply:os.system [id]\n" * 20_000,
    "comments that cut": HEAD + b"a: ((((('(x (y #z\n" * 1 + b"- (' #\n" * 120_000,
    "a quote that never ends": HEAD + b'title: "' + b"a: b #c ${d} \\\n" * 60_000,
    "one long line of brackets and references": HEAD + b"about: {a: " + b"(' ${x} token: y " * 50_000,
    "a key of a megabyte": HEAD + b"? " + b"k" * 900_000 + b"\n: x\ntransport: {type: " + b"s" * 100_000 + b"}\n",
}

MEASURE = """
import resource, sys, time
from pathlib import Path
from engine.language import schema, yaml
from engine.language.findings import render
document, _ = yaml.parse("warm.yaml", "version: 1\\nkind: feed\\nnothing: x\\n")
schema.check(document)
data = Path(sys.argv[1]).read_bytes()
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, began = peak(), time.process_time()
document, findings = yaml.parse("x.yaml", data)
findings = findings + (schema.check(document) if document else [])
seconds = time.process_time() - began
shown = render(findings, {"x.yaml": data.decode("utf-8", "replace")})
whole, first = time.process_time() - began, findings[0]
print(seconds, whole, (peak() - before) / 1024, len(findings), first.code, first.line, first.column, len(shown))
"""


# What stops each: were it something else, the guard meant for it might be gone.
STOPPED_BY = {
    "laughs": "E003", "one large anchor, used often": "E003", "an alias chain that grows in depth": "E003", "brackets": "E003",
    "keys that do not exist": "E021", "fields that are all wrong": "E039", "one key, given again and again": "E004",
    "tags that run code": "E005", "comments that cut": "E001", "a quote that never ends": "E004",
    "one long line of brackets and references": "E001", "a key of a megabyte": "E021",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_ends_soon_and_small_in_an_error_with_a_place(name: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(HOSTILE[name])
    command = [sys.executable, "-c", MEASURE, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    seconds, whole, mib, count, code, line, column, shown = done.stdout.split()
    print(f"N/yaml {name}: {code} at {line}:{column}, {float(seconds) * 1000:.0f} ms, {float(mib):.0f} MiB")
    assert code == STOPPED_BY[name]
    slower = slowness()
    assert float(seconds) < 0.2 * slower
    assert float(whole) < 0.4 * slower
    assert float(mib) < 50
    assert 1 <= int(count) <= 200
    assert (int(line), int(column)) >= (1, 1)
    assert int(shown) < 100_000


def test_there_are_twelve_hostile_documents() -> None:
    print(f"N/yaml: {len(HOSTILE)} documents")
    assert len(HOSTILE) == 12
