"""StockTrac and AutoVitals' tablets, as those who call us: a point of sale with its orders, and a shop's tablets.

Nothing of either is public: no interface, no file, no message, and nothing real has been run against. What the vendor's
article says they do is kept to: what is sent when Save Estimate or Send to A/V is chosen, what is asked for each time a
repair order is opened, statuses by number, two products with versions of their own, a line of labor that is added in
StockTrac under the number that the shop has configured.

Ours by invention is everything about how that is said: JSON over HTTP with a token in `X-Token`, the names of events
and fields, `id` of a message, `requestId` of an opening and `acknowledged` (the openings whose answers have been
written down), and that what was not answered is sent again, byte for byte. Notes are told apart by their ids.

Time is `now`, which moves by a second with each message, so that everything is the same each time.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

NEWEST = {"configuration": "3.6.0.13", "pointOfSale": "3.6.0.56"}
_LATE = 503  # the answer takes too long: asked again
VIN = "1ZZTS24E7N1000101"


class Answer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


# (method, path with its query, body, headers) -> the answer
Ask = Callable[[str, str, bytes, dict[str, str]], Answer]


def job(
    id: str, category: str = "BRAKES", *kinds: str, package: str | None = None, technician: str | None = None
) -> Any:
    """A job with a line of each kind."""
    lines = [{"kind": kind, "partNo": f"{kind}-{id}", "qty": 1} for kind in kinds]
    return {"id": id, "package": package, "category": category, "technician": technician, "lines": lines}


@dataclass
class StockTrac:
    """A shop's StockTrac. `answers` are all that came back, in order."""

    ask: Ask
    dealer: str
    token: str
    versions: dict[str, str] = field(default_factory=lambda: dict(NEWEST))
    now: datetime = datetime(2022, 9, 21, 15, 0, tzinfo=UTC)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    _applied: list[str] = field(default_factory=list)  # openings whose answers have been written down
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def order(self, number: str, status: Any, *jobs: Any, **more: Any) -> dict[str, Any]:
        """An order as somebody edits it; nothing is sent."""
        customer = {"first": "Mina", "last": "Hart", "email": f"mina.{number}@example.com"}
        vehicle = {"vin": VIN, "plate": "TST0111", "odometerIn": 84210, "odometerOut": None}
        made = self.orders.setdefault(number, {"number": number, "customer": customer, "vehicle": vehicle, "jobs": []})
        made |= {"status": status, **({"jobs": list(jobs)} if jobs else {}), **more}
        return made

    def save(self, number: str, status: Any, *jobs: Any, **more: Any) -> Answer:
        """Save Estimate: the order is sent, and the lines of labor that the answer names are added to it."""
        made = self.order(number, status, *jobs, **more)
        answer = self._tell({"event": "save_estimate", "workOrder": {**made, "savedAt": self._time()}})
        said = json.loads(answer.body or b"{}")
        for each in said.get("jobs", ()):
            mine = next(one for one in made["jobs"] if one["id"] == each["id"])
            mine["lines"] = [*mine["lines"], *({**line, "qty": 1} for line in each["lines"])]
        return answer

    def appoint(self, number: str, start: str, **more: Any) -> Answer:
        """An appointment is made or changed."""
        made = {"number": number, "start": start, "savedAt": self._time(), **more}
        return self._tell({"event": "appointment", "appointment": made})

    def send_to_av(self, id: str, action: str, **more: Any) -> Answer:
        """Edit Employee, then Send to A/V."""
        told = {"id": id, "technician": True, "serviceAdvisor": False, **more}
        return self._tell({"event": "employee", "action": action, "sentAt": self._time(), "employee": told})

    def open(self, number: str, request: str | None = None, keeps: bool = True) -> Any:
        """A repair order is opened: what the other side knows is asked for, and written down where it `keeps` it.

        With `request` an opening that was not answered is asked for again.
        """
        name = request or f"open-{next(self._numbers)}"
        query = [("roNumber", number), ("requestId", name), *self.versions.items()]
        query += [("acknowledged", each) for each in self._applied]
        path = f"/hooks/stocktrac/{self.dealer}/opened?{urlencode(query)}"
        answer = self._asked("GET", path, b"")
        said = json.loads(answer.body)
        if answer.status == 200 and keeps:
            self._write(number, said)
            self._applied.append(name)
        return said

    def _write(self, number: str, said: Any) -> None:
        """What comes back goes into the order; a note is added as often as it comes."""
        made = self.orders.get(number, {"vehicle": {}})
        made["vehicle"] |= said.get("vehicle", {})
        for each in said.get("jobs", ()):
            mine = next(one for one in made["jobs"] if one["id"] == each["id"])
            mine["technician"] = each.get("technician", mine["technician"])
            mine.setdefault("shown", []).extend(note["text"] for note in each.get("notes", ()))

    def _tell(self, event: Any) -> Answer:
        body = {"id": f"{self.dealer}-{next(self._numbers)}", "versions": self.versions, **event}
        return self._asked("POST", f"/hooks/stocktrac/{self.dealer}", json.dumps(body).encode())

    def _asked(self, method: str, path: str, body: bytes) -> Answer:
        while (answer := self.ask(method, path, body, {"x-token": self.token})).status == _LATE:
            pass
        self.answers.append(answer)
        return answer

    def _time(self) -> str:
        self.now += timedelta(seconds=1)
        return self.now.isoformat()


@dataclass
class AutoVitals:
    """The tablets of the same shop."""

    ask: Ask
    dealer: str
    token: str
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def inspect(self, number: str, *jobs: Any, **vehicle: Any) -> Answer:
        """What was found at a vehicle, and of the jobs what was changed on a tablet."""
        name = f"tablet-{self.dealer}-{number}-{next(self._numbers)}"
        event = {"event": "inspection", "id": name, "roNumber": number, "vehicle": vehicle, "jobs": list(jobs)}
        path = f"/hooks/autovitals/{self.dealer}"
        return self.ask("POST", path, json.dumps(event).encode(), {"x-token": self.token})
