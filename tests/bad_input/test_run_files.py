"""What an operator sees of a file that is not what was agreed: what is told, what is kept, what happens next."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

from tests.bad_input.site import HEADER, PERSON, Site, discreet, feed_of, sale, table
from tests.cli.shell import ROOT

UNCLOSED = table(sale("1"), sale("2", Last='"Quickfoot'), sale("3"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.feed()
    return made


# --- nothing, half, or something else ---------------------------------------------------------


def test_an_empty_file_is_refused_and_stays(site: Site) -> None:
    site.drop("a.csv", b"")
    seen = site.run()
    assert (seen.code, seen.outcome, seen.states) == (1, "refused", {"a.csv": "refused"})
    assert seen.codes == ["file.empty"]
    assert "1 delivery refused: feeds runs show 1" in seen.text
    assert site.files() == {"a.csv": b""}


def test_a_file_with_a_header_only_is_a_delivery_without_rows(site: Site) -> None:
    site.drop("a.csv", table())
    seen = site.run()
    assert (seen.code, seen.outcome, seen.states, seen.codes) == (0, "empty", {"a.csv": "done"}, [])
    assert "read 0 = inserted 0" in seen.text


def test_a_header_without_rows_can_be_declared_an_error(site: Site) -> None:
    site.feed(guards={"minRows": 1})
    site.drop("a.csv", table())
    seen = site.run()
    assert (seen.code, seen.codes) == (1, ["guard.few"])
    assert "expected at least 1 rows (guards.minRows), found 0" in seen.message("guard.few")
    assert site.files() == {"a.csv": table()}


def test_a_file_that_grows_between_two_looks_is_left_until_it_stands_still(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = table(sale("1"), sale("2"))
    site.feed(transport={"settle": "60s", "deleteFromServer": True})
    site.drop("a.csv", whole[:100])
    with time_machine.travel("2026-03-02T12:00Z", tick=False) as clock:

        def sleep(seconds: float) -> None:
            """The time passes, and meanwhile the sender goes on writing."""
            clock.shift(seconds)
            if (site.far / "a.csv").stat().st_size == 100:
                site.drop("a.csv", whole[:200])

        monkeypatch.setattr("time.sleep", sleep)
        first = site.run()
        assert (first.code, first.outcome, first.codes) == (0, "empty", ["file.unsettled"])
        assert "a.csv" in first.message("file.unsettled")
        assert site.files() == {"a.csv": whole[:200]}, "not even claimed: its sender has it open"
        site.drop("a.csv", whole)
        second = site.run()
    assert (second.code, site.sales(), site.files()) == (0, ["1", "2"], {})


def test_a_file_that_goes_on_growing_while_others_stand_still_holds_up_none_of_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.feed(transport={"settle": "60s"})
    site.put("a.csv", sale("1"))
    site.drop("b.csv", table())
    with time_machine.travel("2026-03-02T12:00Z", tick=False) as clock:

        def sleep(seconds: float) -> None:
            clock.shift(seconds)
            with (site.far / "b.csv").open("a") as file:
                file.write(sale("2") + "\n")

        monkeypatch.setattr("time.sleep", sleep)
        seen = site.run()
    assert (seen.code, site.sales()) == (0, ["1"])
    assert "b.csv" in seen.message("file.unsettled")


# --- another header ---------------------------------------------------------------------------


def test_every_column_that_is_missing_is_named_with_those_that_are_near(site: Site) -> None:
    header = ("No", "First_Name", "Last", "E-mail", "Phone", "SoldDate", "Amount")
    content = table(sale("1"), header=header)
    site.drop("a.csv", content)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.codes) == (1, "refused", ["column.missing"])
    message = seen.message("column.missing")
    for column in ("'First'", "'Email'", "'Sold'"):
        assert column in message
    assert "near: 'E-mail'" in message
    assert message in seen.told
    assert (site.sales(), site.files()) == ([], {"a.csv": content})


def test_a_file_without_a_header_does_not_show_its_first_customer(site: Site) -> None:
    """Its first line is a person: the message counts the columns and does not quote them."""
    site.drop("a.csv", table(sale("1"), sale("2")).partition(b"\n")[2])
    seen = site.run()
    assert (seen.code, seen.codes) == (1, ["column.missing"])
    assert "does the file begin with a header?" in seen.message("column.missing")


def test_a_file_of_another_feed_is_left_alone_with_a_warning(site: Site) -> None:
    site.feed(transport={"ours": {"columns": ["Sold"], "without": ["WONumber"]}, "deleteFromServer": True})
    other = table("W1,Ann", header=("WONumber", "Customer"))
    site.drop("a.csv", other)
    site.put("b.csv", sale("1"))
    seen = site.run()
    assert (seen.code, seen.outcome, seen.states) == (0, "ok", {"a.csv": "notMine", "b.csv": "done"})
    message = seen.message("file.notOurs")
    assert "no column Sold" in message and "a column WONumber" in message and "transport.ours" in message
    assert (site.sales(), site.files()) == (["1"], {"a.csv": other})
    again = site.run()
    assert (again.code, again.states, again.codes) == (0, {}, []), "told once, fetched once"


def test_a_file_that_was_not_ours_is_looked_at_again_when_the_definition_says_otherwise(site: Site) -> None:
    site.feed(transport={"ours": {"columns": ["Sold Date"]}})
    site.put("a.csv", sale("1"))
    assert site.run().states == {"a.csv": "notMine"}
    site.feed(transport={"ours": {"columns": ["Sold"]}})
    assert (site.run().code, site.sales()) == (0, ["1"])


# --- encodings --------------------------------------------------------------------------------


@pytest.mark.parametrize(("declared", "stored"), [("utf-8", "José"), ("windows-1252", "José")])
def test_the_first_encoding_of_the_ladder_that_fits_is_taken(site: Site, declared: str, stored: str) -> None:
    site.feed(decode={"encoding": ["utf-8", "windows-1252"]})
    site.drop("a.csv", table(sale("1", First="José")).decode().encode(declared))
    assert site.run().code == 0
    ((fields,),) = site.shell.rows("SELECT fields FROM contacts")
    assert stored in fields


def test_a_file_in_no_declared_encoding_is_refused_with_the_place_and_what_was_tried(site: Site) -> None:
    site.feed(decode={"encoding": ["utf-8", "ascii"]})
    content = table(sale("1"), sale("2", First="José")).decode().encode("cp1252")
    site.drop("a.csv", content)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.codes) == (1, "refused", ["encoding.unreadable"])
    message = seen.message("encoding.unreadable")
    assert "utf-8" in message and "ascii" in message
    assert str(content.index(b"\xe9")) in message, "an editor finds the byte"
    assert (site.sales(), site.files()) == ([], {"a.csv": content})


# --- refused, and what comes after ------------------------------------------------------------


def test_a_quote_that_is_never_closed_refuses_the_file_whole(site: Site) -> None:
    site.feed(transport={"deleteFromServer": True})
    site.drop("a.csv", UNCLOSED)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.states) == (1, "refused", {"a.csv": "refused"})
    assert seen.codes == ["csv.unclosedQuote"]
    assert "line 3" in seen.message("csv.unclosedQuote")
    assert (site.sales(), site.quarantined()) == ([], [])
    assert site.files() == {"a.csv": UNCLOSED}, "under its own name, though it was claimed"


def test_a_refused_file_is_neither_fetched_nor_told_again(site: Site) -> None:
    site.drop("a.csv", UNCLOSED)
    site.run()
    for _ in range(2):
        seen = site.run()
        assert (seen.code, seen.outcome, seen.states, seen.codes) == (0, "empty", {}, [])
    assert len(site.shell.rows("SELECT id FROM deliveries")) == 1


def test_the_same_bytes_sent_again_are_refused_without_being_read_again(site: Site) -> None:
    site.drop("a.csv", UNCLOSED, modified=1_700_000_000)
    site.run()
    site.drop("a.csv", UNCLOSED, modified=1_700_000_100)
    seen = site.run()
    assert (seen.code, seen.outcome) == (1, "refused")
    assert "refused before" in seen.text


def test_a_mended_file_of_the_same_name_is_taken(site: Site) -> None:
    site.feed(transport={"deleteFromServer": True})
    site.drop("a.csv", UNCLOSED)
    site.run()
    site.put("a.csv", sale("1"), sale("2"), sale("3"))
    assert (site.run().code, site.sales(), site.files()) == (0, ["1", "2", "3"], {})


def test_a_changed_definition_takes_the_refused_file_again(site: Site) -> None:
    content = table(sale("1"), header=("Number", *HEADER[1:]))
    site.drop("a.csv", content)
    assert site.run().codes == ["column.missing"]
    text = site.shell.home / "feeds/vendors/shop/sales.yaml"
    text.write_text(text.read_text().replace("column: 'No'", "column: ['No', Number]"))
    assert "Number" in text.read_text()
    assert (site.run().code, site.sales()) == (0, ["1"])


def test_a_changed_decoding_takes_the_refused_file_again(site: Site) -> None:
    site.drop("a.csv", UNCLOSED)
    site.feed()
    assert site.run().codes == ["csv.unclosedQuote"]
    site.feed(decode={"quote": "none"})
    assert (site.run().code, site.sales()) == (0, ["1", "2", "3"])


def test_a_refused_file_can_be_taken_again_by_hand(site: Site) -> None:
    site.drop("a.csv", b"")
    site.run()
    done = site.command("state", "reset", "acme/sales", "--delivery", "a.csv", "--yes")
    assert done.code == 0
    assert site.run().states == {"a.csv": "refused"}


# --- rows -------------------------------------------------------------------------------------


def test_rows_of_another_width_are_quarantined_with_their_line_and_the_others_are_stored(site: Site) -> None:
    site.feed(transport={"deleteFromServer": True})
    site.drop("a.csv", table(sale("1"), sale("2") + ",12 Lantern Lane", "3,Zebulon", sale("4")))
    seen = site.run()
    assert (seen.code, seen.outcome) == (3, "partial")
    assert seen.counts == {"read": 4, "inserted": 2, "quarantined": 2}
    assert site.quarantined() == [(3, "row.width"), (4, "row.width")]
    assert "a.csv:3" in seen.text and "expected 7" in seen.text and "found 8" in seen.text
    assert "Lantern" not in seen.text
    assert "2 rows need attention: feeds quarantine list --run 1" in seen.text
    assert site.files() == {}, "what could not be used is kept in quarantine and in our copy"


def test_a_file_of_bad_rows_is_refused_and_not_emptied_into_quarantine(site: Site) -> None:
    site.feed(guards={"maxBadPercent": 5}, transport={"deleteFromServer": True})
    rows = [sale(str(number), Sold="01.05.2024") for number in range(30)]
    site.put("a.csv", *rows)
    seen = site.run()
    assert (seen.code, seen.outcome, seen.states) == (1, "refused", {"a.csv": "refused"})
    assert "30 of 30 rows could not be used, at most 5 % are allowed" in seen.message("guard.bad")
    assert "date.unreadable" in seen.text, "the reasons are told"
    assert (site.quarantined(), list(site.files())) == ([], ["a.csv"])


def test_a_guard_that_is_loosened_takes_the_refused_file_again(site: Site) -> None:
    site.feed(guards={"minRows": 2})
    site.put("a.csv", sale("1"))
    assert site.run().codes == ["guard.few"]
    site.feed(guards={"minRows": 1})
    assert (site.run().code, site.sales()) == (0, ["1"])


def test_where_the_last_row_of_a_key_counts_each_is_told_from_its_repeat(site: Site) -> None:
    site.feed(records={"onDuplicate": "last"})
    one, other = sale("1", Amount="10.00"), sale("1", Amount="20.00")
    site.put("a.csv", one, one, other, sale("2"), one, one, sale("2"))
    assert site.run().counts == {"read": 7, "inserted": 2, "updated": 2, "unchanged": 3}
    found = site.shell.rows("SELECT fields FROM activities WHERE key = '1'")
    assert ["10.00" in row.fields for row in found] == [True]


def test_a_nul_byte_costs_its_row_and_no_other(site: Site) -> None:
    site.drop("a.csv", table(sale("1"), sale("2", First="Zebu\0lon"), sale("3")))
    seen = site.run()
    assert (seen.code, seen.counts) == (3, {"read": 3, "inserted": 2, "quarantined": 1})
    assert (site.sales(), site.quarantined()) == (["1", "3"], [(3, "row.nul")])


def test_a_value_that_cannot_be_used_is_not_shown_to_everyone(site: Site) -> None:
    """The reason names the field and what was expected; the text itself is in quarantine alone."""
    site.put("a.csv", sale("1", Sold="Quickfoot"), sale("2", Amount="Zebulon"), sale("3", No=""), sale("4"))
    seen = site.run()
    assert (seen.code, seen.counts) == (3, {"read": 4, "inserted": 1, "quarantined": 3})
    for part in ("a.csv:2 sold", "a.csv:3 amount", "a.csv:4 number"):
        assert part in seen.text


# --- too much ---------------------------------------------------------------------------------


# The kernel's own figure for the process; `ru_maxrss` of a child begins at what its parent had.
MEASURED = """
import sys
from pathlib import Path
from engine.cli import main
code = main(["run", "--all"])
status = Path("/proc/self/status").read_text()
Path("peak").write_text(status.partition("VmHWM:")[2].split()[0])
sys.exit(code)
"""


def peak(site: Site) -> tuple[int, str, int]:
    """Exit code, what was printed, and the most memory (KiB) of a run in a process of its own."""
    environment = {**os.environ, **site.shell.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURED]
    done = subprocess.run(command, env=environment, cwd=site.home, capture_output=True, text=True, check=False)
    discreet(done.stdout, done.stderr)
    return done.returncode, done.stdout, int((site.home / "peak").read_text())


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> int:
    """What a run of one small file takes."""
    site = Site(tmp_path_factory.mktemp("usual"))
    site.feed()
    site.put("small.csv", sale("1"))
    code, _, most = peak(site)
    assert code == 0
    return most


def test_a_field_of_64_mb_costs_its_row_and_bounded_memory(site: Site, usual: int) -> None:
    site.drop("large.csv", table(sale("2"), sale("3", Last='"' + "x" * (64 << 20) + '"'), sale("4")))
    code, text, most = peak(site)
    assert code == 3
    assert "row.tooLong" in text and "large.csv:3" in text
    assert (site.sales(), site.quarantined()) == (["2", "4"], [(3, "row.tooLong")])
    assert most - usual < 48 << 10


def test_a_bomb_is_refused_before_it_unpacks(site: Site, usual: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        for _ in range(96):
            member.write(bytes(1 << 20))
    site.drop("bomb.csv", packed.getvalue())
    code, text, most = peak(site)
    assert code == 1
    assert "zip.bomb" in text and "more than 100 times" in text
    assert (site.sales(), list(site.files())) == ([], ["bomb.csv"])
    assert most - usual < 48 << 10


def test_a_file_above_the_largest_size_is_not_fetched(site: Site) -> None:
    site.feed(transport={"maxBytes": "1KiB", "deleteFromServer": True})
    with site.drop("a.csv", b"").open("wb") as file:
        file.truncate(1 << 30)  # it says so; it takes no room
    site.put("b.csv", sale("1"))
    seen = site.run()
    assert (seen.code, seen.outcome) == (1, "refused")
    assert seen.states == {"a.csv": "refused", "b.csv": "done"}
    message = seen.message("file.tooLarge")
    assert "1024" in message and str(1 << 30) in message and "transport.maxBytes" in message
    assert (site.sales(), list(site.files()), site.archived()) == (["1"], ["a.csv"], {table(sale("1"))})
    (site.far / "a.csv").unlink()
    site.put("a.csv", sale("2"))
    assert (site.run().code, site.sales()) == (0, ["1", "2"])


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\nb.csv", "\x1b[31mred.csv", "..csv", "-rf.csv", "a b;$(id).csv", "é\u202e.csv"])
def test_a_file_of_an_odd_name_is_imported_and_shown_escaped(site: Site, name: str) -> None:
    site.feed(transport={"filename": "csv$", "regex": True, "deleteFromServer": True})
    site.put(name, sale("1"))
    seen = site.run()
    assert (seen.code, site.sales(), site.files()) == (0, ["1"], {})
    folder = site.home / "ours/state/archive"
    assert all(set(path.name) <= set("0123456789abcdef") for path in folder.rglob("*")), "no name of theirs is ours"


def test_a_name_that_is_a_path_on_some_system_is_left_alone_and_told(site: Site) -> None:
    site.put("a\\b.csv", sale("1"))
    site.put("c.csv", sale("2"))
    seen = site.run()
    assert (seen.code, seen.outcome, site.sales()) == (0, "ok", ["2"])
    assert r"a\\b.csv" in seen.message("name.unsafe") and "ask the sender" in seen.text


def test_a_bad_row_in_a_file_of_an_odd_name_steers_no_terminal(site: Site) -> None:
    site.put("\x1b]0;owned\x07\n\r.csv", sale("1", Sold="soon"))
    seen = site.run()
    assert seen.code == 3
    assert r"\x1b]0;owned\x07\x0a\x0d.csv:2" in seen.text


def test_a_name_that_is_no_utf8_hinders_no_other_file(site: Site) -> None:
    (site.far / os.fsdecode(b"\xff\xfe.csv")).write_bytes(table(sale("1")))
    site.put("b.csv", sale("2"))
    assert (site.run().code, site.sales()) == (0, ["1", "2"])


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/etc/hostname")])
def test_what_is_no_plain_file_is_not_opened(site: Site, make: Callable[[Path], None]) -> None:
    make(site.far / "a.csv")
    site.put("b.csv", sale("1"))
    seen = site.run()
    assert (seen.code, seen.states, site.sales()) == (0, {"b.csv": "done"}, ["1"])


# --- the definition itself --------------------------------------------------------------------


def test_a_field_that_no_file_has_ever_had_does_not_hide_in_a_green_run(site: Site) -> None:
    site.feed(fields={**feed_of({}, {})["fields"], "city": {"column": "Town"}})
    site.put("a.csv", sale("1"))
    seen = site.run()
    assert (seen.code, seen.codes) == (1, ["column.missing"])
    assert "'Town'" in seen.text


def test_a_column_that_nobody_reads_is_told(site: Site) -> None:
    site.drop("a.csv", table(sale("1") + ",x", header=(*HEADER, "Salesperson")))
    seen = site.run()
    assert (seen.code, seen.outcome) == (0, "ok")
    assert "Salesperson" in seen.message("column.unread")


@pytest.mark.parametrize(
    "day", [{"context": "file.groups.day"}, {"text": "${file.name}"}, {"text": "of ${file.groups.day}"}]
)
def test_the_same_row_in_a_file_of_another_day_is_another_row_where_the_day_counts(
    site: Site, day: dict[str, str]
) -> None:
    """Such a row is no repeat: the file's name is part of what it becomes."""
    site.feed(
        transport={"filename": r"_(?P<day>\d+)\.csv$", "regex": True},
        fields={**feed_of({}, {})["fields"], "note": day},
        activities=[{"type": "sale", "key": [["number", "note"]], "occurred": "sold", "state": "recorded"}],
    )
    site.put("sales_0501.csv", sale("1"))
    site.run()
    site.put("sales_0502.csv", sale("1"))
    assert (site.run().counts, len(site.sales())) == ({"read": 1, "inserted": 1}, 2)
    site.put("sales_0502.csv", sale("1"), sale("2"))
    assert site.run().counts == {"read": 2, "inserted": 1, "unchanged": 1}


def test_a_condition_on_the_file_is_asked_again_for_another_file(site: Site) -> None:
    site.feed(records={"if": "number && file.name == 'b.csv'"})
    site.put("a.csv", sale("1"))
    assert site.run().counts == {"read": 1, "filtered": 1}
    site.put("b.csv", sale("1"))
    assert site.run().counts == {"read": 1, "inserted": 1}


def test_the_invented_customer_is_stored_and_not_only_hidden(site: Site) -> None:
    """The other tests look for this person in what is printed: it has to be there to be shown."""
    site.put("a.csv", sale("1"))
    site.run()
    ((fields,),) = site.shell.rows("SELECT fields FROM contacts")
    assert PERSON["Email"] in fields
