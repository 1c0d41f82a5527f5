"""`feeds test`: tests that definitions carry run the way a feed runs, say what differs and where, and leave nothing."""

import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from engine.golden.stand_ins import STAND_INS
from tests.cli.shell import DEALER, Done, Shell

ROOT = Path(__file__).parents[2]
HEADER = "Customer,First,Last,Email,Phone,Number,Date,Amount"
VALE = "C1,Robin,Vale,robin.vale@example.com,(202) 555-0101,7,2024-05-01,1284.55"
ITO = "C2,Sam,Ito,,,8,2024-05-02,9.00"
BAD = "C3,Lee,Moreau,,,9,May,1.00"
TEST = "feeds/vendors/shop/sales.yaml"


def project(home: Path) -> Shell:
    """Without the one optional column that looks like one of the header here."""
    shell = Shell(home, "")
    shell.edit(TEST, "  note:       {column: Note, optional: true}\n", "")
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return project(tmp_path)


def block(name: str, expect: str, *rows: str, given: str = "") -> str:
    """One entry of `tests:`; `expect` and `given` are lines of YAML."""
    lines = [f"  - name: {name}", "    given:", *(f"      {line}" for line in given.splitlines())]
    if rows:
        lines += ["      files:", "        sales.csv: |", *(f"          {line}" for line in (HEADER, *rows))]
    return "\n".join([*lines, "    expect:", *(f"      {line}" for line in expect.splitlines())]) + "\n"


GOOD = block("a good one", "counts: {read: 1}", VALE)  # a definition whose tests lack a column has an error


def written(shell: Shell, *blocks: str) -> None:
    """Put these tests at the end of the definition."""
    path = shell.home / TEST
    text = path.read_text(encoding="utf-8").partition("tests:\n")[0]
    path.write_text(f"{text}tests:\n{''.join(blocks)}", encoding="utf-8")


def ran(shell: Shell, *blocks: str) -> Done:
    """What `feeds test` then says."""
    written(shell, *blocks)
    return shell.feeds("test")


def line_of(shell: Shell, fragment: str) -> int:
    lines = (shell.home / TEST).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, start=1) if fragment in line)
    return number


# --- what ships -----------------------------------------------------------------------------


def transport_of(path: Path) -> str:
    """The `transport.type` of a shipped definition, or of the one that it is based on."""
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    kind = written.get("transport", {}).get("type")
    return str(kind) if kind else transport_of(ROOT / "feeds/vendors" / f"{written['basedOn']}.yaml")


def test_every_test_of_the_shipped_definitions_passes(shell: Shell) -> None:
    shell.environment["FEEDS_DIR"] = str(ROOT / "feeds")
    done = shell.feeds("test", "--format", "json")
    assert done.code == 0, [each for each in done.json()["tests"] if each["outcome"] != "passed"]
    told = done.json()
    assert (told["failed"], told["errors"]) == (0, 0)
    definitions = {
        path.relative_to(ROOT / "feeds/vendors").with_suffix("").as_posix()
        for path in (ROOT / "feeds/vendors").rglob("*.yaml")
        if transport_of(path) in STAND_INS  # a test that cannot be run is no test
    }
    in_yaml = {each["definition"] for each in told["tests"] if each["file"].endswith(".yaml")}
    assert in_yaml == definitions, "a shipped definition without tests"
    assert any(each["file"].endswith("expected.json") for each in told["tests"])


def test_the_tests_in_the_guide_pass_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, "")
    shell.environment.clear()
    shell.feeds("init", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path / "mine")
    guide = (ROOT / "feeds" / "README.md").read_text(encoding="utf-8").partition("## Tests of a definition")[2]
    part, whole = re.findall(r"^```yaml\n(.*?)^```$", guide, re.M | re.S)
    based = f"version: 1\nkind: feed\ntitle: A guide's\nbasedOn: sample/purchases\n{part}"
    Path("feeds/vendors/sample/guide.yaml").write_text(based, encoding="utf-8")
    Path("feeds/vendors/sample/api.yaml").write_text(whole, encoding="utf-8")
    done = shell.feeds("test", "sample/guide", "sample/api")
    assert done.code == 0, done.out
    assert "2 passed" in done.out


