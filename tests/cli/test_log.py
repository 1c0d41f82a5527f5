"""The log shows what happened, and neither a secret nor a customer."""

import io
import json
from urllib.parse import quote

import pytest

from engine.log import Redactor, logger, masked

CANARY = "canary-9$H{o}me :%41/@#\\'\"&*é"


def line(as_json: bool = True, event: str = "file.taken", **details: object) -> str:
    stream = io.StringIO()
    logger(stream, as_json=as_json, secrets=lambda: [CANARY])(event, details)
    return stream.getvalue()


def test_a_line_for_machines_is_one_json_object() -> None:
    found = json.loads(line(feed="a/b", bytes=12))
    assert found == {"level": "info", "event": "file.taken", "feed": "a/b", "bytes": 12}


def test_a_line_for_people_is_readable() -> None:
    assert line(as_json=False, feed="a/b", bytes=12) == "info    file.taken feed=a/b bytes=12\n"


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "written",
    [
        CANARY,
        quote(CANARY, safe=""),
        repr(CANARY),
        json.dumps(CANARY),
        f"https://user:{CANARY}@host/",
        [CANARY],
        {"a": {CANARY: CANARY}},
    ],
)
def test_a_known_secret_is_taken_out_however_it_is_written(as_json: bool, written: object) -> None:
    found = line(as_json, where=written, event=f"tried {written}")
    assert "canary-9" not in found
    assert "***" in found


def test_a_secret_that_is_read_later_is_taken_out_too() -> None:
    known: list[str] = []
    stream = io.StringIO()
    note = logger(stream, as_json=True, secrets=lambda: known)
    known.append("canary-later")
    note("x", {"where": "canary-later"})
    assert "canary" not in stream.getvalue()


def test_a_secret_of_a_few_characters_does_not_blot_out_words() -> None:
    assert Redactor(["ab"]).text("about") == "about"


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("phone", "+12025550101", "...0101"),
        ("phones", ["+1 202 555 0101"], "...0101"),
        ("phone", "101", "***"),
        ("firstName", "Robin", "***"),
        ("last_name", "Vale", "***"),
        ("contact", {"email": "robin@example.com", "city": "Bangor"}, {"city": "Bangor"}),
        ("feed", "a/b", "a/b"),
        ("phone", None, None),
    ],
)
def test_what_identifies_a_customer_is_masked(key: str, value: object, shown: object) -> None:
    found = masked(key, value)
    if isinstance(found, dict):
        assert found.pop("email").startswith("email:")
    assert found == shown


def test_the_same_address_is_the_same_hash() -> None:
    one, same, other = (masked("email", each) for each in ("a@example.com", "A@example.com", "b@example.com"))
    assert one == same != other
    assert "example" not in str(one)


@pytest.mark.parametrize("as_json", [True, False])
def test_control_characters_are_escaped(as_json: bool) -> None:
    found = line(as_json, name="\x1b]0;x\x07\n{}")
    assert found.count("\n") == 1
    assert "\x1b" not in found


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    note = logger(stream, as_json=True, level="warning")
    note("listing.long", {})
    note("name.unsafe", {"level": "warning"})
    assert [json.loads(each)["event"] for each in stream.getvalue().splitlines()] == ["name.unsafe"]
