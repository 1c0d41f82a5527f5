"""Protractor's two interfaces for partners, as a server on loopback: Integration Services (JSON) and ExternalCRM (XML).

Nothing of the real system has been run against. Known from working clients of others: the headers `connectionId`,
`apiKey` and `authentication` (the formula from one of them); `{"ItemCollection": [...]}`, in nested lists as well;
`take` and `skip`; `startDate` and `endDate` as days; one XML document for everything, errors inside a 200, and
`CallThrottled` with its wait as HH:MM:SS in the text; `0001-01-01T00:00:00` where there is no date; four decimals in
XML; one object with one GUID, which is an estimate, then a work order, then an invoice; a package that stands among
the packages and the deferred ones at once; a webhook that is a GET of connectionId, type, id and operation, unsigned.

Measured by the authors of one client: rows of the work order list have no packages, and a closed order's work order
has lost them while its invoice has them.

Modelled by us, since nothing public says it: which date the window compares (`window_by`), the statuses of refusals,
the limit of a page, what is in `Payments`, how the XML sections are cut, operation `Insert`, type `Contact`.

It never changes by itself: time is `now`, which tests move, and every id comes from the seed.
"""

import base64
import hashlib
import hmac
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Self
from xml.sax.saxutils import escape

from tests.simulators.loopback import Answer, Asked, Loopback, as_json, sent

CONNECTION = "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"
KEY = "00112233-4455-6677-8899-AABBCCDDEEFF"  # invented, with CONNECTION the vector of the tests
NEVER = "0001-01-01T00:00:00"  # what the system writes where there is no date
_REST = ("/IntegrationServices/2.0", "/IntegrationServices/1.0")
_XML = ("/ExternalCRM/1.0/GetCRMData.ashx", "/ExternalCRM/1.0/Test/GetCRMData.ashx")
_EASTERN = timezone(timedelta(hours=-4))

Row = dict[str, Any]


def authentication(connection: str, key: str) -> str:
    """Base64 of HMAC-SHA1 over the connection id with the API key, both in lower case without hyphens."""
    plain = [text.replace("-", "").lower().encode() for text in (key, connection)]
    return base64.b64encode(hmac.new(plain[0], plain[1], hashlib.sha1).digest()).decode()


@dataclass(slots=True)
class Switches:
    """How it misbehaves. As it stands here it does what was measured, and nothing worse."""

    thin_work_orders: bool = True  # rows of the list have no packages
    empty_packages_when_closed: bool = True  # GET /WorkOrder/{id} of an invoiced order
    contacts_by_id: bool = False  # invoice rows hold ContactID and ServiceItemID alone
    window_by: str = "LastModifiedTime"  # or InvoiceTime: the date that startDate and endDate compare
    largest_page: int = 100
    throttled: int = 0  # so many XML calls are answered with CallThrottled
    throttled_for: str = "00:00:02"
    hidden: dict[str, int] = field(default_factory=dict)  # id: so many reads by id find nothing yet


