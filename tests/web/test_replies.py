"""Requests that ask for something, over HTTP: answered after what they bring has come in, whoever dies on the way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.store import database, forgetting, leases
from tests.cli.shell import ROOT, Shell
from tests.web.receiver import Answer, Server, _port, serving

TOKEN = "canary-reply-token"
ORDER = """\
version: 1
kind: activity
name: order
label: Order
category: other
date: {label: Day}
states: [recorded]
fields:
  amount: {label: Amount, type: money}
  notes: {label: Notes, type: list, fields: {id: {label: Id, type: string}, text: {label: Text, type: string}}}
"""
BROUGHT = """\
version: 1
kind: feed
title: Orders that a till sends
transport:
  type: webhook
  endpoint: till/${dealer.name}
  verify: [{type: token, in: path, token: '${secret.TILL}'}]
  dedupe: {by: [body.id]}
decode: {format: json}
fields:
  number: {path: number, required: true}
  amount: {path: amount, type: money}
  notes:  {path: notes, type: list, fields: {id: {path: id}, text: {path: text}}}
activities: [{type: order, key: [[number]], state: recorded}]
"""
SAID = """\
version: 1
kind: export
title: What is known of an order
transport:
  type: reply
  endpoint: till/${dealer.name}
  verify: [{type: token, in: path, token: '${secret.TILL}'}]
  dedupe: {by: [body.id]}
  acknowledged: body.has
find: {type: order, key: [body.number], onNone: empty}
encode: {format: json, numbers: [amount]}
fields:
  amount: {path: activity.fields.amount}
  seen: {text: 'asked ${body.id}'}
  notes: {each: activity.fields.notes, once: id, fields: {text: {path: text}}}
"""
ASKED = (
    SAID.replace("endpoint: till/${dealer.name}", "endpoint: asked/${dealer.name}\n  method: GET")
    .replace("token, in: path", "token, in: header, name: X-Token")
    .replace("body.", "query.")
    .replace("onNone: empty", "onNone: notFound")
    .replace("encode:", "exclude: {if: activity.key == 'R9'}\nencode:")
)
DEALER = """\
version: 1
kind: dealer
name: acme
title: Acme
timezone: America/New_York
feeds:
  - uses: shop/brought
exports:
  - uses: shop/said
  - uses: shop/asked
