"""`feeds schema`: what editors get, and the page of every key."""

import json
import re
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest

from engine.language import yaml
from engine.language.bundle import KINDS
from engine.language.reference import reference
from tests.cli.shell import called

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "feeds", ROOT / "tests" / "language" / "definitions"]
VALUES = [yaml.parse(path.name, path.read_bytes())[0].value for folder in FOLDERS for path in folder.rglob("*.yaml")]
PAGE = reference()


def test_the_kinds_are_listed_and_a_wrong_one_is_a_usage_error() -> None:
    assert [each["kind"] for each in called({}, "schema", "--format", "json").json()] == list(KINDS)
    assert all(f"{kind}: " in called({}, "schema").out for kind in KINDS)
    wrong = called({}, "schema", "fed")
    assert (wrong.code, "did you mean feed?" in wrong.talk) == (2, True)
    assert called({}, "schema", "feed", "--reference").code == 2


def test_all_are_written_where_a_definition_may_name_them(tmp_path: Path) -> None:
    assert called({}, "schema", "--out", str(tmp_path / "schemas")).code == 0
    written = {path.stem: json.loads(path.read_text("utf-8")) for path in (tmp_path / "schemas").iterdir()}
    assert written == {kind: called({}, "schema", kind).json() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_complete_in_itself_and_plain(kind: str) -> None:
    """The shipped definitions are right by it, and nothing in it is of our own making."""
    schema = called({}, "schema", kind).json()
    jsonschema_rs.meta.validate(schema)
    text = json.dumps(schema)
    assert set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', text)) <= set(schema["$defs"])
    assert '"$ref": "' not in text.replace('"$ref": "#/$defs/', "")
    assert '"x-' not in text
    validator = jsonschema_rs.Draft202012Validator(schema)
    values = [value for value in VALUES if value["kind"] == kind]
    assert [error.message for value in values for error in validator.iter_errors(value)] == []
    smallest = min(values, key=lambda value: len(json.dumps(value)))
    assert jsonschema.Draft202012Validator(schema).is_valid(smallest)
    assert not validator.is_valid({**smallest, "colour": "red"})


def test_a_choice_stands_where_editors_look_for_it() -> None:
    """They offer what `anyOf` holds, and nothing behind a condition on the value itself."""
    schema = called({}, "schema", "feed").json()
    value = schema["$defs"]["field.field"]["properties"]["onError"]
    assert value["anyOf"][0]["enum"] == ["quarantine", "blank", "warn"]
    assert len(value["anyOf"][0]["enumDescriptions"]) == 3
    assert (value["default"], value["examples"]) == ("quarantine", ["blank"])


def test_the_page_of_every_key_is_current() -> None:
    committed = (ROOT / "feeds" / "reference.md").read_text("utf-8")
    assert committed == PAGE, "the schemas have changed; run: feeds schema --reference > feeds/reference.md"
    assert called({}, "schema", "--reference").out == PAGE


def test_the_page_holds_every_key_and_its_links_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.M)
    assert len(set(headings)) == len(headings)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
    keys = set(re.findall(r"^\| (?:\*\*)?`([^`]+)`", PAGE, re.M))
    for kind in KINDS:
        for name, node in called({}, "schema", kind).json()["$defs"].items():
            if not name.startswith(("partial.", "override.")):
                described = {key for key, value in node.get("properties", {}).items() if "const" not in value}
                assert described - keys == set(), name


def test_a_row_tells_type_default_choices_and_an_example() -> None:
    (row,) = re.findall(r"^\| `onError` \| one of.*$", PAGE, re.M)
    assert "`quarantine` unless said" in row
    assert "`warn`: The record comes in with the text as it was sent" in row
    assert row.endswith("| `blank` |")
    assert "| **`host`** | text |" in PAGE
