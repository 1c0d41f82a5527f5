"""How an API is read, seen by a run: slices with their cursors, XML, bodies that page, who goes on after a kill."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.decode import DECODERS
from engine.runner import run_feeds
from engine.store import positions
from engine.store.journal import SEALED
from tests.pages.things import NAMED, dealer, things
from tests.store.shop import Shop, counts
from tests.transports.http.room import Answers, Api, Asked, Said

Serve = Callable[[Answers], Api]
AT = {**NAMED, "at": {"path": "at", "type": "dateTime", "required": True}}


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda answers: running.enter_context(Api(answers).running())


def cursors(shop: Shop) -> dict[str, Any]:
    (number,) = shop.rows("SELECT id FROM feeds")[0]
    return dict(positions.load(shop.world.engine, number).get("cursors") or {})


def test_each_value_of_for_each_has_a_cursor_of_its_own(tmp_path: Path, database_url: str, serve: Serve) -> None:
    days = {"north": ["02", "05"], "south": ["03"]}

    def answers(asked: Asked) -> Any:
        place = asked.path.rpartition("/")[2]
        found = [{"id": f"{place}-{day}", "name": day, "at": f"2026-02-{day}T00:00:00Z"} for day in days[place]]
        return {"data": [row for row in found if row["at"] >= asked.query["since"]]}

    api = serve(answers)
    transport = {
        "request": {"url": "/things/${place.id}", "query": {"since": "${window.from}"}},
        "forEach": {"place": {"values": ["north", "south"]}},
        "incremental": {"cursor": "at", "start": "2026-01-01"},
    }
    shop = dealer(tmp_path, database_url, api, fields=AT, transport=transport)
    assert counts(shop.run())["inserted"] == 3
    moments = {"north": "2026-02-05T00:00:00.000000Z", "south": "2026-02-03T00:00:00.000000Z"}
    assert cursors(shop) == moments
    days["south"].append("04")  # before what north has come to
    assert counts(shop.run())["inserted"] == 1
    assert cursors(shop) == {**moments, "south": "2026-02-04T00:00:00.000000Z"}
    assert [asked.query["since"][:10] for asked in api.asked[2:]] == ["2026-02-05", "2026-02-03"]


def test_pages_of_one_address_are_told_apart(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    rows = [{"id": str(number), "name": "x"} for number in range(5)]
    api = serve(lambda asked: {"data": rows[asked.json["skip"] : asked.json["skip"] + 2]})
    transport = {
        "request": {"method": "POST", "url": "/search", "json": {"place": "${place.id}"}},
        "forEach": {"place": {"values": ["north"]}},
        "pagination": {"type": "offset", "param": "skip", "size": 2, "in": "body"},
    }
    report = dealer(tmp_path, sqlite_url, api, transport=transport).run()
    assert [each.name for each in report.deliveries] == [f"POST /search (north, page {n})" for n in (1, 2, 3, 4)]


def test_a_list_in_xml_is_swept_and_covered(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    rows = [f"<t><id>{number}</id><name>n{number}</name></t>" for number in range(7)]

    def answers(asked: Asked) -> Said:
        skip = int(asked.query["skip"])
        turned = rows[len(api.asked) % 7 :] + rows[: len(api.asked) % 7]  # another order each time
        found = "".join(turned[skip : skip + 3])
        return Said(f"<r><total>7</total><list>{found}</list></r>".encode(), headers={"Content-Type": "text/xml"})

    api = serve(answers)
    paging = {"type": "offset", "param": "skip", "size": 3, "total": "total"}
    shop = dealer(
        tmp_path,
        sqlite_url,
        api,
        decode={"format": "xml", "lists": ["t"]},
        records={"path": "not_null(list.t, `[]`)", "onDuplicate": "last"},
        transport={"pagination": paging, "sweep": {"until": "stable", "max": 9}},
    )
    report = shop.run()
    assert things(shop, "name") == {str(number): f"n{number}" for number in range(7)}
    assert report.coverage is not None and (report.coverage["promised"], report.coverage["seen"]) == (7, 7)
    assert "(pass 2)" in report.deliveries[3].name


@pytest.mark.parametrize("page", [1, 2, 3])
def test_another_process_goes_on_where_one_was_killed(tmp_path: Path, sqlite_url: str, serve: Serve, page: int) -> None:
    """kill -9 while a page is asked for: its lease is taken over at once, and no page is read again."""
    rows = [{"id": str(number), "name": "x"} for number in range(8)]
    victim: list[int] = []

    def answers(asked: Asked) -> Any:
        skip = int(asked.query["skip"])
        if victim and skip == 3 * (page - 1):
            os.kill(victim.pop(), signal.SIGKILL)
        return {"data": rows[skip : skip + 3]}

    api = serve(answers)
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": {"type": "offset", "param": "skip", "size": 3}})
    feeds = list(shop.feeds.values())
    shop.world.engine.dispose()
    begins, says = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.read(begins, 1)
            run_feeds(feeds, shop.world)
        finally:
            os._exit(0)
    victim.append(child)
    os.write(says, b"!")
    os.waitpid(child, 0)
    for end in (begins, says):
        os.close(end)
    assert len(shop.activities()) == 3 * (page - 1)
    before = len(api.asked)
    assert shop.run().outcome == "ok"
    assert set(shop.activities()) == {row["id"] for row in rows}
    assert api.asked[before].query["skip"] == str(3 * (page - 1))


def test_a_page_that_was_sealed_is_imported_without_the_network(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    rows = [{"id": str(number), "name": "x"} for number in range(2)]
    api = serve(lambda asked: {"data": rows})
    shop = dealer(tmp_path, sqlite_url, api)
    feeds = list(shop.feeds.values())
    shop.world.engine.dispose()
    child = os.fork()
    if not child:
        # Between the rows of the page and its commit.
        run_feeds(feeds, replace(shop.world, progress=lambda each: each.read and os.kill(os.getpid(), signal.SIGKILL)))
        os._exit(0)
    os.waitpid(child, 0)
    assert (shop.activities(), len(api.asked)) == ({}, 1)
    api.answers = lambda asked: Said(b"", 400)  # nothing more is to be had there
    shop.run()
    assert set(shop.activities()) == {"0", "1"}


ODD = [
    pytest.param(
        b'{"data": [{"id": "0", "name": "Caf\xe9", "price": 1}]}', ["encoding.fallback"], id="another encoding"
    ),
    pytest.param(b'\xef\xbb\xbf{"data": [{"id": "0", "name": "x", "price": 1}]}', [], id="a byte order mark"),
    pytest.param(
        b'{"data": [{"id": "0", "price": "?"}, {"id": "1", "name": "x", "price": 2}]}',
        ["money.unreadable"],
        id="a bad record",
    ),
]


@pytest.mark.parametrize(("body", "codes"), ODD)
def test_a_page_is_decoded_once_and_judged_as_one_that_was_left_sealed(
    tmp_path: Path, sqlite_url: str, serve: Serve, monkeypatch: pytest.MonkeyPatch, body: bytes, codes: list[str]
) -> None:
    read: list[object] = []
    json = DECODERS["json"]
    monkeypatch.setitem(DECODERS, "json", lambda *given: read.append(given) or json(*given))
    api = serve(lambda asked: Said(body))
    fields = {**NAMED, "price": {"path": "price", "type": "money"}}
    shop = dealer(tmp_path, sqlite_url, api, fields=fields)
    fresh = shop.run()
    assert ([issue.code for issue in fresh.issues], len(read)) == (codes, 1)

    shop.world.journal.mark(fresh.deliveries[0].number, "2026-02-01T00:00:00Z", state=SEALED)  # as if killed before
    api.answers = lambda asked: Said(b'{"data": []}')
    left = shop.run()
    assert (left.deliveries[0].number, len(read)) == (fresh.deliveries[0].number, 3)
    assert [issue for issue in left.issues if issue.delivery] == [issue for issue in fresh.issues if issue.delivery]


def test_what_is_missing_beside_many_records_is_told_once(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    rows = [{"id": str(number), "name": "x"} for number in range(4)]
    api = serve(lambda asked: {"data": rows} if asked.path == "/things" else Said(b"", 404))
    shop = dealer(
        tmp_path,
        sqlite_url,
        api,
        fields={**NAMED, "maker": {"path": "maker.name"}},
        contact={"fields": {"lastName": "maker"}},
        transport={"include": {"maker": {"url": "/makers/${record.id}"}}},
    )
    report = shop.run()
    (told,) = [issue.message for issue in report.issues if issue.code == "include.missing"]
    assert told == "GET /makers/0 is not there (status 404): no maker in its records (and 3 more)"
    assert len(shop.activities()) == 4


@pytest.mark.feature("async.job", "template.asyncJob")
def test_a_list_that_was_ordered_is_not_ordered_again_by_who_takes_over(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    victim: list[int] = []

    def answers(asked: Asked) -> Any:
        if asked.method == "POST":
            return {"id": len(api.asked)}
        if asked.path == "/exports/1":
            if victim:
                os.kill(victim.pop(), signal.SIGKILL)
            return {"state": "done", "urls": ["/files/a?sig=s3cr3t", "/files/b?sig=s3cr3t"]}
        return {"data": [{"id": asked.path[-1], "name": "x"}]}

    api = serve(answers)
    status = {"request": {"url": "/exports/${job.id}"}, "done": "state == 'done'"}
    job = {
        **{"request": {"url": "/exports", "method": "POST"}, "keep": {"id": "id"}, "status": status},
        "results": {"path": "urls"},
    }
    shop = dealer(tmp_path, sqlite_url, api, transport={"request": {"url": "${job.result}"}, "job": job})
    feeds = list(shop.feeds.values())
    shop.world.engine.dispose()
    begins, says = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.read(begins, 1)
            run_feeds(feeds, shop.world)
        finally:
            os._exit(0)
    victim.append(child)
    os.write(says, b"!")
    os.waitpid(child, 0)
    for end in (begins, says):
        os.close(end)
    report = shop.run()
    assert (report.outcome, set(shop.activities())) == ("ok", {"a", "b"})
    assert [f"{asked.method} {asked.path}" for asked in api.asked] == [
        *("POST /exports", "GET /exports/1", "GET /exports/1", "GET /files/a", "GET /files/b")
    ]
    assert [each.name for each in report.deliveries] == ["GET *** (page 1)", "GET *** (page 2)"]
