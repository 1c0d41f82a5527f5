"""Every way in which one page leads to the next: all of the list, each page once, and an end."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Asked, Room, Said, rows, secret
from transports.base import BadReply, Refused

Serve = Callable[[Answers], Api]
ALL = list(range(1, 8))  # seven records, in pages of three


def offset_page(asked: Asked, **more: Any) -> dict[str, Any]:
    skip, limit = int(asked.query.get("skip", 0)), int(asked.query.get("limit", 3))
    return {"data": rows(*ALL[skip : skip + limit]), **more}


@pytest.mark.feature("page.offset")
@pytest.mark.feature("page.size.query")
@pytest.mark.feature("page.inject.query")
def test_offsets_go_on_until_a_page_is_empty(serve: Serve, room: Room) -> None:
    api = serve(offset_page)
    result = room.read(api, pagination={"type": "offset", "param": "skip", "size": 3, "sizeParam": "limit"})
    assert result.ids() == ALL
    assert [(each.query["skip"], each.query["limit"]) for each in api.asked] == [
        ("0", "3"),
        ("3", "3"),
        ("6", "3"),
        ("7", "3"),
    ]


@pytest.mark.feature("page.cursor.arith")
def test_a_limit_that_the_server_lowers_misses_nothing(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*ALL[int(asked.query["skip"]) :][:2])})
    assert (
        room.read(api, pagination={"type": "offset", "param": "skip", "size": 250, "sizeParam": "limit"}).ids() == ALL
    )


@pytest.mark.feature("page.stop.logic")
def test_a_total_ends_the_list_without_an_empty_page_and_is_reported(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: offset_page(asked, meta={"total": 7}))
    result = room.read(api, pagination={"type": "offset", "param": "skip", "size": 3, "total": "meta.total"})
    assert (result.ids(), len(api.asked)) == (ALL, 3)
    assert (result.coverage.promised, result.coverage.seen, result.coverage.passes) == (7, 7, 1)


def test_fewer_records_than_promised_are_told(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: offset_page(asked, meta={"total": 9}))
    coverage = room.read(api, pagination={"type": "offset", "param": "skip", "size": 3, "total": "meta.total"}).coverage
    assert (coverage.promised, coverage.seen) == (9, 7)


@pytest.mark.feature("page.number")
@pytest.mark.parametrize("first", [0, 1])
def test_page_numbers_begin_where_the_definition_says(serve: Serve, room: Room, first: int) -> None:
    api = serve(lambda asked: {"data": rows(*ALL[(int(asked.query["page"]) - first) * 3 :][:3])})
    assert room.read(api, pagination={"type": "page", "param": "page", "first": first}).ids() == ALL


def test_a_number_of_pages_ends_the_list(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*ALL[(int(asked.query["page"]) - 1) * 3 :][:3]), "pages": 3})
    assert room.read(api, pagination={"type": "page", "param": "page", "totalPages": "pages"}).ids() == ALL
    assert len(api.asked) == 3


@pytest.mark.feature("page.stop.pageSize")
def test_a_short_page_ends_the_list_where_that_is_said(serve: Serve, room: Room) -> None:
    api = serve(offset_page)
    paging = {"type": "offset", "param": "skip", "size": 3, "sizeParam": "limit", "stopOn": "shortPage"}
    assert (room.read(api, pagination=paging).ids(), len(api.asked)) == (ALL, 3)


@pytest.mark.feature("page.stop.expr")
def test_a_condition_on_the_body_ends_the_list(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: offset_page(asked, more=int(asked.query["skip"]) < 6))
    room.read(api, pagination={"type": "offset", "param": "skip", "size": 3, "stopIf": "!more"})
    assert len(api.asked) == 3


CHAIN = {None: ([1, 2, 3], "b"), "b": ([], "c"), "c": ([4, 5], None)}


@pytest.mark.feature("page.cursor.bodyPath")
@pytest.mark.feature("page.cursor.cond")
def test_a_token_in_the_body_leads_on_also_from_an_empty_page(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        ids, following = CHAIN[asked.query.get("cursor")]
        return {"data": rows(*ids), "meta": {"next": following}}

    api = serve(answers)
    assert room.read(api, pagination={"type": "cursor", "param": "cursor", "next": "meta.next"}).ids() == [
        1,
        2,
        3,
        4,
        5,
    ]


@pytest.mark.parametrize("end", [None, "", False])
def test_no_token_in_any_spelling_is_the_end(serve: Serve, room: Room, end: Any) -> None:
    api = serve(lambda asked: {"data": rows(1), "next": end})
    assert room.read(api, pagination={"type": "cursor", "param": "cursor", "next": "next"}).ids() == [1]


@pytest.mark.feature("page.cursor.lastRecord")
def test_the_last_record_can_be_the_token(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(*[each for each in ALL if each > int(asked.query.get("after", 0))][:3])})
    assert room.read(api, pagination={"type": "cursor", "param": "after", "next": "data[-1].id"}).ids() == ALL


@pytest.mark.feature("page.cursor.extract")
def test_a_part_of_the_token_can_be_taken(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        ids, following = CHAIN[asked.query.get("cursor")]
        return {"data": rows(*ids), "next": following and f"https://elsewhere.example/x?cursor={following}&y=1"}

    paging = {"type": "cursor", "param": "cursor", "next": "next", "extract": r"cursor=(\w+)"}
    assert room.read(serve(answers), pagination=paging).ids() == [1, 2, 3, 4, 5]


def test_a_token_in_a_header_leads_on(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Said:
        ids, following = CHAIN[asked.query.get("cursor")]
        return Said({"data": rows(*ids)}, headers={"X-Next": following} if following else {})

    paging = {"type": "cursor", "param": "cursor", "fromHeader": "X-Next"}
    assert room.read(serve(answers), pagination=paging).ids() == [1, 2, 3, 4, 5]


def test_the_first_token_is_sent_where_there_is_one(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": rows(1), "next": None})
    room.read(api, pagination={"type": "cursor", "param": "cursor", "next": "next", "initial": "*"})
    assert api.asked[0].query["cursor"] == "*"


PLACES = [
    pytest.param(
        {"json": {"filter": {"open": True}}},
        lambda asked: asked.json.get("page", {}).get("skip"),
        {"param": "page.skip", "in": "body", "sizeParam": "page.limit"},
        marks=[pytest.mark.feature("page.inject.bodyJson"), pytest.mark.feature("page.size.bodyJson")],
        id="json",
    ),
    pytest.param(
        {"form": {"open": "true"}},
        lambda asked: asked.form.get("skip"),
        {"param": "skip", "in": "body", "sizeParam": "limit"},
        marks=[pytest.mark.feature("page.inject.bodyForm"), pytest.mark.feature("page.size.bodyForm")],
        id="form",
    ),
    pytest.param(
        {},
        lambda asked: asked.headers.get("x-skip"),
        {"param": "X-Skip", "in": "header", "sizeParam": "X-Limit"},
        marks=[pytest.mark.feature("page.inject.header"), pytest.mark.feature("page.size.header")],
        id="header",
    ),
    pytest.param(
        {"url": "/order/from/${page.offset}"},
        lambda asked: asked.path.rpartition("/")[2],
        {"param": "skip", "in": "path"},
        id="path",
    ),
    pytest.param(
        {"method": "POST", "text": "<ask><skip>${page.offset}</skip></ask>"},
        lambda asked: asked.body.decode().removeprefix("<ask><skip>").removesuffix("</skip></ask>"),
        {"param": "unused", "in": "query"},
        marks=[pytest.mark.feature("template.pageToken"), pytest.mark.feature("request.body.text")],
        id="text",
    ),
]


@pytest.mark.parametrize(("block", "where", "paging"), PLACES)
def test_the_place_goes_where_the_definition_says(
    serve: Serve, room: Room, block: dict[str, Any], where: Callable[[Asked], Any], paging: dict[str, Any]
) -> None:
    api = serve(lambda asked: {"data": rows(*ALL[int(where(asked)) :][:3])})
    request = {"url": "/order", **block}
    assert room.read(api, request=request, pagination={"type": "offset", "size": 3, **paging}).ids() == ALL


def test_a_token_in_the_address_has_an_empty_place_at_first(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        ids, following = CHAIN[asked.path.removeprefix("/order/") or None]
        return {"data": rows(*ids), "next": following}

    paging = {"type": "cursor", "param": "unused", "next": "next", "in": "path"}
    assert room.read(serve(answers), request={"url": "/order/${page.token}"}, pagination=paging).ids() == [
        1,
        2,
        3,
        4,
        5,
    ]


@pytest.mark.feature("page.inject.url")
@pytest.mark.feature("page.cursor.logic")
@pytest.mark.parametrize("is_relative", [True, False])
def test_a_whole_address_in_the_body_leads_on(serve: Serve, room: Room, is_relative: bool) -> None:
    def answers(asked: Asked) -> Any:
        skip = int(asked.query.get("skip", 0))
        following = f"{'' if is_relative else api.url}/order?skip={skip + 3}" if skip < 6 else None
        return {"data": rows(*ALL[skip:][:3]), "links": [{"rel": "next", "href": following}]}

    api = serve(answers)
    paging = {"type": "nextUrl", "next": "links[?rel=='next'].href | [0]"}
    assert room.read(api, request={"url": "/order", "query": {"open": True}}, pagination=paging).ids() == ALL
    assert [each.query for each in api.asked] == [{"open": "true"}, {"skip": "3"}, {"skip": "6"}]


@pytest.mark.feature("page.cursor.linkHeader")
def test_the_link_header_leads_on(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Said:
        skip = int(asked.query.get("skip", 0))
        link = f'<{api.url}/order?skip={skip + 3}>; rel="next", <{api.url}/order?skip=0>; rel="first"'
        return Said({"data": rows(*ALL[skip:][:3])}, headers={"Link": link} if skip < 6 else {})

    api = serve(answers)
    assert room.read(api, pagination={"type": "link"}).ids() == ALL


@pytest.mark.fault("H15")
def test_a_next_address_elsewhere_is_refused_and_nothing_is_sent_there(serve: Serve, room: Room) -> None:
    other = serve(lambda asked: {"data": []})
    api = serve(lambda asked: {"data": rows(1), "next": f"{other.url}/order"})
    with pytest.raises(Refused, match="sameHost"):
        room.read(api, pagination={"type": "nextUrl", "next": "next"})
    assert other.asked == []


def test_a_next_address_elsewhere_gets_no_login_also_where_it_is_allowed(serve: Serve, room: Room) -> None:
    other = serve(lambda asked: {"data": rows(2), "next": None})
    api = serve(lambda asked: {"data": rows(1), "next": f"{other.url}/order?page=2"})
    result = room.read(
        api,
        request={"url": "/order", "headers": {"X-Key": secret("canary-1")}, "query": {"key": secret("canary-2")}},
        auth={"type": "bearer", "token": secret("canary-3")},
        pagination={"type": "nextUrl", "next": "next", "sameHost": False},
    )
    assert result.ids() == [1, 2]
    assert "canary" not in repr(other.asked)
    assert repr(api.asked).count("canary") == 3


def test_a_key_that_the_next_address_repeats_is_in_no_position_and_sent_once(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        assert asked.query["key"] == "canary-7"
        return {
            "data": rows(len(api.asked)),
            "next": f"{api.url}/order?key=canary-7&page=2" if len(api.asked) < 2 else None,
        }

    api = serve(answers)
    auth = {"type": "apiKey", "key": secret("canary-7"), "inject": {"in": "query", "name": "key"}}
    result = room.read(api, auth=auth, pagination={"type": "nextUrl", "next": "next"})
    assert result.ids() == [1, 2]
    assert "canary" not in repr([(page.name, page.after, page.envelope.partition(b"\n")[0]) for page in result.pages])


LOOPS = {
    "the same page for every number": (
        {"type": "page", "param": "page"},
        lambda asked: {"data": rows(1, 2), "page": asked.query["page"]},
    ),
    "an offset that is ignored": ({"type": "offset", "param": "skip", "size": 2}, lambda asked: {"data": rows(1, 2)}),
    "the first page again after the last": (
        {"type": "page", "param": "page"},
        lambda asked: {"data": rows(*ALL[(int(asked.query["page"]) - 1) % 3 * 3 :][:3])},
    ),
    "a token that leads to itself": (
        {"type": "cursor", "param": "c", "next": "next"},
        lambda asked: {"data": rows(asked.query.get("c", "first")), "next": "again"},
    ),
    "tokens in a circle": (
        {"type": "cursor", "param": "c", "next": "next"},
        lambda asked: {
            "data": rows(asked.query.get("c")),
            "next": {"a": "b", "b": "a"}.get(asked.query.get("c", ""), "a"),
        },
    ),
    "a next address that is this one": (
        {"type": "nextUrl", "next": "next"},
        lambda asked: {"data": rows(len(asked.query)), "next": "/order?x=1"},
    ),
}


@pytest.mark.fault("H2")
@pytest.mark.parametrize(("paging", "answers"), LOOPS.values(), ids=LOOPS)
def test_a_list_that_repeats_is_an_error_and_no_end(serve: Serve, room: Room, paging: Any, answers: Answers) -> None:
    with pytest.raises(BadReply) as raised:
        room.read(serve(answers), pagination=paging)
    assert raised.value.code == "http.repeats"


@pytest.mark.parametrize(("most", "fails"), [(2, True), (3, False)])
def test_more_pages_than_allowed_fail_the_run(serve: Serve, room: Room, most: int, fails: bool) -> None:
    api = serve(offset_page)
    paging = {"type": "offset", "param": "skip", "size": 3, "maxPages": most}
    if fails:
        with pytest.raises(BadReply, match="maxPages"):
            room.read(api, pagination=paging)
    else:
        assert room.read(api, pagination=paging).ids() == ALL


def test_empty_pages_with_new_tokens_for_ever_come_to_an_end(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"data": [], "next": len(api.asked) + 1})
    with pytest.raises(BadReply, match="maxPages"):
        room.read(api, pagination={"type": "cursor", "param": "c", "next": "next", "maxPages": 5})
    assert len(api.asked) <= 6


PAGINGS = {
    "offset": {"type": "offset", "param": "skip", "size": 3},
    "total": {"type": "offset", "param": "skip", "size": 3, "total": "total"},
    "cursor": {"type": "cursor", "param": "after", "next": "data[-1].id"},
    "nextUrl": {"type": "nextUrl", "next": "next"},
}


@pytest.mark.parametrize("paging", PAGINGS.values(), ids=PAGINGS)
def test_going_on_after_any_page_reads_the_rest_and_nothing_twice(serve: Serve, room: Room, paging: Any) -> None:
    def answers(asked: Asked) -> Any:
        skip = int(asked.query.get("skip") or asked.query.get("after") or 0)
        return {"data": rows(*ALL[skip:][:3]), "total": 7, "next": f"/order?skip={skip + 3}" if skip < 6 else None}

    api = serve(answers)
    whole = room.read(api, pagination=paging)
    for number, page in enumerate(whole.pages[:-1]):
        rest = room.read(api, page.after, pagination=paging)
        assert [each.name for each in rest.pages] == [each.name for each in whole.pages[number + 1 :]]
        assert rest.after == whole.after
        assert rest.coverage == whole.coverage
    assert whole.after == {}


@pytest.mark.feature("template.cond")
@pytest.mark.parametrize(
    ("block", "sent"),
    [
        ({"query": {"since": "x", "of": "a"}}, lambda asked: asked.query),
        ({"method": "POST", "form": {"since": "x", "of": "a"}}, lambda asked: {**asked.query, **asked.form}),
        ({"method": "POST", "json": {"since": "x", "of": "a"}}, lambda asked: {**asked.query, **asked.json}),
    ],
    ids=["query", "form", "json"],
)
def test_what_must_not_go_with_a_token_goes_with_the_first_page_alone(
    serve: Serve, room: Room, block: dict[str, Any], sent: Callable[[Asked], dict[str, str]]
) -> None:
    def answers(asked: Asked) -> Any:
        if "token" in asked.query and "since" in sent(asked):
            return Said({}, 400)
        ids, following = CHAIN[asked.query.get("token")]
        return {"data": rows(*ids), "next": following}

    api = serve(answers)
    paging = {"type": "cursor", "param": "token", "next": "next", "firstPageOnly": ["since", "limit"]}
    result = room.read(api, request={"url": "/order", **block}, pagination={**paging, "size": 2, "sizeParam": "limit"})
    assert result.ids() == [1, 2, 3, 4, 5]
    assert [set(sent(asked)) - {"token"} for asked in api.asked] == [{"since", "of", "limit"}] + [{"of"}] * 2
