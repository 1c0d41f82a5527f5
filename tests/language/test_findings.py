"""Findings as people and programs read them, the nearest right word, and lines without secrets."""

# A row of a table is read as one line.
# ruff: noqa: E501

import json
from pathlib import Path

import jsonschema_rs
import pytest

from engine.language import findings, masking, words
from engine.language.findings import CODES, Finding, Note, render

TEXT = "version: 1\nkind: feed\ntransport:\n\tdirectroy: in\n  password: canary-1f\n"
MISSPELT = Finding(
    "feeds/a.yaml", 4, 2, "E020", "error", "unknown key `directroy` in `transport`", "did you mean `directory`?", 9
)
WARNING = Finding("feeds/b.yaml", 1, 1, "W001", "warning", "nothing reads this")
TWICE = Finding("feeds/a.yaml", 2, 1, "E004", "error", "given twice", "", 4, (Note(1, 1, "first given here"),))


def test_text_shows_the_line_a_caret_and_the_help() -> None:
    assert render([MISSPELT], {"feeds/a.yaml": TEXT}) == (
        "error[E020]: unknown key `directroy` in `transport`\n"
        " --> feeds/a.yaml:4:2\n"
        "  |\n"
        "4 |     directroy: in\n"
        "  |     ^^^^^^^^^\n"
        "  = help: did you mean `directory`?\n"
        "\n"
        "1 error, 0 warnings in 1 of 1 file. Run `feeds explain E020` for more."
    )


def test_findings_are_shown_by_place_whatever_their_order_and_the_same_each_time() -> None:
    sources = {"feeds/a.yaml": TEXT, "feeds/b.yaml": "x: 1\n", "feeds/c.yaml": ""}
    shown = render([WARNING, MISSPELT, TWICE], sources)
    assert shown == render([TWICE, MISSPELT, WARNING], dict(reversed(sources.items())))
    assert [line for line in shown.splitlines() if " --> " in line] == [
        " --> feeds/a.yaml:2:1", " --> feeds/a.yaml:4:2", " --> feeds/b.yaml:1:1",
    ]  # fmt: skip
    assert shown.splitlines()[-1] == "2 errors, 1 warning in 2 of 3 files. Run `feeds explain E004` for more."


def test_a_second_place_is_named() -> None:
    assert "  = note: first given here (feeds/a.yaml:1:1)" in render([TWICE], {"feeds/a.yaml": TEXT})


def test_a_finding_without_its_file_is_shown_without_a_line() -> None:
    assert render([WARNING], {}).splitlines()[:2] == ["warning[W001]: nothing reads this", " --> feeds/b.yaml:1:1"]


def test_nothing_wrong_says_so() -> None:
    assert render([], {"a": "", "b": ""}) == "0 errors, 0 warnings in 2 files."


@pytest.mark.parametrize(
    ("source", "column", "shown", "caret"),
    [
        ("a: b", 4, "a: b", 3),
        ("\ta: b", 5, "    a: b", 7),
        ("\u00e9\u00e9: b", 5, "\u00e9\u00e9: b", 4),
        ("a: \x07b", 5, "a: .b", 4),
        ("a: b", 99, "a: b", 4),
        ("x" * 300 + ": b", 303, "..." + "x" * 157 + ": b", 162),
        ("a: b  # " + "x" * 300, 4, "a: b  # " + "x" * 152 + "...", 3),
    ],
)
def test_the_caret_stands_under_the_character(source: str, column: int, shown: str, caret: int) -> None:
    finding = Finding("a", 1, column, "E001", "error", "m")
    lines = render([finding], {"a": source}).splitlines()
    assert lines[3:5] == [f"1 | {shown}", f"  | {' ' * caret}^"]


@pytest.mark.parametrize(
    ("text", "line", "shown"), [("a\r\nb\r\nc", 2, "b"), ("a\rb\rc", 3, "c"), ("\ufeffa\nb", 1, "a"), ("a\x0bb\nc", 2, "c")]
)  # fmt: skip
def test_lines_are_counted_as_editors_do(text: str, line: int, shown: str) -> None:
    assert f"{line} | {shown}" in render([Finding("a", line, 1, "E001", "error", "m")], {"a": text}).splitlines()


def test_json_has_the_keys_that_scripts_rely_on() -> None:
    assert json.loads(render([TWICE, MISSPELT], {}, "json")) == [
        {"code": "E004", "severity": "error", "file": "feeds/a.yaml", "line": 2, "column": 1, "message": "given twice", "help": ""},
        {"code": "E020", "severity": "error", "file": "feeds/a.yaml", "line": 4, "column": 2,
         "message": "unknown key `directroy` in `transport`", "help": "did you mean `directory`?"},
    ]  # fmt: skip
    assert render([], {}, "json") == "[]"


def test_github_gets_one_annotation_a_line_with_nothing_left_to_misread() -> None:
    odd = Finding("a,b:c.yaml", 1, 2, "E001", "error", "50% of\nit", "try")
    assert render([odd, WARNING], {}, "github").splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=E001::50%25 of%0Ait%0Ahelp: try",
        "::warning file=feeds/b.yaml,line=1,col=1,title=W001::nothing reads this",
    ]


def test_sarif_names_each_rule_once_and_every_place() -> None:
    log = json.loads(render([WARNING, MISSPELT, TWICE, MISSPELT], {}, "sarif"))
    run = log["runs"][0]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "feeds")
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E004", "E020", "W001"]
    assert [(result["ruleId"], result["ruleIndex"], result["level"]) for result in run["results"]] == [
        ("E004", 0, "error"), ("E020", 1, "error"), ("E020", 1, "error"), ("W001", 2, "warning"),
    ]  # fmt: skip
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "feeds/a.yaml"
    assert place["region"] == {"startLine": 4, "startColumn": 2, "endColumn": 11}


