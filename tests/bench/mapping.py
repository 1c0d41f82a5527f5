"""How long mapping takes beside reading the same file: run `python -m tests.bench.mapping`.

Prints microseconds per record and ratios, medians of five interleaved rounds; never a gate.
"""

import csv
import gc
import io
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import jmespath

from engine.mapping import compile_mapping
from engine.mapping.compiler import compiled_path
from engine.model import Batch, Decoded, Feed, Field, FromField, KeyHash, KeyParts, StateCase, StateRule, Value
from tests.mapping.feeds import CONTEXT, activity, batch, column, feed, stream

RECORDS = 20_000
ROUNDS = 5
HEADER = (
    "DealNumber,CustomerNo,First.Name,Last.Name,Email,Home.Phone,Cell.Phone,Address,City,State,Zip,SoldDate,"
    "LastPayment,Amount.Financed,Sale.Price,Monthly Payment,Term,VIN,mfg,make,model,type,Year,Salesperson"
)


def sales(count: int) -> list[list[str]]:
    """Rows of 24 columns: 30% repeat customers, 15% without e-mail, three formats of phones, 1% damaged."""
    chance = random.Random(7).randrange
    text = io.StringIO()
    write = csv.writer(text).writerow
    for number in range(count):
        person = chance(int(count * 0.7))
        first, last = f"First{person % 900}", f"Last{person % 7000}"
        email = "" if person % 100 < 15 else f"{first}.{last}{person}@example.com"
        email = f" {email.upper()}" if person % 10 == 0 else email
        digits = f"{200 + person % 700}555{person % 10000:04}"
        form = ("{0}", "({1}) {2}-{3}", "{1}-{2}-{3}")[person % 3]
        home = form.format(digits, digits[:3], digits[3:6], digits[6:])
        cell = digits[:9] + str((int(digits[9]) + 1) % 10)
        sold = f"{1 + number % 12:02}/{1 + number % 28:02}/{2015 + number % 8}" if number % 100 else "13/45/2020"
        write(
            [
                *(f"D{number}", f"C{person}", first, last, email, home, cell, f"{person} Sample St", "Testville", "ME"),
                *("04401", sold, "02/15/2037", f"{chance(9000, 90000)}.{number % 100:02}", f"{chance(9000, 90000)}.00"),
                *(f"{chance(100, 900)}.{number % 100:02}", "180", vin(number), "Example RV Co", "Wanderbird"),
                *(f"29RL{number % 9}", "TT", str(2000 + number % 23), "Pat"),
            ]
        )
    return list(csv.reader(io.StringIO(text.getvalue())))


def vin(number: int) -> str:
    """A VIN whose check digit fits."""
    text = f"1ZZRV30C0P{number:07}"
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    letters = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
    values = [letters[each] if each in letters else int(each) for each in text]
    total = sum(value * weight for value, weight in zip(values, weights, strict=True))
    return text[:8] + "0123456789X"[total % 11] + text[9:]


FIELDS = (
    column("dealNumber", "DealNumber"),
    column("customerNo", "CustomerNo"),
    column("firstName", "First.Name", transforms=(("trim", {}),)),
    column("lastName", "Last.Name", transforms=(("trim", {}),)),
    column("email", "Email", type="email", on_error="blank"),
    column("phone", "Home.Phone", type="phone", on_error="blank"),
    column("phones", "Cell.Phone", type="phone", on_error="blank"),
    column("street", "Address"),
    column("city", "City"),
    column("state", "State"),
    column("postalCode", "Zip"),
    column("soldDate", "SoldDate", type="date", options={"formats": ["%m/%d/%Y", "%m/%d/%y"]}, required=True),
    column("finalPayment", "LastPayment", type="date", options={"formats": ["%m/%d/%Y"]}),
    column("amountFinanced", "Amount.Financed", type="money"),
    column("salePrice", "Sale.Price", type="money"),
    column("monthlyPayment", "Monthly Payment", type="money"),
    column("term", "Term", type="integer"),
    column("vin", "VIN", type="vin", on_error="warn"),
    column("manufacturer", "mfg"),
    column("make", "make"),
    column("model", "model"),
    column("unitType", "type"),
    column("year", "Year", type="integer"),
    column("salesperson", "Salesperson"),
    Field("cashPurchase", FromField("amountFinanced"), transforms=(("isBlank", {"zero": True}),), type="boolean"),
)
DETAILS = ("salePrice", "amountFinanced", "monthlyPayment", "finalPayment", "term", "cashPurchase", "salesperson")
PERSON = ("firstName", "lastName", "email", "phone", "phones", "street", "city", "state", "postalCode")
UNIT = ("vin", "manufacturer", "make", "model", "unitType", "year")
RECORDED = StateRule((StateCase(None, "recorded"),))
SALE = activity("dealNumber", KeyParts(("vin", "soldDate")), values=DETAILS, occurred="soldDate", state=RECORDED)
HASHED = activity(
    "dealNumber",
    KeyParts(("vin", "soldDate")),
    KeyHash(("customerNo", "soldDate", "vin")),
    values=DETAILS,
    occurred="soldDate",
    state=RECORDED,
)


