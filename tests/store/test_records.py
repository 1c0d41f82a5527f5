"""What rows become, and what they do to what is there already: on both databases, through a run."""

from dataclasses import replace

import pytest

from tests.store.shop import Shop, counts, plain

HEADER = "Customer,First,Last,Email,Phone,Deal,Sold,Amount"
ROBIN = "C1,Robin,Vale,robin@example.com,555-555-0101,D1,2026-01-02,100.00"
SAM = "C2,Sam,Ito,sam@example.com,555-555-0102,D2,2026-01-03,200.00"


def test_rows_become_contacts_and_activities_and_the_file_is_removed(shop: Shop) -> None:
    report = shop.run("a.csv", HEADER, ROBIN, SAM)
    assert report.outcome == "ok"
    assert counts(report) == {"read": 2, "inserted": 2}
    assert [c["firstName"] for c in shop.contacts()] == ["Robin", "Sam"]
    assert shop.activities()["D1"]["amount"] == "100.00"
    assert shop.activities()["D1"]["occurred"] == "2026-01-02"
    assert list(shop.drop.iterdir()) == []


def test_the_same_file_again_writes_nothing(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN, SAM)
    before = shop.rows("SELECT * FROM activities ORDER BY id"), shop.rows("SELECT * FROM contacts ORDER BY id")
    report = shop.run("a.csv", HEADER, ROBIN, SAM)
    assert counts(report) == {"read": 2, "unchanged": 2}
    assert before == (
        shop.rows("SELECT * FROM activities ORDER BY id"),
        shop.rows("SELECT * FROM contacts ORDER BY id"),
    )


def test_a_changed_row_updates_and_the_change_is_kept(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN, SAM)
    report = shop.run("b.csv", HEADER, ROBIN.replace("100.00", "150.00"), SAM)
    assert counts(report) == {"read": 2, "updated": 1, "unchanged": 1}
    assert shop.activities()["D1"]["amount"] == "150.00"
    assert shop.changes() == [{"fields.amount": ["100.00", "150.00"]}]


def test_a_value_that_goes_back_is_a_change_again(shop: Shop) -> None:
    dearer = ROBIN.replace("100.00", "150.00")
    for name, row in (("a.csv", ROBIN), ("b.csv", dearer), ("c.csv", ROBIN)):
        shop.run(name, HEADER, row)
    assert shop.activities()["D1"]["amount"] == "100.00"
    assert len(shop.changes()) == 2


def test_a_blank_clears_an_activity_but_never_a_contact(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN)
    shop.run("b.csv", HEADER, "C1,Robin,Vale,,,D1,2026-01-02,")
    assert "amount" not in shop.activities()["D1"]
    assert shop.contacts()[0]["email"] == "robin@example.com"


def test_a_missing_column_keeps_what_is_there(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN)
    shop.run("b.csv", HEADER.removesuffix(",Amount"), "C1,Robin,Vale-Ode,robin@example.com,,D1,2026-01-02")
    assert shop.activities()["D1"]["amount"] == "100.00"


def test_a_bad_row_is_kept_exactly_and_the_others_are_stored(shop: Shop) -> None:
    bad = 'C9,"Al, ""Ace""",Bad,,,D9,31/31/26,1'
    report = shop.run("a.csv", HEADER, ROBIN, bad, SAM)
    assert report.outcome == "partial"
    assert counts(report) == {"read": 3, "inserted": 2, "quarantined": 1}
    assert shop.quarantined() == [("date.unreadable", 3, bad + "\n")]


def test_the_same_bad_row_again_is_counted_but_not_kept_twice(shop: Shop) -> None:
    bad = "C9,Al,Bad,,,D9,soon,1"
    shop.run("a.csv", HEADER, bad)
    report = shop.run("b.csv", HEADER, bad, ROBIN)
    assert counts(report) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert len(shop.quarantined()) == 1


