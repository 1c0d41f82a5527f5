"""The auto glass flow as its document says it, statement by statement, from the shop's event to the text."""

import re
from typing import Any

import pytest

from tests.glass.room import REVIEW, Room, appointment, invoice, lead, void

BOOKED = "Sample Glass: your appointment is Wed, May 08 at 08:00 AM."
MOVED = "Sample Glass: your appointment is now Wed, May 08 at 01:00 PM."
READY = "Sample Glass: your vehicle is done and ready to be picked up."
CANCELLED = "lead has cancelled their appointment"
AT = "2024-05-06T09:{:02}:00-05:00"
FUTURE = {"id": "A-1", "start": "2024-05-08T08:00:00-05:00", "sentToCrm": True}
PAST = {"id": "A-0", "start": "2024-05-01T08:00:00-05:00", "sentToCrm": True}


def moved(minute: int = 20, **values: Any) -> dict[str, Any]:
    times = {"from": "2024-05-08T08:00:00-05:00", "to": "2024-05-08T13:00:00-05:00"}
    return appointment("start_changed", AT.format(minute), **{**times, **values})


def booked(minute: int = 10, **values: Any) -> dict[str, Any]:
    return appointment("created", AT.format(minute), **values)


@pytest.mark.statement("EL-1")
@pytest.mark.parametrize("lack", [{"primaryPhone": None}, {"primaryPhone": ""}, {"allowTexting": False}])
def test_without_a_primary_phone_or_allow_texting_there_is_no_lead(shop: Room, lack: dict[str, Any]) -> None:
    report = shop.told(lead(soldTo=lack))
    assert report.feeds[0].tally.filtered == 1
    assert shop.activities("lead") == {} and shop.crm.leads == []


@pytest.mark.statement("EL-2")
def test_what_else_is_wanted_does_not_block_the_lead(shop: Room) -> None:
    bare = {"primaryPhone": "+15555550121", "allowTexting": True}
    event = {"event": "lead.ready", "orderId": "E-1", "choice": "Ready", "at": AT.format(2), "soldTo": bare}
    assert shop.told(event).feeds[0].outcome == "ok"
    assert shop.states("lead") == {"E-1": "open"}


@pytest.mark.statement("EL-3")
@pytest.mark.statement("EL-5")
def test_ready_sends_the_lead_and_from_then_on_the_customer_can_be_texted(shop: Room) -> None:
    shop.told(lead())
    assert [(each["first"], each["last"], each["phone"]) for each in shop.crm.leads] == [
        ("Ana", "Ruiz", "+15555550121")
    ]
    (contact,) = shop.feeds("contacts", "find", "Ruiz", "--format", "json").json()
    assert contact["consent"]["allowText"] is True
    shop.told(booked())
    assert [(each.to, each.body) for each in shop.texts.texts] == [("+15555550121", BOOKED)]


@pytest.mark.statement("EL-4")
def test_not_ready_sends_nothing_and_ready_may_follow(shop: Room) -> None:
    shop.told(lead(choice="Not Ready"))
    assert shop.activities("lead") == {} and shop.crm.leads == []
    shop.told(lead(at=AT.format(5)))
    shop.told(lead(at=AT.format(6), choice="Not Ready"))
    assert shop.states("lead") == {"E-1": "open"} and len(shop.crm.leads) == 1


@pytest.mark.statement("EL-3")
def test_a_second_ready_is_the_same_lead_updated(shop: Room) -> None:
    shop.told(lead())
    shop.told(lead(at=AT.format(30), soldTo={"email": "ana@example.com"}))
    assert len(shop.activities("lead")) == 1 and len(shop.crm.leads) == 1
    (contact,) = shop.feeds("contacts", "find", "Ruiz", "--format", "json").json()
    assert contact["emails"][-1] == "ana@example.com" or "ana@example.com" in contact["emails"]


@pytest.mark.statement("EL-6")
def test_an_appointment_before_its_lead_is_held_and_nobody_is_told_until_the_lead_is_there(shop: Room) -> None:
    report = shop.told(booked())
    assert report.feeds[0].tally.held == 2
    assert set(shop.states("appointment").values()) == {"held"} and shop.texts.texts == []
    shop.told(lead(at=AT.format(30)))
    assert shop.states("appointment") == {"A-1": "booked"}
    assert shop.texts.bodies == [BOOKED]