def full(hashed: bool = False) -> Feed:
    """S1: contact, vehicle and one activity."""
    contact = [("externalId", "customerNo"), *((name, name) for name in PERSON)]
    vehicle = [(name, name) for name in UNIT]
    sale = HASHED if hashed else SALE
    return feed(stream(*FIELDS, contact=contact, vehicle=vehicle, activities=[sale]), nullValues=["", "N/A", "NULL"])


def plain() -> Feed:
    """S1b: one activity, nobody's."""
    return feed(stream(*FIELDS, activities=[activity("dealNumber", values=DETAILS, occurred="soldDate")]))


def mapper(feed: Feed, batches: list[Batch]) -> Callable[[], Value]:
    """A function that compiles and maps all rows, in batches as a run does."""

    def run() -> Value:
        mapping = compile_mapping(feed, Decoded(tuple(HEADER.split(",")), iter(())))
        kept = 0
        for each in batches:
            (portion,) = mapping.portions(each)
            ((_, made),) = mapping.map(portion, range(len(portion.rows)), CONTEXT)
            kept += len(made.records)
        return kept

    return run


ORDER: dict[str, Value] = {
    "id": "o1",
    "number": 40217,
    "status": "Invoice",
    "invoiced": True,
    "paid": True,
    "customer": {
        "firstName": "Mina",
        "lastName": "Hart",
        "emails": [{"email": "mina@example.com", "primary": True}],
        "phones": [{"number": "555-555-0111", "primary": False}, {"number": "555-555-0112", "primary": True}],
    },
    "vehicle": {"vin": "1ZZTS24E7N1000101", "year": 2020, "make": "Ex", "model": "Comet", "mileage": {"out": 84230}},
    "services": [
        {
            "id": f"s{number}",
            "name": f"Service {number}",
            "approval": "Approved" if number % 2 else "Declined",
            "cents": 1000 * number,
            "labors": [{"name": f"l{at}", "technician": {"id": f"T{at}"}} for at in range(2)],
        }
        for number in range(4)
    ],
}
EXPRESSIONS = (
    *("id", "number", "status", "vehicle.vin", "vehicle.year", "vehicle.make", "vehicle.model", "vehicle.mileage.out"),
    *("customer.firstName", "customer.lastName", "services[0].name", "length(services)", "sum(services[].cents)"),
    *("customer.emails[?primary].email | [0]", "customer.phones[?primary].number | [0]", "join(', ', services[].name)"),
    *("services[?approval == 'Approved'].name", "services[?approval == 'Declined'].{id: id, name: name}"),
    *("services[].labors[].technician.id", "invoiced && paid && status == 'Invoice'"),
)


def paths() -> dict[str, Callable[[], Value]]:
    """S5: twenty expressions on one nested order, by jmespath and as one compiled function."""
    expressions = [jmespath.compile(text) for text in EXPRESSIONS]
    compiled = compiled_path(f"[{', '.join(EXPRESSIONS)}]")
    return {
        "twenty expressions, jmespath": lambda: [expression.search(ORDER) for expression in expressions],
        "twenty expressions, compiled": lambda: compiled(ORDER),
    }


def medians(ways: Mapping[str, Callable[[], Value]], rounds: int, size: int) -> dict[str, float]:
    """Microseconds of processor time a record, each way in turn in every round."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            start = time.process_time()
            run()
            times[name].append((time.process_time() - start) / size * 1e6)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    rows = sales(RECORDS)
    text = "".join(",".join(row) + "\n" for row in rows)
    batches = [batch(rows[start : start + 5_000]) for start in range(0, RECORDS, 5_000)]
    ways = {
        "csv.reader alone": lambda: sum(1 for _ in csv.reader(io.StringIO(text))),
        "compiling alone": lambda: compile_mapping(full(), Decoded(tuple(HEADER.split(",")), iter(()))),
        "plain: one activity": mapper(plain(), batches),
        "full: contact, vehicle, activity": mapper(full(), batches),
        "full, with a hash in the key": mapper(full(hashed=True), batches),
    }
    gc.disable()  # as around a run's batches
    found = medians(ways, ROUNDS, RECORDS)
    for name, each in found.items():
        write(f"{name:34} {each:7.2f} us a record {each / found['csv.reader alone']:6.2f} x csv.reader\n")
    found = medians(paths(), 1_000, 1)
    base = found["twenty expressions, jmespath"]
    for name, each in found.items():
        write(f"{name:34} {each:7.2f} us a record {base / each:6.2f} x as fast as jmespath\n")


write = sys.stdout.write

if __name__ == "__main__":
    main()
