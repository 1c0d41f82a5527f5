"""Each folder `<vendor>/<product>/<case>/` below this one, run through the whole engine.

A case is `dealer.yaml`, what lies on the vendor's server (`day1/...`, `day2/...`: one run after each
day's files have come) and `expected.json`. What `expected.json` does not mention may be anything, but
a list it gives is complete: so many activities, contacts, quarantined rows and files that stay.
`feeds/README.md` tells authors how to add one.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.feeds.project import Project
from tests.servers.sftp import SftpServer

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/*/expected.json"))
COUNTS = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Everything `expected` says that is not so in `found`, each with its path."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [text for key in expected for text in differences(expected[key], found.get(key), f"{where}.{key}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [text for number, (one, other) in pairs for text in differences(one, other, f"{where}[{number}]")]
    return [] if expected == found else [f"{where}: expected {expected!r}, found {found!r}"]


def named(case: Path) -> str:
    return case.relative_to(HERE).as_posix()


def meets_what_is_stored(case: Path) -> bool:
    """Whether rows of the case meet earlier ones in the database: with one file, only to be found there twice."""
    return len([path for path in case.glob("day*/**/*") if path.is_file()]) > 1 or "quarantined" in (
        case / "expected.json"
    ).read_text(encoding="utf-8")


def of_feed(report: dict[str, Any], feed: str) -> dict[str, Any]:
    (found,) = (each for each in report["feeds"] if each["feed"] == feed)
    return dict(found)


def check(case: Path, shop: Project) -> None:
    """Run a case, day by day, and compare all that it expects."""
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    issues: set[str] = set()
    shop.add_dealer((case / "dealer.yaml").read_text(encoding="utf-8"))
    days = sorted(case.glob("day*"))
    assert len(days) == len(expected["runs"])
    for day, wanted in zip(days, expected["runs"], strict=True):
        for file in (path for path in sorted(day.rglob("*")) if path.is_file()):
            shop.put(file.relative_to(day).as_posix(), file.read_bytes())
        report = shop.run()
        for feed, counts in wanted.items():
            found = of_feed(report, feed)
            assert not differences(dict.fromkeys(COUNTS, 0) | counts, found, f"{day.name}.{feed}"), found["issues"]
            issues |= {issue["code"] for issue in found["issues"]}
    if "activities" in expected:
        assert not differences(expected["activities"], shop.activities(), "activities")
    if "contacts" in expected:
        assert not differences(expected["contacts"], shop.contacts(), "contacts")
    assert not differences(expected.get("quarantine", []), shop.quarantine(), "quarantine")
    assert shop.left() == sorted(expected.get("left", []))
    assert set(expected.get("issues", [])) <= issues


@pytest.mark.parametrize("case", CASES, ids=named)
def test_case(case: Path, shop: Project) -> None:
    check(case, shop)


@pytest.mark.parametrize("case", [case for case in CASES if meets_what_is_stored(case)], ids=named)
def test_case_on_postgresql(case: Path, server: SftpServer, tmp_path: Path, postgres_url: str) -> None:
    check(case, Project(tmp_path, server, postgres_url))


def test_there_are_cases() -> None:
    assert {case.parent.relative_to(HERE).as_posix() for case in CASES} >= {"ids/sales", "ids/service"}
