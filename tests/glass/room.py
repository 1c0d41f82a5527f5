"""A glass shop with the definitions that ship: its events come in by webhook, texts go out to a server of ours.

The receiver is the real one, without a socket; the database, the runs, the outbox and the way to the texts' server are
those of the product. No event of the vendor is public: their shape is ours.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from engine import runner
from engine.cli.folders import PACKAGED
from engine.language import project
from engine.language.secrets import Secrets
from engine.model import RunReport
from engine.sending import rounds
from engine.web.server import Receiver
from engine.world import World, open_world
from tests.cli.shell import Done, called
from tests.hooks.room import Sent, answered
from tests.simulators import twilio
from tests.simulators.crm import Crm
from tests.simulators.twilio import Twilio

HOOK = "canary-glass-hook"
NOW = datetime(2024, 5, 6, 14, 2, 11, tzinfo=UTC)  # 9:02 at the shop
REVIEW = "https://reviews.example.com/glass"
DEALER = f"""\
version: 1
kind: dealer
name: glass
title: Sample Glass
timezone: America/Chicago
region: US
feeds:
  - {{uses: DEFINITION, params: {{hookToken: '${{secret.HOOK}}'}}}}
  - {{uses: twilio/replies, params: {{hookToken: '${{secret.HOOK}}'}}}}
exports:
  - uses: texts/glass
    params:
      sid: {twilio.SID}
      authToken: ${{secret.TEXTS}}
      from: '+1 555-555-0199'
      baseUrl: URL
      receiptsUrl: https://feeds.example.com/hooks/texts/glass/status
      reviewUrl: {REVIEW}
    override: {{transport: {{allowPrivate: [127.0.0.1]}}}}
  - uses: leads/adf
    params: {{url: CRM/leads}}
    override: {{transport: {{allowPrivate: [127.0.0.1]}}}}
  - uses: crm/appointments
    params: {{url: CRM/triggers, token: '${{secret.TEXTS}}'}}
    override: {{transport: {{allowPrivate: [127.0.0.1]}}}}
"""


class Clock:
    """Stands still unless it is moved, or somebody sleeps."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Room:
    def __init__(self, home: Path, database: str, texts: Twilio, crm: Crm, definition: str = "elmo/glass") -> None:
        self.home, self.texts, self.crm, self.clock = home, texts, crm, Clock()
        secrets = {"FEEDS_SECRET_HOOK": HOOK, "FEEDS_SECRET_TEXTS": twilio.TOKEN}
        folders = {"FEEDS_DIR": home / "feeds", "FEEDS_STATE_DIR": home / "state"}
        self.environment = {**secrets, **{name: str(path) for name, path in folders.items()}}
        self.environment["FEEDS_DATABASE_URL"] = database
        dealer = DEALER.replace("DEFINITION", definition).replace("URL", texts.url, 1).replace("CRM", crm.url)
        self.write(dealer)
        self.secrets = Secrets(secrets)
        self.database = database
        self.world = self.opened()
        self.notes: list[Any] = []

    def write(self, dealer: str) -> None:
        """The dealer's file; all else is what ships."""
        path = self.home / "feeds" / "dealers" / "glass.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dealer, encoding="utf-8")
        self.project = project.load(self.home / "feeds", PACKAGED)
        assert not [each for each in self.project.findings if each.severity == "error"], self.project.findings

    def opened(self) -> World:
        return open_world(self.database, self.home / "state", self.secrets, self.clock)

    def events(self, *events: Mapping[str, Any]) -> list[int]:
        """Send events of the shop's system; the statuses."""
        headers = {"x-token": HOOK}
        return self.calls(*(Sent(json.dumps(each).encode(), path="elmo/glass", headers=headers) for each in events))

    def answers(self, number: str, *words: str) -> None:
        """The owner of a number answers."""
        media, query = "application/x-www-form-urlencoded", {"token": HOOK}
        sent = []
        for count, word in enumerate(words):
            body = urlencode({"MessageSid": f"SM-{self.clock.at.isoformat()}-{count}", "From": number, "Body": word})
            sent.append(Sent(body.encode(), query, media=media, path="texts/glass/replies"))
        assert self.calls(*sent) == [200] * len(sent)
        self.run()

    def calls(self, *requests: Sent) -> list[int]:
        def now() -> datetime:
            self.clock.sleep(0.001)  # no two come at the same time
            return self.clock.now()

        told = lambda *note: self.notes.append(note)  # noqa: E731
        receiver = Receiver(self.world.inbox, lambda: self.project, lambda: self.secrets, now, told)
        assert receiver.look(), self.notes
        return asyncio.run(answered(receiver, requests))

    def run(self) -> RunReport:
        """Both feeds take up what waits; what is queued goes out."""
        feeds = list(self.project.feeds.values())
        return runner.run_feeds(feeds, self.world, feeds)

    def told(self, *events: Mapping[str, Any]) -> RunReport:
        assert self.events(*events) == [200] * len(events)
        return self.run()

    def send(self) -> None:
        rounds.of_project(self.project, self.world)

    def feeds(self, *arguments: str) -> Done:
        return called(self.environment, *arguments)

    def activities(self, kind: str) -> dict[str, dict[str, Any]]:
        found = self.feeds("activities", "search", "--type", kind, "--format", "jsonl").lines()
        return {each["key"]: each for each in found}

    def states(self, kind: str) -> dict[str, str]:
        return {key: each["state"] for key, each in self.activities(kind).items()}

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """The outbox, the oldest first."""
        return list(reversed(self.feeds("exports", "outbox", "--format", "jsonl", *arguments).lines()))

    def kept_back(self) -> list[str]:
        """Why what was not sent was not."""
        return [each["reason"] for each in self.items() if each["state"] in ("suppressed", "excluded")]


def lead(order: str = "E-1", at: str = "2024-05-06T09:02:11-05:00", **values: Any) -> dict[str, Any]:
    """The prompt of a lead answered with Ready."""
    sold_to = {
        **{"first": "Ana", "last": "Ruiz", "primaryPhone": "+15555550121", "allowTexting": True},
        **{"email": "ana.ruiz@example.com", "address": {"line1": "9 Sample St", "city": "Testville", "state": "TX"}},
    } | values.pop("soldTo", {})
    vehicle = {"year": 2020, "make": "Examplar", "model": "Comet", "vin": "1ZZCT77B5L4000606"}
    made = {"event": "lead.ready", "orderId": order, "orderType": "Quote", "choice": "Ready", "at": at}
    return {**made, "soldTo": sold_to, "vehicle": vehicle, "glass": [{"position": "W", "part": "DW09999GTY"}], **values}


def appointment(what: str, at: str, id: str = "A-1", order: str = "E-1", **values: Any) -> dict[str, Any]:
    """An appointment's prompt answered with OK: created, start_changed, completed."""
    made = {"event": f"appointment.{what}", "orderId": order, "appointmentId": id, "choice": "OK", "at": at}
    start = {"start": "2024-05-08T08:00:00-05:00"}
    return {**made, **start, **values}


def invoice(choice: str | None, at: str = "2024-05-08T10:00:00-05:00", order: str = "E-1") -> dict[str, Any]:
    return {"event": "order.invoiced", "orderId": order, "choice": choice, "at": at}


def void(at: str, *appointments: Mapping[str, Any], order: str = "E-1", sent: bool = True) -> dict[str, Any]:
    return {"event": "order.voided", "orderId": order, "appointments": list(appointments), "leadSent": sent, "at": at}
