"""What changed since the last run: windows, where the cursor goes, and what a crash at any page leaves."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.transports.http.room import NOW, Answers, Api, Asked, Room, rows
from transports.http_windows import canonical

Serve = Callable[[Answers], Api]
PAGING = {"type": "offset", "param": "skip", "size": 2, "sizeParam": "limit"}
ASKING = {"url": "/order", "query": {"from": "${window.from}", "to": "${window.to}"}}


def day(number: int) -> str:
    return f"2024-05-{number:02d}T00:00:00.000000Z"


def changing(*days: int) -> Answers:
    """One record a day, filtered by the server and paged."""
    records = [{"id": each, "updatedAt": day(each)} for each in days]

    def answers(asked: Asked) -> Any:
        begin, end = (canonical(asked.query[name]) if name in asked.query else "" for name in ("from", "to"))
        found = [each for each in records if begin <= each["updatedAt"] <= (end or "~")]
        skip = int(asked.query.get("skip", 0))
        return {"data": found[skip:][:2]}

    return answers


@pytest.mark.feature("incremental.datetime")
@pytest.mark.feature("incremental.inject.query")
@pytest.mark.feature("incremental.bound.expr")
@pytest.mark.feature("template.window")
def test_the_next_run_begins_at_the_greatest_value_seen(serve: Serve, room: Room) -> None:
    api = serve(changing(3, 9, 20))
    settings = {"request": ASKING, "pagination": PAGING, "incremental": {"cursor": "updatedAt", "start": "now-90d"}}
    first = room.read(api, **settings)
    assert first.ids() == [3, 9, 20]
    assert first.after == {"cursors": {"": day(20)}}
    assert api.asked[0].query["from"] == "2024-03-02T12:00:00Z"
    second = room.read(api, first.after, **settings)
    assert second.ids() == [20]  # read with `>=`: what shares the cursor's moment is not lost
    assert second.after == first.after


@pytest.mark.feature("incremental.lookback")
def test_each_run_begins_so_much_earlier(serve: Serve, room: Room) -> None:
    api = serve(changing(20))
    room.read(
        api,
        {"cursors": {"": day(20)}},
        request=ASKING,
        incremental={"cursor": "updatedAt", "lookback": "24h"},
    )
    assert api.asked[0].query["from"] == "2024-05-19T00:00:00Z"


@pytest.mark.feature("incremental.window")
def test_a_long_gap_is_read_in_windows_that_meet(serve: Serve, room: Room) -> None:
    api = serve(changing(2, 3, 25))
    incremental = {"cursor": "updatedAt", "start": "2024-05-01", "window": "7d"}
    result = room.read(api, request=ASKING, incremental=incremental)
    bounds = [(each.query["from"][8:10], each.query["to"][8:10]) for each in api.asked]
    assert bounds == [("01", "08"), ("08", "15"), ("15", "22"), ("22", "29"), ("29", "31")]
    assert [page.after["cursors"][""][8:10] for page in result.pages] == ["03", "08", "15", "25", "25"]


FORMS = [
    ("epoch", "1717156800"),
    ("epochMs", "1717156800000"),
    ("%Y-%m-%d", "2024-05-31"),
    ("%d/%m/%Y %H:%M", "31/05/2024 12:00"),
    (None, "2024-05-31T12:00:00Z"),
]


@pytest.mark.feature("incremental.epochFormat")
@pytest.mark.feature("incremental.multiFormat")
@pytest.mark.feature("incremental.bound.param")
@pytest.mark.parametrize(("form", "text"), FORMS)
def test_a_bound_is_written_as_the_other_side_wants_it(serve: Serve, room: Room, form: str | None, text: str) -> None:
    api = serve(lambda asked: {"data": []})
    room.read(api, request=ASKING, incremental={"cursor": "updatedAt", **({"format": form} if form else {})})
    assert api.asked[0].query == {"to": text}  # and no `from`, since there is no cursor yet


@pytest.mark.feature("template.date")
def test_a_reference_may_have_a_format_of_its_own(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    request = {"url": "/order", "query": {"day": "${window.to:%d.%m.}"}}
    room.read(api, request=request, incremental={"cursor": "updatedAt", "format": "epoch"})
    assert api.asked[0].query == {"day": "31.05."}


@pytest.mark.feature("incremental.inject.bodyJson")
def test_a_bound_can_stand_in_a_body_and_keeps_its_type(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    request = {"url": "/search", "json": {"range": {"until": "${window.to}", "since": "${window.from}"}}}
    room.read(api, request=request, incremental={"cursor": "updatedAt", "format": "epoch"})
    assert (api.asked[0].method, api.asked[0].json) == ("POST", {"range": {"until": 1717156800}})


@pytest.mark.feature("incremental.count")
def test_a_cursor_can_be_a_number(serve: Serve, room: Room) -> None:
    room.cursor = "id"
    api = serve(lambda asked: {"data": rows(*[each for each in (3, 5, 11) if each >= int(asked.query["from"])])})
    settings = {"request": ASKING, "incremental": {"cursor": "id", "start": 4}}
    first = room.read(api, **settings)
    assert (first.ids(), first.after) == ([5, 11], {"cursors": {"": 11}})
    assert room.read(api, first.after, **settings).ids() == [11]


@pytest.mark.feature("incremental.stopAtCursor")
def test_a_list_with_the_newest_first_is_read_down_to_the_cursor(serve: Serve, room: Room) -> None:
    records = [{"id": each, "updatedAt": day(each)} for each in range(30, 0, -1)]
    api = serve(lambda asked: {"data": records[int(asked.query["skip"]) :][:2]})
    settings = {"pagination": PAGING, "incremental": {"cursor": "updatedAt", "newestFirst": True}}
    result = room.read(api, {"cursors": {"": day(26)}}, **settings)
    assert result.ids() == [30, 29, 28, 27, 26, 25]
    assert result.after == {"cursors": {"": day(30)}}


@pytest.mark.feature("incremental.clientFilter")
def test_who_filters_is_told_to_those_who_import(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    incremental = {"cursor": "updatedAt", "filter": "client"}
    result = room.read(api, {"cursors": {"": day(20)}}, incremental=incremental)
    assert result.envelopes[0].window == {"from": day(20), "to": "2024-05-31T12:00:00.000000Z", "filter": "client"}


def test_a_date_in_the_future_does_not_take_the_cursor_along(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": [{"id": 1, "updatedAt": "9999-12-31T00:00:00.000000Z"}]})
    result = room.read(api, request=ASKING, incremental={"cursor": "updatedAt"})
    assert result.after == {"cursors": {"": "2024-05-31T12:00:00.000000Z"}}


def test_an_empty_list_leaves_the_cursor_where_it_is(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    result = room.read(api, {"cursors": {"": day(20)}}, request=ASKING, incremental={"cursor": "updatedAt"})
    assert result.after == {"cursors": {"": day(20)}}


@pytest.mark.parametrize(("ordered", "days"), [(False, ["", "20"]), (True, ["09", "20"])])
def test_the_cursor_moves_with_the_last_page_unless_the_list_is_ordered(
    serve: Serve, room: Room, ordered: bool, days: list[str]
) -> None:
    api = serve(changing(3, 9, 20))
    incremental = {"cursor": "updatedAt", "ordered": ordered}
    paging = {**PAGING, "stopOn": "shortPage"}
    pages = room.read(api, request=ASKING, pagination=paging, incremental=incremental).pages
    assert [page.after.get("cursors", {}).get("", "")[8:10] for page in pages] == days


def test_going_on_after_a_crash_at_any_page_reads_the_rest_of_the_same_windows(serve: Serve, room: Room) -> None:
    api = serve(changing(*range(1, 31)))
    incremental = {"cursor": "updatedAt", "start": "2024-05-01", "window": "7d"}
    settings = {"request": ASKING, "pagination": PAGING, "incremental": incremental}
    whole = room.read(api, **settings)
    assert whole.after == {"cursors": {"": day(30)}}
    room.clock.at += timedelta(hours=7)  # the next run is later; the round that was begun stays what it was
    for number, page in enumerate(whole.pages[:-1]):
        rest = room.read(api, page.after, **settings)
        assert [each.name for each in rest.pages] == [each.name for each in whole.pages[number + 1 :]]
        assert rest.after == whole.after


@pytest.mark.fault("H3")
def test_ties_at_the_cursor_survive_a_crash_at_every_page(serve: Serve, room: Room) -> None:
    """H3: five hundred records of one moment; after any page, and any run after it, none is missing."""
    records = [{"id": each, "updatedAt": day(9)} for each in range(500)]

    def answers(asked: Asked) -> Any:
        begin, skip = canonical(asked.query.get("from", "0001-01-01T00:00:00Z")), int(asked.query["skip"])
        return {"data": [each for each in records if each["updatedAt"] >= begin][skip:][:100]}

    api = serve(answers)
    settings = {"request": ASKING, "pagination": {**PAGING, "size": 100}, "incremental": {"cursor": "updatedAt"}}
    whole = room.read(api, **settings)
    for number, page in enumerate(whole.pages):
        stored = set(whole.ids()[: (number + 1) * 100]) | set(room.read(api, page.after, **settings).ids())
        assert stored == set(range(500))


@pytest.mark.fault("H5")
def test_late_records_behind_the_cursor_are_found_by_looking_back(serve: Serve, room: Room) -> None:
    """H5: a record becomes visible up to half an hour after its own moment."""
    noise = random.Random(5)  # noqa: S311  (any noise will do)
    records = [(NOW + timedelta(minutes=each), noise.uniform(0, 30)) for each in range(0, 240, 3)]

    def answers(asked: Asked) -> Any:
        begin = asked.query.get("from", "")
        seen = [
            {"id": str(moment), "updatedAt": moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")}
            for moment, late in records
            if moment + timedelta(minutes=late) <= room.clock.at
        ]
        return {"data": [each for each in seen if not begin or each["updatedAt"] >= canonical(begin)]}

    api = serve(answers)
    position: Mapping[str, Any] = {}
    stored: set[str] = set()
    for _ in range(30):
        room.clock.at += timedelta(minutes=10)
        incremental = {"cursor": "updatedAt", "lookback": "30m"}
        result = room.read(api, position, request=ASKING, incremental=incremental)
        position = result.after
        stored |= set(result.ids())
    assert stored == {str(moment) for moment, _ in records}


@pytest.mark.fault("H8")
def test_a_wrong_path_is_an_error_and_moves_nothing(serve: Serve, room: Room) -> None:
    from tests.transports.http.room import NoPath

    with pytest.raises(NoPath):
        room.read(serve(lambda asked: {"items": []}), request=ASKING, incremental={"cursor": "updatedAt"})


def test_moments_are_compared_as_moments() -> None:
    assert canonical("2024-05-01T02:00:00+02:00") == canonical("2024-05-01T00:00:00Z") == day(1)
    assert datetime.fromisoformat(day(1)).tzinfo is not None


@pytest.mark.feature("stream.stateDelegating")
@pytest.mark.parametrize("cut", [None, 1, 2])
def test_a_backfill_is_asked_elsewhere_until_there_is_a_cursor(serve: Serve, room: Room, cut: int | None) -> None:
    """An archive by tokens at first, changes by windows afterwards; who goes on in the archive stays there."""

    def answers(asked: Asked) -> Any:
        if asked.path == "/archive":
            page = int(asked.query.get("at", 0))
            return {
                "data": rows(page, updatedAt=f"2024-05-0{page + 1}T00:00:00Z"),
                "next": page + 1 if page < 2 else None,
            }
        return {"data": rows("late", updatedAt="2024-05-20T00:00:00Z")}

    api = serve(answers)
    backfill = {"request": {"url": "/archive"}, "pagination": {"type": "cursor", "param": "at", "next": "next"}}
    settings = {
        "request": {"url": "/changes", "query": {"since": "${window.from}"}},
        "incremental": {"cursor": "updatedAt", "start": "2024-01-01", "window": "20d", "backfill": backfill},
    }
    first = room.read(api, **settings)
    assert [asked.path for asked in api.asked] == ["/archive"] * 3
    after = first.after
    if cut is not None:
        del api.asked[:]
        after = room.read(api, first.pages[cut - 1].after, **settings).after
        assert [asked.path for asked in api.asked] == ["/archive"] * (3 - cut)
    assert after == {"cursors": {"": "2024-05-03T00:00:00.000000Z"}}
    del api.asked[:]
    assert room.read(api, after, **settings).ids() == ["late"] * 2
    assert [asked.query["since"][:10] for asked in api.asked] == ["2024-05-03", "2024-05-23"]
