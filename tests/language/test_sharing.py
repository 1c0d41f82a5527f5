"""What feeds share, and what is kept from one look to the next, changes nothing of what is said of them."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from engine.language import definition, folder
from engine.language.findings import Finding
from engine.language.plans import Plan
from engine.language.project import Loader, Project, load
from engine.language.resolution import Definition
from tests.language import mutations
from tests.language.projects import DEALER, FILES, SALES, changed, shown, write

SEEDS = [*range(8), *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(8, 60))]


def content(found: Project) -> dict[str, Any]:
    """All that a project is, as values that can be compared."""
    return {
        "findings": found.findings,
        "feeds": dict(found.feeds),
        "made": list(found.made),
        "dealers": dict(found.dealers),
        "types": dict(found.activity_types),
        "sources": dict(found.sources),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_feed_that_shares_its_verdict_has_the_one_it_would_have_alone(tmp_path: Path, seed: int) -> None:
    (files,) = mutations.projects(1, seed)
    home = mutations.written(tmp_path, files)
    shared = content(load(home))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Plan, "case", lambda *_: None)
        assert content(load(home)) == shared


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_loaded_again_after_an_edit_is_what_a_first_look_finds(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  (mistakes, no secrets)
    files = mutations.project(rng)
    loader = Loader(mutations.written(tmp_path, files))
    loader.load()
    for _ in range(4):
        edited = mutations.edited(rng, files)
        mutations.written(tmp_path, files)
        assert content(loader.load()) == content(load(tmp_path)), edited
        assert loader.load() is loader.load()


@pytest.mark.parametrize("bad", ["first", "last"])
def test_a_value_inside_of_a_text_that_breaks_its_form_stops_its_own_feed_alone(tmp_path: Path, bad: str) -> None:
    """And it is told where that dealer gives it: the definition is all right."""
    text = changed(SALES, "  settle: 60s", "  settle: '${params.pause}s'")
    text = changed(text, "  folder: {", "  pause: {type: string, default: '60'}\n  folder: {")
    files = {**FILES, "vendors/ids/sales.yaml": text}
    given = ["soon ", "30"] if bad == "first" else ["30", "soon "]
    for name, pause in zip(("acme-a", "acme-b"), given, strict=True):
        dealer = DEALER.replace("acme-rv", name).replace("{folder: acme}", f"{{folder: {name}, pause: '{pause}'}}")
        files[f"dealers/{name}.yaml"] = dealer
    found = load(write(tmp_path, files))
    wrong, right = ("acme-a", "acme-b") if bad == "first" else ("acme-b", "acme-a")
    assert list(found.feeds) == [f"{right}/ids-sales", "acme-rv/ids-sales"]
    assert [(Path(each.file).stem, each.code, "`soon s`" in each.message) for each in found.findings] == [
        (wrong, "E025", True)
    ]


def test_the_corpus_has_what_can_be_shared_and_what_cannot(tmp_path: Path) -> None:
    """Else the two tests above prove nothing."""
    sound = broken = 0
    codes: set[str] = set()
    for seed in range(8):
        (files,) = mutations.projects(1, seed)
        found = load(mutations.written(tmp_path, files))
        sound, broken = sound + len(found.feeds), broken + len(found.made) - len(found.feeds)
        codes |= {each.code for each in found.findings}
    print(f"feeds: {sound} sound, {broken} broken, {len(codes)} codes")
    assert min(sound, broken) >= 20
    assert len(codes) >= 10


def dealer(number: int, folder: str) -> str:
    return changed(changed(DEALER, "name: acme-rv", f"name: dealer-{number}"), "folder: acme", f"folder: {folder}")


def many(count: int = 30, **other: str) -> dict[str, str]:
    """Dealers with one feed each, which differ by their folders; `other` are folders by number."""
    dealers = {f"dealers/dealer-{n}.yaml": dealer(n, other.get(f"n{n}", f"lot-{n}")) for n in range(count)}
    return {**FILES, **dealers}


def test_feeds_that_differ_by_a_folder_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    check = definition.check

    def counted(source: Definition, *rest: Any) -> Any:
        looked.append(source.name)
        return check(source, *rest)

    monkeypatch.setattr(definition, "check", counted)
    found = load(write(tmp_path, many()))
    assert (shown(found.findings), len(found.feeds)) == ([], 31)
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("folder", "code"),
    [("dealername", "E047"), ("x/dealername", "E047"), ("7", "E046"), ("'${params.filename}'", "E0"), ("''", "")],
)
def test_the_one_that_is_wrong_is_found_among_those_that_are_not(tmp_path: Path, folder: str, code: str) -> None:
    found = load(write(tmp_path, many(n17=folder)))
    wrong = [each for each in found.findings if each.file.endswith("dealer-17.yaml")]
    assert len(found.findings) == len(wrong)
    assert (len(wrong) > 0, all(each.code.startswith(code) for each in wrong)) == (bool(code), True)
    assert ("dealer-17/ids-sales" in found.feeds) is (not code)


def test_a_check_that_reads_a_value_tells_feeds_apart_by_it(tmp_path: Path) -> None:
    """That a cron line is looked at, nobody said to what is shared."""
    sales = changed(SALES, "schedule: {every: 1h,", "schedule: {cron: '${params.cron}',")
    sales = changed(sales, "  filename: {type", "  cron: {type: string, default: 0 6 * * *}\n  filename: {type")
    files = many() | {"vendors/ids/sales.yaml": sales}
    name = "dealers/dealer-17.yaml"
    files[name] = changed(files[name], "folder: lot-17", "folder: lot-17, cron: 61 6 * * *")
    found = load(write(tmp_path, files)).findings
    assert {(each.code, Path(each.file).name) for each in found} == {("E059", "dealer-17.yaml")}


def test_what_the_schema_refuses_in_a_filled_value_is_found_where_it_was_given(tmp_path: Path) -> None:
    sales = changed(SALES, "  settle: 60s", "  port: ${params.port}\n  settle: 60s")
    sales = changed(sales, "  filename: {type", "  port: {type: integer, default: 22}\n  filename: {type")
    files = many() | {"vendors/ids/sales.yaml": sales}
    name = "dealers/dealer-17.yaml"
    files[name] = changed(files[name], "folder: lot-17", "folder: lot-17, port: 99999")
    (finding,) = load(write(tmp_path, files)).findings
    assert (finding.code, Path(finding.file).name) == ("E026", "dealer-17.yaml")


@pytest.mark.parametrize(
    ("override", "code"),
    [
        ("{schedule: {remove: [every], cron: '61 1 * * *'}}", "E059"),
        ("{schedule: {every: 2h, cron: 1 1 * * *}}", "E029"),
        ("{records: {if: nope}}", "E058"),
    ],
)
def test_the_same_mistake_of_two_dealers_is_told_to_both(tmp_path: Path, override: str, code: str) -> None:
    files = many(3, n1="lot", n2="lot")
    for number in (1, 2):
        files[f"dealers/dealer-{number}.yaml"] += f"    override: {override}\n"
    found: tuple[Finding, ...] = load(write(tmp_path, files)).findings
    assert {(each.code, Path(each.file).name) for each in found} == {(code, f"dealer-{n}.yaml") for n in (1, 2)}


def test_the_same_wrong_value_of_two_dealers_is_told_to_both(tmp_path: Path) -> None:
    """It comes into the mapping, which is prepared once for all that do not differ in it."""
    sales = changed(SALES, "formats: ['%m/%d/%Y', '%m/%d/%y']", "formats: ['${params.day}']")
    sales = changed(sales, "  filename: {type", "  day: {type: string, default: '%Y-%m-%d'}\n  filename: {type")
    files = many(3) | {"vendors/ids/sales.yaml": sales}
    for number in (1, 2):
        name = f"dealers/dealer-{number}.yaml"
        files[name] = changed(files[name], f"folder: lot-{number}", f"folder: lot-{number}, day: '%q'")
    found = load(write(tmp_path, files)).findings
    assert {(each.code, Path(each.file).name) for each in found} == {("E063", f"dealer-{n}.yaml") for n in (1, 2)}


def test_a_project_that_was_loaded_stays_as_it_is(tmp_path: Path) -> None:
    loader = Loader(write(tmp_path, many(3)))
    before = loader.load()
    write(tmp_path, {"vendors/ids/sales.yaml": changed(SALES, "title: Units sold", "title: Sold units")})
    after = loader.load()
    assert before.feeds["dealer-1/ids-sales"].title == "Units sold, through a file service"
    assert after.feeds["dealer-1/ids-sales"].title == "Sold units, through a file service"
    assert before.feeds["dealer-2/ids-sales"].title == "Units sold, through a file service"


@pytest.mark.parametrize("is_young", [True, False])
def test_only_a_file_that_was_old_when_it_was_read_is_known_by_its_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_young: bool
) -> None:
    """One that is changed within a tick of the file system's clock may look as it did."""
    files = many(2)
    loader = Loader(write(tmp_path, files), now=lambda: time.time_ns() + (0 if is_young else 10**10))
    stamp = folder._Stamp(time.time_ns(), time.time_ns(), size=100, inode=1)
    monkeypatch.setattr(folder, "_stamp", lambda entry: stamp)
    loader.load()
    path = tmp_path / "dealers" / "dealer-1.yaml"
    path.write_text(changed(files["dealers/dealer-1.yaml"], "title: Acme RV", "title: Bcme RV"), encoding="utf-8")
    assert loader.load().dealers["dealer-1"].title == ("Bcme RV" if is_young else "Acme RV")


