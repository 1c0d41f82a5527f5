"""What APIs ask of a definition, each as a whole feed of its own that runs: decoders, records, references, transforms.

Paging, logins, windows and error rules are tried one by one in `tests/transports/http`; here they are only beside.
"""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.pages.things import ID, NAMED, SECRET, dealer, things
from tests.store.shop import counts
from tests.transports.http.room import Answers, Api, Asked, Said

Serve = Callable[[Answers], Api]
feature = pytest.mark.feature
ROWS = [{"id": "A", "name": "one"}, {"id": "B", "name": "two"}]
BOTH = {"A": "one", "B": "two"}
BODY = json.dumps({"data": ROWS}).encode()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda answers: running.enter_context(Api(answers).running())


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("things.json", content)
    return target.getvalue()


IN_COLUMNS = {"id": {"column": "id", "required": True}, "name": {"column": "name"}}
LINE = {
    "id": {"path": "line", "transforms": [{"extract": r"^(\w+)"}]},
    "name": {"path": "line", "transforms": [{"extract": r"(\w+)$"}]},
}
DECODED = [
    pytest.param(
        "text/csv",
        b"id,name\nA,one\nB,two\n",
        {"decode": {"format": "csv"}, "records": None, "fields": IN_COLUMNS},
        marks=feature("decode.csv"),
        id="csv",
    ),
    pytest.param("application/gzip", gzip.compress(BODY), {}, marks=feature("decode.gzip"), id="gzip"),
    pytest.param("application/zip", zipped(BODY), {}, marks=feature("decode.zip"), id="zip"),
    pytest.param(
        "application/x-ndjson",
        b"\n".join(json.dumps(row).encode() for row in ROWS),
        {"decode": {"format": "jsonl"}, "records": None},
        marks=feature("decode.jsonl"),
        id="jsonl",
    ),
    pytest.param(
        "text/plain",
        b"A one\nB two\n",
        {"decode": {"format": "lines"}, "records": None, "fields": LINE},
        marks=feature("decode.lines"),
        id="lines",
    ),
    pytest.param(
        "text/xml",
        b"<r><t><id>A</id><name>one</name></t><t><id>B</id><name>two</name></t></r>",
        {"decode": {"format": "xml", "lists": ["t"]}, "records": {"path": "t"}},
        marks=feature("decode.xml"),
        id="xml",
    ),
]


@pytest.mark.parametrize(("media", "body", "parts"), DECODED)
def test_a_reply_is_read_as_what_it_is(
    tmp_path: Path, sqlite_url: str, serve: Serve, media: str, body: bytes, parts: Any
) -> None:
    shop = dealer(tmp_path, sqlite_url, serve(lambda asked: Said(body, headers={"Content-Type": media})), **parts)
    report = shop.run()
    assert (report.outcome, report.issues) == ("ok", [])
    assert things(shop, "name") == BOTH


STATUS = {**NAMED, "status": {"path": "status"}}
OPEN = [{**ROWS[0], "status": "open"}, {**ROWS[1], "status": "open"}, {"id": "C", "name": "three", "status": "gone"}]
PICKED = [
    pytest.param({"data": ROWS}, {"path": "data"}, NAMED, marks=feature("records.path"), id="path"),
    pytest.param(
        {"a": {"b.c": ROWS}}, {"path": 'a."b.c"'}, NAMED, marks=feature("records.path"), id="inside, with a dot"
    ),
    pytest.param(ROWS, None, NAMED, marks=feature("records.root"), id="root"),
    pytest.param(ROWS[0], None, NAMED, marks=feature("records.root"), id="one object"),
    pytest.param(
        {"groups": [{"data": ROWS[:1]}, {"data": ROWS[1:]}]},
        {"path": "groups[].data[]"},
        NAMED,
        marks=feature("records.wildcard"),
        id="of every element",
    ),
    pytest.param(
        {"by": {"x": ROWS[:1], "y": ROWS[1:]}},
        {"path": "by.*[]"},
        NAMED,
        marks=feature("records.wildcard"),
        id="of every key",
    ),
    pytest.param(
        {"data": OPEN},
        {"path": "data[?status == 'open']"},
        NAMED,
        marks=feature("records.filter.expr"),
        id="filter of the path",
    ),
    pytest.param(
        {"data": OPEN},
        {"path": "data", "if": "status == 'open'"},
        STATUS,
        marks=feature("records.filter.expr"),
        id="filter of the fields",
    ),
    pytest.param(
        {"data": OPEN},
        {"path": "data", "if": "contains(params.wanted, status)"},
        STATUS,
        marks=feature("records.filter.logic"),
        id="filter by parameters",
    ),
]


