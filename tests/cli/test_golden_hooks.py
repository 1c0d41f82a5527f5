"""`feeds test` where requests arrive: taken in by the receiver's rules, and imported, fetched or stated by a run."""

from pathlib import Path

import pytest

from tests.cli.shell import DEALER, Done, Shell
from tests.cli.test_golden_api import block, flat

HOOK = "feeds/vendors/shop/hook.yaml"
FEED = """\
version: 1
kind: feed
title: Sales of a shop, as it tells of them
transport:
  type: webhook
  endpoint: shop/${dealer.name}
  verify: [{type: hmac, header: X-Signature, secret: '${secret.HOOK}'}, {equals: {body.shop: '7'}}]
  dedupe: {by: [body.event], keepFor: 7d}
decode: {format: json}
fields:
  number:   {path: id, required: true}
  at:       {path: at, type: dateTime, required: true}
  amount:   {path: total, type: money}
  note:     {context: trigger.headers.kind}
activities: [{type: sale, key: [[number]], occurred: at, state: recorded}]
"""
GIVEN = """\
now: '2024-05-03T12:00:00Z'
hooks:
  - json: {shop: '7', event: e1, id: A, at: '2024-05-03T11:00:00Z', total: 4.5}
    headers: {Kind: till}
  - {json: {shop: '7', event: e2, id: B, at: '2024-05-03T11:00:00Z', total: many}}
  - {json: {shop: '7', event: e1, id: C, at: '2024-05-03T11:00:00Z'}}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path, "")
    made.write("feeds/dealers/acme.yaml", DEALER.partition("feeds:")[0] + "feeds: []\n")
    (tmp_path / "feeds/vendors/shop/sales.yaml").unlink()
    made.write(HOOK, FEED)
    return made


def ran(shell: Shell, given: str, expect: str) -> Done:
    text = (shell.home / HOOK).read_text(encoding="utf-8").partition("tests:\n")[0]
    shell.write(HOOK, f"{text}tests:\n{block('a test', '', expect, given)}")
    return shell.feeds("test")


def test_requests_are_imported_each_once_and_no_signature_is_needed(shell: Shell) -> None:
    expect = """\
counts: {read: 2, inserted: 1, quarantined: 1}
activities: [{key: A, amount: 4.5, note: till}]
complete: [activities]
quarantine: [{code: money.unreadable, field: amount}]
"""
    done = ran(shell, GIVEN, expect)
    assert done.code == 0, done.out


TURNED_AWAY = {
    "a part of it is not as it has to be": (
        "{json: {shop: '8', event: e1, id: A}}",
        "it is turned away: what has to hold is that body.shop is 7",
    ),
    "nobody listens there": (
        "{endpoint: shop/other, json: {shop: '7'}}",
        "nobody listens at shop/other; the feed listens at shop/test-dealer",
    ),
    "nobody takes the method": (
        "{method: GET, query: {shop: '7'}}",
        "nobody takes a GET at shop/test-dealer; it is POST",
    ),
}


@pytest.mark.parametrize(("hook", "told"), TURNED_AWAY.values(), ids=TURNED_AWAY)
def test_a_request_that_nobody_takes_is_told_at_its_line(shell: Shell, hook: str, told: str) -> None:
    done = ran(shell, f"hooks:\n  - {hook}\n", "counts: {read: 0}")
    assert done.code == 1
    assert f"given.hooks[0] {told}" in flat(done)
    (number,) = [n for n, line in enumerate((shell.home / HOOK).read_text("utf-8").splitlines(), 1) if hook in line]
    assert f"hook.yaml:{number}  given.hooks[0]" in done.out
    assert shell.feeds("test", "--update").code == 1
    assert "counts: {read: 0}" in (shell.home / HOOK).read_text("utf-8")


def test_a_feed_of_files_that_listens_nowhere_says_so(shell: Shell) -> None:
    transport = FEED.partition("transport:")[2].partition("decode:")[0]
    shell.edit(HOOK, f"transport:{transport}", "transport: {type: file, directory: in, filename: '*.json'}\n")
    shell.edit(HOOK, "  note:     {context: trigger.headers.kind}\n", "")
    done = ran(shell, "hooks:\n  - {json: {shop: '7'}}\n", "counts: {read: 0}")
    assert "say its `endpoint`: the feed listens nowhere" in flat(done)


def test_a_case_folder_has_the_requests_of_each_day(shell: Shell) -> None:
    entry = "feeds: [{uses: shop/hook}]\n"
    folder = "tests/feeds/shop/hook/two-days"
    shell.write(f"{folder}/dealer.yaml", DEALER.partition("feeds:")[0] + entry)
    for day, (event, total) in enumerate((("e1", 4), ("e2", 5)), start=1):
        row = f"{{shop: '7', event: {event}, id: A, at: '2024-05-0{day}T11:00:00Z', total: {total}}}"
        shell.write(f"{folder}/day{day}/hooks.yaml", f"- json: {row}\n")
    runs = '{"acme/shop-hook": {"read": 1, "inserted": 1}}, {"acme/shop-hook": {"read": 1, "updated": 1}}'
    shell.write(f"{folder}/expected.json", f'{{"runs": [{runs}], "activities": [{{"key": "A", "amount": 5}}]}}')
    done = shell.feeds("test")
    assert done.code == 0, done.out
    shell.write(f"{folder}/day2/hooks.yaml", "- jsn: {}\n")
    assert "day2/hooks.yaml:1: unknown key `jsn`" in flat(shell.feeds("test"))
