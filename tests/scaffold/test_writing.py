"""YAML that is written by hand: every text comes back as it went in, through our loader and through another."""

import pytest
import yaml as other
from hypothesis import given
from hypothesis import strategies as st

from engine.language import references, yaml
from engine.scaffold.writing import Line, flow, literal, page, text_of

HOSTILE = (
    *("a: b", "a #b", "#", "- a", "'", '"', "''", "{a}", "[a", "a,b", "yes", "no", "null", "~", "", " ", " a", "a "),
    *("1", "1.10", "0x1f", "012", "1e3", ".5", "+1", "2024-05-01", "22:30", "true", "True", "!tag", "&a", "*a", "%a"),
    *(
        "@a",
        "`a`",
        "a\tb",
        "a\nb",
        "\0",
        "\x07",
        "\x85",
        "\u2028",
        "\ufeff",
        "Größe",
        "日本",
        "😀",
        "a\\b",
        "---",
        "...",
    ),
    *("${params.x}", "$${x}", "$$${x}", "<<", "=", "?", ": ", "Amount ($)", "a|b", ">x", 'it\'s "q": {x} # y'),
)


def back(text: str) -> object:
    document, findings = yaml.parse("a.yaml", text)
    assert document is not None, findings
    assert [each for each in findings if each.severity == "error"] == []
    return document.value


def as_it_was(value: str) -> str:
    made = references.parsed(str(value))
    assert isinstance(made, str)
    return made


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_comes_back(text: str) -> None:
    for form in (f"a: {text_of(text)}    # guessed: why\n", f"a: {{b: {text_of(text)}, c: [{text_of(text)}]}}\n"):
        value = back(form)["a"]
        for found in [value] if isinstance(value, str) else [value["b"], *value["c"]]:
            assert as_it_was(found) == text
    assert as_it_was(other.safe_load(f"a: {text_of(text)}\n")["a"]) == text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_any_text_comes_back(text: str) -> None:
    assert as_it_was(back(f"a: {{b: {text_of(text)}}}    # why\n")["a"]["b"]) == text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=80))
def test_any_text_of_several_lines_comes_back(text: str) -> None:
    first, *rest = literal(text, 4)
    assert back("\n".join([f"  a: {first}", *rest, ""]))["a"] == text


def test_values_keep_their_kinds() -> None:
    value = {"a": [1, 1.5, True, None, "1"], "b": {"c": []}}
    assert back(f"x: {flow(value)}\n")["x"] == value


def test_a_comment_never_ends_its_line_or_hides_a_value() -> None:
    text = page([Line("a: 1", "two\nlines\x00"), Line("b: 2"), Line(f"c: {'x' * 100}", "far"), Line("d: 4", "why")])
    assert back(text) == {"a": 1, "b": 2, "c": "x" * 100, "d": 4}