@pytest.mark.parametrize(("body", "records", "fields"), PICKED)
def test_records_are_picked_wherever_they_stand(
    tmp_path: Path, sqlite_url: str, serve: Serve, body: Any, records: Any, fields: Any
) -> None:
    params = {"wanted": {"type": "list", "default": ["open", "new"]}} if "params" in str(records) else None
    shop = dealer(tmp_path, sqlite_url, serve(lambda asked: body), records=records, fields=fields, params=params)
    assert shop.run().outcome == "ok"
    assert things(shop, "name") == ({"A": "one"} if isinstance(body, dict) and "id" in body else BOTH)


@feature("records.filter.window")
@pytest.mark.parametrize("how", [{"filter": "client"}, {}], ids=["what is old is filtered by us", "by a condition"])
def test_records_from_before_the_window_are_left_out(
    tmp_path: Path, sqlite_url: str, serve: Serve, how: dict[str, str]
) -> None:
    """An API that sends everything each time: what is older than the cursor counts as filtered."""
    rows = [
        {"id": f"{day}", "name": "x", "at": f"2026-02-{day:02}T00:00:00Z", "customer": f"c{day}"} for day in (1, 10, 20)
    ]
    fields = {**NAMED, "at": {"path": "at", "type": "dateTime"}, "who": {"path": "customer.name"}}
    api = serve(lambda asked: {"name": "Ann"} if "customers" in asked.path else {"data": rows})
    records = {"path": "data"} if how else {"path": "data", "if": "!window.from || at >= window.from"}
    shop = dealer(
        tmp_path,
        sqlite_url,
        api,
        records=records,
        fields={**fields, "who": {"path": "extra.name"}},
        contact={"fields": {"lastName": "who"}},
        transport={
            "incremental": {"cursor": "at", "start": "2026-02-05", "filter": "client"},
            "include": {"extra": {"url": "/customers/${record.customer}"}},
        },
    )
    report = shop.run()
    assert counts(report) == {"read": 3, "inserted": 2, "filtered": 1}
    asked = [each.path for each in api.asked]
    assert ("/customers/c1" in asked) is False  # nobody needs what belongs to it
    rows.append({"id": "25", "name": "y", "at": "2026-02-25T00:00:00Z", "customer": "c25"})
    assert counts(shop.run()) == {"read": 4, "inserted": 1, "unchanged": 1, "filtered": 2}  # the 20th is the cursor
    assert set(things(shop, "name")) == {"10", "20", "25"}


@pytest.mark.parametrize(
    ("key", "ids"),
    [
        pytest.param([["id"]], {"A", "B"}, marks=feature("dedupe.key"), id="key"),
        pytest.param(
            [["id", "name"]], {"A|one", "A|two", "B|one"}, marks=feature("dedupe.compositeKey"), id="composite"
        ),
    ],
)
def test_the_same_record_twice_is_stored_once(
    tmp_path: Path, sqlite_url: str, serve: Serve, key: Any, ids: set[str]
) -> None:
    pages = [
        [{"id": "A", "name": "one"}, {"id": "B", "name": "one"}],
        [{"id": "A", "name": "two"}],
        [{"id": "A", "name": "two"}],
        [],
    ]
    api = serve(
        lambda asked: {
            "data": pages[int(asked.query["page"]) - 1] + [{"id": "B", "name": "one"}][: int(asked.query["page"]) == 3]
        }
    )
    paging = {"type": "page", "param": "page"}
    activities = [{"type": "thing", "key": key, "state": "recorded"}]
    shop = dealer(tmp_path, sqlite_url, api, transport={"pagination": paging}, activities=activities)
    assert shop.run().outcome == "ok"
    assert len(shop.activities()) == len(ids)
    assert {tuple(each.replace("|", "/").split("/")) for each in shop.activities()} <= {
        tuple(each.split("|")) for each in ids
    }
    if key == [["id"]]:
        assert things(shop, "name")["A"] == "two"  # the later one counts


