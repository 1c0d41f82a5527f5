"""The flat glass flow, step by step: an appointment on a quote makes the lead, saves of the quote tell its price."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pytest

from engine.model import FeedReport
from engine.store import outbox
from tests.glass.room import HOOK, Room
from tests.hooks.room import Sent
from tests.simulators.crm import Crm
from tests.simulators.twilio import Twilio

BOOKED = "Sample Glass: your appointment is Wed, May 08 at 08:00 AM."
ORDERED = "quote became a work order"
NUMBERS = count(1)


class Quote:
    """One quote of the shop, of a customer of its own, and what was heard of it elsewhere."""

    def __init__(self, shop: Room) -> None:
        self.shop, number = shop, next(NUMBERS)
        self.id, self.last, self.phone = f"Q-{number}", f"Vale{number}", f"+1202555{100 + number:04}"

    def told(self, *events: Mapping[str, Any]) -> FeedReport:
        headers, path = {"x-token": HOOK}, "elmo/glass/flat"
        made = [json.dumps({**each, "orderId": self.id}).encode() for each in events]
        assert self.shop.calls(*(Sent(each, path=path, headers=headers) for each in made)) == [200] * len(made)
        return self.shop.run().feeds[0]

    def appointment(self, minute: int = 2, id: str = "1", **values: Any) -> dict[str, Any]:
        """Step 1, answered with OK."""
        sold_to = {"first": "Ana", "last": self.last, "primaryPhone": self.phone, "allowTexting": True}
        sold_to |= {"email": f"{self.last}@example.com", **values.pop("soldTo", {})}
        made = {"event": "appointment.created", "orderType": "Quote", "appointmentId": f"{self.id}-{id}"}
        made |= {"choice": "OK", "at": at(minute), "start": "2024-05-08T08:00:00-05:00"}
        return {**made, "soldTo": sold_to, **values}

    @property
    def leads(self) -> int:
        return len([each for each in self.shop.crm.leads if each["last"] == self.last])

    @property
    def bodies(self) -> list[str]:
        return [each.body for each in self.shop.texts.texts if each.to == self.phone]

    @property
    def heard(self) -> list[str]:
        return [each["trigger"] for each in self.shop.crm.triggers if each["order"] == self.id]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One for all: each quote is of a customer of its own."""
    home = tmp_path_factory.mktemp("flat")
    with Twilio() as texts, Crm() as crm:
        room = Room(home, f"sqlite:///{home}/feeds.db", texts, crm, "elmo/flat-glass")
        yield room
        room.world.engine.dispose()


@pytest.fixture
def quote(shop: Room) -> Quote:
    return Quote(shop)


def at(minute: int) -> str:
    return f"2024-05-06T09:{minute:02}:00-05:00"


def saved(minute: int, price: str = "412.5", choice: str = "Ready", tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Step 2."""
    return {"event": "quote.saved", "choice": choice, "price": price, "tags": list(tags), "at": at(minute)}


def lost(minute: int) -> dict[str, Any]:
    return saved(minute, choice="Not Ready", tags=("Lost Job",))


def converted(minute: int) -> dict[str, Any]:
    """Step 3."""
    return {"event": "quote.converted", "at": at(minute)}


def priced(price: str) -> str:
    return f"Sample Glass: the price of your quote is {price}."


def test_an_appointment_on_a_quote_makes_the_lead_also_after_one_that_was_cancelled(quote: Quote) -> None:
    assert quote.told(quote.appointment(choice="Cancel")).tally.filtered == 1
    assert (quote.leads, quote.bodies, quote.heard) == (0, [], [])
    quote.told(quote.appointment(4, "2"))
    assert (quote.leads, quote.bodies, quote.heard) == (1, [BOOKED], ["appointment booked"])


def test_each_save_answered_with_ready_tells_its_price_and_not_ready_tells_nothing(quote: Quote) -> None:
    quote.told(quote.appointment())
    quote.told(saved(5, choice="Not Ready"))
    assert quote.bodies == [BOOKED]
    quote.told(saved(6), saved(6), saved(7), saved(8, "1399"))
    assert quote.bodies == [BOOKED, priced("412.50"), priced("412.50"), priced("1399.00")]
    assert quote.leads == 1


def test_what_comes_before_its_lead_waits_for_it(quote: Quote) -> None:
    second = quote.appointment(10, "2", orderType="Work Order")
    assert quote.told(saved(5), second).tally.held == 4
    assert (quote.leads, quote.bodies) == (0, [])
    quote.told(quote.appointment())
    assert (quote.leads, sorted(quote.bodies)) == (1, sorted([BOOKED, BOOKED, priced("412.50")]))


def test_a_lost_job_has_its_own_trigger_and_ends_the_prices_until_the_tag_is_gone(quote: Quote) -> None:
    quote.told(quote.appointment(), saved(5))
    quote.told(lost(6))
    quote.told(saved(7, "99", tags=("Lost Job",)), lost(8))
    assert (quote.bodies, quote.heard) == ([BOOKED, priced("412.50")], ["appointment booked", "lost job"])
    quote.told(saved(9, "380"))
    assert quote.bodies[2:] == [priced("380.00")]


def test_a_work_order_is_sent_without_anybody_being_asked_and_its_appointment_is_told(quote: Quote) -> None:
    quote.told(quote.appointment(), saved(5), converted(9), converted(9))
    assert quote.heard == ["appointment booked", ORDERED]
    second = quote.appointment(10, "2", orderType="Work Order", start="2024-05-15T13:30:00-05:00")
    quote.told(second, {**second, "appointmentId": "3", "choice": "Cancel"})
    assert quote.bodies[2:] == ["Sample Glass: your appointment is Wed, May 15 at 01:30 PM."]
    assert (quote.leads, quote.heard[2:]) == (1, ["appointment booked"])


def test_without_a_phone_the_lead_goes_and_texts_do_not(quote: Quote) -> None:
    quote.told(quote.appointment(soldTo={"primaryPhone": "no phone"}), saved(5))
    assert quote.leads == 1
    texts = list(outbox.found(quote.shop.world.engine, "glass/texts-glass", limit=2))
    assert [(each["state"], each["message"]) for each in texts] == [("suppressed", "price"), ("suppressed", "booked")]


def test_whoever_says_stop_hears_no_price_and_the_crm_goes_on_hearing(quote: Quote) -> None:
    quote.told(quote.appointment())
    quote.shop.answers(quote.phone, "stop")
    quote.told(saved(5), converted(9))
    assert (quote.bodies, quote.heard) == ([BOOKED], ["appointment booked", ORDERED])
    (kept,) = outbox.found(quote.shop.world.engine, "glass/texts-glass", limit=1)
    assert kept["state"] == "suppressed" and "STOP" in kept["reason"]