# --- what is looked at ----------------------------------------------------------------------

HOLDS = {
    "counts, of which the unnamed may be anything": "counts: {inserted: 2}",
    "an activity by its key and some fields": "activities: [{key: 7, amount: 1284.55, state: recorded}]",
    "one by its contact alone": "activities: [{contact: {lastName: Vale, phone: '+12025550101'}}]",
    "in any order": "activities: [{key: '8'}, {key: '7'}]",
    "all of them": "activities: [{key: '7'}, {key: '8'}]\ncomplete: [activities]",
    "a contact by its number": "contacts: [{externalId: C2, lastName: Ito, email: null, city: null}]",
    "no vehicle": "vehicles: []",
    "a quarantined row": "quarantine: [{line: 4, code: date.unreadable, field: date, value: May}]",
    "files that stay": "left: [sales.csv]",
    "nothing held": "held: 0",
    "an issue": "issues: [date.unreadable]",
}
FAILS = {
    "counts: {inserted: 3}": "counts.inserted",
    "counts: {quarantined: 0}": "counts.quarantined",
    "activities: [{key: '7', amount: 12}]": "activities[0].amount (key 7)",
    "activities: [{key: '7', amout: 12}]": "did you mean amount?",
    "activities: [{key: '11'}]": "no activity with key 11; there are 7, 8",
    "activities: []": "not expected: activity 7",
    "activities: [{key: '7'}]\ncomplete: [activities]": "not expected: activity 8",
    "activities: [{key: '7', vehicle: {vin: X}}]": "activities[0].vehicle (key 7)",
    "contacts: [{lastName: Vale, city: Bangor}]": "contacts[0].city (lastName Vale)",
    "contacts: [{lastName: Nobody}]": "no contact with lastName Nobody; there are",
    "vehicles: [{vin: X}]": "no vehicle with vin X; there is none at all",
    "quarantine: []": "not expected: quarantined row sales.csv 4",
    "quarantine: [{line: 4, code: field.required}]": "quarantine[0].code (line 4)",
    "held: 1": "held",
    "left: []": "sales.csv is still there",
    "left: [sales.csv, more.csv]": "more.csv is gone",
    "removed: [sales.csv]": "sales.csv is still there",
    "issues: [vin.length]": "no issue vin.length; there were date.unreadable",
    "issues: []": "not expected: issue date.unreadable",
    "error: column.missing": "expected the error column.missing, nothing ended the run",
}


EXPECTED = (*HOLDS.values(), *FAILS)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, dict[str, Any]]]:
    """All of these as tests of one definition, run once."""
    shell = project(tmp_path_factory.mktemp("project"))
    written(shell, *(block(f"test {number}", expect, VALE, ITO, BAD) for number, expect in enumerate(EXPECTED)))
    told = shell.feeds("test", "--format", "json").json()
    yield shell, dict(zip(EXPECTED, told["tests"], strict=True))


@pytest.mark.parametrize("expect", HOLDS.values(), ids=HOLDS)
def test_an_expectation_that_holds_passes(looked_at: Any, expect: str) -> None:
    assert looked_at[1][expect]["outcome"] == "passed", looked_at[1][expect]["differences"]


@pytest.mark.parametrize(("expect", "told"), FAILS.items(), ids=FAILS)
def test_an_expectation_that_does_not_hold_fails_and_says_why_and_where(looked_at: Any, expect: str, told: str) -> None:
    shell, tests = looked_at
    assert tests[expect]["outcome"] == "failed"
    difference = next(each for each in tests[expect]["differences"] if told in f"{each['path']} {each['message']}")
    lines = (shell.home / TEST).read_text(encoding="utf-8").splitlines()
    assert lines[difference["line"] - 1].strip() in expect.splitlines()
    assert lines[tests[expect]["line"] - 1].startswith("  - name:")