@pytest.mark.statement("EL-7")
def test_every_appointment_that_is_created_after_the_lead_counts(shop: Room) -> None:
    shop.told(lead())
    shop.told(booked(id="A-1"), booked(11, id="A-2", start="2024-05-09T08:00:00-05:00"))
    assert shop.states("appointment") == {"A-1": "booked", "A-2": "booked"}
    assert len(shop.texts.bodies) == 2 and shop.crm.heard == ["appointment booked"] * 2


@pytest.mark.statement("EL-8")
def test_ok_sends_the_appointment_and_texts_the_customer_in_the_shops_zone(shop: Room) -> None:
    shop.told(lead())
    shop.told(booked(start="2024-05-08T13:00:00Z"))
    assert shop.texts.bodies == [BOOKED]
    assert shop.crm.triggers[0]["appointment"] == {"id": "A-1", "start": "2024-05-08T08:00:00-05:00"}


@pytest.mark.statement("EL-9")
@pytest.mark.statement("EL-17")
@pytest.mark.parametrize("event", [booked(), moved(), appointment("completed", AT.format(40))])
def test_cancel_saves_there_and_sends_nothing_here(shop: Room, event: dict[str, Any]) -> None:
    shop.told(lead())
    report = shop.told({**event, "choice": "Cancel"})
    assert report.feeds[0].tally.filtered == 1
    assert shop.activities("appointment") == {} and shop.texts.texts == [] and shop.crm.heard == []


@pytest.mark.statement("EL-10")
@pytest.mark.statement("EL-11")
def test_an_invoice_completes_the_service_and_says_how_it_went(shop: Room) -> None:
    shop.told(lead(), invoice("Smile"))
    (done,) = shop.activities("completion").values()
    assert (done["key"], done["state"], done["fields"]["experience"]) == ("E-1", "recorded", "smile")
    assert done["contact"]["lastName"] == "Ruiz" and shop.crm.heard == ["service completed"]


@pytest.mark.statement("EL-12")
def test_a_smile_is_thanked_with_a_link_for_reviews(shop: Room) -> None:
    shop.told(lead(), invoice("Smile"))
    (text,) = shop.texts.bodies
    assert text.startswith("Thank you") and text.endswith(REVIEW)


@pytest.mark.statement("EL-13")
def test_a_frown_gets_words_without_any_link_or_mention_of_reviews(shop: Room) -> None:
    shop.told(lead(), invoice("Frown"))
    (text,) = shop.texts.bodies
    assert "sorry" in text
    assert not re.search(r"(?i)review|google|https?:|www\.|\.com|\.example", text)


@pytest.mark.statement("EL-13")
def test_a_frown_text_that_would_speak_of_reviews_is_not_sent(shop: Room) -> None:
    """What a dealer's title puts into the text counts as well: the rendered text is looked at."""
    file = shop.home / "feeds" / "dealers" / "glass.yaml"
    shop.write(file.read_text().replace("title: Sample Glass", "title: Review Glass"))
    shop.told(lead(), invoice("Frown"))
    assert shop.texts.texts == []
    (item,) = [each for each in shop.items("--export", "glass/texts-glass") if each["state"] == "suppressed"]
    assert "forbidden" in item["reason"] and "glass.yaml" in item["rule"]


@pytest.mark.statement("EL-11")
def test_an_invoice_without_an_answer_stands_as_pending_until_there_is_one(shop: Room) -> None:
    shop.told(lead(), invoice(None))
    assert shop.states("completion") == {"E-1": "pending"} and shop.texts.texts == []
    shop.told(invoice("Smile", at="2024-05-08T11:00:00-05:00"))
    assert shop.states("completion") == {"E-1": "recorded"} and len(shop.texts.bodies) == 1


@pytest.mark.statement("EL-14")
def test_a_void_cancels_what_lies_ahead_and_was_sent(shop: Room) -> None:
    shop.told(lead(), booked())
    shop.told(void(AT.format(50), FUTURE, PAST))
    assert shop.states("appointment") == {"A-1": "cancelled"}
    assert shop.crm.heard.count(CANCELLED) == 1


@pytest.mark.statement("EL-14")
@pytest.mark.parametrize(
    "event",
    [
        void(AT.format(50), PAST),
        void(AT.format(50)),
        void(AT.format(50), {**FUTURE, "sentToCrm": False}),
        void(AT.format(50), FUTURE, sent=False),
    ],
    ids=["past", "none", "never told of", "lead not sent"],
)
def test_a_void_of_anything_else_sends_nothing(shop: Room, event: dict[str, Any]) -> None:
    shop.told(lead())
    shop.told(event)
    assert shop.activities("appointment") == {} and CANCELLED not in shop.crm.heard


