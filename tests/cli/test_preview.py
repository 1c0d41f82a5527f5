"""`feeds preview`: what a feed makes of a file, told beside what was sent, and nothing left behind by it."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import FEED, Done, Shell, called, sale
from tests.servers.sftp import USERNAME, SftpServer

ORDERS = """\
version: 1
kind: feed
title: Orders of a till
transport: {type: file, directory: INCOMING, filename: '*.json', settle: 0s}
decode: {format: json}
streams:
  orders:
    records:
      path: data.orders
      if: "status == 'closed' && amount > `10`"
      join: {who: {from: data.people, key: id, by: personId}}
    fields:
      number: {path: number, required: true}
      status: {path: status}
      date:   {path: at, type: date, formats: ['%Y-%m-%d'], required: true}
      amount: {path: total, type: money}
      email:  {path: who.emial}
      lastName: {path: who.name.last}
      lines:  {path: lines, type: list, fields: {sku: {path: sku}, price: {path: cost, type: money}}}
      note:   {text: 'order ${field.number}'}
    contact: {}
    vehicle: {}
    activities:
      - {type: sale, key: [[number]], occurred: date, state: recorded}
  visits:
    records: {path: data.visits}
    fields:
      order: {path: order, required: true}
      stops: {path: stops, type: list}
    activities:
      - type: sale
        each: stops
        fields: {stop: {path: id, required: true}, date: {path: day, type: date, formats: ['%Y-%m-%d']}}
        key: [[order, stop]]
        occurred: date
        state: recorded
