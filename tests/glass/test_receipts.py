"""What the sender of texts tells later of each: through the real receiver, twice, in any order, early, by strangers."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.sending import receipts
from engine.store import outbox
from tests.glass.room import Room, appointment, lead
from tests.hooks.room import Sent
from tests.simulators.crm import Crm
from tests.simulators.loopback import Answer, Asked, as_json
from tests.simulators.twilio import Callback, Text, Twilio

EXPORT = "glass/texts-glass"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    home = tmp_path_factory.mktemp("receipts")
    with Twilio() as texts, Crm() as crm:
        room = Room(home, f"sqlite:///{home}/feeds.db", texts, crm)
        room.told(lead())
        yield room
        room.world.engine.dispose()


def text(shop: Room) -> Text:
    """One more text, to be told of."""
    number = next(NUMBERS)
    shop.told(appointment("created", f"2024-05-06T10:{number:02}:00-05:00", f"A-{number}"))
    return shop.texts.texts[-1]


def calls(shop: Room, *callbacks: Callback) -> list[int]:
    return shop.calls(*(sent(each) for each in callbacks))


def sent(callback: Callback) -> Sent:
    url, headers = urlsplit(callback.url), {"x-twilio-signature": callback.signature}
    path = url.path.removeprefix("/hooks/")
    media = "application/x-www-form-urlencoded"
    return Sent(callback.body, dict(parse_qsl(url.query)), media=media, path=path, headers=headers)


def newest(shop: Room) -> dict[str, Any]:
    (row,) = outbox.found(shop.world.engine, EXPORT, limit=1)
    return row


def waits(shop: Room) -> int:
    return shop.world.inbox.counts(EXPORT, ["texts/glass/status"])["waiting"]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (["queued"], "queued"),
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent", "queued", "delivered"], "delivered"),
        (["undelivered", "sent"], "undelivered"),
        (["failed", "failed", "delivered"], "failed"),
    ],
)
def test_a_receipt_says_what_became_of_a_text_and_its_last_word_stays(shop: Room, told: list[str], status: str) -> None:
    callbacks = shop.texts.tells(text(shop), *told)
    assert calls(shop, *callbacks) == [200] * len(told)
    shop.send()
    row = newest(shop)
    assert (row["state"], row["receipt_status"], waits(shop)) == ("sent", status, 0)


def test_people_are_told(shop: Room) -> None:
    calls(shop, *shop.texts.tells(text(shop), "undelivered"))
    assert not shop.feeds("exports", "send").code
    listed = shop.feeds("exports", "outbox", "--export", EXPORT, "--limit", "1").out
    shown = shop.feeds("exports", "show", str(newest(shop)["id"])).out
    assert "undelivered" in listed and "undelivered" in shown


def test_a_stranger_is_not_heard_and_learns_nothing(shop: Room) -> None:
    mine = text(shop)
    (right,) = shop.texts.tells(mine, "failed")
    (wrong,) = shop.texts.tells(mine, "failed", token="another")
    other = right._replace(body=right.body.replace(b"failed", b"delivered"))
    moved = right._replace(url=right.url.replace("item=", "item=1"))
    nowhere = right._replace(url=right.url.replace("status", "statuses"))
    assert calls(shop, wrong, other, moved, nowhere) == [401, 401, 401, 404]
    shop.send()
    assert newest(shop)["receipt_status"] == "201"


def test_a_receipt_that_comes_before_we_have_noted_the_text_waits_for_that(shop: Room) -> None:
    early: list[int] = []

    def before(asked: Asked) -> Answer | None:
        form = dict(parse_qsl(asked.body.decode()))
        coming = Text(f"SM{len(shop.texts.texts) + 1:032}", form["To"], "", "", form["StatusCallback"])
        early.extend(calls(shop, *shop.texts.tells(coming, "delivered")))
        receipts.settle([shop.project.exports[EXPORT]], shop.world)
        early.append(waits(shop))
        return None

    shop.texts.refuses = before
    text(shop)
    shop.texts.refuses = lambda asked: None
    assert early == [200, 1]
    assert (newest(shop)["receipt_status"], waits(shop)) == ("delivered", 0)


@pytest.mark.parametrize(("status", "state"), [(504, "uncertain"), (500, "dead")])
def test_a_receipt_tells_that_a_text_was_taken_which_was_answered_with_an_error(
    shop: Room, status: int, state: str
) -> None:
    forms: list[dict[str, str]] = []

    def broken(asked: Asked) -> Answer:
        forms.append(dict(parse_qsl(asked.body.decode())))
        return as_json({}, status)

    shop.texts.refuses = broken
    shop.told(appointment("created", "2024-05-06T11:00:00-05:00", f"A-{status}"))
    shop.texts.refuses = lambda asked: None
    assert newest(shop)["state"] == state
    taken = Text(f"SM-{status}", forms[0]["To"], "", "", forms[0]["StatusCallback"])
    calls(shop, *shop.texts.tells(taken, "delivered", "sent"))
    shop.send()
    row = newest(shop)
    assert (row["state"], row["receipt_id"], row["receipt_status"]) == ("sent", f"SM-{status}", "delivered")
    assert len(forms) == 1, "it was not sent again"


def test_a_receipt_of_nothing_that_was_sent_is_given_up_after_a_day(shop: Room) -> None:
    callback = f"https://feeds.example.com/hooks/texts/glass/status?item={newest(shop)['id']}"  # one that was sent
    strangers = [Text(sid, "", "", "", callback) for sid in ("SM-other", "")]
    before = newest(shop)
    assert calls(shop, *(each for text in strangers for each in shop.texts.tells(text, "wrong"))) == [200, 200]
    shop.send()
    assert (waits(shop), newest(shop)) == (2, before)
    shop.clock.at += timedelta(days=1, seconds=1)
    shop.send()
    assert waits(shop) == 0
