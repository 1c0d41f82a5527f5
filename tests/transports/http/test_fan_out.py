"""One list for each of several values, what is asked for beside each record, and single objects."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Asked, Room, Said, rows
from transports.base import BadReply

Serve = Callable[[Answers], Api]
REQUEST = {"url": "/location/${location.id}/order", "query": {"city": "${location.city}"}}


@pytest.mark.feature("parents.list")
@pytest.mark.feature("parents.list.fromParam")
@pytest.mark.feature("request.path.parent")
def test_the_list_that_is_given_wins(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(asked.path)})
    each = {"location": {"values": ["L1", "L 2/x"], "resource": {"request": {"url": "/location"}}}}
    result = room.read(api, request=REQUEST, forEach=each)
    assert result.ids() == ["/location/L1/order", "/location/L 2/x/order"]
    assert "/location/L%202%2Fx/order" in result.pages[1].name
    assert [envelope.parent for envelope in result.envelopes] == [
        {"location": {"id": "L1"}},
        {"location": {"id": "L 2/x"}},
    ]


@pytest.mark.feature("parents.stream")
@pytest.mark.feature("parents.extraFields")
@pytest.mark.feature("parents.inject.query")
@pytest.mark.feature("template.parent")
def test_else_the_api_is_asked_page_by_page_and_what_is_kept_goes_along(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/location":
            skip = int(asked.query["skip"])
            return {"items": [{"id": each, "address": {"city": f"c{each}"}} for each in range(3)][skip:][:2]}
        return {"data": rows(f"{asked.path}?{asked.query['city']}")}

    resource = {
        "request": {"url": "/location"},
        "records": {"path": "items"},
        "pagination": {"type": "offset", "param": "skip", "size": 2},
        "keep": {"id": "id", "city": "address.city"},
    }
    result = room.read(serve(answers), request=REQUEST, forEach={"location": {"values": None, "resource": resource}})
    assert result.ids() == ["/location/0/order?c0", "/location/1/order?c1", "/location/2/order?c2"]


@pytest.mark.parametrize(("when_empty", "count"), [("once", 1), ("none", 0)])
def test_without_values_the_definition_says_what_is_asked(
    serve: Serve, room: Room, when_empty: str, count: int
) -> None:
    api = serve(lambda asked: {"data": []})
    room.read(api, request={"url": "/order"}, forEach={"location": {"values": [], "whenEmpty": when_empty}})
    assert len(api.asked) == count


@pytest.mark.feature("parents.cartesian")
@pytest.mark.feature("parents.multiple")
def test_several_names_give_every_combination(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    request = {"url": "/order", "query": {"place": "${location.id}", "kind": "${kind.id}", "both": "${parent.kind.id}"}}
    room.read(api, request=request, forEach={"location": {"values": [1, 2]}, "kind": {"values": ["a", "b"]}})
    assert [(each.query["place"], each.query["kind"]) for each in api.asked] == [
        *itertools.product("12", "ab"),
    ]


@pytest.mark.feature("parents.depth2")
@pytest.mark.feature("parents.depth3plus")
@pytest.mark.feature("parents.inject.bodyJson")
def test_a_name_may_be_asked_for_with_those_before_it(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/a":
            return rows("a1", "a2")
        if asked.path == "/b":
            return rows(f"{asked.query['a']}b")
        if asked.path == "/c":
            return rows(f"{asked.json['b']}c1", f"{asked.json['b']}c2")
        return {"data": rows(asked.query["c"])}

    each = {
        "a": {"resource": {"request": {"url": "/a"}, "keep": {"id": "id"}}},
        "b": {"resource": {"request": {"url": "/b", "query": {"a": "${a.id}"}}, "keep": {"id": "id"}}},
        "c": {"resource": {"request": {"url": "/c", "json": {"b": "${b.id}"}}, "keep": {"id": "id"}}},
    }
    result = room.read(serve(answers), request={"url": "/d", "query": {"c": "${c.id}"}}, forEach=each)
    assert result.ids() == ["a1bc1", "a1bc2", "a2bc1", "a2bc2"]


def test_a_resource_without_its_path_is_an_error_that_names_what_is_there(serve: Serve, room: Room) -> None:
    resource = {"request": {"url": "/location"}, "records": {"path": "data"}}
    with pytest.raises(BadReply, match="items"):
        room.read(serve(lambda asked: {"items": []}), forEach={"location": {"resource": resource}})


@pytest.mark.feature("parents.grouping")
def test_several_values_go_into_one_request(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": []})
    request = {"url": "/order", "query": {"ids": "${location.id}"}}
    room.read(api, request=request, forEach={"location": {"values": [1, 2, 3, 4, 5], "batch": 2}})
    assert [each.query["ids"] for each in api.asked] == ["1,2", "3,4", "5"]


@pytest.mark.feature("parents.incrementalDependency")
def test_values_whose_own_record_is_unchanged_are_left_out(serve: Serve, room: Room) -> None:
    state = {"1": "x", "2": "x"}

    def answers(asked: Asked) -> Any:
        if asked.path == "/location":
            return [{"id": name, "version": version} for name, version in state.items()]
        return {"data": rows(asked.path)}

    api = serve(answers)
    resource = {"request": {"url": "/location"}, "keep": {"id": "id", "version": "version"}}
    settings = {"request": REQUEST, "forEach": {"location": {"resource": resource, "changedOnly": True}}}
    first = room.read(api, **settings)
    assert len(first.pages) == 2
    assert room.read(api, first.after, **settings).pages == []
    state["2"] = "y"
    assert room.read(api, first.after, **settings).ids() == ["/location/2/order"]


def data(asked: Asked) -> Any:
    """Three records for each location, dated by it."""
    number = int(asked.path.split("/")[2].removeprefix("L"))
    skip = int(asked.query["skip"])
    return {"data": rows(*range(number * 10, number * 10 + 3), updatedAt=f"2024-05-{number:02d}T00:00:00Z")[skip:][:2]}


FAN = {
    "request": {"url": "/location/${location.id}/order", "query": {"from": "${window.from}"}},
    "forEach": {"location": {"values": ["L1", "L2", "L3"]}},
    "pagination": {"type": "offset", "param": "skip", "size": 2},
}


def test_each_value_has_a_cursor_of_its_own(serve: Serve, room: Room) -> None:
    api = serve(data)
    result = room.read(api, **FAN, incremental={"cursor": "updatedAt"})
    assert {key: value[8:10] for key, value in result.after["cursors"].items()} == {"L1": "01", "L2": "02", "L3": "03"}
    before = len(api.asked)
    room.read(api, result.after, **FAN, incremental={"cursor": "updatedAt"})
    assert api.asked[before].query["from"] == "2024-05-01T00:00:00Z"


@pytest.mark.feature("incremental.globalParentCursor")
def test_or_they_share_one_that_moves_when_all_are_read(serve: Serve, room: Room) -> None:
    pages = room.read(serve(data), **FAN, incremental={"cursor": "updatedAt", "scope": "shared"}).pages
    assert [page.after.get("cursors") for page in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].after == {"cursors": {"": "2024-05-03T00:00:00.000000Z"}}


@pytest.mark.parametrize("scope", ["perParent", "shared"])
def test_going_on_after_any_page_of_any_value_reads_the_rest(serve: Serve, room: Room, scope: str) -> None:
    api = serve(data)
    settings = {**FAN, "incremental": {"cursor": "updatedAt", "scope": scope}}
    whole = room.read(api, **settings)
    for number, page in enumerate(whole.pages[:-1]):
        rest = room.read(api, page.after, **settings)
        assert [each.name for each in rest.pages] == [each.name for each in whole.pages[number + 1 :]]
        assert rest.after == whole.after


def test_a_round_whose_values_are_gone_is_over(serve: Serve, room: Room) -> None:
    api = serve(data)
    whole = room.read(api, **FAN, incremental={"cursor": "updatedAt"})
    between = next(page.after for page in whole.pages if page.after["round"].get("done") == ["L1"])
    less = {**FAN, "forEach": {"location": {"values": ["L1"]}}}
    rest = room.read(api, between, **less, incremental={"cursor": "updatedAt"})
    assert {envelope.parent["location"]["id"] for envelope in rest.envelopes} == {"L1"}
    assert "round" not in rest.after


def test_what_belongs_to_a_record_is_asked_for_once_and_sealed_with_it(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/order":
            return {"data": [{"id": n, "customerId": c} for n, c in enumerate(["a", "b", None, "a", "gone"])]}
        return Said({}, 404) if asked.path.endswith("gone") else {"data": {"name": asked.path}}

    api = serve(answers)
    include = {"customer": {"url": "/customer/${record.customerId}", "read": "data", "if": "customerId"}}
    (envelope,) = room.read(api, include=include).envelopes
    customer = envelope.includes["customer"]
    assert (list(customer.of), customer.read) == ([0, 1, None, 0, None], "data")
    assert [each.body for each in customer.replies] == [
        b'{"data": {"name": "/customer/a"}}',
        b'{"data": {"name": "/customer/b"}}',
    ]
    assert sum(each.path == "/customer/a" for each in api.asked) == 1
    assert [event for event, _ in room.notes] == ["include.missing"]


def test_what_was_included_once_is_not_asked_for_again_in_a_run(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/order":
            return {"data": [{"id": n, "c": "a"} for n in range(6)][int(asked.query["skip"]) :][:2]}
        return {"name": "A"}

    api = serve(answers)
    paging = {"type": "offset", "param": "skip", "size": 2}
    room.read(api, pagination=paging, include={"customer": {"url": "/customer/${record.c}"}})
    assert sum(each.path == "/customer/a" for each in api.asked) == 1


def test_a_missing_include_fails_the_run_where_that_is_said(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(1)} if asked.path == "/order" else Said({}, 404))
    with pytest.raises(BadReply, match="customer"):
        room.read(api, include={"customer": {"url": "/customer/${record.id}", "onMissing": "fail"}})


def test_exactly_the_object_that_a_trigger_names_is_fetched(serve: Serve, room: Room) -> None:
    from transports.envelope import opened

    api = serve(lambda asked: {"data": {"id": asked.path}})
    by_id = {"url": "/order/${trigger.id}", "read": "data"}
    page = room.one(api, "../admin?x=1", byId=by_id)
    assert page is not None
    assert api.asked[0].path == "/order/../admin?x=1"  # as one segment, percent-encoded
    assert api.asked[0].query == {}
    envelope = opened(page.envelope)
    assert (envelope.read, envelope.trigger) == ("data", {"operation": "Update", "id": "../admin?x=1"})
    assert page.after == {}


@pytest.mark.parametrize("id", ["..", "."])
def test_an_id_that_would_lead_elsewhere_is_refused(serve: Serve, room: Room, id: str) -> None:
    from transports.base import Refused

    api = serve(lambda asked: {"data": {}})
    with pytest.raises(Refused, match="segment"):
        room.one(api, id, byId={"url": "/order/${trigger.id}/lines"})
    assert api.asked == []


@pytest.mark.parametrize("answer", [Said({}, 404), Said({}, 410), {"data": None}])
def test_an_object_that_is_not_there_is_none(serve: Serve, room: Room, answer: Any) -> None:
    api = serve(lambda asked: answer)
    assert room.one(api, "7", byId={"url": "/order/${trigger.id}", "read": "data", "notFound": "retry"}) is None
    with pytest.raises(BadReply, match="notFound"):
        room.one(api, "7", byId={"url": "/order/${trigger.id}", "read": "data", "notFound": "fail"})
