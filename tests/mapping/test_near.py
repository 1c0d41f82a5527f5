"""Names of the data that an author may have meant by one that never matched."""

from typing import Any

import pytest

from engine.mapping.near import near_paths
from engine.mapping.survey import conditions

PERSON = {"name": {"First Name": "Robin", "last": "Vale"}, "email": "robin@example.com", "phones": [{"number": "1"}]}
RECORD: dict[str, Any] = {"id": 7, "customer": PERSON, "lines": [{"sku": "A", "totalPrice": 2}], "createdAt": "x"}


@pytest.mark.parametrize(
    ("expression", "near"),
    [
        ("customer.emial", ["customer.email"]),
        ("email", ["customer.email"]),
        ("Customer.Email", ["customer.email"]),
        ("created_at", ["createdAt"]),
        ("customer.name.firstName", ['customer.name."First Name"']),
        ("customer.phones.number", ["customer.phones[].number"]),
        ("line[?sku == 'A'].totalPrice", ["lines"]),
        ("lines[?sku == 'A'].price", []),
        ("length(lines)", []),
        ("nothing.like.it", []),
        ("id", []),
    ],
)
def test_near_paths(expression: str, near: list[str]) -> None:
    assert near_paths(expression, [{"id": 1}, RECORD]) == near


def test_records_without_end_are_looked_through_in_part() -> None:
    wide = {f"key{number}": {"deep": number} for number in range(100_000)}
    assert near_paths("kye1", [wide]) == ["key1"]


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        (None, ()),
        ("a", ("a",)),
        ("a && b == '&&' &&c", ("a", "b == '&&'", "c")),
        ("(a && b) && c[?x && y]", ("(a && b)", "c[?x && y]")),
        ("a && b || c", ("a && b || c",)),
        ("contains(a, 'x') && !b", ("contains(a, 'x')", "!b")),
    ],
)
def test_a_condition_is_told_by_its_parts(condition: str | None, parts: tuple[str, ...]) -> None:
    assert conditions(condition) == parts