def test_a_file_of_the_same_size_and_time_is_read_again(tmp_path: Path) -> None:
    files = many(2)
    loader = Loader(write(tmp_path, files), now=lambda: time.time_ns() + 10**10)
    loader.load()
    path = tmp_path / "dealers" / "dealer-1.yaml"
    seen = path.stat()
    path.write_text(changed(files["dealers/dealer-1.yaml"], "title: Acme RV", "title: Bcme RV"), encoding="utf-8")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert loader.load().dealers["dealer-1"].title == "Bcme RV"


def test_a_file_that_comes_goes_and_comes_back(tmp_path: Path) -> None:
    files = many(3)
    loader = Loader(write(tmp_path, files))
    path = tmp_path / "dealers" / "dealer-1.yaml"
    assert "dealer-1/ids-sales" in loader.load().feeds
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert "dealer-1/ids-sales" not in loader.load().feeds
    path.write_text(text, encoding="utf-8")
    assert "dealer-1/ids-sales" in loader.load().feeds


def test_claims_meet_by_how_their_names_begin(tmp_path: Path) -> None:
    """Four hundred patterns in one folder: each is compared with those that it can meet alone."""
    files = many(0)
    del files["dealers/acme-rv.yaml"]
    for number in range(400):
        text = dealer(number, "lot").replace("folder: lot", f"folder: lot, filename: '^D{number:03}_.*[.]csv$'")
        files[f"dealers/dealer-{number}.yaml"] = text
    files["dealers/dealer-7.yaml"] = files["dealers/dealer-7.yaml"].replace("^D007_", "^D008_2")
    found = load(write(tmp_path, files)).findings
    assert {(each.code, Path(each.file).name) for each in found} == {
        ("E072", "dealer-7.yaml"),
        ("E072", "dealer-8.yaml"),
    }
