"""`feeds new --from`: a draft says what the sample says, validates, passes its own test and brings the sample in."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.shell import DEALER, Shell
from tests.scaffold.samples import SAMPLES, SECRET_NAMES, Sample

# Whichever comes first drafts, tests and runs all samples: forty feeds, on a loaded machine in some minutes.
pytestmark = pytest.mark.timeout(600)

NUMBERS = {name: f"s{number}" for number, name in enumerate(SAMPLES)}


class Drafts:
    """One project in which every sample was drafted, and then tested and run."""

    def __init__(self, home: Path) -> None:
        self.shell = Shell(home, f"sqlite:///{home / 'feeds.db'}")
        (home / "apart").mkdir()
        self.apart = Shell(home / "apart", f"sqlite:///{home / 'apart.db'}")
        self.made = {name: self.drafted(name, sample) for name, sample in SAMPLES.items()}
        self.findings = self.shell.feeds("validate", "--format", "json").json()
        self.tests = {each["definition"]: each for each in self._tested()}
        report = self.shell.feeds("run", "--all", "--format", "json").json()
        self.reports = {each["feed"]: each for each in report["feeds"]}

    def drafted(self, name: str, sample: Sample) -> Any:
        """Drafted in a small project, since each draft reads all there is, and put into the one that holds all."""
        number = NUMBERS[name]
        path = self.shell.home / "samples" / number / sample.file
        path.parent.mkdir(parents=True)
        path.write_bytes(sample.content)
        self.apart.write("feeds/dealers/acme.yaml", DEALER)
        done = self.apart.feeds(
            *(
                "new",
                f"acme/{number}",
                "--from",
                str(path),
                "--vendor",
                f"drafts/{number}",
                "--activity",
                f"made{number}",
            )
        )
        for file in (f"feeds/vendors/drafts/{number}.yaml", f"feeds/activities/made{number}.yaml"):
            if done.code == 0:
                self.shell.write(file, (self.apart.home / file).read_text(encoding="utf-8"))
                (self.apart.home / file).unlink()
        self.shell.edit(
            "feeds/dealers/acme.yaml", "feeds:\n", f"feeds:\n  - {{uses: drafts/{number}, name: {number}}}\n"
        )
        return done

    def _tested(self) -> Any:
        return self.shell.feeds("test", "--format", "json").json()["tests"]

    def text(self, name: str) -> str:
        return (self.shell.home / "feeds" / "vendors" / "drafts" / f"{NUMBERS[name]}.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Drafts:
    return Drafts(tmp_path_factory.mktemp("drafts"))


def test_every_draft_validates_at_once(drafts: Drafts) -> None:
    assert {name: done.talk for name, done in drafts.made.items() if done.code} == {}
    assert drafts.findings == []


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_brings_its_sample_in(name: str, drafts: Drafts) -> None:
    report = drafts.reports[f"acme/{NUMBERS[name]}"]
    rows = SAMPLES[name].rows
    assert (report["read"], report["inserted"], report["quarantined"]) == (rows, rows, 0), report["issues"]
    assert report["outcome"] == "ok"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_says_what_the_sample_says(name: str, drafts: Drafts) -> None:
    sample, made = SAMPLES[name], yaml.safe_load(drafts.text(name))
    (activity,) = made["activities"]
    for field, wanted in sample.fields.items():
        assert wanted.items() <= made["fields"][field].items(), made["fields"]
    assert sample.decode.items() <= made["decode"].items()
    assert sample.key in (None, activity["key"])
    assert sample.occurred in (None, activity.get("occurred"))
    assert made.get("records", {}).get("path") == sample.path


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_carries_a_test_that_passes(name: str, drafts: Drafts) -> None:
    if SAMPLES[name].has_test:
        assert drafts.tests[f"drafts/{NUMBERS[name]}"]["outcome"] == "passed"
    else:
        assert "tests:" not in drafts.text(name)
        assert "# No test yet" in drafts.text(name)


def test_nothing_of_a_person_in_the_sample_stands_in_a_draft(drafts: Drafts) -> None:
    text = drafts.text("a person") + drafts.made["a person"].out + drafts.made["a person"].talk
    assert [secret for secret in (*SECRET_NAMES, "94110", "1971") if secret in text] == []
    assert "robin.vale@example.com" in text
    assert "(202) 555-010" in text


def test_every_guess_is_marked(drafts: Drafts) -> None:
    for name in SAMPLES:
        head = drafts.text(name).partition("\ntests:")[0].partition("\n# No test")[0]
        lines = head.splitlines()
        for number, line in enumerate(lines):
            is_plain = not line.strip() or line.lstrip().startswith(("#", "- {name:")) or line.rstrip().endswith(":")
            if not is_plain and line not in ("version: 1", "kind: feed", "  type: file"):
                assert "# guessed" in line or "# guessed" in lines[number - 1], (name, line)


def test_an_order_that_no_value_decides_is_marked_and_told(drafts: Drafts) -> None:
    shell = drafts.shell
    path = shell.write("samples/ambiguous/t-1.csv", "Ticket,Created\nA1,03/05/2024\nA2,01/06/2024\n")
    done = shell.feeds("new", "acme/ambiguous", "--from", str(path), "--format", "json")
    assert [each["name"] for each in done.json()["outstanding"]] == ["created"]
    made = (shell.home / "feeds" / "vendors" / "acme" / "ambiguous.yaml").read_text(encoding="utf-8")
    assert "AMBIGUOUS" in made
    assert "%m/%d/%Y" in made


def test_where_days_come_first_the_region_decides_what_no_value_does(tmp_path: Path, sqlite_url: str) -> None:
    shell = Shell(tmp_path, sqlite_url)
    shell.edit("feeds/dealers/acme.yaml", "timezone:", "region: GB\ntimezone:")
    path = shell.write("in/t-1.csv", "Ticket,Created\nA1,03/05/2024\nA2,01/06/2024\n")
    assert shell.feeds("new", "acme/visits", "--from", str(path)).code == 0
    assert "%d/%m/%Y" in (tmp_path / "feeds" / "vendors" / "acme" / "visits.yaml").read_text(encoding="utf-8")


def test_a_type_that_is_there_is_used_and_what_it_lacks_is_left_out(tmp_path: Path, sqlite_url: str) -> None:
    shell = Shell(tmp_path, sqlite_url)
    path = shell.write("in2/s-1.csv", "Number,Date,Amount,Cashier\n1,2024-05-13,12.00,Kim\n2,2024-05-14,13.00,Kim\n")
    done = shell.feeds("new", "acme/more-sales", "--from", str(path), "--format", "json")
    assert [each["change"] for each in done.json()["files"]] == ["made", "entry"]
    made = yaml.safe_load((tmp_path / "feeds" / "vendors" / "more" / "sales.yaml").read_text(encoding="utf-8"))
    assert made["activities"][0]["type"] == "sale"
    assert made["records"] == {"unused": ["Cashier"]}
    assert shell.feeds("validate").out.startswith("0 errors")
    assert shell.feeds("run", "acme/more-sales").code == 0


def test_a_long_file_is_looked_at_by_its_first_rows(tmp_path: Path, sqlite_url: str) -> None:
    shell = Shell(tmp_path, sqlite_url)
    rows = "".join(f"{number},2024-05-{number % 28 + 1:02},{number % 90}.50\n" for number in range(200_000))
    path = shell.write("in2/long-1.csv", f"Order No,Date,Amount\n{rows}")
    done = shell.feeds("new", "acme/long", "--from", str(path))
    assert done.code == 0
    assert "the first 5,000 records" in done.talk