"""


def order(number: str, **changes: Any) -> dict[str, Any]:
    lines = [{"sku": "A1", "price": "4.00"}, {"sku": "B2", "price": "5.00"}]
    row = {"number": number, "status": "closed", "at": "2024-05-01", "total": "12.50", "personId": 7, "lines": lines}
    return row | changes


def document(*orders: dict[str, Any], visits: list[dict[str, Any]] | None = None) -> str:
    person = {"id": 7, "email": "robin.vale@example.com", "name": {"last": "Vale"}}
    return json.dumps({"data": {"orders": list(orders), "people": [person], "visits": visits or []}})


@pytest.fixture
def till(shell: Shell) -> Shell:
    """The same project with a feed of JSON documents of several sections."""
    lines = "states: [recorded, voided]\nfields:\n  lines: {label: Lines, type: list}\n"
    shell.edit(
        "feeds/activities/sale.yaml",
        "states: [recorded, voided]\nshows: [timeline]\nfields:\n",
        f"shows: [timeline]\n{lines}",
    )
    definition = ORDERS.replace("INCOMING", str(shell.home / "in")).replace("    vehicle: {}\n", "")
    shell.write("feeds/vendors/shop/orders.yaml", definition)
    shell.edit("feeds/dealers/acme.yaml", "  - uses: shop/sales\n", "  - uses: shop/sales\n  - uses: shop/orders\n")
    return shell


def previewed(shell: Shell, path: Path, *more: str, feed: str = FEED) -> Done:
    return shell.feeds("preview", feed, "--sample", str(path), *more)


def as_json(shell: Shell, path: Path, *more: str, feed: str = FEED) -> dict[str, Any]:
    return dict(previewed(shell, path, "--format", "json", *more, feed=feed).json())


# --- a sample ---------------------------------------------------------------------------------


def test_each_row_stands_beside_what_was_sent_with_its_verdict(shell: Shell) -> None:
    path = shell.put("a.csv", sale("1"), sale("2", Date="tomorrow"), sale("3", Email="nobody"))
    done = previewed(shell, path)
    assert done.code == 3
    assert re.search(r"^  phone +\+12025550101 +\(202\) 555-0101$", done.out, re.M)
    assert re.search(r"^line 3: QUARANTINED\n  problem +date: expected a date", done.out, re.M)
    assert re.search(r"^  activity  sale, 1, 2024-05-01, recorded: amount 1284.55", done.out, re.M)
    assert done.out.splitlines()[-1] == "3 records: 2 would be stored, 1 QUARANTINED"
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.talk == ""


def test_its_json_has_the_documented_names(shell: Shell) -> None:
    path = shell.put("a.csv", sale("1") | {"Salesperson": "Kim"}, sale("2", Email="x") | {"Salesperson": ""})
    found = as_json(shell, path, "--rows", "1")
    assert set(found) == {"feed", "source", "refused", "counts", "rows", "fields", "unread", "unmatched", "notes"}
    assert found["source"] | {"bytes": 0, "columns": []} == {
        "name": "a.csv",
        "bytes": 0,
        "format": "csv",
        "compression": "none",
        "encoding": "utf-8",
        "encodingReason": "declared",
        "delimiter": ",",
        "columns": [],
        "records": 2,
        "complete": True,
    }
    (row,) = found["rows"]
    assert row["raw"]["Number"] == "1"
    assert (row["line"], row["verdict"], row["code"]) == (2, "stored", None)
    assert row["contact"] | {"externalId": ""} == {
        "externalId": "",
        "firstName": "Robin",
        "lastName": "Vale",
        "email": "robin.vale@example.com",
        "phone": "+12025550101",
        "city": "Bangor",
    }
    assert row["vehicle"] is None
    (activity,) = row["activities"]
    assert (activity["type"], activity["key"], activity["occurred"]) == ("sale", "1", "2024-05-01")
    assert (activity["state"], activity["fields"]) == ("recorded", {"amount": "1284.55"})
    fields = {each["field"]: each for each in found["fields"]}
    assert fields["email"] == {"field": "email", "filled": 50.0, "bad": 50.0, "examples": ["robin.vale@example.com"]}
    assert found["unread"] == ["Salesperson"]
    assert {each["field"] for each in found["unmatched"]} == {"company", "term", "cash", "note", "at"}


def test_a_sample_needs_no_database_no_secret_and_no_server(shell: Shell) -> None:
    login = "username: u, auth: {type: password, password: '${secret.PASSWORD}'}, hostKey: '${secret.KEY}'"
    text = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
    far = f"transport: {{type: sftp, host: 127.0.0.1, port: 1, {login}, directory: x, filename: x}}"
    shell.write("feeds/vendors/shop/sales.yaml", re.sub(r"^transport: .*$", far, text, flags=re.M))
    shell.environment["FEEDS_DATABASE_URL"] = "postgresql://127.0.0.1:1/none"
    path = shell.put("a.csv", sale("1"))
    assert previewed(shell, path).code == 0
    assert not (shell.home / "state").exists()


def test_a_missing_column_refuses_the_file_and_near_headers_are_offered(shell: Shell) -> None:
    row = {name.replace("Number", "Numbr").replace("Amount", "Total $"): value for name, value in sale("1").items()}
    done = previewed(shell, shell.put("a.csv", row))
    assert done.code == 1
    told = " ".join(done.out.split())
    assert "the file would be REFUSED: missing columns: 'Number' for number" in told
    assert "never matched: number reads Number; the file has Numbr" in told
    assert "line 2: not stored" in told
    assert re.search(r"^  date +2024-05-01 +2024-05-01$", done.out, re.M), "what can be read is shown all the same"
    assert as_json(shell, shell.home / "in/a.csv")["refused"]["code"] == "column.missing"


def test_a_filter_is_named_by_the_part_that_did_not_hold(shell: Shell) -> None:
    shell.edit(
        "feeds/vendors/shop/sales.yaml", "fields:\n", "records: {if: \"city == 'Bangor' && amount > `5`\"}\nfields:\n"
    )
    found = as_json(shell, shell.put("a.csv", sale("1"), sale("2", Amount="4.00"), sale("3", City="Derry", Amount="1")))
    assert [(row["verdict"], row["message"]) for row in found["rows"]] == [
        ("stored", None),
        ("filtered", "`if` does not hold: `amount > `5``"),
        ("filtered", "`if` does not hold: `city == 'Bangor'` and `amount > `5``"),
    ]


@pytest.mark.parametrize(
    ("guards", "code"), [("{minRows: 3}", "guard.few"), ("{maxBadPercent: 5}", "guard.bad")], ids=["few", "bad"]
)
def test_a_guard_that_would_refuse_the_file_is_told(shell: Shell, guards: str, code: str) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "fields:\n", f"guards: {guards}\nfields:\n")
    rows = [sale("1")] if code == "guard.few" else [sale(str(n), Date="x") for n in range(6)]
    path = shell.put("a.csv", *rows)
    assert as_json(shell, path)["refused"]["code"] == code
    assert previewed(shell, path).code == 1


def test_another_feeds_file_is_told_by_its_columns(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "settle: 0s}", "settle: 0s, ours: {columns: [Till]}}")
    path = shell.put("a.csv", sale("1"))
    assert as_json(shell, path)["refused"] == {
        "code": "file.notOurs",
        "message": "left alone, it has no column Till (transport.ours)",
        "line": None,
    }


def test_a_long_file_is_looked_at_in_part_and_that_is_said(shell: Shell) -> None:
    path = shell.put("a.csv", *(sale(str(number)) for number in range(5_001)))
    out = previewed(shell, path, "--rows", "2").out
    assert out.count("\nline ") == 2
    assert " ".join(out.split()).endswith(
        "the first 5000 records (of more: a preview looks at 5000): 5000 would be stored"
    )


def test_a_packed_file_in_another_encoding_says_how_it_was_read(shell: Shell) -> None:
    shell.edit("feeds/vendors/shop/sales.yaml", "encoding: [utf-8]", "encoding: [utf-8, windows-1252]")
    text = shell.put("a.csv", sale("1", Last="Núñez")).read_text(encoding="utf-8")
    path = shell.home / "in/a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.csv", text.encode("windows-1252"))
    source = as_json(shell, path)["source"]
    assert (source["compression"], source["encoding"]) == ("zip", "windows-1252")
    assert source["encodingReason"] == "the first of utf-8, windows-1252 that fits all of it"


HOSTILE = {
    "empty": (b"", "file.empty"),
    "blank": (b" \n\n", "file.empty"),
    "binary": (bytes(range(256)) * 9, "encoding.unreadable"),
    "nuls": (b"\0" * 90, "header.nul"),
    "unclosed quote": (",".join(sale("1")).encode() + b'\nC1,"Robin\n', "csv.unclosedQuote"),
    "no header": (b"C1,,Vale\n", "header.blank"),
    "headers twice": (b"Number,Number\n1,2\n", "header.duplicate"),
    "cut gzip": (b"\x1f\x8b\x08\x00", "compression.cut"),
    "no zip": (b"PK\x03\x04nothing", "compression.cut"),
    "web page": (b"<html><body>503</body></html>\n", "column.missing"),
}


@pytest.mark.parametrize(("content", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_broken_sample_is_told_in_words(shell: Shell, content: bytes, code: str) -> None:
    path = shell.home / "in/a.csv"
    path.write_bytes(content)
    done = previewed(shell, path)
    assert done.code == 1
    assert f"[{code}]" in done.out
    assert "Traceback" not in done.out + done.talk
    assert as_json(shell, path)["refused"]["code"] == code


def test_what_a_sender_wrote_cannot_move_the_cursor(shell: Shell) -> None:
    path = shell.put("a.csv", sale("1", First="\x1b[2J\x1b]0;x\x07", Last="‮elaV"))
    out = previewed(shell, path).out
    assert "\x1b" not in out
    assert "‮" not in out
    assert r"\x1b[2J" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acme/shop-sale", "--sample", "x"), "did you mean acme/shop-sales?"),
        ((FEED, "--sample", "none.csv"), "there is no plain file 'none.csv'"),
        ((FEED, "--sample", "/dev/zero"), "there is no plain file '/dev/zero'"),
        ((FEED, "--rows", "0"), "not in the range"),
    ],
)
def test_a_wrong_call_is_a_usage_error(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    done = shell.feeds("preview", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.talk


def test_a_wide_terminal_is_used(shell: Shell) -> None:
    path = shell.put("a.csv", sale("1", Note="x" * 60) | {"Note": "y" * 60})
    shell.environment["COLUMNS"] = "200"
    assert "y" * 60 in previewed(shell, path).out
    shell.environment["COLUMNS"] = "80"
    assert f"{'y' * 20}" in previewed(shell, path).out
    assert f"  {'y' * 60}  " not in previewed(shell, path).out


# --- documents --------------------------------------------------------------------------------


def test_sections_joins_lists_and_elements_are_shown(till: Shell) -> None:
    visits = [{"order": "9", "stops": [{"id": "s1", "day": "2024-05-02"}, {"id": "", "day": "2024-05-03"}]}]
    path = till.write("a.json", document(order("1"), order("2", status="open"), visits=visits))
    found = as_json(till, path, feed="acme/shop-orders")
    first, second, third = found["rows"]
    assert (first["stream"], first["verdict"]) == ("orders", "stored")
    assert first["contact"]["lastName"] == "Vale", "the person is joined to the order"
    assert (second["stream"], second["verdict"]) == ("orders", "filtered")
    assert second["message"] == "orders: `if` does not hold: `status == 'closed'`"
    assert (third["stream"], third["verdict"]) == ("visits", "stored")
    assert [each["key"] for each in third["activities"]] == ["9|s1"]
    (warning,) = third["warnings"]
    assert warning["field"] == "stops[1].stop"
    fields = {each["field"]: each for each in found["fields"]}
    assert fields["orders.lines.sku"]["examples"] == ["A1", "B2"]
    assert fields["orders.note"]["examples"] == ["order 1", "order 2"]
    assert fields["visits.stops.stop"]["bad"] == 50.0
    assert till.feeds("preview", "acme/shop-orders", "--sample", str(path)).code == 3, "an element is kept back"


def test_a_path_that_never_matched_comes_with_near_names_of_the_data(till: Shell) -> None:
    path = till.write("a.json", document(order("1")))
    found = as_json(till, path, feed="acme/shop-orders")
    assert {each["field"]: (each["source"], each["near"]) for each in found["unmatched"]} == {
        "orders.email": ("who.emial", ["who.email"]),
        "orders.lines.price": ("cost", []),
    }
    told = previewed(till, path, feed="acme/shop-orders").out
    assert "never matched: orders.email reads who.emial; the records have who.email" in told


def test_a_missing_section_refuses_the_document_and_says_what_is_near(till: Shell) -> None:
    text = document(order("1")).replace('"orders"', '"order"')
    found = as_json(till, till.write("a.json", text), feed="acme/shop-orders")
    assert found["refused"]["code"] == "path.missing"
    near = {each["source"]: each["near"] for each in found["unmatched"] if each["field"] == "records.path"}
    assert near == {"data.orders": ["data.order"]}


def test_a_join_that_never_finds_is_told(till: Shell) -> None:
    found = as_json(till, till.write("a.json", document(order("1", personId=8))), feed="acme/shop-orders")
    assert "orders.records.join.who" in {each["field"] for each in found["unmatched"]}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": 1}', '{"data": null}', "[" * 9000, '{"a": 1, "a": 2}'])
def test_a_broken_document_is_told_in_words(till: Shell, text: str) -> None:
    done = previewed(till, till.write("a.json", text), feed="acme/shop-orders")
    assert done.code == 1
    assert "REFUSED" in done.out
    assert "fault in the engine" not in done.talk


FORMATS = {
    "jsonl": ("{format: jsonl}", '{"No": "1"}\n\n{"No": ""}\n[]\n', ["stored", "quarantined", "quarantined"]),
    "xml": ("{format: xml, lists: [Row]}", "<T><Row><No>1</No></Row><Row/></T>", ["stored", "quarantined"]),
    "lines": ("{format: lines}", "1\n2\n", ["stored", "stored"]),
    "form": ("{format: form}", "No=1&x=2", ["stored"]),
    "fixedWidth": (
        "{format: fixedWidth, columns: [{name: No, start: 1, width: 3}]}",
        "1  \n2 xx\n",
        ["stored", "quarantined"],
    ),
}


@pytest.mark.parametrize(("decode", "content", "verdicts"), FORMATS.values(), ids=FORMATS)
def test_every_format_can_be_looked_at(shell: Shell, decode: str, content: str, verdicts: list[str]) -> None:
    name = "{column: No, required: true}"
    if "fixedWidth" not in decode:
        name = f"{{path: {'line' if 'lines' in decode else 'No'}, required: true}}"
    path = "records: {path: Row}\n" if "xml" in decode else ""
    head = "version: 1\nkind: feed\ntitle: x\ntransport: {type: file, directory: x, filename: x}\n"
    rest = f"fields: {{number: {name}}}\nactivities: [{{type: sale, key: [[number]], state: recorded}}]\n"
    shell.write("feeds/vendors/shop/sales.yaml", f"{head}decode: {decode}\n{path}{rest}")
    sample = shell.write("sample", content)
    assert [row["verdict"] for row in as_json(shell, sample)["rows"]] == verdicts
    assert previewed(shell, sample).out


# --- live -------------------------------------------------------------------------------------


@pytest.fixture
def far(tmp_path: Path, shell: Shell) -> Iterator[SftpServer]:
    """The feed's files on an SFTP server, from which it takes what it has stored."""
    root = tmp_path / "far"
    (root / "out").mkdir(parents=True)
    with SftpServer(root) as server:
        login = f"username: {USERNAME}, auth: {{type: password, password: '${{secret.PASSWORD}}'}}"
        place = f"host: 127.0.0.1, port: {server.port}, hostKey: '${{secret.KEY}}', directory: out"
        text = (shell.home / "feeds/vendors/shop/sales.yaml").read_text(encoding="utf-8")
        transport = (
            f"transport: {{type: sftp, {place}, {login}, filename: '*.csv', settle: 0s, deleteFromServer: true}}"
        )
        shell.write("feeds/vendors/shop/sales.yaml", re.sub(r"^transport: .*$", transport, text, flags=re.M))
        shell.environment |= {"FEEDS_SECRET_PASSWORD": str(server.password), "FEEDS_SECRET_KEY": server.fingerprint}
        yield server


