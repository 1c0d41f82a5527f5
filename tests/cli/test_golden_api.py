"""`feeds test` where the feed asks an API: a script plays the other side, and everything above the socket is real."""

import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.cli.shell import DEALER, Done, Shell

API = "feeds/vendors/shop/api.yaml"
FEED = """\
version: 1
kind: feed
title: Sales of a shop, by its API
params: {token: {type: secret, required: true}}
transport:
  type: http
  baseUrl: https://api.example.com/v1
  auth: {type: bearer, token: '${params.token}'}
  request: {url: /sales, query: {since: '${window.from}'}}
  pagination: {type: offset, param: skip, size: 2, sizeParam: limit, total: total}
  incremental: {cursor: at, start: '2024-01-01', lookback: 1h}
  include:
    customer: {url: '/customers/${record.customer}', if: customer}
decode: {format: json}
records: {path: sales, onDuplicate: last}
fields:
  number:     {path: id, required: true}
  at:         {path: changed, type: dateTime, required: true}
  customerNo: {path: customer.id}
  lastName:   {path: customer.name}
  amount:     {path: total, type: money}
contact: {fields: {externalId: customerNo}}
activities: [{type: sale, key: [[number]], occurred: at, state: recorded}]
"""
# Two pages, and the customer whom two of the three sales name.
FIRST = """\
- request: {path: /v1/sales, query: {skip: 0, limit: 2}, headers: {Authorization: 'Bearer ${params.token}'}}
  response:
    json:
      total: 3
      sales:
        - {id: '7', customer: C1, changed: '2024-05-01T09:00:00Z', total: '4.50'}
        - {id: '8', changed: '2024-05-01T10:00:00Z', total: 3}
- request: {path: /v1/customers/C1}
  response: {json: {id: C1, name: Vale}}
"""
SECOND = """\
- request: {path: /v1/sales, query: {skip: 2}}
  response: {json: {total: 3, sales: [{id: '9', customer: C1, changed: '2024-05-02T09:00:00Z', total: 9}]}}
"""
NONE = "- response: {json: {total: 0, sales: []}}\n"
GIVEN = "now: '2024-05-03T12:00:00Z'\n"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path, "")
    made.write("feeds/dealers/acme.yaml", DEALER.partition("feeds:")[0] + "feeds: []\n")
    (tmp_path / "feeds/vendors/shop/sales.yaml").unlink()
    made.write(API, FEED)
    return made


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def block(name: str, http: str, expect: str, given: str = GIVEN) -> str:
    script = f"      http:\n{indented(http, 8)}" if http else ""
    return f"  - name: {name}\n    given:\n{indented(given, 6)}{script}    expect:\n{indented(expect, 6)}"


def ran(shell: Shell, *blocks: str, also: tuple[str, ...] = ()) -> Done:
    """What `feeds test` says of a definition with these tests."""
    text = (shell.home / API).read_text(encoding="utf-8").partition("tests:\n")[0]
    shell.write(API, f"{text}tests:\n{''.join(blocks)}")
    return shell.feeds("test", *also)


def line_of(shell: Shell, fragment: str) -> int:
    lines = (shell.home / API).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, start=1) if fragment in line)
    return number


def flat(done: Done) -> str:
    return " ".join(done.out.split())


# --- the whole path -------------------------------------------------------------------------


