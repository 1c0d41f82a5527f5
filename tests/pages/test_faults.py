"""What goes wrong with APIs (H1 to H18 of the catalogue), seen by a run: nothing lost, nothing twice, nothing silent.

How a transport takes each of it alone is tried in `tests/transports/http`.
"""

import codecs
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.model import FeedReport
from tests.pages.things import NAMED, SECRET, dealer, things
from tests.store.shop import Shop, counts
from tests.transports.http.room import Answers, Api, Asked, Said

Serve = Callable[[Answers], Api]
fault = pytest.mark.fault
PAGED = {"type": "offset", "param": "skip", "size": 3, "sizeParam": "limit"}
AT = {**NAMED, "at": {"path": "at", "type": "dateTime", "required": True}}
SINCE = {
    "request": {"url": "/things", "query": {"since": "${window.from}"}},
    "incremental": {"cursor": "at", "start": "2026-01-01", "lookback": "1h"},
    "pagination": PAGED,
}


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda answers: running.enter_context(Api(answers).running())


def rows(*ids: Any, at: str = "2026-02-01T00:00:00Z") -> list[dict[str, Any]]:
    return [{"id": str(each), "name": f"n{each}", "at": at} for each in ids]


def page(asked: Asked, found: list[dict[str, Any]]) -> dict[str, Any]:
    skip = int(asked.query.get("skip", 0))
    return {"data": found[skip : skip + int(asked.query.get("limit", 3))]}


def codes(report: FeedReport) -> list[str]:
    return [issue.code for issue in report.issues]


def healed(shop: Shop, api: Api, found: list[dict[str, Any]]) -> None:
    """Once the server behaves, the next run stores all of it, each once."""
    api.answers = lambda asked: page(asked, found)
    shop.run()
    assert things(shop, "name") == {row["id"]: row["name"] for row in found}


@fault("H1")
@pytest.mark.parametrize("moved", range(3))
def test_a_list_that_changes_between_two_pages_loses_nothing_that_stays(
    tmp_path: Path, sqlite_url: str, serve: Serve, moved: int
) -> None:
    found = rows(*range(9))

    def answers(asked: Asked) -> Any:
        reply = {**page(asked, found), "total": len(found)}
        if len(api.asked) == moved + 1:
            del found[0]
        return reply

    api = serve(answers)
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": {**PAGED, "total": "total"}})
    report = shop.run()
    assert {str(each) for each in range(1, 9)} <= set(shop.activities())
    assert report.coverage is not None and report.coverage["passes"] == (2 if moved < 2 else 1)


