"""What a run did: the words, the JSON that scripts read, the exit code."""

import json
from datetime import UTC, datetime

import pytest

from engine import report as reporting
from engine.model import DeliveryReport, FeedReport, Issue, RunReport, Tally
from engine.surface import printable

STARTED = datetime(2022, 2, 1, tzinfo=UTC)


def run(*feeds: FeedReport, number: int | None = 12) -> RunReport:
    return RunReport(number, STARTED, list(feeds))


def feed(outcome: str = "ok", unreachable: bool = False, name: str = "acme-rv/ids-sales", **counts: int) -> FeedReport:
    delivery = DeliveryReport("ACME_SL.csv", "done", "ab" * 32, 123, Tally(**counts), 7)
    return FeedReport(name, outcome, [delivery], [], 0.4, unreachable)


@pytest.mark.parametrize(
    ("outcomes", "code", "outcome"),
    [
        (["ok"], 0, "ok"),
        ([], 0, "empty"),
        (["empty", "paused"], 0, "empty"),
        (["paused"], 0, "paused"),
        (["ok", "empty"], 0, "ok"),
        (["ok", "partial"], 3, "partial"),
        (["locked", "partial"], 6, "locked"),
        (["locked", "refused"], 1, "refused"),
        (["failed", "partial"], 1, "failed"),
        (["unreachable", "failed"], 4, "failed"),
        (["locked", "unreachable", "ok"], 4, "failed"),
    ],
)
def test_the_exit_code_is_that_of_the_worst_feed(outcomes: list[str], code: int, outcome: str) -> None:
    feeds = [feed("failed" if word == "unreachable" else word, word == "unreachable") for word in outcomes]
    report = run(*feeds)
    assert (reporting.exit_code(report), reporting.outcome(report)) == (code, outcome)


def test_the_json_has_the_fields_that_scripts_rely_on() -> None:
    part = feed("partial", read=3, inserted=2, quarantined=1, contacts_created=2)
    issue = Issue("date.unreadable", "expected a date", "error", delivery="ACME_SL.csv", line=4, field="soldDate")
    part.issues.append(issue)
    found = json.loads(json.dumps(reporting.plain(run(part))))
    assert (found["run"], found["outcome"]) == (12, "partial")
    (first,) = found["feeds"]
    counts = {"read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "filtered": 0, "quarantined": 1}
    wanted = {"feed": "acme-rv/ids-sales", "outcome": "partial", **counts, "seconds": 0.4}
    wanted |= {"contacts": {"created": 2, "matched": 0, "updated": 0, "review": 0}}
    assert {name: first[name] for name in wanted} == wanted
    delivery = {"name": "ACME_SL.csv", "state": "done", "sha256": "ab" * 32, "bytes": 123, **counts}
    assert {name: first["deliveries"][0][name] for name in delivery} == delivery
    noted = {"code": "date.unreadable", "message": "expected a date", "delivery": "ACME_SL.csv", "line": 4}
    assert {name: first["issues"][0][name] for name in noted} == noted
    assert first["issues"][0]["field"] == "soldDate"


@pytest.mark.parametrize(
    ("tally", "text"),
    [
        (
            Tally(read=3, inserted=2, quarantined=1),
            "read 3 = inserted 2 + updated 0 + unchanged 0 + filtered 0 + quarantined 1",
        ),
        (Tally(read=4, inserted=2), "read 4 IS NOT inserted 2 + updated 0 + unchanged 0 + filtered 0 + quarantined 0"),
    ],
)
def test_the_accounting_identity_is_printed_and_a_wrong_one_says_so(tally: Tally, text: str) -> None:
    assert reporting.identity(tally) == text


@pytest.mark.parametrize("name", ["a/b", "acme-rv/ids-sales", "acme-rv/ids-service", "sample-dealer/sample-purchases"])
def test_the_table_fits_into_eighty_columns(name: str) -> None:
    report = run(feed("partial", name=name, read=10000, inserted=10000))
    headings = reporting.headings([name], 80)
    lines = [headings, *reporting.rows(report, len(headings))]
    assert sum(max(len(line[place]) for line in lines) + 2 for place in range(len(headings))) - 2 <= 80


def test_a_wide_terminal_has_the_whole_words() -> None:
    assert reporting.headings(["a/b"], 120) == ("feed", "outcome", *reporting.COUNTS, "contacts")


@pytest.mark.parametrize(
    ("feeds", "wanted"),
    [
        ([feed(read=1, inserted=1)], ["nothing needs attention"]),
        ([feed("partial", read=1, quarantined=1)], ["1 row needs attention: feeds quarantine list --run 12"]),
        ([feed("partial", read=2, quarantined=2)], ["2 rows need attention"]),
        ([feed("failed", name="a/b")], ["a/b failed: feeds check a/b"]),
        ([feed("failed", name="a/b"), feed("failed", name="a/c")], ["2 feeds failed"]),
        ([feed("locked", name="a/b")], ["a/b locked by another run"]),
        ([FeedReport("a/b", "refused", [DeliveryReport("x", "refused")])], ["1 delivery refused: feeds runs show 12"]),
        ([FeedReport("a/b", "empty", [DeliveryReport("x", "notMine")])], ["1 foreign file left alone"]),
    ],
)
def test_one_line_says_what_needs_attention(feeds: list[FeedReport], wanted: list[str]) -> None:
    line = reporting.attention(run(*feeds))
    assert line.startswith("run 12 finished in ")
    assert all(text in line for text in wanted)
    assert "\n" not in line


def test_issues_stand_errors_first_and_are_cut_with_a_count() -> None:
    part = feed("partial")
    part.issues += [Issue("x.info", "info", "info")] * 20 + [
        Issue("x.error", "wrong", "error", delivery="a.csv", line=4)
    ]
    lines = reporting.issue_lines(run(part))
    assert lines[0] == "error acme-rv/ids-sales a.csv:4: wrong [x.error]"
    assert lines[-1] == "... and 9 more: feeds runs show 12"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", "plain é"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\nb", "a\\nb"),
        ("\u202ecsv", "\\u202ecsv"),
        ("\x9b", "\\x9b"),
    ],
)
def test_what_a_sender_wrote_does_not_steer_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