def test_every_code_has_a_title_and_every_code_in_the_sources_is_known() -> None:
    assert all(title and title[0].islower() for title in CODES.values())
    folder = Path(findings.__file__).parent
    used = {word for path in folder.glob("*.py") for word in path.read_text("utf-8").split('"') if word[:1] in "EW" and word[1:].isdigit() and len(word) == 4}  # fmt: skip
    assert used - CODES.keys() == set()
    assert {code for code in CODES if code < "E040"} - used == set()


# --- words ----------------------------------------------------------------------------------

KEYS = (
    "column",
    "columns",
    "path",
    "optional",
    "onError",
    "formats",
    "format",
    "type",
    "if",
    "id",
    "do",
    "about",
    "params",
)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("colum", ("column",)), ("clumn", ("column",)), ("on_error", ("onError",)), ("ON-ERROR", ("onError",)), ("onerror", ("onError",)),
        ("typ", ("type",)), ("tyep", ("type",)), ("fi", ("if",)), ("i", ("id", "if")), ("description", ("about",)),
        ("parameters", ("params",)), ("formt", ("format",)), ("when", ("if",)), ("zzz", ()), ("option", ("optional",)), ("x" * 500, ()), ("", ()),
    ],
)  # fmt: skip
def test_the_right_word_is_found(word: str, meant: tuple[str, ...]) -> None:
    assert words.likely(word, KEYS) == meant
    assert words.nearest(word, KEYS) == (meant[0] if meant else None)


@pytest.mark.parametrize(
    ("left", "right", "edits"),
    [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3)],
)
def test_distance_counts_edits(left: str, right: str, edits: int) -> None:
    assert words.distance(left, right) == words.distance(right, left) == edits


# --- lines without secrets ------------------------------------------------------------------

LINES = [
    ("password: hunter", "password: ***"),
    ("  - password: 'hun''ter' # x", "  - password: *** # x"),
    ("auth: {type: password, password: hunter, port: 22}", "auth: {type: password, password: ***, port: 22}"),
    ('auth: {password: "hun,ter", port: 22}', "auth: {password: ***, port: 22}"),
    ("password: ${secret.X}", "password: ${secret.X}"),
    ("password: '${secret.X}'  # by reference", "password: '${secret.X}'  # by reference"),
    ("password: ${secret.X}hunter", "password: ***"),
    ("api-key: hunter", "api-key: ***"),
    ("'client secret' : x", "'client secret' : ***"),
    ("pasword: hunter", "pasword: ***"),
    ("tokn: hunter", "tokn: ***"),
    ("key: hunter", "key: ***"),
    ("key: [[dealNumber], [vin]]", "key: [[dealNumber], [vin]]"),
    ("tokens: [hunter, x]", "tokens: ***"),
    ("x: {token: {type: secret, default: hunter}, y: z}", "x: {token: {type: secret, default: ***}, y: z}"),
    ("url: https://user:hunter@h.example/", "url: https://***@h.example/"),
    ("-----BEGIN PRIVATE KEY-----", "***"),
    ("directory: in, path: x", "directory: in, path: x"),
    ("tokenUrl: https://x.example", "tokenUrl: https://x.example"),
    ("state: open, close: x", "state: open, close: x"),
    ("column: Keyword", "column: Keyword"),
]


@pytest.mark.parametrize(("line", "shown"), LINES)
def test_a_line_is_shown_without_the_value_of_a_secret(line: str, shown: str) -> None:
    lines = render([Finding("a", 1, 1, "E001", "error", "m")], {"a": line}).splitlines()
    assert lines[3] == f"1 | {shown}"


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  password: |\n    hunter\n    @@\n", "a:\n  token:\n    hunter\n", "a:\n  secret: 'hun\n   ter @@'\n", "token:\n  - hunter\n",
        "a:\n  key: >-\n    hunter\n\n    @@\n", "password: hunter\n  @@\n",
    ],
)  # fmt: skip
def test_lines_that_go_on_with_a_secret_are_hidden_too(text: str) -> None:
    for number in range(1, text.count("\n") + 1):
        shown = render([Finding("a", number, 1, "E001", "error", "m")], {"a": text})
        assert not {"hunter", "@@", "hun", "ter"} & set(shown.replace("'", " ").split())


def test_a_line_too_long_to_judge_is_not_shown() -> None:
    shown = render([Finding("a", 1, 1, "E001", "error", "m")], {"a": "password: " + "hunter" * 1_000})
    assert "hunter" not in shown
    assert "(6,010 characters)" in shown


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "dbPassword",
        "passphrase",
        "secret",
        "client_secret",
        "token",
        "hookToken",
        "apiKey",
        "API-KEY",
        "privateKey",
        "Authorization",
        "credentials",
        "pwd",
    ],
)
def test_what_names_a_secret(key: str) -> None:
    assert masking.names_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "tokenUrl",
        "tokenPath",
        "nextToken",
        "pageToken",
        "key",
        "keys",
        "secretary",
        "passenger",
        "compass",
        "hostKey",
        "tokenParams",
    ],
)
def test_what_does_not_name_a_secret(key: str) -> None:
    assert not masking.names_secret(key)


def test_the_sarif_that_is_written_has_the_shape_of_the_standard() -> None:
    shape = {
        "required": ["version", "$schema", "runs"],
        "properties": {"runs": {"items": {"required": ["tool", "results"], "properties": {"results": {"items": {
            "required": ["ruleId", "message", "locations"], "properties": {"level": {"enum": ["error", "warning", "note", "none"]}},
        }}}}}},
    }  # fmt: skip
    assert jsonschema_rs.is_valid(shape, json.loads(render([MISSPELT, WARNING], {}, "sarif")))
