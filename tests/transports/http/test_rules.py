"""What an error means and how long to wait after it: rules of the definition, then the built-in ones."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Asked, NoPath, Room, Said, rows, secret
from transports.base import BadReply, LoginRefused, Refused, Throttled

Serve = Callable[[Answers], Api]
GOOD = {"data": rows(1)}


def after(times: int, said: Said) -> Answers:
    """The same answer so many times, a good one then."""
    waiting = [said] * times
    return lambda asked: waiting.pop() if waiting else GOOD


@pytest.mark.feature("error.backoff.exponential")
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_after_longer_and_longer_waits(serve: Serve, room: Room, status: int) -> None:
    api = serve(after(3, Said({}, status)))
    assert room.read(api, retry={"base": "2s"}).ids() == [1]
    assert room.clock.slept == [2, 4, 8]


@pytest.mark.feature("error.backoff.constant")
def test_waits_can_stay_the_same(serve: Serve, room: Room) -> None:
    room.read(serve(after(3, Said({}, 503))), retry={"base": "3s", "backoff": "constant"})
    assert room.clock.slept == [3, 3, 3]


@pytest.mark.feature("error.maxRetries")
def test_so_many_tries_and_no_more(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({}, 500))
    with pytest.raises(BadReply) as raised:
        room.read(api, retry={"attempts": 3})
    assert (raised.value.status, raised.value.code, len(api.asked)) == (500, "http.status", 3)


@pytest.mark.feature("error.action.rate_limited")
def test_who_goes_on_to_throttle_is_left_alone_for_a_while(serve: Serve, room: Room) -> None:
    with pytest.raises(Throttled) as raised:
        room.read(serve(lambda asked: Said({}, 429, {"Retry-After": "7"})), retry={"attempts": 2})
    assert raised.value.wait == 7


RETRY_AFTER = {
    "seconds": ("30", [33.0]),
    "a date": ("Fri, 31 May 2024 12:00:20 GMT", [22.0]),
    "a date in the past": ("Fri, 31 May 2024 11:00:00 GMT", [2.0]),
    "nothing": ("0", [2.0]),
    "less than our own": ("1", [2.0]),
    "nonsense": ("soon", [2.0]),
    "negative": ("-5", [2.0]),
    "empty": ("", [2.0]),
}


@pytest.mark.fault("H6")
@pytest.mark.feature("error.backoff.waitHeader")
@pytest.mark.parametrize(("header", "waits"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_retry_after_is_a_floor_under_our_own_wait(serve: Serve, room: Room, header: str, waits: list[float]) -> None:
    room.read(serve(after(1, Said({}, 429, {"Retry-After": header}))), retry={"base": "2s"})
    assert room.clock.slept == pytest.approx(waits)


@pytest.mark.fault("H6")
@pytest.mark.parametrize("header", ["3600", "999999999", "Sat, 01 Jun 2024 11:00:00 GMT"])
def test_a_pause_longer_than_a_run_waits_ends_the_run_without_sleeping(serve: Serve, room: Room, header: str) -> None:
    with pytest.raises(Throttled) as raised:
        room.read(serve(lambda asked: Said({}, 503, {"Retry-After": header})))
    assert 3600 <= raised.value.wait <= 86_400
    assert room.clock.slept == []


WAITS = {
    "a length": ("90s", {}, 99.0),
    "a header in seconds": ({"path": 'headers."x-wait"'}, {"X-Wait": "40"}, 44.0),
    "a header as an epoch": ({"path": 'headers."x-reset"', "format": "epoch"}, {"X-Reset": "1717156860"}, 66.0),
    "in milliseconds": ({"path": 'headers."x-reset"', "format": "epochMs"}, {"X-Reset": "1717156860000"}, 66.0),
    "in the text": ({"path": "body.message", "format": "HH:MM:SS"}, {}, 77.0),
    "not there": ({"path": "body.nothing"}, {}, 2.0),
}


@pytest.mark.feature("error.backoff.untilHeader")
@pytest.mark.feature("error.match.bodyExpr")
@pytest.mark.parametrize(("how", "headers", "wait"), WAITS.values(), ids=WAITS)
def test_a_rule_says_how_long_to_wait(serve: Serve, room: Room, how: Any, headers: Any, wait: float) -> None:
    throttled = Said({"error": "CallThrottled", "message": "come back in 00:01:10, please"}, 200, headers)
    api = serve(after(1, throttled))
    assert room.read(api, onError=[{"if": "body.error == 'CallThrottled'", "do": "wait", "for": how}]).ids() == [1]
    assert room.clock.slept == pytest.approx([wait])


@pytest.mark.feature("error.action.fail")
def test_an_error_inside_a_200_is_one_and_its_message_is_told(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"Header": {"ErrorNumber": 7, "ErrorMessage": "unknown canary-1"}, "data": []})
    rule = {"if": "body.Header.ErrorNumber", "do": "fail", "message": "body.Header.ErrorMessage"}
    with pytest.raises(BadReply, match="unknown") as raised:
        room.read(api, onError=[rule], auth={"type": "bearer", "token": secret("canary-1")})
    assert raised.value.code == "http.rule"
    assert "canary" not in str(raised.value)


@pytest.mark.feature("error.match.status")
@pytest.mark.feature("error.action.ignore")
def test_an_error_can_mean_an_empty_list(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said(b"<html>none</html>", 404))
    result = room.read(api, onError=[{"if": "status == `404`", "do": "ignore"}])
    assert [(envelope.empty, envelope.body) for envelope in result.envelopes] == [("ignored", b"")]


@pytest.mark.feature("error.action.success")
def test_an_error_can_be_a_reply(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said(GOOD, 500))
    assert room.read(api, onError=[{"if": "status == `500`", "do": "success"}]).ids() == [1]


@pytest.mark.feature("error.action.retry")
@pytest.mark.feature("error.match.bodyText")
def test_a_rule_sees_the_text_of_what_is_no_document(serve: Serve, room: Room) -> None:
    api = serve(after(2, Said(b"<html>maintenance</html>", 200)))
    assert room.read(api, onError=[{"if": "contains(to_string(body), 'maintenance')", "do": "retry"}]).ids() == [1]


def test_the_first_rule_that_holds_decides(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({}, 404))
    rules = [
        {"if": "status == `500`", "do": "fail"},
        {"if": "status == `404`", "do": "ignore"},
        {"if": "status == `404`", "do": "fail"},
    ]
    assert len(room.read(api, onError=rules).pages) == 1


def test_a_value_of_for_each_can_be_left_out_and_the_others_come(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({}, 403) if "L2" in asked.path else {"data": rows(asked.path)})
    settings: dict[str, Any] = {
        "request": {"url": "/${location.id}"},
        "forEach": {"location": {"values": ["L1", "L2", "L3"]}},
        "onError": [{"if": "status == `403`", "do": "skipParent"}],
        "incremental": {"cursor": "updatedAt"},
    }
    result = room.read(api, {"cursors": {"L2": "2024-05-01T00:00:00.000000Z"}}, **settings)
    assert result.ids() == ["/L1", "/L3"]
    assert result.after == {"cursors": {"L2": "2024-05-01T00:00:00.000000Z"}}


def test_a_rule_can_renew_the_token(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Any:
        if asked.path == "/login":
            return {"token": f"t{sum(each.path == '/login' for each in api.asked)}"}
        return GOOD if asked.headers["authorization"] == "Bearer t2" else {"error": "session expired"}

    api = serve(answers)
    auth = {"type": "login", "request": {"method": "POST", "url": "/login"}, "tokenPath": "token"}
    rules = [{"if": "body.error == 'session expired'", "do": "refreshToken"}]
    assert room.read(api, auth=auth, onError=rules).ids() == [1]


def test_a_rule_that_asks_for_a_new_token_for_ever_is_a_refused_login(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"token": "t"} if asked.path == "/login" else {"error": "expired"})
    auth = {"type": "login", "request": {"method": "POST", "url": "/login"}, "tokenPath": "token"}
    with pytest.raises(LoginRefused):
        room.read(api, auth=auth, onError=[{"if": "body.error", "do": "refreshToken"}])
    assert len(api.asked) == 4


OTHERS = {400: BadReply, 403: Refused, 404: BadReply, 410: BadReply, 418: BadReply, 501: BadReply}


@pytest.mark.parametrize("status", OTHERS)
def test_other_errors_end_the_run_at_once(serve: Serve, room: Room, status: int) -> None:
    api = serve(lambda asked: Said({}, status))
    with pytest.raises(OTHERS[status], match=str(status)):
        room.read(api)
    assert len(api.asked) == 1


BODIES = [b"<html>Please log in</html>", b'{"error": "no"}', b'{"items": []}', b"", b"null", b"[]"]


@pytest.mark.fault("H8")
@pytest.mark.parametrize("body", BODIES)
def test_a_200_without_the_path_is_never_an_empty_list(serve: Serve, room: Room, body: bytes) -> None:
    with pytest.raises(NoPath):
        room.read(serve(lambda asked: Said(body)))


def test_no_content_is_an_empty_list(serve: Serve, room: Room) -> None:
    assert room.read(serve(lambda asked: Said(status=204))).envelopes[0].empty == "noContent"


@pytest.mark.fault("H10")
@pytest.mark.parametrize(
    ("status", "settings", "tries"),
    [(500, {}, 1), (503, {}, 2), (500, {"retry": {"attempts": 2}}, 2), (500, {"method": "GET"}, 2)],
)
def test_a_post_is_repeated_only_where_that_is_harmless_or_said(
    serve: Serve, room: Room, status: int, settings: dict[str, Any], tries: int
) -> None:
    api = serve(after(1, Said({}, status)))
    request = {"method": settings.get("method", "POST"), "url": "/order", "form": {"a": 1}}
    others = {name: value for name, value in settings.items() if name != "method"}
    try:
        room.read(api, request=request, **others)
    except BadReply:
        assert tries == 1
    assert len(api.asked) == tries


@pytest.mark.fault("H18")
def test_an_unchanged_list_is_not_read_again_until_it_has_to_be(serve: Serve, room: Room) -> None:
    def answers(asked: Asked) -> Said:
        is_known = asked.headers.get("if-none-match") == '"7"'
        return Said(b"" if is_known else GOOD, 304 if is_known else 200, {"ETag": '"7"'})

    api = serve(answers)
    position: Any = {}
    kinds = []
    for _ in range(27):
        result = room.read(api, position)
        position = result.after
        kinds.append(result.envelopes[0].empty)
    assert kinds == [None, *["unchanged"] * 24, None, "unchanged"]


@pytest.mark.parametrize(
    "settings",
    [
        {"pagination": {"type": "page", "param": "page", "totalPages": "`1`"}},
        {"incremental": {"cursor": "updatedAt"}},
        {"include": {"x": {"url": "/x/${record.id}"}}},
    ],
)
def test_unchanged_is_not_asked_for_where_it_would_not_mean_the_whole(
    serve: Serve, room: Room, settings: dict[str, Any]
) -> None:
    api = serve(lambda asked: Said(GOOD, 200, {"ETag": '"7"'}))
    room.read(api, room.read(api, **settings).after, **settings)
    assert not any("if-none-match" in each.headers for each in api.asked)


@pytest.mark.fault("H18")
def test_an_unchanged_that_nobody_asked_for_is_an_error(serve: Serve, room: Room) -> None:
    with pytest.raises(BadReply) as raised:
        room.read(serve(lambda asked: Said(status=304)))
    assert raised.value.code == "http.conditional"


@pytest.mark.feature("request.get")
@pytest.mark.feature("request.query")
@pytest.mark.feature("request.headers")
@pytest.mark.feature("template.paramCond")
def test_a_request_is_built_as_written_and_what_has_no_value_is_left_out(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: GOOD)
    query = {"a": "1 & 2/ü", "yes": True, "n": 3, "none": None, "gone": "${nothing.here}", "where": '{"x":{"gte":"1"}}'}
    room.read(api, request={"url": "/order", "query": query, "headers": {"X-One": "1", "X-None": None}})
    (asked,) = api.asked
    assert (asked.method, asked.query) == (
        "GET",
        {"a": "1 & 2/ü", "yes": "true", "n": "3", "where": '{"x":{"gte":"1"}}'},
    )
    assert (asked.headers["x-one"], "x-none" in asked.headers) == ("1", False)


BODY = [
    pytest.param("json", {"a": [1, None], "b": None}, {"a": [1, None]}, marks=pytest.mark.feature("request.body.json")),
    pytest.param("form", {"a": "1 2", "b": None}, {"a": "1 2"}, marks=pytest.mark.feature("request.body.form")),
]


@pytest.mark.feature("request.post")
@pytest.mark.parametrize(("kind", "body", "sent"), BODY)
def test_a_body_is_sent_as_what_it_is(serve: Serve, room: Room, kind: str, body: Any, sent: Any) -> None:
    api = serve(lambda asked: GOOD)
    room.read(api, request={"method": "POST", "url": "/order", kind: body})
    assert getattr(api.asked[0], kind) == sent
    assert api.asked[0].headers["content-type"] in ("application/json", "application/x-www-form-urlencoded")


def test_the_source_and_the_names_of_pages_are_readable(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: GOOD)
    result = room.read(f"{api.url}/v3/", request={"url": "/order", "query": {"key": secret("canary-1"), "a": 1}})
    assert result.source == f"{api.host}/v3/order"
    assert result.pages[0].name == "GET /v3/order?key=***&a=1"
    assert result.envelopes[0].request == {"method": "GET", "url": f"{api.url}/v3/order?key=***&a=1"}


def test_errors_show_no_secret_wherever_it_stands(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({}, 500))
    request = {"url": "/order", "query": {"key": secret("canary-1")}, "headers": {"X": secret("canary-2")}}
    with pytest.raises(BadReply) as raised:
        room.read(api, request=request, auth={"type": "bearer", "token": secret("canary-3")})
    assert "canary" not in str(raised.value) + repr(room.notes)
