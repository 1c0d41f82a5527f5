"""JMESPath compiled to Python, held to jmespath itself and to the public compliance cases."""

import json
import os
from pathlib import Path
from typing import Any

import jmespath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from engine.errors import DefinitionError, RecordError
from engine.mapping.compiler import compiled_path

COMPLIANCE = os.environ.get("FEEDS_JMESPATH_COMPLIANCE", "")
REFUSED = "refused"


def compliance() -> list[Any]:
    """The cases of the folder that FEEDS_JMESPATH_COMPLIANCE names; none without it."""
    return [
        pytest.param(group["given"], case, id=f"{path.stem}-{number}-{case['expression']}")
        for path in (sorted(Path(COMPLIANCE).glob("*.json")) if COMPLIANCE else [])
        for number, group in enumerate(json.loads(path.read_text("utf-8")))
        for case in group["cases"]
        if "bench" not in case
    ]


@pytest.mark.filterwarnings("ignore:deprecated string literal")  # the cases try the old way of writing them
@pytest.mark.parametrize(("document", "case"), compliance())
def test_compliance(document: Any, case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises((DefinitionError, RecordError)):
            compiled_path(case["expression"])(document)
    else:
        assert same(compiled_path(case["expression"])(document), case["result"])


def same(found: Any, wanted: Any) -> bool:
    """Equal with types: true is not 1."""
    return repr(ordered(found)) == repr(ordered(wanted)) or (found == wanted and type(found) is type(wanted))


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=repr)}
    return [ordered(part) for part in value] if isinstance(value, list) else value


def by_jmespath(text: str, document: Any) -> Any:
    try:
        return jmespath.search(text, document)
    except (JMESPathError, TypeError, ValueError):
        return REFUSED


def by_us(text: str, document: Any) -> Any:
    try:
        return compiled_path(text)(document)
    except (DefinitionError, RecordError):
        return REFUSED


NAMES = ("a", "b", "c", "total", "kind")
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "part", "0", "1.5"]) | st.just(1.5)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)
TEXTS = ("'x'", "'part'", "''", '`"x"`')
LITERALS = (*TEXTS, "`0`", "`1`", "`1.5`", "`true`", "`false`", "`null`", "`[]`", "`{}`", "`[1]`")


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(NAMES)
    return st.one_of(
        st.builds("{}.{}".format, inner, names),
        st.builds("{}[{}]".format, inner, st.sampled_from(["0", "-1", "2", "*", "", "1:", "::-1", ":2", "::2", "-2:"])),
        st.builds("{}.*".format, inner),
        st.builds("{}[*].{}".format, inner, names),
        st.builds("{}[].{}".format, inner, names),
        st.builds("{}[?{}]".format, inner, inner),
        st.builds("{}[?{} {} {}].{}".format, inner, names, COMPARISONS, st.sampled_from(LITERALS), names),
        st.builds("{} | {}".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("({} && {})".format, inner, inner),
        st.builds("!{}".format, inner),
        st.builds("({} {} {})".format, inner, COMPARISONS, inner),
        st.builds("({} {} {})".format, inner, COMPARISONS, st.sampled_from(LITERALS)),
        st.builds("{}.[{}, {}]".format, inner, names, inner),
        st.builds("{}.{{p: {}, q: {}}}".format, inner, names, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{}({})".format, FUNCTIONS_OF_ONE, inner),
        st.builds("contains({}, {})".format, inner, st.sampled_from(LITERALS)),
        st.builds("join(',', {})".format, inner),
        st.builds("not_null({}, {})".format, inner, inner),
        st.builds("starts_with({}, 'x')".format, inner),
        st.builds("ends_with({}, 'x')".format, inner),
        st.builds("{}({}, &{})".format, st.sampled_from(["sort_by", "max_by", "min_by"]), inner, inner),
        st.builds("map(&{}, {})".format, inner, inner),
        st.builds("merge({}, {})".format, inner, inner),
    )


COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
FUNCTIONS_OF_ONE = st.sampled_from(
    [
        *("length", "keys", "values", "sum", "avg", "max", "min", "sort", "reverse"),
        *("to_array", "to_string", "to_number", "type", "abs", "ceil", "floor"),
    ]
)
expressions = st.recursive(st.sampled_from([*NAMES, "@", "*", *LITERALS]), larger, max_leaves=8)


@settings(max_examples=int(os.environ.get("FEEDS_EXAMPLES", "300")), deadline=None)
@given(expressions, st.lists(documents, min_size=1, max_size=4))
@example("[a == b, a != b, a == `1`, b == `true`]", [{"a": True, "b": 1}, {"a": 0, "b": False}, {"a": 1, "b": 1.0}])
@example("a[?b > 'x' && c]", [{"a": [{"b": "y", "c": 0}, {"b": 1, "c": 1}]}])
def test_compiled_paths_are_those_of_jmespath(text: str, values: list[Any]) -> None:
    for document in values:
        found, wanted = by_us(text, document), by_jmespath(text, document)
        if wanted == REFUSED and found != REFUSED:
            # The one difference (ruling 29): the order of unlike types is null where jmespath raises TypeError.
            assert any(sign in text for sign in "<>")
        else:
            assert same(found, wanted), (found, wanted)


@pytest.mark.parametrize("document", [{"a": 1, "b": "x"}, {"a": [], "b": {}}, {"a": True, "b": 1}, {"b": 1}])
def test_the_order_of_unlike_types_is_null(document: Any) -> None:
    assert compiled_path("a < b")(document) is None


def test_deep_projections_do_not_meet_the_limits_of_python() -> None:
    text = "a" + "[*].a" * 30
    document: Any = 7
    for _ in range(31):
        document = {"a": [document]}
    assert compiled_path(text)(document) == jmespath.search(text, document)


@pytest.mark.parametrize(
    "name",
    ["import os", "'", '"', "\\", "\n", "\u2028", "__class__", "r", "}", "{0}", "%s", "'); exit() #", "\ud800"],
)
def test_hostile_names_are_only_names(name: str) -> None:
    text = json.dumps(name)
    try:
        compiled = compiled_path(f"{text}.b || b[?{text}].c")
    except DefinitionError:
        pytest.fail("a quoted name is a name")
    assert compiled({name: {"b": 5}}) == 5
    assert compiled({"b": [{name: 1, "c": 2}]}) == [2]


def test_what_is_no_jmespath_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError):
        compiled_path("a[")


def test_a_function_that_cannot_take_a_value_says_so_without_the_value() -> None:
    with pytest.raises(RecordError) as caught:
        compiled_path("length(a)")({"a": 5550101})
    assert caught.value.code == "path.type"
    assert "5550101" not in caught.value.message
