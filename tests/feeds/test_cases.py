"""Each folder `<vendor>/<product>/<case>/` below this one, run through the whole engine.

Cases whose days are what an API answers or what arrives (`http.yaml`, `hooks.yaml`) are left to `feeds test`, which
`test_definitions.py` runs.

A case is `dealer.yaml`, what lies on the vendor's server (`day1/...`, `day2/...`: one run after each
day's files have come) and `expected.json`. `feeds test` runs them on folders; here they run over a real
SFTP server and on both databases, and are compared by the same rules. `feeds/README.md` tells authors
how to add one.
"""

from pathlib import Path
from typing import Any

import pytest

from engine.golden import views
from engine.golden.cases import of_folder
from engine.golden.comparing import Found, differences
from engine.language.shapes import Workshop
from tests.feeds.project import Project
from tests.servers.sftp import SftpServer

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/*/expected.json") if not [*path.parent.glob("day*/h*.yaml")])


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
    """Run a case, day by day, and compare all that it expects, as `feeds test` does."""
    shop.add_dealer((case / "dealer.yaml").read_text(encoding="utf-8"))
    runs = []
    for day in sorted(case.glob("day*")):
        for file in (path for path in sorted(day.rglob("*")) if path.is_file()):
            shop.put(file.relative_to(day).as_posix(), file.read_bytes())
        runs.append({feed["feed"]: feed for feed in shop.run()["feeds"]})
    people = {each["id"]: views.contact(each, each["address"] | each["consent"], "") for each in shop.contacts()}
    found = Found(
        runs,
        activities=[views.activity(each, people) for each in shop.activities()],
        contacts=list(people.values()),
        quarantine=[views.row(each) for each in shop.quarantine()],
        left=shop.left(),
    )
    told = differences(of_folder(case, {}, Workshop({})).expected, found)
    assert not told, [f"{each.path}: {each.text}" for each in told]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_case(case: Path, shop: Project) -> None:
    check(case, shop)


@pytest.mark.parametrize("case", [case for case in CASES if meets_what_is_stored(case)], ids=named)
def test_case_on_postgresql(case: Path, server: SftpServer, tmp_path: Path, postgres_url: str) -> None:
    check(case, Project(tmp_path, server, postgres_url))


def test_there_are_cases() -> None:
    assert {case.parent.relative_to(HERE).as_posix() for case in CASES} >= {"ids/sales", "ids/service"}
