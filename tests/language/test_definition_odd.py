"""Whatever stands in a definition, reading it ends in findings and never in an exception."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.language import durations, yaml
from engine.language.findings import render
from tests.language.projects import FILES, PUSHED, read

TEXTS = {**FILES, **PUSHED}
ODD: list[Any] = [
    *(None, True, 5, -1.5, "", "x", "1..5", "(", "a.b[", [], {}, [[]], [None], {"a": None}, ["a", 5, {"hash": 5}]),
    *("${params.x}", "${secret.X}", "${run.date}", "${", "$${", "${params.days}", "${run.date+${params.days}}"),
    *({"type": 5}, {"remove": ["x"]}, {"from": 5, "map": 5, "else": []}, {"if": "${x}", "is": []}),
]
KEYS = ("x", "type", "fields", "path", "remove", "if", "each", "basedOn", "override", "params", "requires", "context")


def steps(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, item in inner for found in steps(item, (*path, key)))]


def values() -> dict[str, Any]:
    documents = {name: yaml.parse(name, text)[0] for name, text in TEXTS.items()}
    return {name: document.value for name, document in documents.items() if document is not None}


VALUES = values()
EDITS = st.tuples(
    st.sampled_from(sorted(VALUES)),
    st.integers(0, 10_000),
    st.one_of(st.tuples(st.just("put"), st.sampled_from(ODD)), st.tuples(st.just("drop"), st.none())),
    st.one_of(st.none(), st.sampled_from(KEYS)),
)


def edit(files: dict[str, Any], change: Any) -> None:
    """Put something odd in one place of one file, take it away, or move it under another key."""
    name, place, (what, odd), key = change
    paths = steps(files[name])
    if not paths:
        return
    *above, last = paths[place % len(paths)]
    at = files[name]
    for step in above:
        at = at[step]
    if key is not None and isinstance(at, dict):
        at[key] = at.pop(last)
    elif what == "drop":
        del at[last]
    else:
        at[last] = copy.deepcopy(odd)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(EDITS, min_size=1, max_size=3))
def test_no_definition_raises(tmp_path: Path, changes: list[Any]) -> None:
    files = copy.deepcopy(VALUES)
    for change in changes:
        edit(files, change)
    # JSON is YAML: the places are others, the values the same.
    found = read(tmp_path, {name: json.dumps(value, indent=1) for name, value in files.items()})
    assert render(found.findings, found.sources)
    for feed in found.feeds:
        assert found.resolved(feed).plain


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("15m", 900), ("2h", 7200), ("7d", 604_800), ("6mo", 15_552_000), ("0s", 0)],
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "1.5h", "-1s", "1 h", "1w", "1h30m", "30S", "\uff11s"])
def test_a_duration_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        durations.seconds(text)


@pytest.mark.parametrize(
    ("text", "size"), [("64MiB", 64 << 20), ("1KB", 1000), ("512B", 512), ("2GiB", 2 << 30), ("1TB", 10**12)]
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert durations.bytes_of(text) == size


@pytest.mark.parametrize("text", ["64", "MiB", "64 MiB", "1.5MiB", "64mib", "-1B"])
def test_a_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        durations.bytes_of(text)