@pytest.mark.statement("EL-15")
def test_a_start_that_changed_alerts_the_customer_of_the_new_time(shop: Room) -> None:
    shop.told(lead(), booked())
    shop.told(moved())
    assert shop.texts.bodies == [BOOKED, MOVED]
    assert shop.activities("appointment")["A-1"]["occurred"] == "2024-05-08T18:00:00Z"
    assert shop.crm.heard == ["appointment booked", "appointment moved"]


@pytest.mark.statement("EL-15")
def test_a_start_that_changed_of_an_appointment_never_sent_is_a_new_one(shop: Room) -> None:
    shop.told(lead(), booked(choice="Cancel"))
    shop.told(moved())
    assert shop.texts.bodies == [MOVED] and shop.crm.heard == ["appointment booked"]


@pytest.mark.statement("EL-16")
def test_complete_tells_that_the_vehicle_is_ready(shop: Room) -> None:
    shop.told(lead(), booked(), appointment("completed", AT.format(40)))
    assert shop.states("appointment") == {"A-1": "completed"}
    assert shop.texts.bodies[-1] == READY and len(shop.texts.bodies) == 2


@pytest.mark.statement("EL-17")
def test_complete_and_invoice_are_two_texts_in_any_order(shop: Room) -> None:
    shop.told(lead(), booked(), invoice("Smile"), appointment("completed", AT.format(40)))
    assert len(shop.texts.bodies) == 3 and READY in shop.texts.bodies


def test_an_event_that_comes_twice_is_told_once(shop: Room) -> None:
    shop.told(lead(), lead(), booked(), booked())
    shop.told(booked())
    assert shop.texts.bodies == [BOOKED] and len(shop.crm.leads) == 1


def test_whoever_says_stop_is_told_nothing_more_whatever_the_shop_says_after_it(shop: Room) -> None:
    shop.told(lead(), booked())
    shop.answers("+15555550121", "Stop.")
    shop.told(lead(at=AT.format(30)), moved(), invoice("Smile"))
    assert shop.texts.bodies == [BOOKED]
    assert all("STOP" in reason for reason in shop.kept_back()) and len(shop.kept_back()) == 2
    assert "appointment moved" in shop.crm.heard, "the CRM goes on hearing"
    shop.answers("+15555550121", "start")
    shop.told(appointment("completed", AT.format(40)))
    assert shop.texts.bodies == [BOOKED, READY]


def test_a_stop_counts_for_everybody_at_that_number_also_for_whoever_comes_later(shop: Room) -> None:
    shop.told(lead(), lead("E-2", soldTo={"first": "Ben", "last": "Okoye", "email": "ben@example.com"}))
    shop.answers("+15555550121", "STOPALL")
    shop.told(lead("E-3", soldTo={"first": "Cy", "last": "Moss", "email": "cy@example.com"}))
    for order in ("E-1", "E-2", "E-3"):
        shop.told(booked(order=order, id=f"A-{order}"))
    assert shop.texts.texts == [] and len(shop.kept_back()) == 3


def test_a_stop_of_a_number_that_nobody_knows_is_kept_for_when_somebody_does(shop: Room) -> None:
    shop.answers("+15555550121", "stop")
    shop.told(lead(), booked())
    assert shop.texts.texts == [] and len(shop.kept_back()) == 1


@pytest.mark.parametrize("words", ["Yes please", "stop by tomorrow?", "cancel my appointment", "I never quit", ""])
def test_other_answers_stop_nothing(shop: Room, words: str) -> None:
    shop.told(lead())
    shop.answers("+15555550121", words)
    shop.told(booked())
    assert shop.texts.bodies == [BOOKED]


@pytest.mark.parametrize(
    "words", ["STOP", " stop! ", '"Stop"', "UNSUBSCRIBE", "Please stop texting me", "Stop sending these"]
)
def test_a_stop_is_heard_in_all_its_forms(shop: Room, words: str) -> None:
    shop.told(lead())
    shop.answers("+15555550121", words)
    shop.told(booked())
    assert shop.texts.texts == []


def test_allow_texting_taken_back_holds_texts_and_nothing_else(shop: Room) -> None:
    shop.told(lead())
    who = {"first": "Ana", "last": "Ruiz", "primaryPhone": "+15555550121", "allowTexting": False}
    shop.told({"event": "customer.changed", "at": AT.format(5), "soldTo": who})
    shop.told(booked())
    assert shop.texts.texts == [] and shop.crm.heard == ["appointment booked"]
    assert "consent" in shop.kept_back()[0]
