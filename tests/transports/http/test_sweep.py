"""Lists that change, repeat and skip while they are read: what several passes find, and what is told of it."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import jmespath
import pytest

from tests.transports.http.room import Answers, Api, Asked, Room, rows
from transports import connect_pages

Serve = Callable[[Answers], Api]
PAGING = {"type": "offset", "param": "skip", "size": 10, "total": "total"}
SWEEP = {"until": "stable", "max": 8}


def test_a_stable_list_is_swept_until_two_passes_add_nothing(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*range(25)[int(asked.query["skip"]) :][:10]), "total": 25})
    result = room.read(api, pagination=PAGING, sweep=SWEEP)
    assert (result.coverage.promised, result.coverage.seen, result.coverage.passes) == (25, 25, 3)
    assert len(api.asked) == 9


def test_a_sweep_ends_at_its_greatest_number_of_passes_and_tells_what_is_missing(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(f"{len(api.asked)}"), "total": 50})
    paging = {"type": "none", "total": "total"}
    result = room.read(api, pagination=paging, sweep={"until": "stable", "max": 3})
    assert (result.coverage.promised, result.coverage.seen, result.coverage.passes) == (50, 3, 3)


def test_the_cursor_moves_with_the_last_page_of_the_last_pass(serve: Serve, room: Room) -> None:
    moment = "2024-05-20T00:00:00.000000Z"
    data = rows(*range(25), updatedAt=moment)
    api = serve(lambda asked: {"data": data[int(asked.query["skip"]) :][:10], "total": 25})
    pages = room.read(api, pagination=PAGING, sweep=SWEEP, incremental={"cursor": "updatedAt"}).pages
    assert [("cursors" in page.after) for page in pages] == [False] * 8 + [True]


@pytest.mark.parametrize("seed", range(100))
def test_a_list_that_repeats_and_skips_is_stored_whole_within_some_passes(room: Room, seed: int) -> None:
    """Every call answers in another order: pages repeat ids and miss others. No server: the passes alone."""
    from transports.http_sweep import Sweep

    chance = random.Random(seed)  # noqa: S311  (the same disorder in every run)
    ids = [str(each) for each in range(40)]
    sweep = Sweep({"sweep": {"until": "stable", "max": 30}, "pagination": PAGING}, 0, 1)
    seen: set[str] = set()
    again = True
    while again:
        for _ in range(4):
            page = chance.sample(ids, 10)
            seen |= set(page)
            sweep.page(page, 10, 40)
        again = sweep.another()
    assert sweep.seen == len(seen)
    assert len(seen) >= 36


@pytest.mark.fault("H1")
@pytest.mark.parametrize("seed", range(10))
def test_records_that_stay_are_all_found_while_others_come_and_go(serve: Serve, seed: int) -> None:
    """H1: rows are inserted and deleted between any two pages."""
    room = Room()
    chance = random.Random(seed)  # noqa: S311  (the same disorder in every run)
    stable = [f"s{each}" for each in range(30)]
    current = [*stable]
    for number in range(10):
        current.insert(chance.randrange(len(current)), f"x{number}")

    def answers(asked: Asked) -> Any:
        skip = int(asked.query["skip"])
        page = {"data": rows(*current[skip : skip + 10]), "total": len(current)}
        for _ in range(2):
            if chance.random() < 0.5:
                current.insert(chance.randrange(len(current)), f"x{chance.random()}")
            movable = [each for each in current if each.startswith("x")]
            if movable and chance.random() < 0.5:
                current.remove(chance.choice(movable))
        return page

    assert set(stable) <= set(room.read(serve(answers), pagination=PAGING, sweep={"until": "stable", "max": 12}).ids())


@pytest.mark.fault("H1")
def test_a_list_that_changed_its_total_is_read_again_without_a_sweep(serve: Serve, room: Room) -> None:
    """H1: a row that was deleted in front of the second page moved another one out of sight."""
    current = list(range(20))

    def answers(asked: Asked) -> Any:
        page = {"data": rows(*current[int(asked.query["skip"]) :][:10]), "total": len(current)}
        if len(api.asked) == 1:
            current.remove(3)
        return page

    api = serve(answers)
    result = room.read(api, pagination=PAGING)
    assert set(result.ids()) == set(range(20))
    assert (result.coverage.passes, result.coverage.seen) == (2, 20)


def test_a_pass_that_was_cut_off_begins_again_and_counts(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*range(25)[int(asked.query["skip"]) :][:10]), "total": 25})
    whole = room.read(api, pagination=PAGING, sweep=SWEEP)
    rest = room.read(api, whole.pages[4].after, pagination=PAGING, sweep=SWEEP)
    assert set(rest.ids()) == set(range(25))
    assert rest.after == {}


@pytest.mark.fault("H1")
@pytest.mark.parametrize("cut", [1, 2, 3])
@pytest.mark.parametrize("gone", [0, 25])
def test_a_list_that_changed_its_total_while_its_reader_was_away_is_read_again(
    serve: Serve, room: Room, cut: int, gone: int
) -> None:
    """H1: a row that was deleted, in front of the place or behind it; how it was is in the position."""
    current = list(range(40))
    api = serve(lambda asked: {"data": rows(*current[int(asked.query["skip"]) :][:10]), "total": len(current)})
    whole = room.read(api, pagination=PAGING)
    current.remove(gone)
    rest = room.read(api, whole.pages[cut - 1].after, pagination=PAGING)
    kept = [each for page in whole.envelopes[:cut] for each in jmespath.search("data[].id", json.loads(page.body))]
    assert {*kept, *rest.ids()} >= set(current)
    assert (rest.coverage.passes, rest.coverage.seen, rest.after) == (2, 39, {})


@pytest.mark.fault("H1")
def test_a_list_that_changes_at_each_interruption_is_not_read_for_ever(serve: Serve, room: Room) -> None:
    current = list(range(40))
    api = serve(lambda asked: {"data": rows(*current[int(asked.query["skip"]) :][:10]), "total": len(current)})
    position: Mapping[str, Any] = {}
    for _ in range(30):
        current.append(len(current))
        with connect_pages("http", room.settings(api, pagination=PAGING), room.tools()) as far:
            position = next(iter(far.pages(position))).after  # one page, then it is cut off
        if position == {}:
            break
    assert position == {}