def test_a_wrong_value_is_shown_beside_the_right_one_with_what_the_run_noted(shell: Shell) -> None:
    out = ran(shell, block("a test", "activities: [{key: '7', amount: 12}]", VALE, BAD)).out
    assert "      expected 12\n      found    1284.55\n" in out
    assert "error sales.csv:3 date: expected a date" in " ".join(out.split())
    assert [line for line in out.splitlines() if len(line) > 80 and str(shell.home) not in line] == []


def test_a_time_is_the_same_in_any_zone_and_an_amount_however_it_is_written(shell: Shell) -> None:
    rows = (f"{HEADER},At", f"{VALE},2024-05-01T09:00:00-04:00")
    text = "\n".join(rows)
    given = f"files: {{sales.csv: {text!r}}}".replace("'", '"')
    for at in ("2024-05-01T09:00:00-04:00", "2024-05-01T13:00:00Z"):
        assert ran(shell, block("a test", f"activities: [{{at: '{at}', amount: 1284.550}}]", given=given)).code == 0
    assert ran(shell, block("a test", "activities: [{key: '7', at: '2024-05-01T09:00:00Z'}]", given=given)).code == 1


def test_two_that_look_alike_are_each_paired_once(shell: Shell) -> None:
    """The first fits both rows, the second only one of them: each still finds its own."""
    same = "C1,Robin,Vale,,,8,2024-05-02,9.00"
    expect = "complete: [activities]\nactivities: [{contact: {lastName: Vale}}, {contact: {lastName: Vale}, key: '7'}]"
    assert ran(shell, block("a test", expect, VALE, same)).code == 0


def test_a_run_that_fails_or_a_refused_file_is_never_passed_over(shell: Shell) -> None:
    refused = 'files: {sales.csv: "Customer\\nC1\\n"}'
    done = ran(shell, block("a test", "counts: {read: 0}", given=refused), GOOD)
    assert done.code == 1
    assert "error: column.missing says that this is meant" in " ".join(done.out.split())
    assert ran(shell, block("a test", "counts: {read: 0}\nerror: column.missing", given=refused), GOOD).code == 0


# --- what is given --------------------------------------------------------------------------


def test_the_clock_the_zone_and_the_region_are_those_of_the_test(shell: Shell) -> None:
    shell.edit("feeds/activities/sale.yaml", "  note: ", "  day:    {label: Day, type: date}\n  note: ")
    shell.edit(TEST, "occurred: date, state: recorded", "occurred: date, state: recorded, set: {day: '${run.date}'}")
    given = "now: '2024-05-02T01:00:00Z'\ntimezone: America/New_York\nregion: GB"
    phone = VALE.replace("(202) 555-0101", "020 7946 0101")
    done = ran(
        shell,
        block("a test", "activities: [{day: '2024-05-01', contact: {phone: '+442079460101'}}]", phone, given=given),
    )
    assert done.code == 0, done.out


def test_settle_is_not_waited_for_and_files_come_in_their_order(shell: Shell) -> None:
    shell.edit(TEST, "settle: 0s}", "settle: 1h, order: modified, deleteFromServer: true}")
    given = f'files: {{b.csv: "{HEADER}\\n{ITO}\\n", a.csv: "{HEADER}\\n{ITO.replace("9.00", "10.00")}\\n"}}'
    began = time.monotonic()
    expect = "counts: {inserted: 1, updated: 1}\nactivities: [{amount: 10}]\nremoved: [a.csv, b.csv]\nleft: []"
    done = ran(shell, block("a test", expect, given=given))
    assert done.code == 0, done.out
    assert time.monotonic() - began < 60


def test_a_server_is_played_by_a_folder_and_no_secret_is_looked_for(shell: Shell) -> None:
    text = (shell.home / TEST).read_text(encoding="utf-8")
    login = "host: sftp.example.com, username: '${secret.U}', auth: {type: password, password: '${params.pass}'}"
    place = "hostKey: '${secret.K}', directory: '${params.at}', filename: '*.csv', moveTo: done"
    head = f"transport: {{type: sftp, {login}, {place}}}"
    params = "params: {at: {type: string, required: true}, pass: {type: secret, required: true}}"
    lines = [f"{params}\n{head}" if line.startswith("transport") else line for line in text.splitlines()]
    shell.write(TEST, "\n".join(lines) + "\n")
    shell.write("feeds/dealers/acme.yaml", DEALER.partition("feeds:")[0] + "feeds: []\n")
    done = ran(shell, block("a test", "counts: {read: 1}\nleft: [done/sales.csv]\nremoved: [sales.csv]", VALE))
    assert done.code == 0, done.out


