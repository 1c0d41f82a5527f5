"""Records in the shape of a sample and with nothing of it: names, numbers and texts are made up.

Keeps what the format needs (punctuation, lengths, blanks, yes and no) and no value of the sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle

from engine.errors import RecordError
from engine.model import Value
from engine.scaffold import dates
from engine.scaffold.columns import EXAMPLE, transformed
from engine.scaffold.draft import Draft
from engine.scaffold.keys import Field
from engine.transforms import TYPES

_PEOPLE = (("Robin", "Vale"), ("Sam", "Ito"), ("Lee", "Moreau"))
_COMPANIES = ("Vale Motors", "Ito Glass", "Moreau Trailers")
_MOST = 3  # rows
_SHOWN = 3  # fields of an expected activity, beside its key and date
_VIN = "1M8GDM9A{check}KP04278{last}"  # 49 CFR 565.15 has its check digit worked out
_SHORT = 3  # letters of a state or a country


@dataclass(frozen=True, slots=True)
class Invented:
    """`rows` are cells in the order of the sample's columns; `activities` and `contacts` what comes of them."""

    rows: tuple[tuple[Value, ...], ...]
    activities: tuple[Mapping[str, Value], ...]
    contacts: tuple[Mapping[str, Value], ...]


def invented(draft: Draft) -> Invented:
    """Two or three records; one where the document is its only record."""
    sample = draft.sample
    count = 1 if sample.is_lone else min(_MOST, max(2, sample.rows))
    by_place = {each.column.place: each for each in draft.fields}
    rows = []
    expected = []
    people = []
    for number in range(count):
        cells: list[Value] = []
        made: dict[str, Value] = {}
        for place, column in enumerate(sample.columns):
            template = column.values[number % len(column.values)]
            field = by_place.get(column.place)
            cell = _other(template, number) if field is None else _cell(draft, field, template, number)
            cell = _cut(sample.decode, place, cell)
            cells.append(cell)
            if field is not None:
                made[field.name] = _read(field, cell)
        rows.append(tuple(cells))
        expected.append(_activity(draft, made))
        people.append(_contact(made))
    return Invented(tuple(rows), tuple(expected), tuple(one for one in people if one))


def _cut(decode: Mapping[str, Value], place: int, cell: Value) -> Value:
    """Columns by place have room for so many characters."""
    if decode["format"] != "fixedWidth" or not isinstance(cell, str):
        return cell
    return cell[: decode["columns"][place]["width"]].strip()


# --- one cell -------------------------------------------------------------------------------


def _cell(draft: Draft, field: Field, template: Value, number: int) -> Value:
    text = "" if template is None else str(template).strip()
    is_needed = draft.is_required(field) or field.name in draft.key.names
    if (not text or text in field.guess.nulls) and not is_needed:
        return template
    if text in field.guess.nulls:
        text = ""
    if field.target == "contact" and (made := _of_person(field.into or field.name, text, number)):
        return made
    if field.target == "vehicle" and (made := _of_vehicle(field.name, text, number)):
        return _like(template, made)
    return _like(template, _by_type(field, text, number))


def _like(template: Value, text: str) -> Value:
    """The text as the kind of value that JSON had."""
    if isinstance(template, bool):
        return template
    if isinstance(template, int):
        return int(text) if text.lstrip("-").isdigit() else 1
    if isinstance(template, float):
        return float(text)
    return text


def _of_person(name: str, template: str, number: int) -> str:
    first, last = _PEOPLE[number]
    if name in ("email", "emails"):
        return f"{first}.{last}@example.com".lower() if name == "email" else f"{first}@example.com".lower()
    if name in ("phone", "phones"):
        return _phone(template, number if name == "phone" else number + len(_PEOPLE))
    if name == "name":
        return f"{last}, {first}" if "," in template else f"{first} {last}"
    if name in ("state", "country") and len(template) > _SHORT:
        return "Maine" if name == "state" else "Canada"
    plain = {
        "firstName": first, "lastName": last, "middleName": "A", "suffix": "Jr", "company": _COMPANIES[number],
        "street": f"{number + 1} Main St", "street2": f"Unit {number + 1}", "city": "Springfield", "state": "ME",
        "country": "US", "language": "en",
    }  # fmt: skip
    return plain.get(name, "")


def _phone(template: str, number: int) -> str:
    """A number of the range for stories (555-0100 to 555-0199), with the template's punctuation."""
    digits = f"202555010{number}"
    places = sum(character.isdigit() for character in template)
    if places == len(digits) + 1:
        digits = f"1{digits}"
    if places != len(digits):
        return f"+1 202-555-010{number}"
    left = iter(digits)
    return "".join(next(left) if character.isdigit() else character for character in template)