def test_pages_includes_login_and_cursor_are_real_and_no_socket_is_opened(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*ignored: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    expect = """\
counts: {read: 3, inserted: 3}
activities:
  - {key: '7', amount: 4.5, contact: {lastName: Vale}}
  - {key: '8', contact: null}
  - {key: '9', contact: {externalId: C1}}
requests: [{query: {since: '2024-01-01T00:00:00Z', skip: 0}}, {method: GET, path: /v1/customers/C1}, {query: {skip: 2}}]
state: {cursor: '2024-05-02T09:00:00Z'}
issues: []
"""
    done = ran(shell, block("a test", FIRST + SECOND, expect))
    assert done.code == 0, done.out


def test_a_cursor_that_is_given_is_where_the_feed_goes_on(shell: Shell) -> None:
    given = GIVEN + "state: {cursor: '2024-05-02T09:00:00Z'}\n"
    expect = "requests: [{query: {since: '2024-05-02T08:00:00Z'}}]\nstate: {cursor: '2024-05-02T09:00:00Z'}"
    assert ran(shell, block("a test", NONE, expect, given)).code == 0


def test_the_customers_of_a_page_are_asked_for_in_the_same_order_each_time(shell: Shell) -> None:
    numbers = range(40)
    rows = ", ".join(f"{{id: '{n}', customer: C{n}, changed: '2024-05-01T09:00:00Z'}}" for n in numbers)
    script = f"- response: {{json: {{total: 40, sales: [{rows}]}}}}\n" + "- response: {json: {}}\n" * len(numbers)
    order = ", ".join(f"{{path: /v1/customers/C{n}}}" for n in numbers)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads, if there were several, would overtake each other
    try:
        done = ran(shell, *(block(f"test {n}", script, f"requests: [{{path: /v1/sales}}, {order}]") for n in range(3)))
    finally:
        sys.setswitchinterval(interval)
    assert done.code == 0, done.out


def test_waits_pass_on_the_clock_of_the_test_alone(shell: Shell) -> None:
    began = time.monotonic()
    busy = "- response: {status: 429, headers: {Retry-After: 200}}\n"
    assert ran(shell, block("a test", busy + busy + NONE, "requests: 3")).code == 0
    assert time.monotonic() - began < 100
    later = busy.replace("200", "7200")
    assert ran(shell, block("a test", later, "error: transport.throttled\nrequests: 1")).code == 0
    assert "error: transport.throttled says that this is meant" in flat(ran(shell, block("a test", later, "held: 0")))


def test_a_login_that_is_asked_for_and_renewed_is_played_as_well(shell: Shell) -> None:
    login = (
        "{type: login, request: {method: POST, url: /login, form: {user: feeds, pass: '${params.token}'}}, "
        "tokenPath: session, inject: {in: query, name: session}}"
    )
    shell.edit(API, "{type: bearer, token: '${params.token}'}", login)
    script = """\
- request: {method: post, path: /v1/login, form: {user: feeds, pass: '${params.token}'}}
  response: {json: {session: first-one}}
- request: {path: /v1/sales}
  response: {status: 401}
- request: {path: /v1/login}
  response: {json: {session: second-one}}
"""
    expect = """\
requests: [{form: {pass: '***'}}, {query: {session: '***'}}, {path: /v1/login}, {query: {session: '***', limit: 2}}]
counts: {read: 0}
"""
    done = ran(shell, block("a test", script + NONE, expect))
    assert done.code == 0, done.out


def test_bodies_that_are_sent_and_rules_on_errors_are_looked_at(shell: Shell) -> None:
    shell.edit(
        API,
        "request: {url: /sales, query: {since: '${window.from}'}}",
        "request: {url: /find, json: {from: '${window.from:%Y}'}}",
    )
    shell.edit(API, "{type: offset,", "{type: offset, in: body,")
    shell.edit(API, "  include:", "  onError: [{if: body.fault, do: fail, message: body.fault}]\n  include:")
    fits = "- request: {method: POST, json: {from: '2024', skip: 0}}\n  response: {json: {fault: no such shop}}\n"
    assert ran(shell, block("a test", fits, "error: http.rule")).code == 0
    done = ran(shell, block("a test", fits.replace("'2024'", "'2023'"), "error: http.rule"))
    assert "json.from is 2024, not 2023" in flat(done)


def test_a_reply_that_is_text_is_utf_8_and_read_as_the_definition_says(shell: Shell) -> None:
    shell.edit(API, "{format: json}", "{format: xml, lists: [sale]}")
    shell.edit(API, "{path: sales, onDuplicate: last}", "{path: 'not_null(sale, `[]`)'}")
    shell.edit(API, ", total: total}", "}")
    shell.edit(API, "amount:     {path: total, type: money}", "note:       {path: about}")
    text = "<sales><sale><id>7</id><changed>2024-05-01T09:00:00Z</changed><about>caf\u00e9</about></sale></sales>"
    script = f"- response:\n    text: |\n      {text}\n- response: {{text: <sales/>}}\n"
    done = ran(shell, block("a test", script, "activities: [{key: '7', note: caf\u00e9}]\nrequests: 2"))
    assert done.code == 0, done.out


# --- what does not fit ----------------------------------------------------------------------

MISFITS = {
    "another page is asked for": (
        FIRST + SECOND.replace("skip: 2", "skip: 3"),
        "GET /v1/sales?since=2024-01-01T00:00:00Z&limit=2&skip=2 was asked for, and the script does not answer it; "
        "this is the nearest, /v1/sales?skip=3: query.skip is 2, not 3",
        "skip: 3",
    ),
    "another address is asked for": (
        FIRST.replace("customers/C1", "customer/C1") + SECOND,
        "GET /v1/customers/C1 was asked for, and the script does not answer it; this is the nearest",
        "customer/C1",
    ),
    "it is asked for twice": (
        FIRST,
        "this is the nearest, /v1/sales?skip=0&limit=2: query.skip is 2, not 0",
        "skip: 0",
    ),
    "the script is empty": (
        "",
        "limit=2&skip=0 was asked for, and the script does not answer it: it is empty",
        "- name: a test",
    ),
    "nobody asks for a reply": (
        FIRST + SECOND + "- request: {method: GET, path: /v1/more}\n  response: {}\n",
        "given.http[3] nobody asked for this: GET /v1/more",
        "/v1/more",
    ),
    "a parameter is not sent": (
        FIRST.replace("skip: 0", "page: 0") + SECOND,
        "query.page: it was not sent; there are since, limit, skip",
        "page: 0",
    ),
    "there is something else where a secret is looked for": (
        FIRST.replace("Authorization", "Accept") + SECOND,
        "headers.Accept is */*, not Bearer ${params.token}",
        "Accept",
    ),
    "a secret is not where it is looked for": (
        FIRST.replace("Authorization", "X-Token") + SECOND,
        "headers.X-Token: it was not sent",
        "X-Token",
    ),
}


@pytest.mark.parametrize(("script", "told", "at"), MISFITS.values(), ids=MISFITS)
def test_what_the_script_does_not_fit_is_told_at_its_line_and_nothing_else(
    shell: Shell, script: str, told: str, at: str
) -> None:
    done = ran(
        shell,
        block(
            "a test", script, "counts: {read: 3}\nstate: {cursor: nowhere}" if "/v1/more" not in script else "held: 0"
        ),
    )
    assert done.code == 1
    assert told in flat(done)
    places = set(re.findall(r"api\.yaml:(\d+)  given", done.out))
    assert places == {str(line_of(shell, at))}
    assert "stands-in" not in done.out


UNEXPECTED = {
    "requests: 2": "requests expected 2 found 3",
    "requests: [{path: /v1/sales}, {path: /v1/customers/C2}, {}]": "requests[1].path expected /v1/customers/C2",
    "requests: [{}, {}]": "not expected: GET /v1/sales?since=2024-01-01T00:00:00Z&limit=2&skip=2",
    "requests: [{}, {}, {}, {path: /v1/more}]": "nobody asked for /v1/more; there were 3 requests",
    "requests: [{quary: {skip: 0}}, {}, {}]": "there is no such name; a request has method, path, query",
    "requests: [{headers: {authorization: me}}, {}, {}]": "expected me found ***",
}


@pytest.mark.parametrize(("expect", "told"), UNEXPECTED.items())
def test_requests_that_are_not_as_expected_are_told(shell: Shell, expect: str, told: str) -> None:
    done = ran(shell, block("a test", FIRST + SECOND, expect))
    assert done.code == 1
    assert told in flat(done)
    assert f"api.yaml:{line_of(shell, expect)}" in done.out


# --- update, and for programs ---------------------------------------------------------------


def test_update_brings_requests_up_to_date_and_fills_an_empty_expectation(shell: Shell) -> None:
    wrong = block("first", FIRST + SECOND, "requests: [{query: {skip: 1}}, {path: /v1/customers/C1}]")
    empty = block("second", FIRST + SECOND, "{}").replace("expect:\n      {}", "expect: {}")
    ran(shell, wrong, empty)
    assert shell.feeds("test", "--update").code == 0
    text = (shell.home / API).read_text(encoding="utf-8")
    assert "- {query: {skip: '0'}}\n        - {path: /v1/customers/C1}\n        - {method: GET, path: /v1/sales" in text
    assert "counts: {read: 3, inserted: 3}" in text
    assert "requests: 3" in text
    assert "left:" not in text


def test_update_leaves_a_test_whose_script_does_not_fit(shell: Shell) -> None:
    ran(shell, block("a test", FIRST, "counts: {read: 3}"), block("second", "", "{}"))
    before = (shell.home / API).read_bytes()
    done = shell.feeds("test", "--update")
    assert done.code == 1
    assert "not updated: a test: what the feed asks for is not what `given.http` answers" in done.talk
    assert "not updated: second" in done.talk
    assert (shell.home / API).read_bytes() == before


def test_a_misfit_is_told_to_programs_with_its_line(shell: Shell) -> None:
    report = shell.home / "report.xml"
    done = ran(shell, block("a test", FIRST, "held: 0"), also=("--format", "json", "--junit", str(report)))
    (told,) = done.json()["tests"][0]["differences"]
    assert (told["path"], told["line"]) == ("given.http[0]", line_of(shell, "skip: 0"))
    assert told["found"]["query"]["skip"] == "2"
    assert told["found"]["headers"]["authorization"] == "***"
    (failure,) = etree.parse(report).getroot()[0][0]
    assert (failure.tag, "was asked for" in failure.get("message")) == ("failure", True)


# --- case folders ---------------------------------------------------------------------------


def case(shell: Shell, expected: str, *days: str) -> None:
    """A case folder whose days are scripts."""
    entry = "feeds: [{uses: shop/api, params: {token: '${secret.TOKEN}'}}]\n"
    shell.write("tests/feeds/shop/api/two-days/dealer.yaml", DEALER.partition("feeds:")[0] + entry)
    shell.write("tests/feeds/shop/api/two-days/expected.json", expected)
    for number, script in enumerate(days, start=1):
        shell.write(f"tests/feeds/shop/api/two-days/day{number}/http.yaml", script)


def test_a_case_folder_has_a_script_for_each_day(shell: Shell) -> None:
    runs: list[dict[str, Any]] = [{"read": 3, "inserted": 3}, {"read": 1, "updated": 1}]
    counts = ", ".join(f'{{"acme/shop-api": {str(each).replace(chr(39), chr(34))}}}' for each in runs)
    start = '"now": "2024-05-03T12:00:00Z", "requests": 4'
    expected = (
        f'{{{start}, "runs": [{counts}], "activities": [{{"key": "7"}}, {{"key": "8"}}, {{"key": "9", "amount": 10}}]}}'
    )
    later = SECOND.replace("skip: 2", "since: '2024-05-02T08:00:00Z'").replace("total: 3", "total: 1")
    later = later.replace("customer: C1, ", "").replace("total: 9}", "total: 10}").replace("05-02T09", "05-03T09")
    case(shell, expected, FIRST + SECOND, later)
    done = shell.feeds("test")
    assert done.code == 0, done.out
    case(shell, expected, FIRST + SECOND, later.replace("08:00:00Z", "09:00:00Z"))
    done = shell.feeds("test")
    assert done.code == 1
    assert "two-days/day2/http.yaml:1  given.http[0]" in done.out


def test_a_mistake_in_the_script_of_a_day_has_its_line(shell: Shell) -> None:
    case(shell, '{"runs": []}', "- request: {path: /v1/sales}\n  respons: {}\n")
    done = shell.feeds("test")
    assert done.code == 1
    assert "day1/http.yaml:2: unknown key `respons`" in flat(done)
