"""Every transform and every type against its table of cases (one json file each)."""

import json
import re
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DefinitionError, RecordError
from engine.transforms import SHORTHAND, TRANSFORMS, TYPES
from engine.transforms.codes import CODES
from engine.transforms.memo import Memo

HERE = Path(__file__).parent
ENGINE = Path(__file__).parents[2] / "engine"


def cases(names: Any) -> list[Any]:
    found = []
    for name in names:
        for number, case in enumerate(json.loads((HERE / f"{name}.json").read_text("utf-8"))):
            found.append(pytest.param(name, case, id=f"{name}-{number}"))
    return found


def outcome(case: dict[str, Any], run: Any) -> Any:
    if "error" not in case:
        return run()
    with pytest.raises(RecordError) as caught:
        run()
    assert case.get("silent", "\0") not in caught.value.message, "a message shows what may be a person's"
    return caught.value.code


@pytest.mark.parametrize(("name", "case"), cases(TRANSFORMS))
def test_transform(name: str, case: dict[str, Any]) -> None:
    found = outcome(case, lambda: TRANSFORMS[name](case["in"], **case.get("with", {})))
    assert found == case.get("error", case.get("out"))


@pytest.mark.parametrize(("name", "case"), cases(TYPES))
def test_type(name: str, case: dict[str, Any]) -> None:
    read = TYPES[name](**case.get("with", {}))
    for _ in ("first", "remembered"):
        found = outcome(case, lambda: read(case["in"]))
        wanted = case.get("error", case.get("out"))
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize(("name", "case"), [case for case in cases(TYPES) if "out" in case.values[1]])
def test_what_a_type_made_is_read_again_as_the_same(name: str, case: dict[str, Any]) -> None:
    options = {key: value for key, value in case.get("with", {}).items() if key == "region"}
    assert TYPES[name](**options)(case["out"]) == case["out"]


def test_every_code_that_is_raised_is_listed() -> None:
    raised = set()
    for path in [*(ENGINE / "transforms").glob("*.py"), *(ENGINE / "mapping").glob("*.py")]:
        raised |= set(re.findall(r'"([a-z][A-Za-z]*\.[a-z][A-Za-z]*)"', path.read_text("utf-8")))
    refusals = {"column.missing", "column.ambiguous", "path.missing", "include.read"}  # of whole deliveries
    assert raised - refusals <= set(CODES)


def test_every_shorthand_belongs_to_a_transform() -> None:
    assert set(SHORTHAND) <= set(TRANSFORMS)


def test_a_format_that_does_not_exist_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError):
        TYPES["date"](formats=["%Q"])


def test_a_value_of_too_many_parts_is_refused() -> None:
    value: Any = []
    for _ in range(30):
        value = [value, value]
    with pytest.raises(RecordError) as caught:
        TYPES["list"]()(value)
    assert caught.value.code == "value.large"


def test_a_memo_stays_within_its_bound() -> None:
    read: list[str] = []

    def number(text: str) -> int:
        read.append(text)
        if text.endswith("7"):
            raise RecordError("integer.unreadable", "no sevens")
        return int(text)

    memo = Memo(number, largest=10)
    for text in map(str, range(100)):
        for _ in ("first", "remembered"):
            try:
                assert memo[text] == int(text)
            except RecordError as error:
                assert (error.code, text[-1]) == ("integer.unreadable", "7")
    assert read == list(map(str, range(100)))
    assert len(memo) <= 10
    assert len(memo.refused) <= 10


@given(st.text(alphabet="()-. 0123456789+x", min_size=1, max_size=20))
def test_phones_are_those_of_phonenumbers(text: str) -> None:
    try:
        parsed = phonenumbers.parse(text, "US")
        possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
        wanted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if possible else None
    except phonenumbers.NumberParseException:
        wanted = None
    filler = wanted is not None and wanted[:3] in {"+10", "+11"}  # no area code begins so
    assert read_or_none("phone", text) == (None if filler else wanted)


@given(st.from_regex(r"[(]?[2-9]\d\d[)]?[-. ]?\d{3}[-. ]?\d{4}", fullmatch=True))
def test_the_usual_phones_are_those_of_phonenumbers(text: str) -> None:
    parsed = phonenumbers.parse(text, "US")
    assert read_or_none("phone", text) == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@given(
    st.builds(
        "{}@{}".format,
        st.text(alphabet="abA1.+_-' \"ü", max_size=10),
        st.sampled_from(["example.com", "Example.ORG", "münchen.example", "localhost", "-a.com", "a..com", ""]),
    )
)
def test_emails_are_those_of_the_library(text: str) -> None:
    try:
        wanted = validate_email(text.strip().casefold(), check_deliverability=False, strict=True).normalized.casefold()
    except EmailNotValidError:
        wanted = None
    assert read_or_none("email", text) == wanted


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_money_keeps_every_cent(amount: Any) -> None:
    text = TYPES["money"]()(f"{amount:,}".replace("-", "-$") if amount < 0 else f"${amount:,}")
    assert text == format(abs(amount) if amount == 0 else amount, "f")


def read_or_none(name: str, text: str) -> Any:
    try:
        return TYPES[name]()(text)
    except RecordError:
        return None