def test_a_dealer_has_what_the_definition_requires_unless_the_test_says(shell: Shell) -> None:
    shell.edit(TEST, "transport:", "requires: {features: [gold]}\ntransport:")
    assert ran(shell, block("a test", "counts: {read: 1}", VALE)).code == 0
    done = ran(shell, block("a test", "counts: {read: 1}", VALE, given="features: [silver]"))
    assert done.code == 1
    assert "needs the feature `gold`" in done.out


def test_a_name_that_leads_out_of_the_folder_is_refused(shell: Shell) -> None:
    given = 'files: {"../../out.csv": "x"}'
    done = ran(shell, block("a test", "counts: {read: 0}", given=given), GOOD)
    assert done.code == 1
    assert "'../../out.csv' is not one file name" in done.out


LEADS = """\
version: 1
kind: export
title: Sales to the head office
params: {token: {type: secret, required: true}}
messages:
  - name: big
    event: {activities: [sale], is: created}
    if: activity.fields.amount > `1000`
    text: 'Sold for ${activity.fields.amount}'
encode: {format: json}
transport: {type: http, url: 'https://office.example', headers: {X-Token: '${params.token}'}}
"""


def test_what_goes_out_is_looked_at_and_goes_nowhere(shell: Shell) -> None:
    shell.write("feeds/exports/office/sales.yaml", LEADS)
    given = "exports: [{uses: office/sales, params: {token: '${secret.OFFICE}'}}]"
    out = "exports: [{key: '7', message: big, json: {text: Sold for 1284.55}}]"
    kept = "suppressed: [{key: '8', state: suppressed}]"
    good = block("a test", f"complete: [exports, suppressed]\n{out}\n{kept}", VALE, ITO, given=given)
    done = ran(shell, good)
    assert done.code == 0, done.out
    done = ran(shell, good.replace("Sold for 1284.55", "Sold for nothing"))
    assert done.code == 1
    assert re.search(r"expected Sold for nothing\n +found    Sold for 1284.55", done.out)
    done = ran(shell, good.replace("office/sales", "office/sale"))
    assert "E048" in done.out


def test_a_cursor_is_given_and_read_back(shell: Shell) -> None:
    given = "state: {cursor: '2024-01-01T00:00:00Z'}"
    assert ran(shell, block("a test", "state: {cursor: '2024-01-01T00:00:00Z'}", VALE, given=given)).code == 0
    assert ran(shell, block("a test", "state: {cursor: '2024-01-02T00:00:00Z'}", VALE, given=given)).code == 1


# --- which tests ----------------------------------------------------------------------------


def test_tests_are_chosen_by_definition_vendor_feed_file_and_folder(shell: Shell) -> None:
    written(shell, block("a test", "counts: {read: 1}", VALE))
    for target in ("shop/sales", "shop", "acme/shop-sales", str(shell.home / TEST), str(shell.home / "feeds")):
        assert "1 passed" in shell.feeds("test", target).out, target
    both = shell.feeds("test", "shop", "shop/sales")
    assert "1 passed" in both.out, "a test that is named twice runs once"


def test_an_unknown_name_is_a_usage_error_with_the_nearest(shell: Shell) -> None:
    done = shell.feeds("test", "shop/sale")
    assert done.code == 2
    assert "did you mean shop/sales?" in done.talk


def test_no_tests_are_no_error_unless_they_were_asked_for(shell: Shell) -> None:
    done = shell.feeds("test")
    assert (done.code, done.out) == (0, "")
    assert "no tests found" in done.talk
    assert shell.feeds("test", "shop/sales").code == 1