def test_a_row_that_comes_right_closes_what_waited_for_it(shop: Shop) -> None:
    path = shop.home / "feeds/vendors/north/sales.yaml"
    shop.run("a.csv", HEADER, ROBIN.replace("2026-01-02", "01/02/2026"))
    path.write_text(
        path.read_text().replace("formats: ['%Y-%m-%d'], required", "formats: ['%Y-%m-%d', '%m/%d/%Y'], required")
    )
    report = shop.run("b.csv", HEADER, ROBIN.replace("2026-01-02", "01/02/2026"))
    assert counts(report) == {"read": 1, "inserted": 1}
    assert shop.rows("SELECT state FROM quarantine") == [("replayed",)]


# --- two rows with one key ------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0, 3])
def test_two_rows_that_contradict_each_other_are_both_kept_back(shop: Shop, between: int) -> None:
    others = [f"C{n},P{n},Q{n},,,X{n},2026-01-02,1" for n in range(between)]
    report = shop.run("a.csv", HEADER, ROBIN, *others, ROBIN.replace("100.00", "150.00"), SAM)
    assert counts(report) == {"read": 3 + between, "inserted": 1 + between, "quarantined": 2}
    assert "D1" not in shop.activities()
    assert [code for code, _, _ in shop.quarantined()] == ["key.repeated", "key.repeated"]


def test_two_equal_rows_are_one_activity(shop: Shop) -> None:
    report = shop.run("a.csv", HEADER, ROBIN, SAM, ROBIN)
    assert counts(report) == {"read": 3, "inserted": 2, "unchanged": 1}


def test_a_contradiction_leaves_what_an_earlier_file_stored(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN)
    report = shop.run("b.csv", HEADER, ROBIN, ROBIN.replace("100.00", "150.00"))
    assert counts(report) == {"read": 2, "quarantined": 2}
    assert shop.activities()["D1"]["amount"] == "100.00"
    assert shop.changes() == []


def test_a_stronger_key_takes_over_what_was_stored_under_a_weaker_one(shop: Shop) -> None:
    header = HEADER + ",VIN"
    shop.run("a.csv", header, "C1,Robin,Vale,robin@example.com,,,2026-01-02,100.00,1ZZRV30C4P1000202")
    assert list(shop.activities()) == ["2:1ZZRV30C4P1000202|2026-01-02"]
    report = shop.run("b.csv", header, "C1,Robin,Vale,robin@example.com,,D1,2026-01-02,100.00,1ZZRV30C4P1000202")
    assert counts(report) == {"read": 1, "updated": 1}
    assert list(shop.activities()) == ["D1"]


# --- whose contact it is --------------------------------------------------------------------------


WHO = [
    pytest.param("C1,Bob,Smith,b@example.com,,D9,2026-01-05,1", True, 0, id="the customer number is believed"),
    pytest.param("C9,Rob,Vale,ROBIN@example.com,,D9,2026-01-05,1", True, 0, id="e-mail and a short first name"),
    pytest.param("C9,R.,Vale-Ode,robin@example.com,,D9,2026-01-05,1", True, 0, id="an initial and a double name"),
    pytest.param("C9,Kim,Vale,robin@example.com,,D9,2026-01-05,1", False, 1, id="one mailbox, two first names"),
    pytest.param("C9,Robin,Park,robin@example.com,,D9,2026-01-05,1", False, 1, id="one mailbox, two last names"),
    pytest.param("C9,Robin,Vale,,(555) 555-0101,D9,2026-01-05,1", True, 0, id="phone and last name"),
    pytest.param("C9,Kim,Vale,,555.555.0101,D9,2026-01-05,1", False, 1, id="one phone, two of one family"),
    pytest.param("C9,Robin,Park,,5555550101,D9,2026-01-05,1", False, 0, id="a phone with another last name"),
    pytest.param("C9,Robin,Vale,,,D9,2026-01-05,1", False, 0, id="never a name alone"),
]


