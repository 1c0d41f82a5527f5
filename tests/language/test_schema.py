"""Structure: closed schemas, one mistake told once, at its place, with the right word; no secret written out."""

# A row of a table is read as one line.
# ruff: noqa: E501

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from engine.language import bundle, editor, findings, schema, yaml

DEFINITIONS = sorted((Path(__file__).parent / "definitions").glob("*.yaml"))
SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").rglob("*.json"))


def found(text: str) -> list[findings.Finding]:
    document, problems = yaml.parse("x.yaml", text)
    return problems + (schema.check(document) if document else [])


def loaded(path: Path) -> yaml.Document:
    document, problems = yaml.parse(path.name, path.read_bytes())
    assert document is not None, problems
    assert problems == []
    return document


# --- what is right passes -------------------------------------------------------------------


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_definition_that_uses_the_whole_language_passes(path: Path) -> None:
    assert schema.check(loaded(path)) == []


PACKAGED = sorted((Path(__file__).parents[2] / "feeds").rglob("*.yaml"))


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_a_packaged_definition_passes(path: Path) -> None:
    assert schema.check(loaded(path)) == []


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_the_bundled_schema_says_the_same_by_itself(path: Path) -> None:
    """What editors get is one document, and jsonschema, the reference, reads it as we do."""
    value = loaded(path).value
    validator = jsonschema.Draft202012Validator(schema.bundled(value["kind"]))
    assert [error.message for error in validator.iter_errors(value)] == []


# --- misspelt keys --------------------------------------------------------------------------

# What stands under these is named by the author; a word misspelt there is found by its use.
OF_THE_AUTHOR = {
    *("fields", "params", "streams", "join", "include", "forEach", "map", "headers", "query", "json", "keep"),
    *("confirmed", "versions", "set", "add", "files", "equals", "since"),
}
FREE = re.compile(r"\.(given\.params|expect\.activities)\.")