def test_a_definition_with_an_error_is_told_as_that(shell: Shell) -> None:
    written(shell, block("one", "counts: {read: 1}", VALE), block("two", "counts: {read: 1}", VALE))
    shell.edit(TEST, "column: Amount", "colunm: Amount")
    done = shell.feeds("test")
    assert done.code == 1
    assert "2 tests not run: the definition has errors" in done.out
    assert "unknown key `colunm`" in done.out
    shell.edit(TEST, "colunm: Amount", "column: Amount")
    shell.edit("feeds/activities/sale.yaml", "states:", "sttes:")
    assert "unknown key `sttes`" in shell.feeds("test").out, "a mistake in an activity type stops it as well"


def test_a_file_that_cannot_be_read_is_told(shell: Shell) -> None:
    shell.write("feeds/vendors/shop/broken.yaml", "version: 1\nkind: [\n")
    done = shell.feeds("test")
    assert done.code == 1
    assert "ERROR shop/broken: the definition cannot be read" in done.out


# --- case folders ---------------------------------------------------------------------------


def case(shell: Shell, expected: str, *days: str) -> Path:
    folder = shell.home / "tests/feeds/shop/sales/sent-again"
    shell.write("tests/feeds/shop/sales/sent-again/dealer.yaml", DEALER)
    shell.write("tests/feeds/shop/sales/sent-again/expected.json", expected)
    for number, row in enumerate(days, start=1):
        shell.write(f"tests/feeds/shop/sales/sent-again/day{number}/in/s{number}.csv", f"{HEADER}\n{row}\n")
    return folder


def test_a_case_folder_beside_the_definitions_runs_day_by_day(shell: Shell) -> None:
    shell.edit(TEST, str(shell.home / "in"), "in")
    counts = (
        '{"runs": [{"acme/shop-sales": {"read": 1, "inserted": 1}}, {"acme/shop-sales": {"read": 1, "updated": 1}}],'
    )
    rest = '"activities": [{"key": "8", "fields": {"amount": "10.00"}}], "left": ["in/s1.csv", "in/s2.csv"]}'
    folder = case(shell, counts + rest, ITO, ITO.replace("9.00", "10.00"))
    for targets in ((), ("shop/sales",), (str(folder),)):
        done = shell.feeds("test", *targets)
        assert done.code == 0, done.out
        assert "shop/sales  1 passed" in done.out
    case(shell, counts + rest.replace(', "in/s2.csv"', "").replace("10.00", "11.00"))
    done = shell.feeds("test")
    assert done.code == 1
    for told in ("expected.json:1  activities[0].fields.amount (key 8)", "expected 11.00", "in/s2.csv is still there"):
        assert told in done.out


def test_a_case_folder_is_rewritten_as_a_whole(shell: Shell) -> None:
    shell.edit(TEST, str(shell.home / "in"), "in")
    folder = case(shell, '{"runs": [{"acme/shop-sales": {"read": 2}}], "activities": []}', ITO)
    assert shell.feeds("test", "--update").code == 0
    text = (folder / "expected.json").read_text(encoding="utf-8")
    for part in ('"read": 1', '"inserted": 1', '"key": "8"', '"left": [\n    "in/s1.csv"'):
        assert part in text
    assert shell.feeds("test").code == 0


# --- update ---------------------------------------------------------------------------------

BEFORE = block(
    "first   # a note",
    "counts: {read: 7, inserted: 1}   # kept\n"
    "# kept as well\n"
    "activities:\n"
    "  - {key: '7', amount: 12, contact: {lastName: Vale}}   # the buyer\n"
    "left: [sales.csv]",
    VALE,
    given="now: '2024-05-02T09:00:00Z'   # ours",
) + block("second", "activities: [{key: '11'}]", ITO)
AFTER = BEFORE.replace("read: 7", "read: 1").replace("amount: 12,", "amount: '1284.55',").replace("[{key: '11'}]", "[]")


