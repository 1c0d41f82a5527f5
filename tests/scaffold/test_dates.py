"""How dates are written: the format, and whether the values themselves say which number is the month."""

import pytest

from engine.scaffold import dates

# texts, formats, has a time, is ambiguous
CASES = {
    "month first": (("05/13/2024", "06/01/2024"), ("%m/%d/%Y",), False, False),
    "day first": (("13/05/2024", "01/06/2024"), ("%d/%m/%Y",), False, False),
    "no value above 12": (("03/05/2024", "01/06/2024"), ("%m/%d/%Y",), False, True),
    "dots": (("13.5.2024",), ("%d.%m.%Y",), False, False),
    "dashes": (("12-31-2024",), ("%m-%d-%Y",), False, False),
    "two digits": (("5/13/24",), ("%m/%d/%y",), False, False),
    "ISO": (("2024-05-13",), ("%Y-%m-%d",), False, False),
    "ISO with a time": (("2024-05-13T14:30:00",), (), True, False),
    "ISO with days among them": (("2024-05-13", "2024-05-13T14:30:00Z"), (), True, False),
    "ISO at midnight": (("2024-05-13T00:00:00",), (), False, False),
    "compact": (("20240513",), ("%Y%m%d",), False, False),
    "names": (("May 13, 2024", "Jun 1, 2024"), ("%b %d, %Y",), False, False),
    "long names": (("13 June 2024",), ("%d %B %Y",), False, False),
    "half days": (("5/13/2024 2:30 PM",), ("%m/%d/%Y %I:%M %p",), True, False),
    "half days at midnight": (("5/13/2024 12:00:00 AM",), ("%m/%d/%Y %I:%M:%S %p",), False, False),
    "noon is no midnight": (("5/13/2024 12:00:00 PM",), ("%m/%d/%Y %I:%M:%S %p",), True, False),
    "offsets": (("13/05/2024 14:30 +0200",), ("%d/%m/%Y %H:%M %z",), True, False),
    "two ways": (("05/13/2024", "5/14/24"), ("%m/%d/%Y", "%m/%d/%y"), False, False),
}


@pytest.mark.parametrize("name", CASES)
def test_formats(name: str) -> None:
    texts, formats, has_time, is_ambiguous = CASES[name]
    found = dates.found(texts)
    assert found is not None
    assert (found.formats, found.has_time, found.is_ambiguous) == (formats, has_time, is_ambiguous)
    assert found.fitting == len(texts)


@pytest.mark.parametrize("text", ["", "Robin", "12", "1284.50", "555-555-0101", "13/13/2024", "3.6.0.44", "2024"])
def test_what_is_no_date(text: str) -> None:
    assert dates.found([text]) is None


def test_where_days_come_first_that_decides() -> None:
    found = dates.found(["03/05/2024"], day_first=True)
    assert found is not None
    assert (found.formats, found.is_ambiguous) == (("%d/%m/%Y",), True)