"""
# The server, which is killed when the first reply is about to be made: what came with the request is in by then.
KILLED = """\
import os, signal, sys
from engine.cli import main
from engine.web import replies
replies.Answering.answer = lambda self: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(main())
"""


@pytest.fixture
def till(tmp_path: Path, sqlite_url: str) -> Shell:
    return tilled(Shell(tmp_path, sqlite_url))


def tilled(shell: Shell) -> Shell:
    for name, text in {"activities/order": ORDER, "dealers/acme": DEALER}.items():
        shell.write(f"feeds/{name}.yaml", text)
    for name, text in {"brought": BROUGHT, "said": SAID, "asked": ASKED}.items():
        shell.write(f"feeds/vendors/shop/{name}.yaml", text)
    shell.environment |= {"FEEDS_SECRET_TILL": TOKEN}
    return shell


def told(server: Server, id: str, number: str = "R1", token: str = TOKEN, **more: object) -> Answer:
    return server.ask(f"/hooks/till/acme/{token}", json.dumps({"id": id, "number": number, **more}).encode())


def tell(server: Server, id: str, number: str = "R1", token: str = TOKEN, **more: object) -> Answer:
    return patiently(lambda: told(server, id, number, token, **more))


def ask(server: Server, query: str, token: str = TOKEN) -> Answer:
    headers = {"x-token": token}
    return patiently(lambda: server.ask(f"/hooks/asked/acme?{query}", method="GET", headers=headers))


def patiently(asks: Callable[[], Answer]) -> Answer:
    """As senders do: who is told that it takes too long, on a machine that has much to do, asks again."""
    while (answer := asks()).status == 503:
        pass
    return answer


def killed(till: Shell) -> Iterator[Server]:
    """`feeds serve` that dies between an import and its reply."""
    talk = till.home / "dying"
    environment = {**os.environ, **till.environment, "PYTHONPATH": str(ROOT)}
    with talk.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, "serve", "--port", "0"],
            env=environment, cwd=till.home, text=True, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        yield Server(process, _port(process, talk))
    finally:
        process.kill()
        process.wait()


def test_killed_between_import_and_reply_the_same_request_is_answered_after_all(till: Shell) -> None:
    answered_after_all(till)


@pytest.mark.nightly
def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    answered_after_all(tilled(Shell(tmp_path, postgres_url)))


def answered_after_all(till: Shell) -> None:
    for dying in killed(till):
        with pytest.raises(OSError):
            tell(dying, "e1", amount="12.50")
        assert dying.process.wait(20) == -signal.SIGKILL
    assert till.rows("SELECT state FROM activities") == [("recorded",)], "what it brought is in"
    with serving(till) as server:
        answer = tell(server, "e1", amount="12.50")
        assert (answer.status, json.loads(answer.body)) == (200, {"amount": 12.5, "seen": "asked e1"})
        assert b'"amount":12.50' in answer.body
        assert till.rows("SELECT count(*) FROM activities") == [(1,)]
        assert tell(server, "e1", amount="99").body == answer.body, "the same request, whatever else it says"
        assert json.loads(tell(server, "e2", amount="13.00").body)["amount"] == 13
        with ThreadPoolExecutor(4) as several:
            bodies = {future.result().body for future in [several.submit(tell, server, "e3") for _ in range(4)]}
        assert len(bodies) == 1
        assert till.rows("SELECT request, count(*) FROM replies GROUP BY request ORDER BY request") == [
            ("e1", 1),
            ("e2", 1),
            ("e3", 1),
        ]


def test_whoever_asks_is_verified_as_a_webhook_is_and_hears_nothing_else(till: Shell) -> None:
    with serving(till) as server:
        unknown = server.ask("/hooks/nobody/acme", method="GET")
        wrong = tell(server, "e1", token="wrong")
        assert (unknown.status, unknown.body) == (wrong.status, wrong.body) == (404, b'{"status":"unknown"}')
        assert (ask(server, "id=q1&number=R1", token="wrong").status, ask(server, "").status) == (401, 404)
        assert ask(server, "id=q1&number=R404").body == b'{"status":"none"}'
        assert server.ask("/hooks/asked/acme", method="POST").status == 405
        assert tell(server, "e1", number="").body == b'{"status":"accepted"}', "it names no order"
        assert json.loads(tell(server, "e2", notes=[{"id": 1, "text": "a"}, {"id": 2, "text": "b"}]).body)["notes"] == [
            {"text": "a"},
            {"text": "b"},
        ]
        assert json.loads(tell(server, "e3", "R9").body) == {"seen": "asked e3"}
        assert ask(server, "id=q9&number=R9").body == b"{}", "the export excludes it"
        noted = {"seen": "asked q2", "notes": [{"text": "a"}, {"text": "b"}]}
        assert json.loads(ask(server, "id=q2&number=R1").body) == noted
        assert json.loads(ask(server, "id=q3&number=R1").body)["notes"] == noted["notes"]
        assert json.loads(ask(server, "id=q4&number=R1&has=q3&has=nonsense").body) == {"seen": "asked q4"}
        shown = till.feeds("exports", "preview", "acme/shop-asked", "--format", "json").json()["activities"]
        assert [each["verdict"] for each in shown] == ["excluded", "goes"]
        assert [json.loads(each["payload"])["notes"] for each in shown[1:]] == [noted["notes"]]
        assert json.loads(ask(server, "number=R1").body) == {"seen": "asked "}, "without a name it is answered anew"
        assert json.loads(ask(server, "id=q3&number=R1").body)["notes"] == noted["notes"]
        engine = database.connect(till.database)
        lease = leases.take(engine, "acme/shop-brought", leases.this_process())
        late = told(server, "e9", amount="1.00")
        assert (late.status, late.headers["retry-after"], late.body) == (503, "1", b'{"status":"late"}')
        leases.release(engine, lease)
        assert json.loads(tell(server, "e9", amount="1.00").body)["amount"] == 1, "it was kept, and is taken up now"
        forgetting.forget(engine, datetime.now(UTC) + timedelta(days=91))
        engine.dispose()
        (kept,) = till.rows("SELECT count(*), count(payload), count(acknowledged_at) FROM replies")
        assert kept[0] > kept[2] == 1, "what has come stays known"
        assert kept[1] == 0, "what was said does not"
