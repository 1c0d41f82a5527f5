"""Two feeds that would take each other's files are refused before they can, and no others."""

from pathlib import Path

import pytest

from engine.language import overlap
from engine.language.automaton import Unreadable
from tests.language.projects import DEALER, FILES, SALES, changed, place, read, shown

S, SERVICE, D = "vendors/ids/sales.yaml", "vendors/ids/service.yaml", "dealers/acme-rv.yaml"
BOTH = (
    DEALER
    + "  - uses: ids/service\n    params: {folder: acme}\n"
    + "    confirmed: {dealerPermission: 2022-01-12, fileNotice: 2022-01-20}\n"
)


def two(sales: str, service: str, dealer: str = BOTH) -> dict[str, str]:
    return {**FILES, S: sales, SERVICE: service, D: dealer}


def with_pattern(pattern: str, text: str = SALES) -> str:
    return changed(text, r"default: '_SL\.csv$'", f"default: '{pattern}'")


# 12 pairs that meet at a file, with a name that both take; 12 that never do.
MEETING = [
    (r"_SL\.csv$", r"_SL\.csv$"),
    (r"_SL\.csv", r"\.csv$"),
    (r"_SL\.csv$", r"(?i)_sl\.CSV$"),
    (r"^ACME_.*", r"2022"),
    (r"\d{8}", r"[A-Z]{4}_\d+"),
    (r"a.c$", r"abc$"),
    (r"^(sales|service)_", r"^s\w+_\d"),
    (r"[^_]\.csv$", r"^[a-z]+\.csv$"),
    (r"_S[LV]\.csv$", r"_S[VX]\.csv$"),
    (r"x+y?$", r"^x{2,3}$"),
    (r"[[:alpha:]]+\.txt", r"^report\.txt\z"),
    (r"", r"_SV\.csv$"),
]
APART = [
    (r"_SL\.csv$", r"_SV\.csv$"),
    (r"^ACME_", r"^OTHER_"),
    (r"_SL\.csv$", r"_SL\.csv\.gz$"),
    (r"^\d+\.csv$", r"^[a-z]+\.csv$"),
    (r"^x{2}$", r"^x{3}$"),
    (r"\.csv$", r"\.CSV$"),
    (r"^sales", r"^(?:service|parts)"),
    (r"^a[^b]$", r"^ab$"),
    (r"^[A-Z]\w\.txt$", r"^[a-z]\w\.txt$"),
    (r"_SL\.csv\z", r"_SL\.csv\.part\z"),
    (r"^\D+$", r"\d"),
    (r"^$", r"."),
]


@pytest.mark.parametrize(("left", "right"), MEETING)
def test_a_name_is_found_that_both_patterns_take(left: str, right: str) -> None:
    name = overlap.common_name(left, True, right, True)
    assert name
    assert "/" not in name


@pytest.mark.parametrize(("left", "right"), APART)
def test_patterns_that_never_meet_are_left_in_peace(left: str, right: str) -> None:
    assert overlap.common_name(left, True, right, True) is None
    assert overlap.common_name(right, True, left, True) is None


@pytest.mark.parametrize(
    ("glob", "pattern", "meets"),
    [
        ("*.csv", r"_SL\.csv$", True),
        ("sales_?.txt", r"^sales_\d\.txt$", True),
        ("a.csv", r"^b", False),
        ("a.b", "axb", False),
    ],
)
def test_a_glob_and_an_exact_name_are_compared_as_what_they_take(glob: str, pattern: str, meets: bool) -> None:
    assert bool(overlap.common_name(glob, False, pattern, True)) == meets


@pytest.mark.parametrize("pattern", [r"\bword\b", r"\pN+", "(?:abc|def){60}" * 20])
def test_what_cannot_be_compared_is_said_and_not_guessed(pattern: str) -> None:
    with pytest.raises(Unreadable):
        overlap.common_name(pattern, True, r"\.csv$", True)


