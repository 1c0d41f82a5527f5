"""Every mistake is found, at the place where it was made, with a word on what to do."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.language.findings import CODES, Finding
from engine.language.project import Project
from tests.language.projects import (
    FILES,
    PUSHED,
    changed,
    place,
    read,
    shown,
)

TEXTS = {**FILES, **PUSHED}
MISTAKES = Path(__file__).with_name("mistakes.jsonl")


class Case(NamedTuple):
    """One edit of one file of `projects`: what it changes, and where and how that is to be told."""

    code: str
    file: str
    old: str
    new: str
    at: str  # the finding points at where this begins in the edited file
    said: str  # stands in its message or its help

    def __str__(self) -> str:
        return f"{self.code}-{self.at.strip()[:24]}"


def cases() -> list[Case]:
    rows = map(json.loads, MISTAKES.read_text(encoding="utf-8").splitlines())
    return [Case(row["code"], row["in"], row["old"], row["new"], row["at"], row["said"]) for row in rows]


def findings_of(folder: Path, case: Case) -> tuple[tuple[Finding, ...], str]:
    texts = FILES if case.file in FILES else PUSHED
    edited = changed(texts[case.file], case.old, case.new)
    return read(folder, {**texts, case.file: edited}).findings, edited


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_mistake_is_told_once_where_it_was_made(tmp_path: Path, case: Case) -> None:
    findings, edited = findings_of(tmp_path, case)
    mine = [each for each in findings if each.code == case.code and each.file.endswith(case.file)]
    line, column = place(edited, case.at)
    assert [(each.line, each.column) for each in mine] == [(line, column)], shown(findings)
    assert case.said in f"{mine[0].message} {mine[0].help}"
    if case.code.startswith("W"):
        assert mine[0].severity == "warning"
    else:
        assert [each.code for each in findings if each.severity == "error"] == [case.code], shown(findings)


def edited(folder: Path, *edits: tuple[str, str, str]) -> Project:
    texts = dict(TEXTS)
    for file, old, new in edits:
        texts[file] = changed(texts[file], old, new)
    return read(folder, texts)


BASED = "version: 1\nkind: feed\ntitle: Other\nbasedOn: ids/sales\n"
SALES, DEALER = "vendors/ids/sales.yaml", "dealers/acme-rv.yaml"


def test_two_feeds_of_one_id_are_told_at_the_second(tmp_path: Path) -> None:
    twice = "feeds:\n  - {uses: ids/sales, params: {folder: other}}\n"
    found = edited(tmp_path, (DEALER, "feeds:\n", twice), (DEALER, "- uses: ids/sales", "- uses: ids/sales # again"))
    errors = [each for each in found.findings if each.code == "E051"]
    assert [(each.line, each.column) for each in errors] == [place(found.sources[errors[0].file], "ids/sales # again")]
    assert "acme-rv.yaml:8" in errors[0].help
    named = edited(tmp_path, (DEALER, "feeds:\n", twice.replace("uses:", "name: second, uses:")))
    assert set(named.feeds) >= {"acme-rv/ids-sales", "acme-rv/second"}


def test_what_a_parameter_gives_has_to_fit_where_it_is_used(tmp_path: Path) -> None:
    found = edited(
        tmp_path,
        (SALES, "settle: 60s", "settle: ${params.settle}"),
        (SALES, "  folder: {", "  settle: {type: string, default: 60s}\n  folder: {"),
        (DEALER, "{folder: acme}", "{folder: acme, settle: soon}"),
    )
    (error,) = found.findings
    assert (error.code, error.line, error.column) == ("E025", *place(found.sources[error.file], "soon"))
    assert "acme-rv/ids-sales" not in found.feeds


def test_ftp_without_protection_is_a_warning(tmp_path: Path) -> None:
    found = edited(
        tmp_path,
        (SALES, "type: sftp\n", "type: ftp\n  insecure: true\n"),
        (SALES, "  hostKey: ${secret.FILES_HOSTKEY}\n", ""),
    )
    (warning,) = found.findings
    assert (warning.code, warning.severity) == ("W002", "warning")
    assert (warning.line, warning.column) == place(found.sources[warning.file], "true\n  host")
    assert "acme-rv/ids-sales" in found.feeds


def test_every_mistake_of_several_files_is_told_in_one_pass(tmp_path: Path) -> None:
    found = edited(
        tmp_path,
        (SALES, "occurred: soldDate", "occurred: soldate"),
        (SALES, "${params.folder}/IDS/", "${params.foldr}/IDS/"),
        (DEALER, "title: Acme RV", "titel: Acme RV"),
        ("vendors/glass/events.yaml", "if: start > run.now", "if: start > run.nw"),
        ("activities/soldUnit.yaml", "greyIf: cashPurchase", "greyIf: cash"),
    )
    assert sorted(each.code for each in found.findings) == ["E020", "E040", "E058", "E064", "E064"]


def test_a_definition_that_no_dealer_uses_is_looked_at_too(tmp_path: Path) -> None:
    texts = {name: text for name, text in TEXTS.items() if not name.startswith("dealers/")}
    assert shown(read(tmp_path / "good", texts).findings) == []
    texts[SALES] = changed(texts[SALES], "occurred: soldDate", "occurred: soldate")
    assert [each.code for each in read(tmp_path / "bad", texts).findings] == ["E064"]


def test_a_mistake_in_a_definition_is_told_once_for_all_of_its_dealers(tmp_path: Path) -> None:
    texts = {**TEXTS, SALES: changed(TEXTS[SALES], "occurred: soldDate", "occurred: soldate")}
    for number in range(3):
        texts[f"dealers/d{number}.yaml"] = (
            TEXTS[DEALER].replace("acme-rv", f"d{number}").replace("acme}", f"f{number}}}")
        )
    assert [each.code for each in read(tmp_path, texts).findings] == ["E064"]


def test_a_finding_points_into_the_file_where_the_value_was_written(tmp_path: Path) -> None:
    """What a definition is based on is at fault for what it says, the one above it for what it adds."""
    other = "version: 1\nkind: feed\ntitle: Other\nbasedOn: ids/sales\nfields: {term: {column: Term, pattern: '('}}\n"
    texts = {**TEXTS, "vendors/other/sales.yaml": other, SALES: changed(TEXTS[SALES], "order: name", "order: day")}
    found = {(Path(each.file).parent.name, each.code) for each in read(tmp_path, texts).findings}
    assert found == {("other", "E055"), ("ids", "E064")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("dealer/acme-rv.yaml", "dealers"), ("vendor/ids/sales.yaml", "vendors"), ("dealers/acme-rv.yml", "acme-rv.yaml")],
)
def test_a_file_that_nobody_would_read_is_told(tmp_path: Path, name: str, said: str) -> None:
    findings = read(tmp_path, {name: "version: 1\n"}).findings
    assert [(each.code, said in each.help) for each in findings] == [("E053", True)]


def test_what_an_override_breaks_is_told_at_the_override(tmp_path: Path) -> None:
    streams = "    override: {streams: {late: {records: {if: state}}}}\n    confirmed"
    found = edited(tmp_path, (DEALER, "    confirmed", streams))
    errors = [each for each in found.findings if each.severity == "error"]
    assert {Path(each.file).name for each in errors} == {"acme-rv.yaml"}, shown(found.findings)
    assert {(each.line, each.column) for each in errors} == {place(found.sources[errors[0].file], "streams: {late")}


def test_a_definition_that_does_not_fit_its_own_defaults_makes_no_feed(tmp_path: Path) -> None:
    found = edited(
        tmp_path,
        (SALES, "settle: 60s", "settle: ${params.settle}"),
        (SALES, "  folder: {", "  settle: {type: string, default: soon}\n  folder: {"),
    )
    assert [each.code for each in found.findings] == ["E025"]
    assert "acme-rv/ids-sales" not in found.feeds


SOURCELESS = {
    "two sources": "{column: DealNumber, path: deal}",
    "no source": "{optional: true}",
    "a misspelt source": "{colunm: DealNumber}",
    "another field's name, misspelt": "{feild: term}",
}


@pytest.mark.parametrize("field", SOURCELESS)
@pytest.mark.parametrize("is_based", [False, True])
def test_a_field_without_its_source_is_told_once_wherever_it_is_named(
    tmp_path: Path, field: str, is_based: bool
) -> None:
    wrong = f"dealNumber: {SOURCELESS[field]}"
    texts = {**TEXTS, "vendors/other/sales.yaml": f"{BASED}fields:\n  {wrong}\n  remove: [dealNumber]\n"}
    if not is_based:
        texts = {**TEXTS, SALES: changed(TEXTS[SALES], "dealNumber: {column: DealNumber, optional: true}", wrong)}
    found = read(tmp_path, texts).findings
    assert len(found) == 1, shown(found)
    assert found[0].code in ("E020", "E028")


def test_a_match_by_a_field_without_its_source_is_told_once(tmp_path: Path) -> None:
    wrong = changed(TEXTS[SALES], "{column: Email, type: email, onError: blank}", "{column: Email, path: mail}")
    texts = {**TEXTS, SALES: changed(wrong, "contact: {fields:", "contact: {match: [[email]], fields:")}
    assert [each.code for each in read(tmp_path, texts).findings] == ["E028"]


def test_every_code_has_a_title_and_a_case() -> None:
    tried = {case.code for case in cases()}
    assert tried <= set(CODES)
    # Above, in test_overlap.py, in test_meaning.py, and those of alerts in tests/health.
    elsewhere = {"E090", "E051", "W002", "E072", "W004", "E079", "E080", "E081", "E082", "W005"}
    mine = {code for code in CODES if code.startswith("W") or "E040" <= code <= "E099"}
    assert mine - tried - elsewhere == set()
