"""Shopmonkey's REST API, version 3, as a server on loopback, with the lists as badly behaved as they were measured.

Nothing of the real system has been run against. Measured by others, in April 2026, with the requests kept: the same
call twice gives other ids; `orderBy` on an id nearly sorts, on a date it does nothing, and `orderby` is a 400; a
`limit` above 100 is 100 without a word; `gte` filters and `$gte` is passed over without a word; ids come twice within
one reading; a list ends early, `hasMore` false while rows are missing.

Known from the vendor's pages and published models: paths, bearer login, `success`, `data` and `meta`, errors with
`code` and `documentation_url`, 429 with Retry-After; the fields and their types; order rows with ids only; e-mails and
phones below the customer; amounts in cents; header names and top-level body of a webhook.

Modelled by us, since nothing public says it: that `lt` works as `gte` does, that a list which fits a page is whole,
how far lists stray beyond the figures above, e-mails and phones read as lists, the rows of `deferred_service`, the
body of `/appointment/search`, the signature by the letter of Standard Webhooks, the statuses of refusals.

Every draw comes from the seed, and time is `now`, which tests move.
"""

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson

from tests.simulators.loopback import Answer, Asked, Loopback, as_json, sent

TOKEN = "invented-bearer-for-tests"
SECRET = "whsec_" + base64.b64encode(b"not-a-real-secret-just-a-test-01").decode()
_LARGEST = 100
_COMPARED = {
    "gte": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "lte": lambda one, other: one <= other,
    "lt": lambda one, other: one < other,
}

Row = dict[str, Any]