def closed_keys(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every key of the language in a definition: (where its block stands, the key)."""
    if isinstance(value, dict):
        spoken = "." + ".".join(str(step) for step in path) + "."
        parent = next((step for step in reversed(path) if isinstance(step, str)), "")
        named = parent in OF_THE_AUTHOR and not (parent == "fields" and path[-2:-1] in (("contact",), ("vehicle",)))
        named = named and not isinstance(path[-1], int) and path[-2:] != ("records", "join", "x")
        named = named and not (parent == "join" and {"columns", "fields"} & set(value))
        for key, item in value.items():
            if not named and not FREE.search(spoken) and key != "remove":
                yield path, key
            yield from closed_keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from closed_keys(item, (*path, index))


def misspelt(key: str) -> Iterator[str]:
    """One of each: a letter left out, doubled, changed, swapped with its neighbour; where, depends on the key."""
    at = sum(map(ord, key)) % len(key)
    yield key[:at] + key[at + 1 :]
    yield key[:at] + key[at] + key[at:]
    yield key[:at] + ("x" if key[at] != "x" else "y") + key[at + 1 :]
    swap = at % max(1, len(key) - 1)
    yield key[:swap] + key[swap + 1 : swap + 2] + key[swap] + key[swap + 2 :]


def renamed(value: Any, path: tuple[Any, ...], key: str, name: str) -> Any:
    """A copy with one key under another name, in its place."""
    if not path:
        return {name if old == key else old: item for old, item in value.items()}
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = renamed(value[path[0]], path[1:], key, name)
    return copy


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_every_key_misspelt_by_a_letter_is_an_error_that_offers_the_right_word(path: Path) -> None:
    document = loaded(path)
    tried, silent, wrong, noisy = 0, [], [], []
    for at, key in closed_keys(document.value):
        for name in misspelt(key):
            block = document.value
            for step in at:
                block = block[step]
            if not name or name in block or name == key:
                continue
            tried += 1
            damaged = yaml.Document("x.yaml", "", renamed(document.value, at, key, name), document._spots)
            problems = schema.check(damaged)
            if not problems:
                silent.append((at, name))
            elif not any(f"`{key}`" in problem.help for problem in problems if f"`{name}`" in problem.message):
                wrong.append((at, key, name, [(problem.message, problem.help) for problem in problems]))
            elif len(problems) > 1:
                noisy.append((at, name, [problem.message for problem in problems]))
    print(f"{path.stem}: {tried} misspelt keys, {len(silent)} accepted, {len(wrong)} without the right word, "
          f"{len(noisy)} told more than once")  # fmt: skip
    assert tried > 0
    assert silent == []
    assert wrong == []
    assert noisy == []


# --- what is wrong is told, once, at its place, with what to do ------------------------------

FEED = "version: 1\nkind: feed\ntitle: x\ntransport: {type: file, directory: in}\ndecode: {format: csv}\n"
DEALER = "version: 1\nkind: dealer\nname: acme\ntitle: Acme\ntimezone: UTC\n"
ACTIVITY = "version: 1\nkind: activity\nname: a\nlabel: A\ncategory: sale\ndate: {label: D}\n"
EXPORT = "version: 1\nkind: export\ntitle: x\ntransport: {type: http, url: /x}\n"
FIELDS = FEED + "fields:\n"

# (text, [(code, line, column, words of the help)])
ALERTS = "version: 1\nkind: alerts\nchannels: {chat: {type: slack, url: '${secret.CHAT_URL}'}}\n"
WRONG: list[tuple[str, list[tuple[str, int, int, str]]]] = [
    # what it is
    ("- a\n", [("E012", 1, 1, "kind")]),
    ("version: 1\ntitle: x\n", [("E012", 1, 1, "feed, dealer")]),
    ("version: 1\nkind: fed\n", [("E012", 2, 7, "`feed`")]),
    ("version: 1\nknd: feed\n", [("E020", 2, 1, "`kind`")]),
    (FIELDS.replace("version: 1", "version: 2") + "  a: {column: A}\n", [("E023", 1, 10, "write 1")]),
    # keys
    (FIELDS + "  a: {colum: A}\n", [("E020", 7, 7, "did you mean `column`?")]),
    (FIELDS + "  a: {column: A, requird: true}\n", [("E020", 7, 18, "`required`")]),
    (FIELDS + "  a: {column: A, description: x}\n", [("E020", 7, 18, "`about`")]),
    (FIELDS + "  a: {column: A, on_error: blank}\n", [("E020", 7, 18, "`onError`")]),
    (FIELDS + "  a: {column: A, when: x}\n", [("E020", 7, 18, "`if` and belongs under `records`")]),
    (FIELDS + "  a: {column: A}\ndirectory: out\n", [("E020", 8, 1, "belongs under `transport`")]),
    (FIELDS + "  a: {column: A}\nmaxBadPercent: 5\n", [("E020", 8, 1, "belongs under `guards`")]),
    (FIELDS + "  a: {column: A}\nrecords: {guards: {}}\n", [("E020", 8, 11, "belongs at the top level")]),
    (FIELDS.replace("type: file,", "type: file, hostKey: x,") + "  a: {column: A}\n",
     [("E020", 4, 25, "belongs to `type: sftp`; this is `type: file`")]),
    (FIELDS.replace("{format: csv}", "{format: csv, lists: [a]}") + "  a: {column: A}\n",
     [("E020", 5, 23, "belongs to `format: xml`; this is `format: csv`")]),
    (FIELDS + "  a: {column: A, about: this, and that's it}\n", [("E020", 7, 31, "a comma ends a value inside { }")]),
    (FIELDS.replace("type: file", "tpye: file") + "  a: {column: A}\n", [("E020", 4, 13, "`type`")]),
    (FIELDS.replace("type: file", "type: fil") + "  a: {column: A}\n", [("E023", 4, 19, "`file`")]),
    (FIELDS.replace("type: file, ", "") + "  a: {column: A}\n", [("E021", 4, 1, "file, sftp, ftp, http or webhook")]),
    (FIELDS.replace("directory: in", "filename: x") + "  a: {column: A}\n", [("E021", 4, 1, "`directory: ")]),
    (FEED, [("E021", 1, 1, "`fields")]),
    (FEED.replace("decode: {format: csv}\n", "fields: {a: {column: A}}\n"), [("E021", 1, 1, "`decode")]),
    (FEED + "streams: {a: {fields: {x: {column: X}}}}\nrecords: {}\ncontact: {}\n",
     [("E029", 7, 1, "stream"), ("E029", 8, 1, "stream")]),
    (FIELDS + "  a: {column: A}\ncontact: {fields: {externalID: a, dob: a}}\n",
     [("E020", 8, 20, "`externalId`"), ("E020", 8, 35, "`birthDate`")]),
    # sources and what goes together
    (FIELDS + "  a: {}\n", [("E028", 7, 3, "column, path, context")]),
    (FIELDS + "  a: {type: date}\n", [("E028", 7, 3, "column, path, context")]),
    (FIELDS + "  a: {column: A, path: a, const: b}\n", [("E028", 7, 18, "firstOf")]),
    (FIELDS + "  a: {path: A, optional: true}\n", [("E029", 7, 16, "`column`")]),
    (FIELDS + "  a: {column: A, unit: cents}\n", [("E029", 7, 18, "`type: money`")]),
    (FIELDS + "  a: {column: A, type: integer, formats: ['%Y']}\n", [("E029", 7, 33, "`type: date` or `type: dateTime`")]),
    (FIELDS + "  a: {column: A, map: {x: y}}\n", [("E021", 7, 18, "`else: quarantine`")]),
    (FIELDS + "  a: {column: A, else: y}\n", [("E029", 7, 18, "`map`")]),
    (FIELDS + "  a: {join: {with: x}}\n", [("E021", 7, 7, "columns")]),
    (FIELDS + "  a: {column: A}\nschedule: {jitter: 5m}\n", [("E021", 8, 1, "every")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: 1h, cron: '1 2 3 4 5'}\n", [("E029", 8, 23, "keep one")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: 1h, timezone: UTC}\n", [("E029", 8, 23, "`cron`")]),
    # transforms
    (FIELDS + "  a: {column: A, transforms: [trm]}\n", [("E023", 7, 31, "`trim`")]),
    (FIELDS + "  a: {column: A, transforms: [remove]}\n", [("E021", 7, 31, "{remove: ...}")]),
    (FIELDS + "  a: {column: A, transforms: [{remov: x}]}\n", [("E020", 7, 32, "`remove`")]),
    (FIELDS + "  a: {column: A, transforms: [{lower: x}]}\n", [("E022", 7, 39, "")]),
    (FIELDS + "  a: {column: A, transforms: [{remove: '-', lower: }]}\n", [("E027", 7, 31, "[trim, {remove: '-'}]")]),
    (FIELDS + "  a: {column: A, transforms: [{padLeft: {width: '5'}}]}\n", [("E022", 7, 49, "quotes away: 5")]),
    (FIELDS + "  a: {column: A, transforms: trim}\n", [("E022", 7, 30, "[trim]")]),
    # values
    (FIELDS + "  a: {column: A, type: mony}\n", [("E023", 7, 24, "`money`")]),
    (FIELDS + "  a: {column: A, type: float}\n", [("E023", 7, 24, "`decimal`")]),
    (FIELDS + "  a: {column: A, onError: skip}\n", [("E023", 7, 27, "`quarantine`")]),
    (FIELDS + "  a: {column: A, required: yes}\n", [("E022", 7, 28, "write `true`")]),
    (FIELDS + "  a: {column: A, required: 'false'}\n", [("E022", 7, 28, "write `false`")]),
    (FIELDS + "  a: {column: A, required: True}\n", [("E022", 7, 28, "write `true`")]),
    (FIELDS + "  a: {column: A, required: 1}\n", [("E022", 7, 28, "")]),
    (FIELDS + "  a: {column: 3.60}\n", [("E022", 7, 15, "'3.60'")]),
    (FIELDS + "  a: {column: }\n", [("E022", 7, 15, "leave the key out")]),
    (FIELDS + "  a: {column: ''}\n", [("E025", 7, 15, "leave the key out")]),
    (FIELDS + "  a: {column: []}\n", [("E027", 7, 15, "at least one")]),
    (FIELDS + "  a: [column, A]\n", [("E022", 7, 6, "keys with values")]),
    (FIELDS + "  1st: {column: A}\n", [("E025", 7, 3, "begins with a letter")]),
    (FIELDS + "  a: {context: files.name}\n", [("E025", 7, 16, "")]),
    (FIELDS + "  a: {column: A}\nrequires: {versions: {pos: 3.6}}\n", [("E022", 8, 28, "'3.6'")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: 15}\n", [("E024", 8, 19, "15s, 15m")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: '15'}\n", [("E024", 8, 19, "15s, 15m")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: 15 minutes}\n", [("E025", 8, 19, "write 15m")]),
    (FIELDS + "  a: {column: A}\nschedule: {every: 2 weeks}\n", [("E025", 8, 19, "write 14d")]),
    (FIELDS + "  a: {column: A}\nschedule: {cron: '1 2 3'}\n", [("E025", 8, 18, "")]),
    (FIELDS.replace("format: csv", "format: csv, maxBytes: 64") + "  a: {column: A}\n", [("E024", 5, 33, "64MiB")]),
    (FIELDS.replace("format: csv", "format: csv, maxBytes: 64mb") + "  a: {column: A}\n", [("E025", 5, 33, "write 64MB")]),
    (FIELDS + "  a: {column: A}\nguards: {maxBadPercent: 500, minRows: -1}\n", [("E026", 8, 25, ""), ("E026", 8, 39, "")]),
    (FIELDS + "  a: {column: A}\nactivities: {type: x}\n", [("E022", 8, 13, "")]),
    (FIELDS + "  a: {column: A}\nactivities: [{type: x}]\n", [("E021", 8, 14, "key")]),
    (FIELDS + "  a: {column: A}\nactivities: [{type: x, key: [[a]], state: {from: a, map: {1: b}}}]\n", [("E021", 8, 36, "else")]),
    (FIELDS + "  a: {column: A}\nsealed: [fields, 'a b']\n", [("E025", 8, 18, "")]),
    (FIELDS + "  a: {column: A}\nparams: {a: {type: enum}}\n", [("E021", 8, 10, "values")]),
    # dealers, activity types, exports
    (DEALER.replace("acme", "Acme_RV", 1), [("E025", 3, 7, "")]),
    (DEALER.replace("UTC", "EST"), [("E025", 5, 11, "")]),
    (DEALER + "region: us\n", [("E025", 6, 9, "")]),
    (DEALER + "contact: {phone: 5551234, postalCode: 4401}\n", [("E022", 6, 18, "'5551234'"), ("E022", 6, 39, "'4401'")]),
    (DEALER + "feeds:\n  - {params: {a: b}}\n", [("E021", 7, 5, "uses")]),
    (DEALER + "feeds:\n  - {uses: ids sales}\n", [("E025", 7, 12, "")]),
    (DEALER + "feeds:\n  - {uses: a/b, confirmed: {x: 2022-1-2}}\n", [("E025", 7, 32, "")]),
    (DEALER + "feeds:\n  - {uses: a/b, override: {transport: {setle: 5m}}}\n", [("E020", 7, 40, "`settle`")]),
    (DEALER + "feeds:\n  - {uses: a/b, override: {sealed: [a]}}\n", [("E020", 7, 28, "keys here")]),
    (DEALER + "feeds:\n  - {uses: a/b, override: {fields: {a: {column: b, path: c}}}}\n", [("E028", 7, 52, "keep one")]),
    (ACTIVITY, [("E021", 1, 1, "states")]),
    (ACTIVITY + "states: [a]\nshows: [timline]\n", [("E023", 8, 9, "`timeline`")]),
    (ACTIVITY + "states: [a]\nfields: {x: {label: X, type: bool}}\n", [("E023", 8, 30, "`boolean`")]),
    (EXPORT + "fields: {a.b: {pth: x}}\n", [("E020", 5, 16, "`path`")]),
    (EXPORT + "encode: {format: XML}\n", [("E023", 5, 18, "adf, json")]),
    (ALERTS + "routes: [{to: [chat], states: [stael]}]\n", [("E023", 4, 32, "`stale`")]),
    (ALERTS + "routes: [{to: [chat], quiet: {from: '24:00', until: '07:00', timezone: UTC}}]\n", [("E025", 4, 37, "")]),
    (ALERTS + "routes: [{to: [chat]}]\ndeadMan: {every: 5m}\n", [("E021", 5, 1, "url")]),
    (ALERTS.replace("slack", "slak"), [("E021", 1, 1, "routes"), ("E023", 3, 25, "`slack`")]),
    # a definition laid on another may leave out; what it says is checked all the same
    ("version: 1\nkind: feed\nbasedOn: a/b\ntransport: {setle: 1m}\n", [("E020", 4, 13, "`settle`")]),
    ("version: 1\nkind: feed\nbasedOn: a/b\nactivities: [{type: x}]\n", [("E021", 4, 14, "key")]),
    ("version: 1\nkind: feed\nbasedOn: ../b\n", [("E025", 3, 10, "")]),
    ("kind: feed\nbasedOn: a/b\n", [("E021", 1, 1, "version")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=lambda item: item[-40:] if isinstance(item, str) else "")
def test_a_mistake_is_told_once_at_its_place_with_what_to_do(
    text: str, expected: list[tuple[str, int, int, str]]
) -> None:
    problems = found(text)
    assert [(p.code, p.line, p.column) for p in problems] == [row[:3] for row in expected], problems
    for problem, (*_, help) in zip(problems, expected, strict=True):
        assert help in problem.help, problem


def test_all_problems_of_a_definition_are_found_in_one_pass() -> None:
    text = "".join(f"  f{i}: {{colum: A}}\n" for i in range(30))
    assert len(found(FIELDS + text)) == 30


def test_a_fault_far_down_in_a_long_list_is_found() -> None:
    feeds = "".join(f"  - {{uses: a/b, name: n{i}}}\n" for i in range(300))
    (problem,) = found(DEALER + "feeds:\n" + feeds + "  - {uses: a/b, enabled: yes}\n")
    assert (problem.code, problem.line) == ("E022", 307)


def test_a_definition_with_endless_problems_is_cut_short_and_says_so() -> None:
    problems = found(FIELDS + "".join(f"  f{i}: {{colum: A}}\n" for i in range(2_000)))
    assert len(problems) == 50
    assert [p.code for p in problems].count("E039") == 1


def test_what_an_alias_brings_in_is_told_where_it_is_used_with_where_it_stands() -> None:
    (problem,) = found("version: 1\nkind: feed\ntitle: x\nparams: {p: {type: string, default: &d {setle: 5m}}}\n"
                       "decode: {format: csv}\nfields: {a: {column: A}}\ntransport: {type: file, directory: a, ours: *d}\n")  # fmt: skip
    assert (problem.line, problem.column) == (7, 45)
    assert [(note.line, note.column) for note in problem.notes] == [(4, 41)]


# --- references -----------------------------------------------------------------------------

OPEN = [
    "transport: {type: sftp, host: h, port: '${params.p}', username: u, hostKey: k, auth: {type: password, password: '${params.p}'}}",
    "transport: {type: file, directory: '${params.d}', deleteFromServer: '${params.x}', settle: '${params.s}'}",
    "guards: {maxBadPercent: '${params.x}', warnAfter: '${params.x}', minRows: '${params.n}'}",
    "schedule: {every: '${params.x}', jitter: '${params.y}m'}",
    "schedule: {cron: '${params.x}', timezone: '${params.zone}'}",
    "decode: {format: csv, delimiter: '${params.x}', header: '${params.h}', nullValues: '${params.blanks}'}",
    "fields: {a: {column: '${params.x}', required: '${params.r}', type: money, unit: '${params.u}'}}",
    "records: {onBad: '${params.x}'}",
]  # fmt: skip
CLOSED = [
    "transport: {type: '${params.x}', directory: in}", "decode: {format: '${params.x}'}", "fields: {a: {column: A, type: '${params.x}'}}",
    "kind: '${params.x}'", "version: '${params.x}'", "sealed: ['${params.x}']", "basedOn: '${params.x}'",
    "params: {a: {type: '${params.x}'}}", "fields: '${params.x}'", "activities: '${params.x}'", "transport: '${params.x}'",
    "guards: {maxBadPercent: 'x'}", "schedule: {every: '$x'}",
]  # fmt: skip


def with_line(line: str) -> str:
    key = line.split(":")[0]
    base = [row for row in (FEED + "fields: {a: {column: A}}\n").splitlines() if not row.startswith(key + ":")]
    return "\n".join([*base, line, ""])


@pytest.mark.parametrize("line", OPEN)
def test_text_with_a_reference_may_stand_for_a_value_of_any_type(line: str) -> None:
    assert found(with_line(line)) == []


@pytest.mark.parametrize("line", CLOSED)
def test_what_shapes_a_definition_is_not_left_to_a_reference(line: str) -> None:
    assert found(with_line(line)) != []


# --- secrets --------------------------------------------------------------------------------

CANARY = "canary-9f3"
SECRETS = [
    ALERTS.replace("${secret.CHAT_URL}", CANARY) + "routes: []\n",
    ALERTS.replace("type: slack", f"type: webhook, token: {CANARY}") + "routes: []\n",
    ALERTS.replace("${secret.CHAT_URL}", f"https://user:{CANARY}@h.example") + "routes: []\n",
    with_line(f"transport: {{type: sftp, host: h, username: u, hostKey: k, auth: {{type: password, password: {CANARY}}}}}"),
    with_line(f"transport: {{type: sftp, host: h, username: u, hostKey: k, auth: {{type: privateKey, key: '{CANARY}'}}}}"),
    with_line(f"transport: {{type: ftp, host: h, username: u, auth: {{type: password, password: \"{CANARY}\"}}}}"),
    with_line(f"transport: {{type: http, request: {{url: /a}}, auth: {{type: bearer, token: {CANARY}}}}}"),
    with_line(f"transport: {{type: http, request: {{url: /a}}, auth: {{type: bearer, token: 'x${{params.t}}{CANARY}'}}}}"),
    with_line(f"transport: {{type: http, request: {{url: /a}}, auth: {{type: apiKey, key: {CANARY}, inject: {{in: header}}}}}}"),
    with_line(f"transport: {{type: http, request: {{url: /a, headers: {{X-Api-Key: {CANARY}}}}}}}"),
    with_line(f"transport: {{type: http, request: {{url: /a, query: {{access_token: {CANARY}}}}}}}"),
    with_line(f"transport: {{type: http, baseUrl: 'https://user:{CANARY}@h.example', request: {{url: /a}}}}"),
    with_line(f"triggers: [{{type: webhook, endpoint: a, do: fetch, verify: [{{type: github, secret: {CANARY}}}]}}]"),
    with_line(f"params: {{hookToken: {{type: secret, default: {CANARY}}}}}"),
    with_line(f"params: {{x: {{type: secret, default: {CANARY}}}, y: {{typ: string}}}}"),
    with_line(f"params: {{api_key: {{type: string, example: {CANARY}}}}}"),
    with_line(f"tests: [{{name: x, given: {{params: {{token: {CANARY}}}}}, expect: {{}}}}]"),
    DEALER + f"feeds:\n  - {{uses: a/b, params: {{password: {CANARY}, folder: x}}}}\n",
    DEALER + f"feeds:\n  - {{uses: a/b, params: {{clientSecret: [{CANARY}]}}}}\n",
    DEALER + f"feeds:\n  - uses: a/b\n    params:\n      privateKey: |\n        -----BEGIN PRIVATE KEY-----\n        {CANARY}\n",
    DEALER + f"feeds:\n  - uses: a/b\n    params:\n      passphrase:\n        {CANARY}\n",
    DEALER + f"feeds:\n  - {{uses: a/b, override: {{transport: {{auth: {{password: {CANARY}}}}}}}}}\n",
    EXPORT + "exclude: {}\nkey: [a]\nfields: {a: {path: a}}\n".replace("exclude: {}", f"params: {{authToken: {{type: string, default: {CANARY}}}}}"),
    ACTIVITY + f"states: [a]\nabout: >\n  -----BEGIN RSA PRIVATE KEY----- {CANARY}\n",
]  # fmt: skip
SLIPS = [  # something else is wrong where a secret stands: its line is shown, the secret is not
    with_line(f"transport: {{type: ftp, host: h, username: u, auth: {{type: password, pasword: {CANARY}}}}}"),
    with_line(f"transport: {{type: ftp, host: h, username: u, auth: {{type: passwrd, password: {CANARY}}}}}"),
    with_line(f"transport:\n  type: ftp\n  auth:\n    password: {CANARY}: {CANARY}\n"),
    with_line(f"transport:\n  type: ftp\n  password: '{CANARY}\n"),
    with_line(f"transport:\n  type: ftp\n  token: {CANARY} #{CANARY}\n"),
    with_line(f"transport:\n  type: ftp\n  secret: !{CANARY} x\n").replace(f"!{CANARY}", f"!x {CANARY}"),
    with_line(f"transport:\n  type: ftp\n  key: |\n    {CANARY}\n   {CANARY}\n"),
    with_line(f"transport: {{type: file, directory: a, password: {CANARY}, setle: 1m}}"),
    DEALER + f"feeds:\n  - {{uses: a/b, params: {{token: {CANARY}, token: {CANARY}}}}}\n",
    DEALER + f"feeds:\n  - {{uses: a/b, params: {{my-password: {CANARY}}}, enabld: no}}\n",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_written_out_is_an_error_that_does_not_repeat_it(text: str) -> None:
    problems = found(text)
    assert "E030" in {problem.code for problem in problems}
    assert all("${secret." in p.help or "`auth`" in p.help for p in problems if p.code == "E030")
    for form in ("text", "json", "github", "sarif"):
        assert CANARY not in findings.render(problems, {"x.yaml": text}, form)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", SLIPS)
def test_a_secret_is_not_shown_when_something_else_is_wrong_beside_it(text: str) -> None:
    problems = found(text)
    assert problems
    for form in ("text", "json", "github", "sarif"):
        assert CANARY not in findings.render(problems, {"x.yaml": text}, form)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "passphrase",
        "token",
        "apiKey",
        "clientSecret",
        "hookToken",
        "privateKey",
        "authToken",
        "X_Auth_Token",
    ],
)
def test_a_secret_given_by_reference_passes(key: str) -> None:
    assert found(DEALER + f"feeds:\n  - {{uses: a/b, params: {{{key}: '${{secret.ACME}}'}}}}\n") == []


# --- the schemas themselves -----------------------------------------------------------------


def described(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a schema describes, however deep."""
    if isinstance(node, dict):
        for name, item in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            if isinstance(item, dict) and not where.endswith(("/if", "/then", "/else")) and "/allOf/" not in where:
                yield f"{where}/{name}", item
        for key, item in node.items():
            if key not in ("examples", "default", "const", "enum"):
                yield from described(item, f"{where}/{key}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from described(item, f"{where}/{index}")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_key_has_a_description_and_an_example_and_no_schema_is_open_or_uses_one_of(path: Path) -> None:
    node = json.loads(path.read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(node)
    names = [name for name, item in described(node) if "description" not in item or "examples" not in item]
    assert [name for name in names if "/patternProperties/" not in name] == []
    text = json.dumps(node)
    assert '"oneOf"' not in text

    def opened(item: Any, where: str) -> Iterator[str]:
        if isinstance(item, dict):
            if isinstance(item.get("properties"), dict) and "type" in item and "x-by" not in item:
                yield from [] if "additionalProperties" in item else [where]
            for key, inner in item.items():
                if key not in ("examples", "if", "allOf"):
                    yield from opened(inner, f"{where}/{key}")

    assert list(opened(node, "")) == []


def parts(node: Any, where: str, key: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every schema that describes a value, with where it stands and the key it is of, if it is of one.

    What only tests a value (`if`, `not`, `propertyNames`, rules beside the keys) describes nothing.
    """
    if not isinstance(node, dict):
        return
    yield where, key, node
    for keyword, inner in node.items():
        if keyword == "properties":
            for name, item in inner.items():
                yield from parts(item, f"{where}.{name}", name)
        elif keyword in ("items", "additionalProperties", "else", "then"):
            yield from parts(inner, f"{where}.{keyword}")
        elif keyword == "anyOf":
            for item in inner:
                yield from parts(item, where)


def told(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The schema with what it refers to; what is said at its own place counts."""
    while "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        node = {**root["$defs"][node["$ref"].removeprefix("#/$defs/")], **rest}
    return node


@pytest.mark.parametrize("kind", bundle.KINDS)
def test_every_key_is_told_and_its_examples_and_its_default_are_right_by_its_own_schema(kind: str) -> None:
    root = editor.printed(kind)
    keys, bare, mute = {}, [], []
    for name, definition in root["$defs"].items():
        for where, key, node in parts(definition, name) if not name.startswith(("partial.", "override.")) else ():
            if len(node.get("enum", ())) > 1 and len(node.get("enumDescriptions", ())) != len(node["enum"]):
                mute.append(where)
            if key:
                keys[where] = told(node, root)
                bare += [] if keys[where].get("description") and keys[where].get("examples") else [where]
    assert len(keys) > 20
    assert bare == [], "no description, or no example"
    assert mute == [], "choices without a word on each"
    # One schema of them all: what stands at an index is one example, with the schema of its key.
    pairs = [(where, node, value) for where, node in keys.items() for value in node["examples"]]
    pairs += [(where, node, node["default"]) for where, node in keys.items() if "default" in node]
    whole = {"prefixItems": [node for _, node, _ in pairs], "$defs": root["$defs"]}
    errors = jsonschema_rs.Draft202012Validator(whole).iter_errors([value for *_, value in pairs])
    assert [(pairs[int(error.instance_path[0])][0], error.message) for error in errors] == []


@pytest.mark.parametrize("kind", bundle.KINDS)
def test_the_bundle_is_a_schema_by_itself(kind: str) -> None:
    made = schema.bundled(kind)
    jsonschema_rs.meta.validate(made)
    assert all(address.startswith("#/$defs/") for address in re.findall(r'"\$ref": "([^"]+)"', json.dumps(made)))
    assert set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(made))) <= set(made["$defs"])


@pytest.mark.parametrize("kind", bundle.KINDS)
def test_both_validators_give_the_same_verdicts(kind: str) -> None:
    """jsonschema is the reference; jsonschema-rs decides, and gives each error its place."""
    root = schema.bundled(kind)
    slow, fast = jsonschema.Draft202012Validator(root), jsonschema_rs.Draft202012Validator(root)
    texts = [text for text, _ in WRONG] + SECRETS + [path.read_text(encoding="utf-8") for path in DEFINITIONS]
    compared = 0
    for text in texts:
        document, _ = yaml.parse("x.yaml", text)
        if document is not None and isinstance(document.value, dict) and document.value.get("kind") == kind:
            compared += 1
            assert fast.is_valid(document.value) == slow.is_valid(document.value), text
    assert compared > 2
