"""Texts of the night wait for the morning of the dealer's zone, and are judged anew then."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from engine.exported import Quiet
from engine.store import outbox
from tests.glass.room import Room, appointment, lead

NIGHT, NOON = Quiet(time(21), time(8)), Quiet(time(12), time(13))


def item(shop: Room) -> dict[str, object]:
    (row,) = outbox.found(shop.world.engine, "glass/texts-glass", limit=1)
    return {name: row[name] for name in ("state", "reason", "next_at")}


def test_a_text_of_the_night_waits_for_the_morning_and_a_stop_of_the_night_holds(shop: Room) -> None:
    shop.told(lead())
    shop.clock.at = datetime(2024, 5, 7, 2, 30, tzinfo=UTC)  # 21:30 at the shop
    shop.told(appointment("created", "2024-05-06T21:29:00-05:00"))
    waits = {"state": "queued", "reason": "quiet until 08:00 on the dealer's clock"}
    assert item(shop) == {**waits, "next_at": "2024-05-07T13:00:00.000000Z"}
    assert shop.crm.heard == ["appointment booked"], "a CRM sleeps at no time"
    shop.clock.at = datetime(2024, 5, 7, 12, 59, 58, tzinfo=UTC)
    shop.send()
    assert shop.texts.texts == []
    shop.clock.at = datetime(2024, 5, 7, 13, 0, tzinfo=UTC)
    shop.send()
    assert len(shop.texts.bodies) == 1 and item(shop)["reason"] is None
    shop.clock.at = datetime(2024, 5, 8, 3, 0, tzinfo=UTC)
    shop.told(appointment("created", "2024-05-07T21:59:00-05:00", "A-2"))
    shop.answers("+15555550121", "stop")
    shop.clock.at = datetime(2024, 5, 8, 14, 0, tzinfo=UTC)
    shop.send()
    assert len(shop.texts.bodies) == 1 and item(shop)["state"] == "suppressed"


def test_what_ends_when_it_begins_is_refused(shop: Room) -> None:
    file = shop.home / "feeds" / "dealers" / "glass.yaml"
    over = "override: {quiet: {until: '21:00'}, transport:"
    file.write_text(file.read_text().replace("override: {transport:", over, 1))
    done = shop.feeds("validate")
    assert done.code == 1 and "error[E025]" in done.out


@pytest.mark.parametrize(
    ("quiet", "local", "until"),
    [
        (NIGHT, "2024-05-06T20:59:59", None),
        (NIGHT, "2024-05-06T21:00:00", "2024-05-07T08:00:00-05:00"),
        (NIGHT, "2024-05-07T07:59:59", "2024-05-07T08:00:00-05:00"),
        (NIGHT, "2024-05-07T08:00:00", None),
        (NIGHT, "2024-03-09T22:00:00", "2024-03-10T08:00:00-05:00"),  # an hour is missing in that night
        (NIGHT, "2024-11-02T22:00:00", "2024-11-03T08:00:00-06:00"),  # one comes twice
        (NIGHT, "2024-12-31T23:00:00", "2025-01-01T08:00:00-06:00"),
        (NOON, "2024-05-06T11:59:59", None),
        (NOON, "2024-05-06T12:30:00", "2024-05-06T13:00:00-05:00"),
        (NOON, "2024-05-06T13:00:00", None),
    ],
)
def test_the_end_is_by_the_dealers_clock(quiet: Quiet, local: str, until: str | None) -> None:
    zone = ZoneInfo("America/Chicago")
    found = quiet.until(datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC), zone)
    assert (found and found.isoformat()) == until
