"""Files for the benchmarks: a dealer's sales as a DMS exports them, invented and the same each time."""

import csv
import random
from pathlib import Path

HEADER = (
    "CustomerNo", "First.Name", "Last.Name", "Email", "Phone", "Cell.Phone", "Address", "City", "State",
    "Zip", "DealNumber", "SoldDate", "DeliveryDate", "StockNo", "VIN", "mfg", "make", "model", "type",
    "Price", "Amount.Financed", "Term", "MonthlyPayment", "LastPayment",
)  # fmt: skip
_FIRST = (
    "Robin", "Sam", "Lee", "Jo", "Kim", "Alex", "Dana", "Pat", "Chris", "Terry", "Morgan", "Casey", "Jamie",
    "Avery", "Quinn", "Rowan",
)  # fmt: skip
_LAST = (
    "Vale", "Ito", "Moreau", "Park", "Ortiz", "Lindqvist", "Okafor", "Byrne", "Castillo", "Novak", "Haddad",
    "Fraser", "Silva", "Weber", "Tanaka", "Cole",
)  # fmt: skip
_MAKES = (
    "Wanderbird", "Roadhouse", "Dayhop", "Larkspur", "Timberline", "Seabright",
)  # fmt: skip
_MODELS = (
    "29RLS", "34B", "22C", "264BH", "31QB", "19FD",
)  # fmt: skip
_BAD_PERCENT = 1
_NO_AMOUNT = "call us"


def sales(path: Path, rows: int, seed: int = 7, changed_percent: int = 0) -> None:
    """Write `rows` sales of 24 columns, about 230 bytes each.

    Of a hundred buyers thirty came before, fifteen have no e-mail, ten write theirs in capitals with
    blanks; one row is damaged. `changed_percent` of the deals get another price, the rest is the
    same byte for byte as with 0.
    """
    rng, changes = random.Random(seed), random.Random(seed + 1)
    people = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            if people and rng.random() < 0.3:
                person = rng.randrange(people)
            else:
                person, people = people, people + 1
            row = _row(rng, number, person)
            if changes.random() * 100 < changed_percent and row[19] != _NO_AMOUNT:
                row[19] = f"{float(row[19].replace(',', '').strip('$')) + 100:.2f}"
            writer.writerow(row)


def _row(rng: random.Random, number: int, person: int) -> list[str]:
    about = random.Random(person)
    first, last = about.choice(_FIRST), about.choice(_LAST) + _suffix(person)
    email = "" if about.random() < 0.15 else f"{first}.{last}.{person}@example.com".lower()
    if email and rng.random() < 0.1:
        email = f" {email.upper()} "
    area, line = 201 + person // 10_000 % 780, person % 10_000
    phone = rng.choice(("({}) 555-{:04d}", "{}-555-{:04d}", "{}555{:04d}")).format(area, line)
    month, day, year = rng.randint(1, 12), rng.randint(1, 28), rng.randint(2015, 2024)
    price = rng.randint(9_000, 180_000) + rng.choice((0, 0.5, 0.99))
    financed = "" if rng.random() < 0.35 else f"{price * 0.8:.2f}"
    row = [
        f"C{person:07d}", first, last, email, phone, "", f"{about.randint(1, 9_999)} Example Street",
        "Exampleton", "ME", f"{about.randint(1001, 99_999):05d}", f"D{number:08d}",
        f"{month:02d}/{day:02d}/{year}", f"{month:02d}/{min(day + 3, 28):02d}/{year}", f"S{number % 90_000:05d}",
        f"1ZZ{number:014d}"[:17],
        "Example RV Co", rng.choice(_MAKES), rng.choice(_MODELS), rng.choice(("TT", "FW", "MH")),
        f"${price:,.2f}" if rng.random() < 0.3 else f"{price:.2f}", financed,
        "180" if financed else "", f"{price * 0.8 / 180:.2f}" if financed else "",
        f"{month:02d}/{day:02d}/{year + 15}" if financed else "",
    ]  # fmt: skip
    if rng.random() * 100 < _BAD_PERCENT:
        column, text = rng.choice(((11, "31/31/2022"), (11, ""), (20, "12,34"), (19, _NO_AMOUNT), (10, "")))
        row[column] = text
    return row


def _suffix(person: int) -> str:
    """Letters that tell one family from the next."""
    text = ""
    while person:
        person, letter = divmod(person, 26)
        text += chr(97 + letter)
    return text
