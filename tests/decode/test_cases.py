"""Every case folder: `options.yaml` decodes `input.*` to `expected.json`. A case is added without any Python."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.decode import DECODERS, decode
from engine.errors import DecodeError

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "schemas"
CASES = sorted(path.parent for path in HERE.glob("*/*/expected.json"))


def outcome(path: Path, options: dict[str, Any], batch: int = 5000) -> dict[str, Any]:
    """What came out, in the shape of `expected.json`."""
    try:
        decoded = decode(path, options, batch)
        batches = list(decoded.batches)
    except DecodeError as error:
        return {"error": error.code} | ({"line": error.line} if error.line else {})
    found: dict[str, Any] = {
        "header": list(decoded.header) if decoded.header is not None else None,
        "encoding": decoded.encoding,
        "notes": [code for code, _ in decoded.notes],
        "whole": decoded.whole,
        "rows": [row for batch in batches for row in batch.rows],
        "lines": [line for batch in batches for line in batch.lines],
        "raws": None if decoded.whole else [raw for batch in batches for raw in batch.raws],
    }
    offsets = [sum(len(earlier.rows) for earlier in batches[:at]) for at in range(len(batches))]
    found["faults"] = [
        [offset + fault.index, fault.line, fault.code]
        for offset, batch in zip(offsets, batches, strict=True)
        for fault in batch.faults
    ]
    always = ("rows", "lines")
    return {key: value for key, value in found.items() if key in always or value or (key == "raws" and value == [])}


@pytest.mark.parametrize("batch", [1, 5000])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_case(case: Path, batch: int) -> None:
    options = yaml.safe_load((case / "options.yaml").read_text(encoding="utf-8"))
    (path,) = case.glob("input.*")
    assert outcome(path, options, batch) == json.loads((case / "expected.json").read_text(encoding="utf-8"))


def schema(name: str) -> dict[str, Any]:
    node: dict[str, Any] = json.loads((SCHEMAS / "decoders" / f"{name}.json").read_text(encoding="utf-8"))
    size = json.loads((SCHEMAS / "common.json").read_text(encoding="utf-8"))["$defs"]["size"]
    node["properties"] = {
        key: {**size, **value, "$ref": "#"} if "size" in value.get("$ref", "") else value
        for key, value in node["properties"].items()
    }
    for value in node["properties"].values():
        value.pop("$ref", None)
    return node


def test_every_format_has_a_schema_and_a_case() -> None:
    assert {path.stem for path in (SCHEMAS / "decoders").glob("*.json")} == set(DECODERS)
    assert {case.parent.name for case in CASES} == set(DECODERS)


@pytest.mark.parametrize("name", DECODERS)
def test_a_schema_is_closed_and_describes_every_key(name: str) -> None:
    node = schema(name)
    jsonschema.Draft202012Validator.check_schema(node)
    assert node["additionalProperties"] is False
    assert node["properties"]["format"]["const"] == name
    for key, value in node["properties"].items():
        assert value["description"].endswith("."), key
        assert all(jsonschema.Draft202012Validator(value).is_valid(example) for example in value["examples"]), key


def test_what_formats_share_reads_the_same_everywhere() -> None:
    for key in ("compression", "member", "maxBytes", "nullValues"):
        assert len({json.dumps(schema(name)["properties"][key]) for name in DECODERS}) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_the_options_of_a_case_fit_the_schema(case: Path) -> None:
    options = yaml.safe_load((case / "options.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema(options["format"])).validate(options)


@pytest.mark.parametrize(
    "options",
    [
        {"format": "csv", "delimeter": ";"},
        {"format": "csv", "delimiter": ";;"},
        {"format": "csv", "header": False},
        {"format": "csv", "columns": ["a"]},
        {"format": "csv", "maxBytes": 1000},
        {"format": "csv", "encoding": ["utf-7"]},
        {"format": "fixedWidth"},
        {"format": "fixedWidth", "columns": [{"name": "a", "start": 0, "width": 1}]},
        {"format": "xml", "namespaces": "drop"},
    ],
    ids=str,
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schema(options["format"])).is_valid(options)