@feature("template.param")
def test_parameters_stand_anywhere_in_a_request(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    api = serve(lambda asked: {"data": ROWS})
    request = {
        "method": "POST",
        "url": "/v2/${params.region}/things",
        "query": {"size": "${params.size}", "who": "me at ${params.region}"},
        "headers": {"X-Region": "${params.region}"},
        "json": {"size": "${params.size}", "inner": [{"region": "${params.region}", "wanted": "${params.flag}"}]},
    }
    params = {
        "region": {"type": "string", "required": True},
        "size": {"type": "integer", "default": 50},
        "flag": {"type": "boolean", "default": False},
    }
    shop = dealer(
        tmp_path, sqlite_url, api, {"params": {"region": "eu/1"}}, params=params, transport={"request": request}
    )
    assert shop.run().outcome == "ok"
    asked = api.asked[0]
    assert asked.path in ("/v2/eu/1/things", "/v2/eu%2F1/things")
    assert asked.query == {"size": "50", "who": "me at eu/1"}
    assert asked.headers["x-region"] == "eu/1"
    assert asked.json == {"size": 50, "inner": [{"region": "eu/1", "wanted": False}]}


@feature("template.paramLogic", "template.paramCond", "template.cond")
def test_lists_are_joined_and_what_is_not_given_is_left_out(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    api = serve(lambda asked: {"data": ROWS})
    params = {
        "kinds": {"type": "list", "default": ["a", "b"]},
        "since": {"type": "string"},
        "env": {"type": "enum", "values": ["live", "test"], "default": "live"},
    }
    query = {
        "q": "kind:${params.kinds}",
        "since": "${params.since}",
    }
    request = {"url": "/${params.env}/things", "query": query}
    shop = dealer(tmp_path, sqlite_url, api, {"params": {"env": "test"}}, params=params, transport={"request": request})
    assert shop.run().outcome == "ok"
    assert api.asked[0].path == "/test/things"
    assert api.asked[0].query == {"q": "kind:a,b"}


LOGINS = [
    ({}, lambda asked: asked.headers.get("authorization"), f"Bearer {SECRET}"),
    (
        {"auth": {"type": "apiKey", "key": "${secret.OTHER}", "inject": {"in": "query", "name": "key"}}},
        lambda asked: (asked.headers.get("authorization"), asked.query.get("key")),
        (None, "other-9"),
    ),
    (
        {"auth": {"type": "basic", "username": "ann", "password": "${secret.OTHER}"}},
        lambda asked: asked.headers.get("authorization"),
        "Basic YW5uOm90aGVyLTk=",
    ),
    ({"auth": {"type": "none"}}, lambda asked: asked.headers.get("authorization"), None),
]


@feature("auth.selectable")
@pytest.mark.parametrize(("override", "where", "expected"), LOGINS, ids=["as it is", "key", "basic", "none"])
def test_a_dealer_picks_the_login_that_he_has(
    tmp_path: Path, sqlite_url: str, serve: Serve, override: Any, where: Callable[[Any], Any], expected: Any
) -> None:
    api = serve(lambda asked: {"data": ROWS})
    entry = {"override": {"transport": override}} if override else {}
    shop = dealer(tmp_path, sqlite_url, api, entry, transport={"auth": {"type": "bearer", "token": "${secret.KEY}"}})
    report = shop.run()
    assert (report.outcome, things(shop, "name")) == ("ok", BOTH)
    assert where(api.asked[0]) == expected
    assert SECRET not in repr(report) and "other-9" not in repr(report)


MADE = [
    pytest.param("name", {"path": "a.b"}, "x", marks=feature("transform.add.fromRecord"), id="elsewhere in the record"),
    pytest.param("name", {"const": "retail"}, "retail", marks=feature("transform.add.constant"), id="constant"),
    pytest.param("name", {"context": "params.region"}, "eu", marks=feature("transform.add.fromParam"), id="parameter"),
    pytest.param(
        "name",
        {"text": "${field.id} in ${params.region}"},
        "A in eu",
        marks=feature("transform.add.fromParam"),
        id="text with a parameter",
    ),
    pytest.param(
        "name",
        {"context": "parent.title"},
        "North",
        marks=[feature("transform.add.fromContext"), feature("parents.extraFields")],
        id="parent",
    ),
    pytest.param("name", {"context": "dealer.name"}, "shop", marks=feature("transform.add.fromContext"), id="dealer"),
    pytest.param(
        "name", {"context": "run.date"}, "2026-03-02", marks=feature("transform.add.date"), id="day of the run"
    ),
    pytest.param(
        "name", {"text": "${run.date-1mo}"}, "2026-02-02", marks=feature("transform.add.date"), id="a month before"
    ),
    pytest.param(
        "name",
        {"path": "epoch", "type": "dateTime", "formats": ["epoch"]},
        "2024-05-01T00:00:00.000000Z",
        marks=feature("transform.add.date"),
        id="epoch",
    ),
    pytest.param(
        "price",
        {"path": "cents", "transforms": [{"multiply": 0.01}], "type": "money"},
        "12.85",
        marks=feature("transform.add.arith"),
        id="times",
    ),
    pytest.param(
        "size",
        {"path": "count", "transforms": [{"add": -1}], "type": "integer"},
        4,
        marks=feature("transform.add.arith"),
        id="less one",
    ),
    pytest.param(
        "name",
        {"path": "a.b", "transforms": ["hash"]},
        hashlib.sha256(b"x").hexdigest(),
        marks=feature("transform.add.hash"),
        id="hash",
    ),
    pytest.param(
        "name",
        {"path": "link", "transforms": [{"extract": r"/things/(\d+)"}]},
        "77",
        marks=feature("transform.add.regex"),
        id="regex",
    ),
    pytest.param(
        "name", {"path": "count > `3` && 'many' || 'few'"}, "many", marks=feature("transform.add.cond"), id="condition"
    ),
    pytest.param(
        "name",
        {"path": "status", "map": {"1": "new", "2..9": "old"}, "else": "blank"},
        "old",
        marks=feature("transform.add.cond"),
        id="map",
    ),
    pytest.param(
        "parts",
        {"path": "sizes", "type": "list", "transforms": ["items"]},
        [{"key": "s", "value": 1}, {"key": "m", "value": 2}],
        marks=feature("transform.add.logic"),
        id="an object as a list",
    ),
    pytest.param(
        "parts",
        {"path": "[a.{n: b}, {n: status}]", "type": "list"},
        [{"n": "x"}, {"n": 5}],
        marks=feature("transform.add.logic"),
        id="projection",
    ),
    pytest.param("name", {"path": "a.b"}, "x", marks=feature("transform.dpathFlattenFields"), id="flattened"),
    pytest.param(
        "name",
        {"path": 'LOUD || "Loud-Name"'},
        "hey",
        marks=[feature("transform.keysToLower"), feature("transform.keysReplace")],
        id="other names",
    ),
    pytest.param(
        "size", {"path": "text", "type": "integer"}, 12, marks=feature("schema.coerceTypes"), id="text as a number"
    ),
    pytest.param(
        "sold", {"path": "yes", "type": "boolean"}, True, marks=feature("schema.coerceTypes"), id="text as yes"
    ),
    pytest.param("raw", {"path": "@", "type": "object"}, "whole", marks=feature("schema.dynamic"), id="all of it"),
]
RECORD = {
    **{"id": "A", "a": {"b": "x"}, "epoch": 1714521600, "cents": 1285, "count": 5, "link": "https://e.x/things/77?a=1"},
    **{"status": 5, "sizes": {"s": 1, "m": 2}, "Loud-Name": "hey", "text": "12", "yes": "Y", "unmapped": "never kept"},
}


@feature("transform.remove")
@pytest.mark.parametrize(("name", "how", "expected"), MADE)
def test_a_value_is_made_as_the_definition_says(
    tmp_path: Path, sqlite_url: str, serve: Serve, name: str, how: Any, expected: Any
) -> None:
    api = serve(lambda asked: [{"no": 1, "name": "North"}] if asked.path == "/shops" else {"data": [RECORD]})
    resource = {"request": {"url": "/shops"}, "records": {"path": "@"}, "keep": {"id": "no", "title": "name"}}
    transport = {"forEach": {"shop": {"resource": resource}}, "request": {"url": "/shops/${shop.id}/things"}}
    params = {"region": {"type": "string", "default": "eu"}} if "params" in str(how) else None
    shop = dealer(tmp_path, sqlite_url, api, fields={"id": ID, name: how}, params=params, transport=transport)
    report = shop.run()
    assert [issue for issue in report.issues if issue.severity == "error"] == []
    assert things(shop, name) == {"A": RECORD if expected == "whole" else expected}
    if expected != "whole":
        assert "never kept" not in str(shop.activities())


@feature("state.migration")
def test_what_was_read_elsewhere_before_is_where_a_feed_begins(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    from engine.store import desk

    api = serve(lambda asked: {"data": []})
    shop = dealer(
        tmp_path,
        sqlite_url,
        api,
        fields={**NAMED, "at": {"path": "at", "type": "dateTime"}},
        transport={
            "incremental": {"cursor": "at", "start": "2020-01-01"},
            "request": {"url": "/things", "query": {"since": "${window.from}"}},
        },
    )
    shop.run()
    desk.set_cursor(
        shop.world.engine, "shop/shop-things", "", "2026-01-31T10:00:00Z", "me", "2026-03-02T15:00:00.000000Z"
    )
    shop.run()
    assert [asked.query["since"] for asked in api.asked] == ["2020-01-01T00:00:00Z", "2026-01-31T10:00:00Z"]


@feature("stream.dynamic")
def test_resources_that_the_api_lists_are_read_each_as_what_it_is(
    tmp_path: Path, sqlite_url: str, serve: Serve
) -> None:
    """Which tables there are is known when the run asks; one that is new needs no other definition."""
    tables = [{"id": "t1", "kind": "plain"}]
    rows = {"t1": [{"id": "A", "name": "one"}], "t2": [{"id": "B", "title": "two"}], "t3": [{"id": "C"}]}

    def answers(asked: Asked) -> Any:
        return {"data": tables if asked.path == "/tables" else rows[asked.path.rpartition("/")[2]]}

    api = serve(answers)
    resource = {"request": {"url": "/tables"}, "records": {"path": "data"}, "keep": {"id": "id", "kind": "kind"}}
    kind = {"kind": {"context": "parent.kind"}}
    streams = {
        name: {
            **{"records": {"path": "data", "if": f"kind == '{name}'"}, "fields": {"id": ID, **kind, **fields}},
            "activities": [{"type": "thing", "key": [["id"]], "state": "recorded"}],
        }
        for name, fields in {"plain": {"name": {"path": "name"}}, "titled": {"name": {"path": "title"}}}.items()
    }
    shop = dealer(
        tmp_path,
        sqlite_url,
        api,
        transport={"request": {"url": "/tables/${table.id}"}, "forEach": {"table": {"resource": resource}}},
        **{"records": None, "fields": None, "activities": None, "streams": streams},
    )
    assert counts(shop.run())["inserted"] == 1
    tables += [{"id": "t2", "kind": "titled"}, {"id": "t3", "kind": "of no use"}]
    report = shop.run()
    assert (things(shop, "name"), counts(report)["filtered"]) == (BOTH, 1)


@feature("template.pageToken")
def test_the_place_in_a_list_may_stand_anywhere_in_a_request(tmp_path: Path, sqlite_url: str, serve: Serve) -> None:
    api = serve(lambda asked: {"data": ROWS[int(asked.path[-1]) - 1 :][:1]})
    paging = {"type": "page", "param": "page", "in": "path"}
    shop = dealer(
        tmp_path, sqlite_url, api, transport={"request": {"url": "/things/${page.number}"}, "pagination": paging}
    )
    shop.run()
    assert (things(shop, "name"), [asked.path for asked in api.asked]) == (
        BOTH,
        ["/things/1", "/things/2", "/things/3"],
    )
