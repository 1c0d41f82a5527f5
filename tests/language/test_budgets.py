"""What a definition can bring to stall a run or a validation: each ends in an error with a place, and soon."""

import time
from collections.abc import Callable
from hashlib import blake2b

import jmespath
import pytest

from engine.language import expressions
from engine.language.findings import render
from engine.language.folder import Look, Sheet
from engine.language.project import Loader
from tests.language.projects import DEALER, GLASS, SALES, SOLD_UNIT, changed
from tests.pace import slowness

SOON = 0.2  # seconds, on a machine that has nothing else to do
FEED, EVENTS = "vendors/ids/sales.yaml", "vendors/glass/events.yaml"
SERVICE = "vendors/ids/service.yaml"
HEAD = "version: 1\nkind: feed\ntitle: Sales\n"
FILE = HEAD + "transport: {type: file, directory: in, filename: '*.csv'}\ndecode: {format: csv}\n"
CHAIN = "|".join(["[@,@]"] * 25)  # 149 characters, 2^25 values


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def fields(line: Callable[[int], str], count: int) -> str:
    return FILE + "fields:\n" + "".join(f"  f{n}: {line(n)}\n" for n in range(count))


def in_sales(old: str, new: str) -> str:
    return changed(SALES, old, new)


# What it is: (the file, its text). Every one is a feed that an ordinary project is given.
BOMBS: dict[str, tuple[str, str]] = {
    "a billion laughs": (FEED, laughs(9) + HEAD),
    "aliases of a long list": (FEED, "a: &a [" + "x, " * 9000 + "x]\nb: [*a, *a, *a]\n"),
    "an alias inside of itself": (FEED, HEAD + "tags: &a [*a]\n"),
    "a file of two megabytes": (FEED, HEAD + "about: " + "x" * 2_000_000 + "\n"),
    "a hundred thousand open brackets": (FEED, HEAD + "tags: " + "[" * 100_000),
    "a thousand open braces": (FEED, HEAD + "params: " + "{a: " * 1000 + "}" * 1000 + "\n"),
    "blocks nested a thousand deep": (FEED, HEAD + "".join(f"{' ' * n}a:\n" for n in range(1000))),
    "a list of fifty thousand": (FEED, HEAD + "tags:\n" + "- a\n" * 50_000),
    "a key of half a megabyte": (FEED, HEAD + "k" * 500_000 + ": 1\n"),
    "a field's name of half a megabyte": (FEED, FILE + "fields: {" + "k" * 500_000 + "-x: {column: A}}\n"),
    "a value of half a megabyte": (FEED, HEAD + "transport: {type: " + "k" * 500_000 + "}\n"),
    "a number of half a million digits": (
        FEED,
        FILE + "guards: {minRows: " + "9" * 500_000 + "}\nfields: {a: {column: A}}\n",
    ),
    "a number beyond all floats": (FEED, FILE + "guards: {maxBadPercent: 1e99}\nfields: {a: {column: A}}\n"),
    "a duration of a billion months": (FEED, in_sales("timeout: 30m", "timeout: 9999999999999999999mo")),
    "a day a billion months away": (EVENTS, changed(GLASS, "'${run.date+30d}'", "'${run.date+999999999mo}'")),
    "five thousand unknown keys": (FEED, HEAD + "".join(f"key{n}: 1\n" for n in range(5000))),
    "two thousand keys given twice": (FEED, HEAD + "title: x\n" * 2000),
    "five hundred unknown names": (FEED, fields(lambda n: f"{{field: wrong{n}}}", 500)),
    "seventy unknown names in a condition over five hundred": (
        FEED,
        fields(lambda n: "{column: A}", 500) + "records: {if: " + " || ".join(f"wrong{n}" for n in range(70)) + "}\n",
    ),
    "five hundred fields made of each other": (FEED, fields(lambda n: f"{{field: f{(n + 1) % 500}}}", 500)),
    "two thousand ranges that overlap": (
        FEED,
        FILE + "fields: {a: {column: A, else: x, map: {" + ", ".join(f"1..{n}: x" for n in range(2, 2002)) + "}}}\n",
    ),
    "two thousand references in a text": (FEED, FILE + "fields: {a: {text: '" + "${field.b}" * 2000 + "'}}\n"),
    "references that are never closed": (FEED, FILE + "fields: {a: {text: '" + "${" * 50_000 + "'}}\n"),
    "a pattern that repeats itself": (FEED, in_sales(r"'_SL\.csv$'", "'((a{100}){100}){100}'")),
    "a pattern of groups": (FEED, in_sales(r"'_SL\.csv$'", "'" + "(" * 900 + "a" + ")" * 900 + "'")),
    "a pattern of a hundred thousand characters": (FEED, in_sales(r"'_SL\.csv$'", "'" + "a" * 100_000 + "'")),
    "an expression that doubles itself": (
        EVENTS,
        changed(GLASS, "{if: event == 'order.voided'}", f"{{if: '{CHAIN}'}}"),
    ),
    "an expression of a hundred thousand characters": (
        EVENTS,
        changed(GLASS, "{if: event == 'order.voided'}", "{if: " + "a" * 100_000 + "}"),
    ),
    "an expression of three hundred brackets": (
        EVENTS,
        changed(GLASS, "{if: event == 'order.voided'}", "{if: '" + "(" * 300 + "a" + ")" * 300 + "'}"),
    ),
    "an expression of a thousand negations": (
        EVENTS,
        changed(GLASS, "{if: event == 'order.voided'}", "{if: '" + "!" * 1000 + "a'}"),
    ),
    "an expression where the paging ends": (
        FEED,
        HEAD + "transport: {type: http, baseUrl: 'https://a.example', request: {url: /a}, pagination: {type: nextUrl, "
        f"next: '{CHAIN}'}}}}\nfields: {{a: {{path: a}}}}\nactivities: [{{type: soldUnit, key: [[a]]}}]\n",
    ),
    "a cron line that never comes true": (FEED, in_sales("every: 1h", "cron: '0 0 31 2 *'")),
    "a cron line of ten thousand parts": (
        FEED,
        in_sales("every: 1h", "cron: '" + ",".join(["99"] * 10_000) + " 0 * * *'"),
    ),
}


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[float, str, list[str]]]:
    home = tmp_path_factory.mktemp("feeds")
    files = {FEED: SALES, EVENTS: GLASS, "activities/soldUnit.yaml": SOLD_UNIT, "dealers/acme-rv.yaml": DEALER}
    sheets = {name: sheet(name, text) for name, text in files.items()}
    kept = Loader(home)
    kept.load(Look("feeds", tuple(sheets.values()), ()))

    def load(name: str, text: str) -> tuple[float, str, list[str]]:
        look = Look("feeds", tuple({**sheets, name: sheet(name, text)}.values()), ())
        began = time.process_time()
        found = kept.load(look)
        shown = render(found.findings, found.sources)
        took = time.process_time() - began
        mine = [each for each in found.findings if each.file == name and each.severity == "error"]
        return took, shown, [f"{each.line}:{each.column} {each.code}" for each in mine]

    return load


