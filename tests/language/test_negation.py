"""`!` in JMESPath: what binds more loosely than its author thought is told, and nothing else is."""

import pytest

from engine.language.negation import slip
from engine.mapping.compiler import compiled_path

# What is written, and what was meant; the part of it that slipped.
SLIPS = {
    "!a.b": "!(a.b)",
    "!a[0].b": "!(a[0].b)",
    "!a[?b]": "!(a[?b])",
    "!a[]": "!(a[])",
    "!f.*": "!(f.*)",
    "!!a.b": "!!(a.b)",
    "!(a).b": "!((a).b)",
    "!to_array(a).b": "!(to_array(a).b)",
    "x && !a.b.c == 'y'": "!(a.b.c)",
    "x[?!a.b]": "!(a.b)",
    "!(!a.b)": "!(a.b)",
    '!"a b".c || x': '!("a b".c)',
    "! a . b": "! (a . b)",
}
SOUND = (
    *("!a", "!(a.b)", "!a[0]", "!a[*].b", "!*.a", "!contains(a, 'b')", "!a == b.c", "a.b != c.d", "'!a.b'", '"!a".b'),
    *("!a | b", "!a[*][?b].c", "!@", "![].b", "a[?!b].c", "!a && b.c", '`"!a.b"`', "a"),
)


@pytest.mark.parametrize("text", SLIPS)
def test_a_slip_is_found_with_what_was_meant(text: str) -> None:
    found = slip(text)
    assert found is not None
    assert text[found.offset :].startswith(found.written)
    assert found.meant == SLIPS[text]
    assert slip(text.replace(found.written, found.meant)) is None


@pytest.mark.parametrize("text", SOUND)
def test_what_means_what_it_says_is_left_in_peace(text: str) -> None:
    assert slip(text) is None


def test_what_it_is_said_to_be_read_as_is_how_it_is_read() -> None:
    records = [{"a": {"b": 1}}, {"a": {}}, {"a": [{"b": 1}]}, {"a": [[]]}, {}]
    for text in ("!a.b", "!a[0].b", "!a[?b]", "!a[]"):
        found = slip(text)
        assert found is not None
        read, meant, own = (compiled_path(each) for each in (found.read, found.meant, text))
        assert [read(record) for record in records] == [own(record) for record in records]
        assert {own(record) for record in records} == {None}
        assert {meant(record) for record in records} == {True, False}