@fault("H2")
def test_a_server_that_gives_one_page_for_ever_fails_the_run(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    api = serve(lambda asked: {"data": rows(1, 2, 3)})
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": PAGED})
    report = shop.run()
    assert (report.outcome, codes(report), len(api.asked)) == ("failed", ["http.repeats"], 2)
    healed(shop, api, rows(*range(1, 8)))


@fault("H3", "H4")
@pytest.mark.parametrize("dies_at", range(4))
def test_ties_at_the_cursor_survive_a_run_that_ends_at_any_page(
    tmp_path: Path, sqlite_url: str, serve: Serve, dies_at: int
) -> None:
    found = rows(*range(10))  # all of one moment

    def answers(asked: Asked) -> Any:
        return Said({"error": "no"}, 400) if int(asked.query["skip"]) == 3 * dies_at else page(asked, found)

    api = serve(answers)
    shop = dealer(tmp_path, sqlite_url, api, fields=AT, transport=SINCE)
    assert shop.run().outcome == "failed"
    assert len(shop.activities()) == 3 * dies_at
    before = len(api.asked)
    healed(shop, api, found)
    assert api.asked[before].query["skip"] == str(3 * dies_at)  # on from the page that failed
    found += rows("late")  # of the same moment, after the cursor had come there
    healed(shop, api, found)
    assert api.asked[-1].query["since"] == "2026-01-31T23:00:00Z"


@fault("H5")
def test_a_record_that_shows_late_is_found_by_looking_back(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    found = rows(1, at="2026-02-01T10:00:00Z")
    api = serve(lambda asked: page(asked, [row for row in found if row["at"] >= asked.query["since"]]))
    shop = dealer(tmp_path, sqlite_url, api, fields=AT, transport=SINCE)
    shop.run()
    found += rows(2, at="2026-02-01T09:15:00Z")  # written before, seen now
    assert counts(shop.run()) == {"read": 2, "inserted": 1, "unchanged": 1}


@fault("H6")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "header", ["7", "Mon, 02 Mar 2026 15:01:30 GMT", "Mon, 02 Mar 2020 15:00:00 GMT", "soon", None]
)
def test_who_is_asked_to_wait_waits_and_loses_nothing(
    tmp_path: Path, sqlite_url: str, serve: Serve, status: int, header: str | None
) -> None:
    def answers(asked: Asked) -> Any:
        if len(api.asked) == 2:
            return Said(b"", status, {"Retry-After": header} if header else {})
        return page(asked, rows(*range(7)))

    api = serve(answers)
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": PAGED})
    began = shop.clock.moment
    report = shop.run()
    waited = (shop.clock.moment - began).total_seconds() - 60  # a minute goes by before each run
    assert (report.outcome, len(shop.activities())) == ("ok", 7)
    assert waited >= (7 if header == "7" else 1)
    assert waited < 120


@fault("H6")
def test_a_pause_that_is_too_long_ends_the_run_and_the_next_one_goes_on(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    found = rows(*range(7))
    api = serve(
        lambda asked: page(asked, found) if asked.query["skip"] == "0" else Said(b"", 429, {"Retry-After": "3600"})
    )
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": PAGED})
    began = shop.clock.moment
    report = shop.run()
    assert (report.outcome, codes(report)) == ("failed", ["transport.throttled"])
    assert shop.clock.moment - began < timedelta(minutes=5)
    assert len(shop.activities()) == 3
    healed(shop, api, found)


WHOLE = json.dumps({"data": rows(4, 5, 6)}).encode()
BROKEN = [
    pytest.param(WHOLE[:-9], "refused", marks=fault("H7"), id="cut in a record"),
    pytest.param(WHOLE[:-1], "refused", marks=fault("H7"), id="cut at the end"),
    pytest.param(b"", "refused", marks=fault("H7"), id="nothing"),
    pytest.param(b"<html><body>Please log in</body></html>", "refused", marks=fault("H8"), id="a login page"),
    pytest.param(b'{"error": {"code": 17}}', "refused", marks=fault("H8"), id="an error in a 200"),
    pytest.param(b'{"items": []}', "refused", marks=fault("H8"), id="a list of another name"),
    pytest.param(b'"maintenance"', "refused", marks=fault("H8"), id="a text"),
    pytest.param(b"[]", "refused", marks=fault("H8"), id="a list without names"),
    pytest.param(gzip.compress(bytes(20 << 20)), "refused", marks=fault("H12"), id="a bomb"),
]


@pytest.mark.parametrize(("body", "outcome"), BROKEN)
def test_a_reply_that_is_no_page_is_never_an_empty_one(
    tmp_path: Path, sqlite_url: str, serve: Serve, body: bytes, outcome: str
) -> None:
    found = rows(*range(1, 8))
    api = serve(lambda asked: page(asked, found) if asked.query["skip"] == "0" else Said(body))
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": PAGED})
    report = shop.run()
    assert report.outcome == outcome, report.issues
    assert any(issue.severity == "error" for issue in report.issues)
    assert set(shop.activities()) == {"1", "2", "3"}
    healed(shop, api, found)


@fault("H9")
def test_a_token_that_ends_in_the_middle_is_renewed_once_and_no_page_is_lost(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    found, valid = rows(*range(9)), ["t0"]

    def answers(asked: Asked) -> Any:
        if asked.path == "/token":
            newest = f"t{len(valid)}"
            valid.append(newest)
            return {"access_token": newest, "expires_in": 3600}
        if len([each for each in api.asked if each.path == "/things"]) == 3:
            valid.append("ended")
        return page(asked, found) if asked.headers["authorization"] == f"Bearer {valid[-1]}" else Said(b"", 401)

    api = serve(answers)
    auth = {"type": "oauth2", "grant": "clientCredentials", "tokenUrl": f"{api.url}/token", "clientId": "me"}
    auth |= {"clientSecret": "${secret.KEY}"}
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": PAGED, "auth": auth})
    report = shop.run()
    assert (report.outcome, len(shop.activities())) == ("ok", 9)
    assert len([each for each in api.asked if each.path == "/token"]) == 2
    assert SECRET not in str(shop.rows("SELECT * FROM tokens")) + repr(report)


@fault("H10")
def test_a_request_that_may_have_done_something_is_not_made_again(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    api = serve(lambda asked: Said(b"", 500))
    shop = dealer(tmp_path, sqlite_url, api, transport={"request": {"method": "POST", "url": "/things", "json": {}}})
    assert (shop.run().outcome, len(api.asked)) == ("failed", 1)


@fault("H14", "H15")
@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "http://10.0.0.8/x", "file:///etc/passwd", "http://[::1]:9/"]
)
def test_a_next_address_within_walls_is_not_followed(
    tmp_path: Path, sqlite_url: str, serve: Serve, address: str
) -> None:
    api = serve(lambda asked: {"data": rows(1), "next": address})
    paging = {"type": "nextUrl", "next": "next", "sameHost": False}
    auth = {"type": "bearer", "token": "${secret.KEY}"}
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": paging, "auth": auth})
    report = shop.run()
    assert (report.outcome, len(api.asked)) == ("failed", 1)
    assert SECRET not in repr(report)
    assert set(shop.activities()) == {"1"}


WORDS = json.dumps({"data": [{"id": "1", "name": "Zoë"}]}, ensure_ascii=False)
BODIES = [
    (WORDS.encode(), {}),
    (codecs.BOM_UTF8 + WORDS.encode(), {}),
    (WORDS.encode("latin-1"), {"Content-Type": "application/json; charset=iso-8859-1"}),
    (codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"), {"Content-Type": "application/json; charset=utf-16"}),
    (gzip.compress(WORDS.encode()), {"Content-Encoding": "gzip"}),
    (gzip.compress(codecs.BOM_UTF8 + WORDS.encode()), {}),
]


@fault("H17")
@pytest.mark.parametrize(("body", "headers"), BODIES, ids=["plain", "mark", "latin", "utf-16", "gzip", "gzip and mark"])
def test_text_is_read_as_it_is_meant(
    tmp_path: Path, sqlite_url: str, serve: Serve, body: bytes, headers: dict[str, str]
) -> None:
    shop = dealer(tmp_path, sqlite_url, serve(lambda asked: Said(body, headers=headers)))
    assert shop.run().outcome == "ok"
    assert things(shop, "name") == {"1": "Zoë"}


@fault("H18")
def test_a_server_that_says_unchanged_for_ever_is_not_believed_for_ever(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    found = rows(1)

    def answers(asked: Asked) -> Any:
        if "if-none-match" in asked.headers:
            return Said(b"", 304)
        return Said({"data": found}, headers={"ETag": '"same"'})

    shop = dealer(tmp_path, sqlite_url, serve(answers))
    shop.run()
    found += rows(2)
    runs = 0
    while len(shop.activities()) == 1:
        runs += 1
        assert runs < 30
        shop.run()
    assert set(shop.activities()) == {"1", "2"}


def test_a_page_of_which_nothing_is_wanted_is_no_end(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    """Paging counts what came, never what is left of it."""
    found = [{**row, "name": "no"} for row in rows(*range(6))] + rows(6, 7)
    api = serve(lambda asked: page(asked, found))
    shop = dealer(
        tmp_path, sqlite_url, api, transport={"pagination": PAGED}, records={"path": "data", "if": "name != 'no'"}
    )
    assert counts(shop.run()) == {"read": 8, "inserted": 2, "filtered": 6}
    assert set(shop.activities()) == {"6", "7"}
