"""Group N, what a definition can bring: 30 regular expressions and 25 JMESPath texts that would stall a run.

Each is refused when it is read, with a place and a reason, or does its worst within its time.
"""

import time
from contextlib import suppress
from typing import Any

import jmespath
import pytest
import re2
from jmespath.exceptions import JMESPathError

from engine.language import expressions, patterns
from engine.language.expressions import BadExpression
from engine.language.patterns import BadPattern
from tests.pace import slowness

LONG = 100_000  # characters that a hostile file may put under one header

# (pattern, what it is tried on; None: RE2 has to refuse it)
PATTERNS: list[tuple[str, str | None]] = [
    (r"(a+)+\.csv", "a" * LONG),
    (r"(a+)+$", "a" * LONG + "!"),
    (r"(a|a)*$", "a" * LONG + "!"),
    (r"(a|aa)+$", "a" * LONG + "!"),
    (r"(.*a){25}", "a" * LONG),
    (r"(.*)(.*)(.*)(.*)(.*)x", "a" * LONG),
    (r"^(\w+\s?)*$", "word " * (LONG // 5) + "!"),
    (r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$", "a" * LONG),
    (r"(x+x+)+y", "x" * LONG),
    (r"(\d+)*[^\d]z", "1" * LONG),
    (r"\s+$", " " * LONG + "x"),
    (r"(?i)(A|B|AB)*C", "ab" * (LONG // 2)),
    (r"([^,]*,){100}end", "," * LONG),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * LONG),
    (r".*.*=.*", "x" * LONG),
    (r"(?:(?:a?){20}){20}a{400}", "a" * LONG),
    (r"\p{L}*\p{L}*\p{L}*1", "é" * LONG),
    (r"[\s\S]*[\s\S]*[\s\S]*!", "a" * LONG),
    (r"(a{1,30}){1,30}b", None),
    (r"(?s)(.+)+\n", "a" * LONG),
    (r"(?=a+)b", None),
    (r"(?<!a)b", None),
    (r"(a)\1", None),
    (r"a{1,2000}", None),
    (r"((a{100}){100}){100}", None),
    (r"(?>a+)b", None),
    (r"a++b", None),
    (r"(?P<x>a", None),
    ("(" * 1500, None),
    (r"(?:\pL{1000})|(?:\pN{1000})|(?:\pS{1000})|(?:\pP{1000})" * 15, None),
]

CHAIN = "|".join(["[@,@]"] * 25)
# (expression, whether it may be taken)
EXPRESSIONS: list[tuple[str, bool]] = [
    (CHAIN, False),  # 149 characters, 2^25 values
    ("to_string(" * 20 + "@" + ")" * 20, False),  # each level doubles every backslash
    ("(" * 300 + "a" + ")" * 300, False),
    ("!" * 1500 + "a", False),
    (".".join(["a"] * 900), False),
    ("a" + "[*]" * 300, False),
    ("{a:" * 60 + "b" + "}" * 60, False),
    (f"{'`[1,2,3,4,5,6,7,8,9,0]`[*].[' * 12}a{']' * 12}", False),
    (" || ".join(["a"] * 400), False),
    ("a" * 3000, False),
    ("a == '${params.x}'", False),
    ("a == 'b", False),
    ("a[?b", False),
    ("a\x00b", False),
    ("a == `b", False),
    ("a == `b`", False),
    ("system('x')", False),
    ("map(&[@,@]," * 12 + "@" + ")" * 12, False),
    ("merge(@, {a: @}) | " * 20 + "@", False),
    ("a[::0]", False),
    ("a[99999999999999999999999999]", True),
    ("[]" * 60, True),
    ("sort_by(a, &b) | reverse(@) | [0]", True),
    ("a[?b[?c[?d[?@ == 'x']]]]", True),
    ("join('', map(&to_string(@), a))", True),
]


def test_the_counts_of_the_group() -> None:
    print(f"group N: {len(PATTERNS)} regular expressions, {len(EXPRESSIONS)} JMESPath texts")
    assert (len(PATTERNS), len(EXPRESSIONS)) == (30, 25)


@pytest.mark.parametrize(("pattern", "text"), PATTERNS, ids=lambda value: str(value)[:24])
def test_a_regular_expression_is_refused_or_runs_in_linear_time(pattern: str, text: str | None) -> None:
    began = time.process_time()
    if text is None:
        with pytest.raises(BadPattern) as caught:
            patterns.groups(pattern)
        assert 0 <= caught.value.offset <= len(pattern)
        assert str(caught.value)
    else:
        patterns.groups(pattern)
        re2.compile(pattern, patterns.options()).search(text)
    # Measured: 0.4 s for `(.*a){25}`, whose groups have to be found, 0.12 s to refuse the last; the others 0.05 s at
    # most. Python's own `re` takes 18 s for the first one, on 28 characters.
    assert time.process_time() - began < 0.8 * slowness()


def record() -> dict[str, Any]:
    """About a hundred values, as a record of an API has them."""
    inner = [{"c": [{"d": ["x", "y"]}], "n": number} for number in range(8)]
    return {"a": [{"b": inner, "x": "1"} for _ in range(2)], "status": "open"}


@pytest.mark.parametrize(("text", "taken"), EXPRESSIONS, ids=lambda value: str(value)[:24])
def test_an_expression_is_refused_or_stays_within_its_budget(text: str, taken: bool) -> None:
    began = time.process_time()
    if taken:
        expressions.checked(text)
        with suppress(JMESPathError):  # an error of its own kind is what the mapping expects
            jmespath.search(text, record())
    else:
        with pytest.raises(BadExpression) as caught:
            expressions.checked(text)
        assert 0 <= caught.value.offset <= len(text)
    assert time.process_time() - began < 0.1 * slowness()


@pytest.mark.parametrize(
    "text",
    [
        "invoiced && paid && status == 'Invoice'",
        "starts_with(event, 'appointment.') && choice == 'OK'",
        "event == 'lead.ready' && choice == 'Ready' && phone && allowText",
        "contains(dealer.features, 'crm') && start > run.now",
        "customer.contacts[?kind == 'mobile'].value | [0] || customer.\"cell phone\"",
        "notes[?audience == 'customer'].{id: id, text: text, at: createdAt}",
        "sum(lines[].total) > `100.50` && !voided && length(lines) >= `2`",
        " || ".join(f"status == '{word}'" for word in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")),
        "{" + ", ".join(f"f{n}: a.b{n}.c" for n in range(30)) + "}",
        "items[*].parts[*].{number: partNumber, price: price}[]",
        "body.Header.ErrorNumber == 'CallThrottled'",
    ],
)
def test_what_definitions_really_say_is_within_every_budget(text: str) -> None:
    expressions.checked(text)


def test_no_expression_that_is_taken_makes_more_of_its_input_than_it_may() -> None:
    """The bound that is computed from the text holds for what the evaluator does."""
    document = record()
    size = count(document)
    for text, taken in EXPRESSIONS:
        if not taken:
            continue
        try:
            result = jmespath.search(text, document)
        except JMESPathError:
            continue
        assert count(result) <= expressions.LARGEST_GROWTH * size


def count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1