def test_both_feeds_are_told_with_a_name_and_the_other_place(tmp_path: Path) -> None:
    """The vendor's page gives one suffix for both feeds: taken literally, each would eat the other's files."""
    sales, service = SALES, SALES.replace("title: Units sold", "title: Service")
    found = read(tmp_path, two(sales, service))
    line, column = place(sales, r"'_SL\.csv$'")
    assert [(each.code, Path(each.file).name, each.line, each.column) for each in found.findings] == [
        ("E072", "sales.yaml", line, column),
        ("E072", "service.yaml", line, column),
    ]
    first = found.findings[0]
    assert "`acme-rv/ids-sales`" in first.message
    assert "`acme-rv/ids-service`" in first.message
    assert "_SL.csv`" in first.message
    assert "service.yaml:" in first.help
    assert found.feeds == {}


@pytest.mark.parametrize(
    "change",
    [
        ("shared: true in both", "  settle: 60s\n", "  settle: 60s\n  shared: true\n", "both"),
        ("another directory", "directory: ${params.folder}/IDS/", "directory: ${params.folder}/SV/", "one"),
        ("another host", "host: sftp.example.com", "host: other.example.com", "one"),
        ("another user", "${secret.FILES_USER}", "${secret.OTHER_USER}", "one"),
        ("another port", "  settle: 60s\n", "  settle: 60s\n  port: 2222\n", "one"),
        ("another pattern", r"_SL\.csv$", r"_SV\.csv$", "one"),
        ("nobody deletes", "deleteFromServer: true", "deleteFromServer: false", "both"),
    ],
    ids=lambda change: change[0],
)
def test_what_tells_feeds_apart_makes_them_safe(tmp_path: Path, change: tuple[str, str, str, str]) -> None:
    _, old, new, where = change
    edited = changed(SALES, old, new)
    found = read(tmp_path, two(edited if where == "both" else SALES, edited))
    assert shown(found.findings) == []
    assert len(found.feeds) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  settle: 60s\n", "  settle: 60s\n  shared: true\n"),  # one of them alone is not enough
        ("deleteFromServer: true", "deleteFromServer: false"),  # the other one deletes
        ("deleteFromServer: true", "moveTo: done/"),
        ("directory: ${params.folder}/IDS/", "directory: ./${params.folder}//IDS"),  # the same folder
        ("host: sftp.example.com", "host: SFTP.example.com"),
        ("  settle: 60s\n", "  settle: 60s\n  port: 22\n"),
    ],
)
def test_what_does_not_tell_them_apart_does_not_help(tmp_path: Path, old: str, new: str) -> None:
    found = read(tmp_path, two(SALES, changed(SALES, old, new)))
    assert {each.code for each in found.findings} == {"E072"}, shown(found.findings)


def test_a_feed_that_is_switched_off_takes_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, two(SALES, SALES, BOTH + "    enabled: false\n    reason: not yet\n"))
    assert shown(found.findings) == []


def test_two_dealers_with_one_folder_are_found(tmp_path: Path) -> None:
    other = changed(DEALER, "acme-rv", "acme-two")
    found = read(tmp_path, {**FILES, "dealers/acme-two.yaml": other})
    assert {each.code for each in found.findings} == {"E072"}


def test_feeds_that_meet_are_found_in_every_folder_and_no_others(tmp_path: Path) -> None:
    """Three dealers, each with a folder of its own; the second has told its two feeds apart."""
    files = two(SALES, SALES)
    for name in ("acme-two", "acme-three"):
        files[f"dealers/{name}.yaml"] = BOTH.replace("acme-rv", name).replace("{folder: acme}", f"{{folder: {name}}}")
    apart = files["dealers/acme-two.yaml"].rpartition("{folder: acme-two}")
    files["dealers/acme-two.yaml"] = f"{apart[0]}{{folder: acme-two, filename: '_SV\\.csv$'}}{apart[2]}"
    assert set(read(tmp_path, files).feeds) == {"acme-two/ids-sales", "acme-two/ids-service"}


def test_a_pattern_that_cannot_be_compared_warns_and_runs(tmp_path: Path) -> None:
    found = read(tmp_path, two(SALES, with_pattern(r"\bSL\b")))
    assert {(each.code, each.severity) for each in found.findings} == {("W004", "warning")}
    assert len(found.feeds) == 2


def test_a_feed_without_a_pattern_takes_every_file(tmp_path: Path) -> None:
    every = changed(changed(SALES, "  filename: ${params.filename}\n", ""), "  regex: true\n", "")
    every = changed(every, "  filename: {type: regex, default: '_SL\\.csv$'}\n", "")
    found = read(tmp_path, two(every, SALES))
    assert {each.code for each in found.findings} == {"E072"}