def test_update_rewrites_what_is_expected_and_no_other_byte(shell: Shell) -> None:
    written(shell, BEFORE)
    path = shell.home / TEST
    before = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + before)
    done = shell.feeds("test", "--update")
    after = path.read_bytes()
    assert "updated" in done.talk
    assert after.decode("utf-8-sig").replace("\r\n", "\n").partition("tests:\n")[2] == AFTER
    assert after.startswith(b"\xef\xbb\xbf")
    assert after.count(b"\n") == after.count(b"\r\n")


def test_an_expectation_of_nothing_is_filled_in(shell: Shell) -> None:
    text = block("a test", "{}", VALE, BAD).replace("expect:\n      {}", "expect: {}   # what comes?")
    done = ran(shell, text)
    assert done.code == 1
    assert "it expects nothing" in done.out
    path = shell.home / TEST
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert shell.feeds("test", "--update").code == 0
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")
    written = path.read_text(encoding="utf-8")
    for part in (
        "counts: {read: 2, inserted: 1, quarantined: 1}",
        "key: '7'",
        "code: date.unreadable",
        "# what comes?",
    ):
        assert part in written
    assert shell.feeds("validate").code == 0


def test_update_leaves_what_passes_and_what_cannot_run(shell: Shell) -> None:
    other = "exports: [{uses: office/none}]"
    written(shell, block("good", "counts: {read: 1}", VALE), block("later", "counts: {read: 1}", VALE, given=other))
    before = (shell.home / TEST).read_bytes()
    assert shell.feeds("test", "--update").code == 1
    assert (shell.home / TEST).read_bytes() == before


# --- for programs, and what is left ---------------------------------------------------------


def test_results_for_programs(shell: Shell) -> None:
    written(shell, block("good", "counts: {read: 1}", VALE), block("bad", "counts: {read: 2}", VALE))
    done = shell.feeds("test", "--format", "json")
    told = done.json()
    assert (done.code, told["passed"], told["failed"], told["errors"]) == (1, 1, 1, 0)
    (bad,) = (each for each in told["tests"] if each["outcome"] == "failed")
    assert bad["differences"] == [
        {
            "path": "counts.read",
            "line": line_of(shell, "counts: {read: 2}"),
            "message": "expected 2, found 1",
            "expected": 2,
            "found": 1,
        }
    ]


def test_junit_counts_on_every_level_and_names_file_and_line(shell: Shell) -> None:
    blocks = [block(name, f"counts: {{read: {n}}}", VALE) for name, n in (("good", 1), ("bad \\x07 <&>", 2))]
    written(shell, *blocks, block("later", "counts: {read: 1}", VALE, given="exports: [{uses: leads/none}]"))
    report = shell.home / "report.xml"
    assert shell.feeds("test", "--junit", str(report)).code == 1
    root = etree.parse(report).getroot()
    for level in (root, root[0]):
        assert [level.get(name) for name in ("tests", "failures", "errors")] == ["3", "1", "1"]
    good, bad, later = root[0]
    assert root[0].get("name") == good.get("classname") == "shop/sales"
    assert int(bad.get("line")) == line_of(shell, "- name: bad")
    assert bad.get("file").endswith("shop/sales.yaml")
    assert len(good) == 0
    assert "found    1" in bad[0].text
    assert (bad[0].tag, later[0].tag) == ("failure", "error")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `feeds test` makes its folders: nobody else's are there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_nothing_is_left_and_nothing_else_is_touched(shell: Shell, scratch: Path) -> None:
    ran(shell, block("a test", "counts: {read: 9}", VALE))
    assert list(scratch.iterdir()) == []
    assert not (shell.home / "feeds.db").exists()
    assert not (shell.home / "state").exists()
    assert list((shell.home / "in").iterdir()) == []


def test_an_interrupted_test_leaves_nothing_either(shell: Shell, scratch: Path) -> None:
    written(shell, *(block(f"test {number}", "counts: {read: 1}", VALE) for number in range(60)))
    process = shell.started("test")
    deadline = time.monotonic() + 60
    while not list(scratch.iterdir()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be interrupted"
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(scratch.iterdir()) == []