def signature(secret: str, identity: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, as standardwebhooks.com has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([identity.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(slots=True)
class Switches:
    """How it misbehaves. As it stands here it is as it was measured; `Switches.steady()` is what one would expect."""

    unstable: bool = True  # each call draws its rows anew
    clamps: bool = True  # a limit above 100 is 100; else it is a 400
    ends_early: bool = False  # a later page may be the last while rows are missing
    ignores_dollars: bool = True  # `$gte` is passed over without a word; else it is a 400
    throttled: int = 0  # so many calls are answered 429
    retry_after: str | None = "1"  # None: a 429 that says nothing
    missing: set[str] = field(default_factory=set)  # paths below /v3 that are 404, such as /customer/c1/phone

    @classmethod
    def steady(cls) -> Self:
        return cls(unstable=False)


class Shopmonkey:
    """One company. Enter it to have it at `url`; change it through its methods; `far.asked` is what was requested."""

    def __init__(self, token: str = TOKEN, seed: int = 1) -> None:
        self.token = token
        self.switches = Switches()
        self.now = datetime(2023, 3, 2, 17, 0, tzinfo=UTC)
        self.far = Loopback(self._answer)
        self.orders: dict[str, Row] = {}
        self.customers: dict[str, Row] = {}
        self.vehicles: dict[str, Row] = {}
        self.appointments: dict[str, Row] = {}
        self.emails: dict[str, Row] = {}
        self.phones: dict[str, Row] = {}
        self.services: dict[str, Row] = {}
        self._chance = random.Random(seed)  # noqa: S311  (the same rows in every run)
        self._numbers = 2070
        self._sent = 0

    def __enter__(self) -> Self:
        self.far.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.far.__exit__(*error)

    @property
    def url(self) -> str:
        return f"{self.far.url}/v3"

    # --- what the shop does ------------------------------------------------------------------

    def add_customer(self, first: str = "Dana", last: str = "Okafor", **fields: Any) -> str:
        """A customer with one e-mail and one phone; `email=None` or `phone=None` for one without."""
        email, phone = fields.pop("email", f"{first}.{last}@example.com".lower()), fields.pop("phone", "+14165550142")
        row = {
            "firstName": first,
            "lastName": last,
            "companyName": None,
            "customerType": "Customer",
            "address1": "12 Sample Rd",
            "address2": None,
            "city": "Testville",
            "state": "OH",
            "postalCode": "44101",
            "country": "US",
            "marketingOptIn": True,
            "preferredContactMethod": "All",
        }
        customer = self._add(self.customers, row | fields)
        if email:
            self.add_email(customer, email, primary=True)
        if phone:
            self.add_phone(customer, phone, primary=True)
        return customer

    def add_email(self, customer: str, email: str, primary: bool = False, subscribed: bool = True) -> str:
        return self._add(
            self.emails, {"customerId": customer, "email": email, "primary": primary, "subscribed": subscribed}
        )

    def add_phone(self, customer: str, number: str, primary: bool = False, opted_in: bool = True) -> str:
        row = {"customerId": customer, "number": number, "primary": primary, "type": "Mobile", "optIn": opted_in}
        return self._add(self.phones, row)

    def add_vehicle(self, **fields: Any) -> str:
        row = {
            "vin": "1ZZTS24E7N1000101",
            "year": 2018,
            "make": "Examplar",
            "model": "Comet",
            "submodel": "LX",
            "engine": None,
            "licensePlate": "TEST123",
            "licensePlateState": "OH",
            "mileage": 61250,
            "mileageUnit": "mi",
            "unit": None,
            "color": "Blue",
        }
        return self._add(self.vehicles, row | fields)

    def estimate(self, customer: str | None, vehicle: str | None, total: int = 48215, **fields: Any) -> str:
        """An order as it begins; `total` in cents. Nobody has changed it: its updatedDate is null."""
        self._numbers += 1
        row = {
            "publicId": f"p-{self._numbers}",
            "number": str(self._numbers),
            "status": "Estimate",
            "invoiced": False,
            "invoicedDate": None,
            "paid": False,
            "fullyPaidDate": None,
            "completedDate": None,
            "customerId": customer,
            "vehicleId": vehicle,
            "locationId": "64f0c0ffee0000000000f001",
            "emailId": None,
            "phoneNumberId": None,
            "name": "Oil service",
            "complaint": None,
            "recommendation": None,
            "mileageIn": 61250,
            "mileageOut": None,
            "totalCostCents": total,
            "paidCostCents": 0,
            "remainingCostCents": total,
            "deferredServiceCount": 0,
            "archived": False,
        }
        return self._add(self.orders, row | fields)

    def change(self, identity: str, **fields: Any) -> None:
        table = next(each for each in self._tables().values() if identity in each)
        table[identity] |= fields | {"updatedDate": self._stamp()}

    def to_repair_order(self, order: str) -> None:
        self.change(order, status="RepairOrder")

    def invoice(self, order: str) -> None:
        self.change(order, status="Invoice", invoiced=True, invoicedDate=self._stamp(), mileageOut=61252)

    def pay(self, order: str, cents: int | None = None) -> None:
        """Pay so much, or all that is left. Only what is paid in full is marked paid."""
        row = self.orders[order]
        paid = row["paidCostCents"] + (row["remainingCostCents"] if cents is None else cents)
        left = row["totalCostCents"] - paid
        is_paid = left <= 0
        full = self._stamp() if is_paid else None
        self.change(order, paidCostCents=paid, remainingCostCents=left, paid=is_paid, fullyPaidDate=full)

    def refund(self, order: str) -> None:
        total = self.orders[order]["totalCostCents"]
        self.change(order, paidCostCents=0, remainingCostCents=total, paid=False, fullyPaidDate=None)

    def close(self, order: str) -> None:
        """Invoice it and collect the payment."""
        self.invoice(order)
        self.pay(order)

    def defer(self, order: str, name: str = "Front brake pads", cents: int = 14400, reason: str = "Declined") -> str:
        """A service of the order that the customer put off."""
        row = {"orderId": order, "name": name, "note": "3 mm left", "totalCostCents": cents}
        row |= {"customerId": self.orders[order]["customerId"], "vehicleId": self.orders[order]["vehicleId"]}
        row |= {"deferredReason": reason, "deferredDate": self._stamp(), "recommended": True}
        service = self._add(self.services, row)
        self.change(order, deferredServiceCount=self.orders[order]["deferredServiceCount"] + 1)
        return service

    def book(self, customer: str | None, vehicle: str | None, start: datetime, **fields: Any) -> str:
        row = {
            "name": "Oil change",
            "note": "",
            "startDate": _written(start),
            "endDate": _written(start + timedelta(hours=1)),
            "allDay": False,
            "color": "blue",
            "confirmed": False,
            "pendingConfirmation": True,
            "cancelationNote": None,
            "customerId": customer,
            "vehicleId": vehicle,
            "orderId": None,
            "locationId": "64f0c0ffee0000000000f001",
            "useSMS": True,
            "useEmail": False,
            "rruleset": None,
            "removedFromRecurrency": False,
        }
        return self._add(self.appointments, row | fields)

    def delete(self, identity: str) -> None:
        """Softly: the row stays, with `deleted` and its day."""
        self.change(identity, deleted=True, deletedDate=self._stamp())

    # --- webhooks ----------------------------------------------------------------------------

    def webhook(
        self, identity: str, operation: str = "UPDATE", diff: Sequence[str] = (), old: bool = False
    ) -> dict[str, Any]:
        """The body for one row; `old` is that of the second version, which migrated shops keep sending."""
        table, row = next((name, rows[identity]) for name, rows in self._tables().items() if identity in rows)
        if old:
            body = {"eventId": f"evt-{identity}", "apiVersion": "2", "webhookId": "w1", "companyId": "co1"}
            return body | {"eventType": operation, "entity": table, "documentId": identity, "data": row}
        body = {"apiVersion": "3", "operation": operation, "table": table, "data": row}
        return body | ({"diff": list(diff)} if operation == "UPDATE" else {})

    def send(
        self,
        url: str,
        body: Mapping[str, Any],
        secret: str = SECRET,
        attempt: int = 1,
        identity: str | None = None,
        times: int = 1,
    ) -> Sequence[int]:
        """Send it, signed. A retry is the same `identity` with a higher `attempt`, signed at a new time."""
        self._sent += 1
        content = orjson.dumps(body)
        named = identity or f"msg_test_{self._sent:04}"
        timestamp = str(int(self.now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopmonkey (+https://shopmonkey.io)",
            "X-Attempt": str(attempt),
            "X-Request-Id": f"req-{self._sent}",
            "webhook-id": named,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(secret, named, timestamp, content),
            "webhook-version": "3",
        }
        return sent(url, "POST", headers=headers, body=content, times=times)

    # --- what it answers ---------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Answer:
        if not asked.path.startswith("/v3/"):
            return _error(404, "NOTF-000001", "not found")
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "AUTH-000001", "the API key is not valid")
        if self.switches.throttled:
            self.switches.throttled -= 1
            wait = {} if self.switches.retry_after is None else {"Retry_After": self.switches.retry_after}
            minute = {"X_RateLimit_Limit_Minute": "60", "X_RateLimit_Remaining_Minute": "0"}
            return _error(429, "RATE-000001", "too many requests", **wait, **minute)
        path = asked.path.removeprefix("/v3")
        if path in self.switches.missing:
            return _error(404, "NOTF-000002", "not found")
        return self._resource(asked, [word for word in path.split("/") if word])

    def _resource(self, asked: Asked, words: list[str]) -> Answer:
        match (asked.method, *words):
            case ("GET", ("order" | "appointment") as table):
                return self._list(list(self._tables()[table].values()), asked.query)
            case ("POST", "appointment", "search"):
                return self._search(asked.json)
            case ("GET", ("order" | "customer" | "vehicle" | "appointment") as table, identity):
                return _found(self._tables()[table].get(identity))
            case ("GET", "customer", customer, ("email" | "phone" | "deferred_service") as part):
                return self._below(customer, part)
            case ("GET", "customer", customer, ("email" | "phone") as part, identity):
                row = (self.emails if part == "email" else self.phones).get(identity)
                return _found(row if row is not None and row["customerId"] == customer else None)
            case ("GET", "order", order, "service"):
                return _all([row for row in self.services.values() if row["orderId"] == order])
        return _error(404, "NOTF-000004", "not found")

    def _below(self, customer: str, part: str) -> Answer:
        if customer not in self.customers:
            return _error(404, "NOTF-000005", "not found")
        table = {"email": self.emails, "phone": self.phones, "deferred_service": self.services}[part]
        return _all([row for row in table.values() if row["customerId"] == customer])

    def _search(self, wanted: Mapping[str, Any]) -> Answer:
        """By days and by customer, order or technician: nothing public says how these are written."""
        first, last = wanted.get("startDate", ""), wanted.get("endDate", "9")
        rows = [row for row in self.appointments.values() if first <= row["startDate"] < last]
        return _all([row for row in rows if wanted.get("customerId") in (None, row["customerId"])])

    # --- lists -------------------------------------------------------------------------------

    def _list(self, rows: list[Row], query: Mapping[str, str]) -> Answer:
        unknown = set(query) - {"limit", "skip", "where", "orderBy", "collate"}
        if unknown:
            return _error(400, "BOFF-97d5f9", f"unknown parameter: {', '.join(sorted(unknown))}")
        try:
            found = [row for row in rows if self._holds(orjson.loads(query.get("where", "{}")), row)]
        except (ValueError, TypeError) as error:
            return _error(400, "BOFF-97d5fa", f"where: {error}")
        limit, skip = int(query.get("limit", _LARGEST)), int(query.get("skip", 0))
        if limit > _LARGEST and not self.switches.clamps:
            return _error(400, "BOFF-97d5fb", "limit: at most 100")
        limit = min(limit, _LARGEST)
        page = self._ordered(found, query)[skip : skip + limit]
        more = skip + len(page) < len(found)
        if self.switches.ends_early and skip and more:
            page, more = page[: max(1, len(page) // 20)], False
        return as_json({"success": True, "data": page, "meta": {"total": len(found), "hasMore": more}})

    def _ordered(self, rows: list[Row], query: Mapping[str, str]) -> list[Row]:
        """As they were made; unstable, in an order drawn for this call. An id that is asked for nearly sorts it."""
        order = orjson.loads(query.get("orderBy", "{}"))
        by_id = "id" in order
        rows = sorted(rows, key=lambda row: str(row["id"]), reverse=order.get("id") == "desc") if by_id else list(rows)
        if not self.switches.unstable:
            return rows
        if not by_id or len(rows) > _LARGEST:
            self._chance.shuffle(rows)
        if by_id:
            rows[:_LARGEST] = sorted(rows[:_LARGEST], key=lambda row: str(row["id"]))
            for _ in range(min(3, len(rows) // 16)):
                at = self._chance.randrange(len(rows[:_LARGEST]) - 1)
                rows[at], rows[at + 1] = rows[at + 1], rows[at]
        return rows

    def _holds(self, where: Mapping[str, Any], row: Row) -> bool:
        for name, wanted in where.items():
            if not isinstance(wanted, dict):
                if row.get(name) != wanted:
                    return False
                continue
            for word, value in wanted.items():
                if word.startswith("$") and self.switches.ignores_dollars:
                    continue
                if word not in _COMPARED:
                    raise ValueError(f"unknown operator {word}")
                if row.get(name) is None or not _COMPARED[word](_moment(row[name]), _moment(value)):
                    return False
        return True

    # --- making rows -------------------------------------------------------------------------

    def _tables(self) -> dict[str, dict[str, Row]]:
        """By the name a webhook gives them."""
        return {
            "order": self.orders,
            "customer": self.customers,
            "vehicle": self.vehicles,
            "appointment": self.appointments,
            "email": self.emails,
            "phone_number": self.phones,
            "service": self.services,
        }

    def _stamp(self) -> str:
        return _written(self.now)

    def _add(self, table: dict[str, Row], row: Row) -> str:
        identity = str(row.get("id") or f"{self._chance.getrandbits(96):024x}")
        dates = {"createdDate": self._stamp(), "updatedDate": None, "deleted": False, "deletedDate": None}
        table[identity] = {"id": identity, **dates} | row
        return identity


def _moment(value: Any) -> Any:
    """A date as a date, whatever its precision; anything else as it is."""
    try:
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return value


def _written(moment: datetime) -> str:
    """In UTC with milliseconds, as every date of the API."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _all(rows: list[Row]) -> Answer:
    return as_json({"success": True, "data": rows, "meta": {"total": len(rows), "hasMore": False}})


def _found(row: Row | None) -> Answer:
    return _error(404, "NOTF-000003", "not found") if row is None else as_json({"success": True, "data": row})


def _error(status: int, code: str, message: str, **headers: str) -> Answer:
    told = {"success": False, "code": code, "message": message}
    return as_json(told | {"documentation_url": "https://shopmonkey.dev/errors"}, status, **headers)