def sheet(name: str, text: str) -> Sheet:
    content = text.encode()
    return Sheet(name, name, blake2b(content).digest(), content)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_an_error_with_a_place(
    loader: Callable[[str, str], tuple[float, str, list[str]]], name: str
) -> None:
    took, shown, errors = loader(*BOMBS[name])
    assert errors, shown[:2000]
    assert len(shown) < 100_000
    assert took < SOON * slowness(), f"{took:.2f} s"


# Expressions that are taken, each as costly as its size lets it be.
COSTLY = [
    "a[*].b[*].c[*].d[] | [][] | sort(@) | reverse(@)",
    "a[?b[?c[?d[?@ == 'x']]]]",
    "join('', map(&to_string(@), a))",
    "a[].b[].{x: n, y: c, z: c[].d, w: to_string(c)}",
    " || ".join(f"a[?x == '{n}'].b[].c[].d[].missing" for n in range(8)),
    "max_by(a[].b[], &n) || sort_by(a[].b[], &to_string(n)) | [0]",
    "[" + ", ".join("a[].b[].c" for _ in range(8)) + "]",
]


@pytest.mark.parametrize("text", COSTLY, ids=lambda text: text[:24])
def test_an_expression_that_is_taken_visits_a_bounded_number_of_values(text: str) -> None:
    """On a record of fifteen hundred values, which is ten times what one of an API has."""
    inner = [{"c": [{"d": ["x", "y"]}], "n": number} for number in range(40)]
    record = {"a": [{"b": inner, "x": "1"} for _ in range(5)], "status": "open"}
    expressions.checked(text)
    began = time.process_time()
    jmespath.search(text, record)
    assert time.process_time() - began < SOON * slowness()