class Protractor:
    """One shop. Enter it to have it at `url`; change it through its methods; `far.asked` is what was requested."""

    def __init__(self, connection: str = CONNECTION, key: str = KEY, seed: int = 1) -> None:
        self.connection, self.key = connection, key
        self.switches = Switches()
        self.now = datetime(2023, 3, 20, 8, 0, tzinfo=_EASTERN)
        self.far = Loopback(self._answer)
        self.contacts: dict[str, Row] = {}
        self.vehicles: dict[str, Row] = {}
        self.orders: dict[str, Row] = {}  # estimates, work orders and invoices
        self.appointments: dict[str, Row] = {}
        self._chance = random.Random(seed)  # noqa: S311  (ids that are the same in every run)
        self._numbers = {"WorkOrderNumber": 10411, "InvoiceNumber": 8840}
        self._location = self._guid()

    def __enter__(self) -> Self:
        self.far.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.far.__exit__(*error)

    @property
    def url(self) -> str:
        return self.far.url

    # --- what the shop does ------------------------------------------------------------------

    def add_contact(self, first: str = "Dana", last: str = "Okafor", **fields: Any) -> str:
        """A customer; `company="..."` makes it one whose name is nearly empty."""
        company = fields.pop("company", "")
        given = {"FirstName": "" if company else first, "LastName": "" if company else last}
        at = {
            "Street": "12 Sample Rd",
            "City": "Testville",
            "Province": "ON",
            "PostalCode": "A1A 1A1",
            "Country": "Canada",
        }
        row = {
            "FileAs": company or f"{last}, {first}",
            "Name": {"Title": "", "Prefix": "", "MiddleName": "", "Suffix": "", **given},
            "Address": {"Title": "Home", **at},
            "Company": company,
            "Phone1Title": "Mobile",
            "Phone1": "+1 (416) 555-0142",
            "Phone2Title": "",
            "Phone2": "",
            "EmailTitle": "",
            "Email": f"{first}.{last}@example.com".lower(),
            "NoEmail": False,
            "NoPostCard": False,
        }
        return self._add(self.contacts, row | fields)

    def add_vehicle(self, owner: str | None = None, **fields: Any) -> str:
        """A vehicle; `VIN=""` for one of a fleet that is known by its plate alone."""
        row = {
            "Type": "Vehicle",
            "Lookup": "TEST 123",
            "PlateRegistration": "ON",
            "VIN": "1ZZTS24E7N1000101",
            "Unit": "",
            "Color": "Blue",
            "Year": 2018,
            "Make": "Examplar",
            "Model": "Comet",
            "Submodel": "LX",
            "Usage": 84210,
            "ProductionDate": NEVER,
            "OwnerID": owner,
        }
        return self._add(self.vehicles, row | fields)

    def open_order(self, contact: str | None, vehicle: str | None, kind: str = "WorkOrder", **fields: Any) -> str:
        """A work order, or with `kind="Estimate"` an estimate. Packages come with `add_package` and `defer`."""
        row = {
            "Type": kind,
            "WorkflowStage": "InProgress",
            "WorkOrderNumber": self._number("WorkOrderNumber"),
            "InvoiceNumber": None,
            "ScheduledTime": self._stamp(),
            "PromisedTime": self._stamp(hours=32),
            "InvoiceTime": NEVER,
            "ContactID": contact,
            "ServiceItemID": vehicle,
            "Technician": {"Name": "Tech One"},
            "ServiceAdvisor": {"Name": "Advisor One"},
            "InUsage": 84210,
            "OutUsage": 0,
            "Note": "",
            "ServicePackages": {"ItemCollection": []},
            "DeferredServicePackages": {"ItemCollection": []},
            "Payments": {"ItemCollection": []},
            "LocationID": self._location,
        }
        return self._add(self.orders, row | fields)

    def add_package(self, order: str, title: str = "Oil service", total: float = 60.0, **fields: Any) -> str:
        return self._package(order, "ServicePackages", title, total, fields)

    def defer(self, order: str, title: str = "Front brake pads", total: float = 144.0, **fields: Any) -> str:
        """Put a recommendation under the order's Deferred Work; the id of its package."""
        return self._package(order, "DeferredServicePackages", title, total, fields)

    def defer_package(self, order: str, package: str) -> None:
        """Defer work that stands among the packages: it then stands in both, in the second one without lines."""
        (found,) = [each for each in self.orders[order]["ServicePackages"]["ItemCollection"] if each["ID"] == package]
        copy = found | {"ServicePackageLines": {"ItemCollection": []}}
        self.orders[order]["DeferredServicePackages"]["ItemCollection"].append(copy)
        self.change(order)

    def take_back(self, order: str, package: str) -> None:
        """Remove a recommendation from Deferred Work."""
        deferred = self.orders[order]["DeferredServicePackages"]
        deferred["ItemCollection"] = [each for each in deferred["ItemCollection"] if each["ID"] != package]
        self.change(order)

    def convert(self, order: str) -> None:
        """Convert to Work Order: the same object, the same id, deferred work and all."""
        self.change(order, Type="WorkOrder")

    def change(self, identity: str, **fields: Any) -> None:
        """Anything about an order, a contact, a vehicle or an appointment; its modification time moves."""
        table = next(each for each in self._tables() if identity in each)
        table[identity] |= fields
        table[identity]["Header"]["LastModifiedTime"] = self._stamp()

    def begin_posting(self, order: str) -> None:
        """The Post Invoice Wizard, left before its last Post: the stage moves, no invoice comes of it."""
        self.change(order, WorkflowStage="Completed")

    def post(self, order: str, paid: bool = True, stage: str = "Invoiced") -> None:
        """The wizard to its end. `paid=False` posts on account; shops may rename `stage`."""
        totals = self._summary(self.orders[order], 2)
        payments = [{"ID": self._guid(), "Amount": totals["GrandTotal"], "Method": "Card"}] if paid else []
        self.change(
            order,
            Type="Invoice",
            WorkflowStage=stage,
            InvoiceNumber=self._number("InvoiceNumber"),
            InvoiceTime=self._stamp(),
            OutUsage=84212,
            Payments={"ItemCollection": payments},
        )

    def void(self, order: str) -> None:
        self.change(order, WorkflowStage="Void")
        self.orders[order]["Header"]["DeletionTime"] = self._stamp()

    def book(self, contact: str | None, vehicle: str | None, at: datetime, **fields: Any) -> str:
        """An appointment of the calendar; it is found in the XML export only."""
        row = {
            "Type": "Appointment",
            "WorkflowStage": "Scheduled",
            "WorkOrderNumber": None,
            "ScheduledTime": at.isoformat(),
            "PromisedTime": (at + timedelta(hours=8)).isoformat(),
            "ContactID": contact,
            "ServiceItemID": vehicle,
            "Note": "Oil change",
            "LocationID": self._location,
        }
        return self._add(self.appointments, row | fields)

    def cancel(self, appointment: str) -> None:
        self.appointments[appointment]["Header"]["DeletionTime"] = self._stamp()
        self.change(appointment)

    def send(self, url: str, identity: str, operation: str = "Update", times: int = 1, kind: str = "") -> Sequence[int]:
        """The webhook for one object; `url` ends in the shop's token. `times`: 0 lost, 2 doubled."""
        tables = zip(self._tables(), ("Contact", "ServiceItem", "WorkOrder", "WorkOrder"), strict=True)
        kind = kind or next((name for table, name in tables if identity in table), "WorkOrder")
        query = {"connectionId": self.connection.replace("-", ""), "type": kind, "id": identity, "operation": operation}
        return sent(url, "GET", query, times=times)

    # --- what it answers ---------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Answer:
        if asked.path in _XML:
            return self._export(asked)
        base = next((each for each in _REST if asked.path.startswith(each + "/")), None)
        if base is None or asked.method != "GET":
            return _refused(404, "no such address")
        if not self._is_known(asked.headers):
            return _refused(401, "Authorization has been denied for this request.")
        words = [word for word in asked.path.removeprefix(base).split("/") if word]
        return self._resource(words, asked.query)

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        return (headers.get("connectionid"), headers.get("apikey"), headers.get("authentication")) == (
            self.connection,
            self.key,
            authentication(self.connection, self.key),
        )

    def _resource(self, words: list[str], query: Mapping[str, str]) -> Answer:
        rows = self._rows(words, query)
        if rows is not None:
            return self._listed(rows, query)
        row = self._one(words)
        return _refused(404) if row is None else as_json(row)

    def _rows(self, words: list[str], query: Mapping[str, str]) -> list[Row] | None:
        """What a list holds; None for an address that is none."""
        match words:
            case ["Location"]:
                return [{"ID": self._location, "Name": "Main"}]
            case ["Invoice"]:
                mine = query.get("serviceItemID")
                rows = [row for row in self._invoices() if mine in (None, row["ServiceItemID"])]
                return [self._invoice(row) for row in self._within(rows, query)]
            case ["ServiceItem", vehicle, "Invoice"]:
                return [self._invoice(row) for row in self._invoices() if row["ServiceItemID"] == vehicle]
            case ["WorkOrder"]:
                rows = [row for row in self.orders.values() if row["Type"] != "Invoice"]
                return [self._thin(row) for row in self._within(rows, query)]
            case ["ServiceItem", "Search", vin]:
                return [row for row in self.vehicles.values() if row["VIN"] == vin]
            case ["Contact", "Search", name]:
                return [row for row in self.contacts.values() if name in row["FileAs"]]
        return None

    def _one(self, words: list[str]) -> Row | None:
        match words:
            case ["Invoice", order]:
                row = self._read(order, self.orders)
                return self._invoice(row) if row is not None and row["Type"] == "Invoice" else None
            case ["WorkOrder", order]:
                row = self._read(order, self.orders)
                return self._work_order(row) if row is not None else None
            case ["ServiceItem", vehicle]:
                return self._read(vehicle, self.vehicles)
        return None

    def _read(self, identity: str, table: Mapping[str, Row]) -> Row | None:
        """One object by its id, unless it cannot be read yet: a webhook may come before its object."""
        left = self.switches.hidden.get(identity, 0)
        if left:
            self.switches.hidden[identity] = left - 1
            return None
        return table.get(identity)

    def _listed(self, rows: list[Row], query: Mapping[str, str]) -> Answer:
        skip, take = int(query.get("skip", 0)), int(query.get("take", self.switches.largest_page))
        return as_json({"ItemCollection": rows[skip : skip + min(take, self.switches.largest_page)]})

    def _invoices(self) -> list[Row]:
        return [row for row in self.orders.values() if row["Type"] == "Invoice"]

    def _within(self, rows: list[Row], query: Mapping[str, str]) -> list[Row]:
        """Rows whose day lies in the window, both ends included. Without a window: all of them."""
        first, last = query.get("startDate", "0001-01-01"), query.get("endDate", "9999-12-31")
        return [row for row in rows if first <= self._day(row) <= last]

    def _day(self, row: Row) -> str:
        moment = row.get(self.switches.window_by) or row["Header"]["LastModifiedTime"]
        return str(moment)[:10]

    def _invoice(self, row: Row) -> Row:
        shown = self._with_people(row)
        shown["Summary"] = self._summary(row, 2)
        return shown

    def _thin(self, row: Row) -> Row:
        shown = self._with_people(row)
        if self.switches.thin_work_orders:
            del shown["ServicePackages"], shown["DeferredServicePackages"]
        return shown

    def _work_order(self, row: Row) -> Row:
        shown = self._with_people(row)
        if row["Type"] == "Invoice" and self.switches.empty_packages_when_closed:
            shown["ServicePackages"] = {"ItemCollection": []}
        return shown

    def _with_people(self, row: Row) -> Row:
        shown = dict(row)
        if not self.switches.contacts_by_id:
            shown["Contact"] = self.contacts.get(row["ContactID"] or "")
            shown["ServiceItem"] = self.vehicles.get(row["ServiceItemID"] or "")
        return shown

    def _summary(self, row: Row, decimals: int) -> Row:
        lines = [line for package in row["ServicePackages"]["ItemCollection"] for line in _lines(package)]
        sums = {
            kind: sum(line["ExtendedTotal"] for line in lines if line["Type"] == kind) for kind in ("Part", "Labor")
        }
        net = sums["Part"] + sums["Labor"]
        charges = round(net * 0.13, 2)
        given = {"PartsTotal": sums["Part"], "LaborTotal": sums["Labor"], "SubletTotal": 0.0, "NetTotal": net}
        given |= {"OtherChargeTotal": charges, "GrandTotal": net + charges}
        return {name: round(value, decimals) for name, value in given.items()}

    # --- the XML export ----------------------------------------------------------------------

    def _export(self, asked: Asked) -> Answer:
        query = {name.lower(): value for name, value in asked.query.items()}
        known = [text.replace("-", "").lower() for text in (self.connection, self.key)]
        if [query.get(name, "").replace("-", "").lower() for name in ("connectionid", "apikey")] != known:
            return _xml(_dataset("InvalidConnectionID", "The connection is not known."))
        if self.switches.throttled:
            self.switches.throttled -= 1
            return _xml(_dataset("CallThrottled", f"Call throttled, try again in {self.switches.throttled_for}"))
        window = {"startDate": query.get("startdate", ""), "endDate": query.get("enddate", "9999-12-31")}
        invoices = self._within(self._invoices(), window)
        booked = self._within(list(self.appointments.values()), window)
        named = {row["ContactID"] for row in (*invoices, *booked)}
        people = {row["ID"]: row for row in self._within(list(self.contacts.values()), window)}
        people |= {each: self.contacts[each] for each in sorted(named & set(self.contacts))}
        units = {row["ServiceItemID"] for row in (*invoices, *booked)} & set(self.vehicles)
        sections = {
            "Contacts": list(people.values()),
            "ServiceItems": [self.vehicles[each] for each in sorted(units)],
            "Invoices": [self._flat(row) | {"Summary": _four(self._summary(row, 2))} for row in invoices],
            "Appointments": [self._flat(row) for row in booked],
        }
        return _xml(_dataset("", "", sections))

    def _flat(self, row: Row) -> Row:
        """An order as the export has it: names instead of objects, and no packages."""
        left_out = ("ServicePackages", "DeferredServicePackages", "Payments")
        shown = {name: value for name, value in row.items() if name not in left_out}
        return shown | {name: shown[name]["Name"] for name in ("Technician", "ServiceAdvisor") if shown.get(name)}

    # --- making rows -------------------------------------------------------------------------

    def _tables(self) -> tuple[dict[str, Row], ...]:
        return self.contacts, self.vehicles, self.orders, self.appointments

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _number(self, name: str) -> int:
        self._numbers[name] += 1
        return self._numbers[name]

    def _stamp(self, hours: float = 0) -> str:
        return (self.now + timedelta(hours=hours)).isoformat()

    def _add(self, table: dict[str, Row], row: Row) -> str:
        identity = str(row.get("ID") or self._guid())
        header = {"ID": identity, "CreationTime": self._stamp(), "DeletionTime": NEVER}
        header |= {"LastModifiedTime": self._stamp(), "LastModifiedBy": "DEMO\\counter1"}
        table[identity] = {"Header": header, "ID": identity} | row
        return identity

    def _package(self, order: str, collection: str, title: str, total: float, fields: Mapping[str, Any]) -> str:
        line = {"ID": self._guid(), "Type": "Labor", "Description": title, "Quantity": 1.0, "Price": total}
        package = {
            "ID": self._guid(),
            "Code": "",
            "Rank": 1,
            "ServicePackageHeader": {"Title": title, "Description": ""},
            "ServicePackageLines": {"ItemCollection": [line | {"ExtendedTotal": total}]},
        }
        self.orders[order][collection]["ItemCollection"].append(package | dict(fields))
        self.change(order)
        return str((package | dict(fields))["ID"])


def _lines(package: Row) -> list[Row]:
    return list(package["ServicePackageLines"]["ItemCollection"])


def _refused(status: int, message: str = "not found") -> Answer:
    return as_json({"Message": message}, status)


def _four(totals: Mapping[str, float]) -> Row:
    return {name: f"{value:.4f}" for name, value in totals.items()}


def _xml(document: str) -> Answer:
    return Answer(200, document.encode(), {"Content-Type": "text/xml; charset=utf-8"})


def _dataset(number: str, message: str, sections: Mapping[str, list[Row]] | None = None) -> str:
    header = f"<Header>{_element('ErrorNumber', number)}{_element('ErrorMessage', message)}</Header>"
    given = sections or {"Contacts": [], "ServiceItems": [], "Invoices": [], "Appointments": []}
    lists = [f"<{name}>{''.join(_element('Item', row) for row in rows)}</{name}>" for name, rows in given.items()]
    return f'<?xml version="1.0" encoding="utf-8"?><CRMDataSet>{header}{"".join(lists)}</CRMDataSet>'


def _element(name: str, value: Any) -> str:
    """A value as an element: an object as its children, a blank as an empty one."""
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(key, each) for key, each in value.items())}</{name}>"
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"