def test_the_oldest_file_that_waits_is_shown_and_nothing_is_touched(shell: Shell, far: SftpServer) -> None:
    for name, number in (("b.csv", "2"), ("a.csv", "1")):
        shell.put("x.csv", sale(number)).rename(far.root / "out" / name)
    done = shell.feeds("preview", FEED, "--format", "json")
    assert done.code == 0
    assert done.json()["source"]["name"] == "a.csv"
    assert sorted(path.name for path in (far.root / "out").iterdir()) == ["a.csv", "b.csv"]
    assert not far.requests["rename"] + far.requests["posix_rename"] + far.requests["remove"]
    tables = ("deliveries", "runs", "sightings", "cursors", "feeds", "contacts", "activities", "leases")
    assert {name: shell.rows(f"SELECT * FROM {name}") for name in tables} == {name: [] for name in tables}  # noqa: S608
    assert [path for path in (shell.home / "state").rglob("*") if path.is_file()] == []
    assert shell.feeds("run", "--all", "--format", "json").json()["feeds"][0]["inserted"] == 2


def test_where_nothing_waits_it_says_so(shell: Shell, far: SftpServer) -> None:
    done = shell.feeds("preview", FEED)
    assert (done.code, done.out) == (1, "")
    assert "no file of acme/shop-sales waits; give one with --sample" in done.talk


def test_a_file_that_was_imported_and_left_is_shown_as_such(shell: Shell) -> None:
    shell.imported(sale("1"))
    done = shell.feeds("preview", FEED, "--format", "json")
    assert done.json()["notes"] == [
        {"code": "file.taken", "message": "no file waits; this one has been imported already"}
    ]


def test_a_refused_login_is_code_4(shell: Shell, far: SftpServer) -> None:
    shell.environment["FEEDS_SECRET_PASSWORD"] = "canary-other"
    done = shell.feeds("preview", FEED)
    assert (done.code, done.out) == (4, "")
    assert "canary" not in done.talk


def test_no_row_of_a_preview_is_logged(shell: Shell) -> None:
    shell.put("a.csv", sale("1"))
    done = called({**shell.environment, "FEEDS_LOG_LEVEL": "debug"}, "preview", FEED)
    assert "robin.vale@example.com" in done.out
    assert "vale" not in done.talk.lower()
