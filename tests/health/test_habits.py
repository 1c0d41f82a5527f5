"""Files that are unlike those before: how many records they have, and which columns."""

from datetime import date, timedelta

import pytest

from engine.habits import Before, columns, volume
from tests.cli.shell import FEED, Shell, sale

MONDAY = date(2022, 6, 6)


def days(*reads: int, begin: date = MONDAY) -> list[Before]:
    return [Before((begin + timedelta(days=n)).isoformat(), read, None) for n, read in enumerate(reads)]


WEEKS = days(*[240, 40, 45, 38, 50, 5, 0] * 7)  # many on Mondays, few at weekends
TABLE = [
    ("too few files to know", 500, MONDAY, days(*[40] * 9), []),
    ("usual", 41, MONDAY, days(*[40] * 10), []),
    ("a half away", 60, MONDAY, days(*[40] * 10), []),
    ("more than that", 61, MONDAY, days(*[40] * 10), ["volume.high"]),
    ("fewer", 19, MONDAY, days(*[40] * 10), ["volume.low"]),
    ("none at all, of few", 0, MONDAY, days(*[3] * 20), []),
    ("ten records are nothing", 13, MONDAY, days(*[3] * 20), []),
    ("where they spread far", 100, MONDAY, days(*[10, 40, 70, 90, 20, 60, 35, 80, 15, 55]), []),
    ("usual on a Monday", 240, MONDAY + timedelta(weeks=7), WEEKS, []),
    ("of a Tuesday on a Monday", 40, MONDAY + timedelta(weeks=7), WEEKS, ["volume.low"]),
    ("of a Monday on a Tuesday", 240, MONDAY + timedelta(weeks=7, days=1), WEEKS, ["volume.high"]),
    ("none on a Sunday", 0, MONDAY + timedelta(weeks=7, days=6), WEEKS, []),
    ("of an unknown day", 240, None, days(*[40] * 12), ["volume.high"]),
]


@pytest.mark.parametrize(("read", "day", "before", "codes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_volume_far_from_what_is_usual_is_told(
    read: int, day: date | None, before: list[Before], codes: list[str]
) -> None:
    found = volume(read, day.isoformat() if day else None, before)
    assert [(each.code, each.severity) for each in found] == [(code, "warning") for code in codes]


def test_the_message_says_what_was_compared() -> None:
    (of_a_day,) = volume(40, (MONDAY + timedelta(weeks=7)).isoformat(), WEEKS)
    assert of_a_day.message == (
        "40 records, far fewer than usual: the last 7 deliveries of a Monday had about 240 (120 to 360 is no news)"
    )


OLD = [Before(None, 1, ("A", "B")), Before(None, 1, ("A", "B", "C")), Before(None, 1, None)]


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (("B", "A"), []),
        (("A", "B", "C"), []),
        (("A", "B", "D"), ["column.new"]),
        (("A",), ["column.gone"]),
        (("A", "X", "Y"), ["column.new", "column.gone"]),
        (None, []),
    ],
)
def test_columns_that_never_were_and_that_always_were(found: tuple[str, ...] | None, codes: list[str]) -> None:
    assert [each.code for each in columns(found, OLD)] == codes
    assert columns(found, []) == []


def test_a_run_tells_of_a_change_once(shell: Shell) -> None:
    def codes(name: str, *rows: dict[str, str]) -> set[str]:
        report = shell.imported(*rows, name=name)
        return {each["code"] for each in report["feeds"][0]["issues"]} & {"column.new", "column.gone", "volume.high"}

    first, second = sale("1"), sale("2", Extra="x")
    del second["City"]
    assert codes("1.csv", first) == set()
    assert codes("2.csv", second) == {"column.new", "column.gone"}
    assert codes("3.csv", {**second, "Number": "3"}) == set()
    for number in range(4, 12):
        shell.put(f"{number}.csv", {**second, "Number": str(number)})
    shell.feeds("run", FEED)
    assert codes("many.csv", *({**second, "Number": str(number)} for number in range(20, 40))) == {"volume.high"}
    shown = shell.feeds("runs", "show", "5").out
    assert "20 records, far more than usual" in shown