@pytest.mark.parametrize(("row", "is_same", "reviews"), WHO)
def test_who_is_the_same_contact(shop: Shop, row: str, is_same: bool, reviews: int) -> None:
    shop.run("a.csv", HEADER, ROBIN)
    shop.run("b.csv", HEADER, row)
    done = shop.activities()
    assert (done["D9"]["contact"] == done["D1"]["contact"]) is is_same
    assert len(shop.rows("SELECT * FROM reviews")) == reviews


@pytest.mark.parametrize(("row", "is_same", "reviews"), WHO)
def test_who_is_the_same_contact_in_one_file(shop: Shop, row: str, is_same: bool, reviews: int) -> None:
    """Across batches of the first file of all: what the first one wrote is looked up by the second."""
    shop.run("a.csv", HEADER, ROBIN, row, world=replace(shop.world, batch_rows=1))
    done = shop.activities()
    assert (done["D9"]["contact"] == done["D1"]["contact"]) is is_same
    assert len(shop.rows("SELECT * FROM reviews")) == reviews


def test_two_rows_of_one_file_share_their_vehicle(shop: Shop) -> None:
    rows = [ROBIN + ",1ZZRV30C4P1000202", SAM + ",1ZZRV30C4P1000202"]
    shop.run("a.csv", HEADER + ",VIN", *rows, world=replace(shop.world, batch_rows=1))
    done = shop.activities()
    assert done["D1"]["vehicle"] == done["D2"]["vehicle"] == 1


def test_another_birth_date_is_another_person(shop: Shop) -> None:
    header = HEADER + ",Born"
    shop.run("a.csv", header, ROBIN + ",1980-01-01", "C9,Robin,Vale,robin@example.com,,D9,2026-01-05,1,2004-05-06")
    done = shop.activities()
    assert done["D9"]["contact"] != done["D1"]["contact"]


def test_an_earlier_row_of_the_file_can_be_matched(shop: Shop) -> None:
    report = shop.run("a.csv", HEADER, ROBIN, "C9,Robin,Vale,robin@example.com,,D9,2026-01-05,1")
    assert (report.tally.contacts_created, report.tally.contacts_matched) == (1, 1)


def test_two_equally_good_contacts_make_a_new_one_to_review(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN, "C8,Kim,Vale,robin@example.com,,D8,2026-01-05,1")
    report = shop.run("b.csv", HEADER, "C9,,Vale,robin@example.com,,D9,2026-01-05,1")
    assert report.tally.contacts_review == 1
    assert len(shop.contacts()) == 3
    assert len(shop.rows("SELECT * FROM reviews WHERE contact_id = 3")) == 2


def test_a_row_without_a_person_has_an_activity_without_a_contact(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ",,,,,D9,2026-01-05,1")
    assert shop.activities()["D9"]["contact"] is None


def test_an_activity_keeps_its_contact_when_the_row_comes_again_without_a_match(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN.replace("C1,", ","))
    shop.run("b.csv", HEADER, ",Robin,Vale,new@example.com,,D1,2026-01-02,100.00")
    assert len(shop.contacts()) == 1


def test_an_activity_moves_when_the_sender_gives_it_another_customer_number(shop: Shop) -> None:
    shop.run("a.csv", HEADER, ROBIN, SAM)
    shop.run("b.csv", HEADER, "C2,Sam,Ito,sam@example.com,,D1,2026-01-02,100.00")
    done = shop.activities()
    assert done["D1"]["contact"] == done["D2"]["contact"]
    assert list(shop.changes()[0]) == ["contact_id"]


def test_a_contact_remembers_where_each_field_came_from(shop: Shop) -> None:
    shop.run("a.csv", HEADER, SAM, ROBIN)
    shop.run("b.csv", HEADER, "C1,Robin,Vale,new@example.com,,D1,2026-01-02,100.00")
    (provenance,) = shop.rows("SELECT provenance FROM contacts WHERE first_name = 'Robin'")
    marks = plain(provenance[0])
    assert marks["email"] == [2, 2]
    assert marks["firstName"] == [1, 3]
