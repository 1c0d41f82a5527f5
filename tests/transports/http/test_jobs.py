"""A list that has to be made first: begun once, asked after, read like any other; wherever its reader dies."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.transports.http.room import Answers, Api, Asked, Room, Said, rows, secret
from transports import connect_pages
from transports.base import BadReply, Page, Refused

Serve = Callable[[Answers], Api]
STATUS = {"request": {"url": "/exports/${job.id}"}, "done": "state == 'done'", "failed": "state == 'failed'"}
JOB = {
    "request": {"method": "POST", "url": "/exports", "json": {"from": "${window.from}"}},
    "keep": {"id": "id"},
    "status": {**STATUS, "message": "why", "every": "4s"},
    "timeout": "10m",
}
READ = {"request": {"url": "/exports/${job.id}/rows"}, "job": JOB}
PAGED = {**READ, "pagination": {"type": "offset", "param": "skip", "size": 2}}
asynchronous = pytest.mark.feature("async.job", "template.asyncJob")


class Exports:
    """An API that makes a list of five in so many looks; the files of one lie at `url`."""

    def __init__(self, looks: int = 2, url: str = "") -> None:
        self.looks = looks
        self.url = url
        self.begun = 0
        self.state = "done"
        self.status = 200

    def answers(self, asked: Asked) -> Any:
        if asked.method == "POST":
            self.begun += 1
            return {"id": f"j{self.begun}"}
        if asked.path.endswith("/rows"):
            skip = int(asked.query.get("skip", 0))
            return {"data": rows(*range(5))[skip:][:2]}
        if asked.path.startswith("/files/"):
            return {"data": rows(asked.path[-1])}
        self.looks -= 1
        if self.status != 200:
            return Said({}, self.status)
        state = self.state if self.looks < 0 else "running"
        return {
            "state": state,
            "why": "too much",
            "file": "f7",
            "urls": [f"{self.url}/files/{n}?sig=s3cr3t" for n in "123"],
        }


def paths(api: Api) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in api.asked]


def some(room: Room, api: Api, position: Mapping[str, Any], count: int, **settings: Any) -> list[Page]:
    """The first pages of a reading that is cut off there."""
    with connect_pages("http", room.settings(api, **settings), room.tools()) as far:
        found = far.pages(position)
        return [next(found) for _ in range(count)]


@asynchronous
def test_a_list_is_ordered_awaited_and_read_page_by_page(serve: Serve, room: Room) -> None:
    api = serve(Exports().answers)
    result = room.read(api, **PAGED)
    assert result.ids() == list(range(5))
    assert paths(api) == ["POST /exports"] + ["GET /exports/j1"] * 3 + ["GET /exports/j1/rows"] * 3 + [
        "GET /exports/j1/rows"
    ]
    assert [each.empty for each in result.envelopes] == ["job"] + [None] * 4
    assert room.clock.slept == [4, 6]
    assert result.after == {}


@asynchronous
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_it_is_not_begun_again_by_who_goes_on(serve: Serve, room: Room, cut: int) -> None:
    exports = Exports()
    api = serve(exports.answers)
    first = some(room, api, {}, cut, **PAGED)
    assert first[-1].after["round"]["job"]["kept"] == {"id": "j1"}
    rest = room.read(api, first[-1].after, **PAGED)
    assert (exports.begun, rest.ids(), rest.after) == (1, list(range(5))[2 * (cut - 1) :], {})


@asynchronous
def test_each_window_has_one_of_its_own(serve: Serve, room: Room) -> None:
    exports = Exports(looks=0)
    api = serve(exports.answers)
    incremental = {"cursor": "updatedAt", "start": "2024-05-01", "window": "20d"}
    room.read(api, **READ, incremental=incremental)
    assert [asked.json["from"][:10] for asked in api.asked if asked.method == "POST"] == ["2024-05-01", "2024-05-21"]
    assert paths(api)[-1] == "GET /exports/j2/rows"


ENDS = [
    pytest.param({"state": "failed"}, "says that it failed (`job.status.failed`), and says: too much", id="failed"),
    pytest.param({"status": 404}, "is not there any more (status 404)", id="forgotten"),
    pytest.param({"looks": 1000}, "is not done after 10m (`job.timeout`)", id="too slow"),
]


@asynchronous
@pytest.mark.parametrize(("how", "told"), ENDS)
def test_one_that_fails_is_forgotten_and_the_next_run_begins_another(
    serve: Serve, room: Room, how: dict[str, Any], told: str
) -> None:
    exports = Exports(looks=0)
    for name, value in how.items():
        setattr(exports, name, value)
    api = serve(exports.answers)
    pages: list[Page] = []
    with connect_pages("http", room.settings(api, **PAGED), room.tools()) as far, pytest.raises(BadReply) as raised:
        for page in far.pages({}):
            pages.append(page)  # noqa: PERF402 - it ends in the middle
    assert told in str(raised.value)
    assert raised.value.code == "http.job"
    assert (len(pages), "job" in pages[-1].after["round"]) == (2, False)
    exports.looks, exports.state, exports.status = 0, "done", 200
    assert room.read(api, pages[-1].after, **PAGED).ids() == list(range(5))
    assert exports.begun == 2


@asynchronous
def test_one_without_results_is_forgotten_as_well(serve: Serve, room: Room) -> None:
    exports = Exports(looks=0)
    api = serve(exports.answers)
    none = {**RESULTS, "job": {**RESULTS["job"], "results": {"path": "nothing"}}}
    with connect_pages("http", room.settings(api, **none), room.tools()) as far:
        pages = far.pages({})
        assert [next(pages).after["round"].get("job") is None for _ in range(2)] == [False, True]
        with pytest.raises(BadReply, match="expected an address, or a list of some, at `nothing`"):
            next(pages)


@asynchronous
def test_one_may_have_made_nothing(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"id": 1, "state": "done", "urls": []})
    incremental = {"cursor": "updatedAt", "start": "2024-05-01", "window": "20d"}
    result = room.read(api, **RESULTS, incremental=incremental)
    assert paths(api) == ["POST /exports", "GET /exports/1"] * 2
    assert result.after == {"cursors": {"": "2024-05-01T00:00:00.000000Z"}}


@asynchronous
def test_one_that_is_older_than_anybody_waits_is_begun_anew(serve: Serve, room: Room) -> None:
    exports = Exports(looks=0)
    api = serve(exports.answers)
    left = some(room, api, {}, 2, **PAGED)[-1].after
    room.clock.sleep(600)
    assert room.read(api, left, **PAGED).ids() == list(range(5))
    assert exports.begun == 2


RESULTS = {"request": {"url": "${job.result}"}, "job": {**JOB, "results": {"path": "urls"}}}


@asynchronous
def test_its_results_are_read_one_after_the_other_and_go_on_anywhere(serve: Serve, room: Room) -> None:
    exports = Exports(looks=0)
    api = serve(exports.answers)
    pages = room.read(api, **RESULTS).pages
    assert paths(api)[2:] == ["GET /files/1", "GET /files/2", "GET /files/3"]
    assert "s3cr3t" not in repr(pages)
    assert api.asked[-1].query == {"sig": "s3cr3t"}
    for cut in (1, 2, 3):
        rest = room.read(api, pages[cut - 1].after, **RESULTS)
        assert rest.ids() == ["1", "2", "3"][cut - 1 :]
    assert exports.begun == 1


@asynchronous
def test_results_that_lie_elsewhere_are_read_without_a_login_where_that_is_said(serve: Serve, room: Room) -> None:
    store = serve(Exports().answers)
    exports = Exports(looks=0, url=store.url.replace("127.0.0.1", "localhost"))
    api = serve(exports.answers)
    auth = {"type": "bearer", "token": secret("canary")}
    allowed = {"allowPrivate": ["127.0.0.1", "localhost"], "auth": auth}
    with pytest.raises(Refused, match="sameHost: false"):
        room.read(api, **RESULTS, **allowed)
    results = {"request": {"url": "/exports/${job.file}"}, "path": "urls", "sameHost": False}
    job = {**JOB, "status": {**JOB["status"], "keep": {"file": "file"}}, "results": results}
    room.read(api, **{**RESULTS, "job": job}, **allowed)
    assert paths(store) == ["GET /files/1", "GET /files/2", "GET /files/3"]
    assert "GET /exports/f7" in paths(api)
    assert all("authorization" in asked.headers for asked in api.asked)
    assert not any("authorization" in asked.headers for asked in store.asked)


@asynchronous
def test_a_rule_may_say_that_there_is_nothing_to_make(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: Said({"error": "no rows"}, 400))
    rule = {"if": "body.error == 'no rows'", "do": "ignore"}
    result = room.read(api, **PAGED, onError=[rule], incremental={"cursor": "updatedAt", "start": "2024-05-01"})
    assert (len(api.asked), [each.empty for each in result.envelopes]) == (1, ["ignored"])
    assert "round" not in result.after


def test_a_reply_without_what_is_kept_is_told(serve: Serve, room: Room) -> None:
    api = serve(lambda asked: {"error": "no"})
    with pytest.raises(BadReply, match="the reply to POST /exports has no `id`") as raised:
        room.read(api, **PAGED)
    assert raised.value.code == "http.job"