def _of_vehicle(name: str, template: str, number: int) -> str:
    if name == "vin":
        return next(vin for check in "0123456789X" if (vin := _vin(check, number)))
    return {"year": str(2021 + number), "make": "Rambler", "model": "Classic", "trim": "LX", "color": "White"}.get(
        name, ""
    )


def _vin(check: str, number: int) -> str:
    text = _VIN.format(check=check, last=number)
    try:
        return str(TYPES["vin"]()(text))
    except RecordError:
        return ""


def _by_type(field: Field, template: str, number: int) -> str:
    type_ = field.guess.type
    if type_ in ("date", "dateTime"):
        return _day(field, number)
    if type_ in ("money", "decimal", "integer"):
        text = _digits(template or "10.00", number)
        return text if _read(field, text) is not None else str(10 + number)
    if type_ == "boolean":
        return template or "true"
    if type_ == "email":
        return f"office{number + 1}@example.com"
    if type_ == "phone":
        return _phone(template, number + len(_PEOPLE))
    if type_ == "url":
        return f"https://example.com/{number + 1}"
    if type_ == "vin":
        return _of_vehicle("vin", template, number)
    return _text(template, number)


def _day(field: Field, number: int) -> str:
    moment = EXAMPLE + timedelta(days=number)
    if field.name == "birthDate":
        moment = moment.replace(year=1980 + number)
    if field.guess.type == "date":
        moment = datetime.combine(moment.date(), datetime.min.time())
    formats = field.guess.options.get("formats", ())
    if any("%z" in each for each in formats[:1]) or (not formats and "timezone" not in field.guess.options):
        moment = moment.replace(tzinfo=UTC) if field.guess.type == "dateTime" else moment
    return dates.shown(formats, moment)


def _digits(template: str, number: int) -> str:
    """The same punctuation around other digits."""
    left = cycle("123456789"[number:] + "123456789"[:number])
    return "".join(next(left) if character.isdigit() else character for character in template)


def _other(template: Value, number: int) -> Value:
    """A cell of a column that is not taken."""
    if not isinstance(template, str) or not template.strip():
        return template if isinstance(template, bool) or template is None or template == "" else None
    return _text(template, number)


def _text(template: str, number: int) -> str:
    """A code in the shape of a code, and plain words for words."""
    if not template or " " in template or not any(map(str.isdigit, template)) or not template.isascii():
        return f"Sample {number + 1}"
    shaped = "".join("A" if c.isupper() else "a" if c.islower() else "1" if c.isdigit() else c for c in template)
    end = max(place for place, character in enumerate(shaped) if character.isdigit()) + 1
    begin = end
    while begin and shaped[begin - 1].isdigit():
        begin -= 1
    width = end - begin
    begins_with_zero = template[begin] == "0"
    counter = f"{number + 1:0{width}d}" if begins_with_zero or width == 1 else str(10 ** (width - 1) + number + 1)
    return shaped[:begin] + counter + shaped[end:]


# --- what comes of it -----------------------------------------------------------------------


def _read(field: Field, cell: Value) -> Value:
    """The canonical value of a cell, as a run would have it in the zone UTC; None for a blank or what is none."""
    if cell is None or (isinstance(cell, str) and not cell.strip()) or cell in field.guess.nulls:
        return None
    options = dict(field.guess.options)
    if "timezone" in options:
        options["timezone"] = "UTC"
    try:
        return TYPES[field.guess.type](**options)(transformed(cell, field.guess.transforms))
    except RecordError:
        return cell if field.guess.on_error == "warn" else None


def _activity(draft: Draft, made: Mapping[str, Value]) -> dict[str, Value]:
    expected: dict[str, Value] = {}
    parts = [made.get(name) for name in draft.key.names]
    if not draft.key.is_hash and all(part is not None for part in parts):
        expected["key"] = "|".join(_printed(part) for part in parts)
    if draft.occurred is not None and (day := made.get(draft.occurred.name)) is not None:
        expected["occurred"] = day
    others = {each.into or each.name: made[each.name] for each in draft.of("activity") if made[each.name] is not None}
    known = {*expected.values(), *(_printed(part) for part in parts)}
    shown = [(name, value) for name, value in others.items() if not isinstance(value, bool) and str(value) not in known]
    return expected | dict(shown[:_SHOWN])


def _printed(part: Value) -> str:
    return str(part).replace("\\", "\\\\").replace("|", "\\|")


def _contact(made: Mapping[str, Value]) -> dict[str, Value]:
    """What shows that the right person came of it."""
    names = {"firstName": made.get("firstName"), "lastName": made.get("lastName")}
    if not any(names.values()) and made.get("name"):
        last, comma, first = str(made["name"]).partition(", ")
        first, last = (first, last) if comma else str(made["name"]).split(" ", 1)
        names = {"firstName": first, "lastName": last}
    told = {**names, "company": made.get("company"), "email": made.get("email")}
    return {name: value for name, value in told.items() if value}
