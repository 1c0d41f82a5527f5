"""The vendor documents, statement by statement: which are proven by a test, and which are not yet.

A test says so with `@pytest.mark.statement("IDS-12")`. `feeds/README.md` says what the numbers mean.
"""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STATEMENTS = {"PRO": 22, "SM": 12, "IDS": 37, "ST": 23, "EL": 17}
# Declared finished: a missing test is an error.
FINISHED = {
    "PRO": set(range(1, 23)),
    "SM": set(range(1, 13)),
    "IDS": set(range(1, 38)),
    "ST": set(range(1, 24)),
    "EL": set(range(1, 18)),
}


def marks() -> dict[str, list[str]]:
    """Statement -> the tests that carry its number, as file:line."""
    found: dict[str, list[str]] = {}
    for path in sorted(HERE.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.statement":
                for argument in node.args:
                    place = f"{path.relative_to(HERE)}:{node.lineno}"
                    found.setdefault(str(ast.literal_eval(argument)), []).append(place)
    return found


def known(vendor: str) -> list[str]:
    return [f"{vendor}-{number}" for number in range(1, STATEMENTS[vendor] + 1)]


def test_every_mark_names_a_statement_that_exists() -> None:
    assert not set(marks()) - {each for vendor in STATEMENTS for each in known(vendor)}


@pytest.mark.parametrize("vendor", STATEMENTS)
def test_every_statement_of_a_finished_vendor_has_a_test(vendor: str) -> None:
    found = marks()
    missing = [each for each in known(vendor) if each not in found]
    print(f"{vendor}: {STATEMENTS[vendor] - len(missing)} of {STATEMENTS[vendor]} have a test; none: {missing}")
    due = {f"{vendor}-{number}" for number in FINISHED.get(vendor, ())}
    assert not due & set(missing)
