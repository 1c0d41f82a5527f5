"""A draft of a definition: which column is whose field, what makes the key, which activity it becomes.

Decides from the columns and their names alone; writes no text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.language import masking
from engine.language.streams import CONTACT_FIELDS, VEHICLE_FIELDS
from engine.model import ActivityType
from engine.scaffold import headings, keys
from engine.scaffold.columns import Column, Guess, guess, is_year
from engine.scaffold.keys import Field, Key
from engine.scaffold.sample import Sample

# What a vehicle is known by: without one of these it is not kept.
_KNOWN_BY = ("vin", "plate", "stockNumber")
_SECOND = {"email": "emails", "phone": "phones"}
_TYPED = {"email": "email", "phone": "phone", "birthDate": "date"}
_ADDRESS = frozenset({"street", "city", "postalCode"})
# Names that an activity, or a condition, has for something else.
_RESERVED = frozenset(
    {"type", "key", "occurred", "state", "feed", "contact", "vehicle", "fields", "delivery", "line", "id", "dealer",
     "source", "params", "run", "window", "file"}
)  # fmt: skip
_STATE = 3  # letters of a state or province, at the most
_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "service": ("repair", "service", "workorder", "wo", "ro", "maintenance"),
    "appointment": ("appointment", "booking", "visit", "reservation"),
    "lead": ("lead", "inquiry", "enquiry", "quote", "prospect", "estimate"),
    "sale": ("sale", "sold", "order", "purchase", "invoice", "receipt", "deal", "ticket", "transaction"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """`kind` is the activity type where there is one already; else one is made, of `category`.

    `left` are columns that are known and not taken, each with the reason.
    """

    sample: Sample
    activity: str
    kind: ActivityType | None
    category: str
    fields: tuple[Field, ...]
    key: Key
    occurred: Field | None
    left: tuple[tuple[Column, str], ...]

    @property
    def nulls(self) -> tuple[str, ...]:
        """Texts that stand for no value, anywhere in the sample."""
        return tuple(dict.fromkeys(text for each in self.fields for text in each.guess.nulls))

    def of(self, target: str) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.target == target)

    def is_required(self, field: Field) -> bool:
        """A lone key, and the date where no record of the sample lacks it."""
        if not self.key.is_hash and self.key.names == (field.name,):
            return True
        return self.occurred is not None and field.name == self.occurred.name and all(field.values())


def drafted(sample: Sample, activity: str, kind: ActivityType | None, day_first: bool) -> Draft:
    """The draft of a sample that becomes activities of this type."""
    taken: dict[str, Field] = {}
    left: list[tuple[Column, str]] = []
    for column in sample.columns:
        name = headings.name_of(column.title)
        if masking.names_secret(name):
            left.append((column, "it looks like a secret"))
            continue
        field = _placed(column, guess(column, day_first), sample.columns, taken)
        taken[field.name] = field
    fields = _with_vehicle(list(taken.values()), activity)
    fields = [_apart(each, activity, fields) for each in fields]
    occurred = keys.day(fields)
    key = keys.found(fields, occurred.name if occurred else None)
    needed = {*key.names, *([occurred.name] if occurred else [])}
    if kind is not None:
        fields, more = _into(kind, fields, needed)
        left += more
    elif occurred is not None:  # the date of an activity is shown by itself
        fields = [replace(each, target="") if each.name == occurred.name else each for each in fields]
        occurred = replace(occurred, target="")
    return Draft(sample, activity, kind, category(activity), tuple(fields), key, occurred, tuple(left))


def category(activity: str) -> str:
    """What exports reason about, by the words of the activity's name."""
    said = headings.words(activity)
    folded = "".join(said)
    for name, hints in _CATEGORIES.items():
        if set(hints) & set(said) or any(len(hint) > len("deal") and hint in folded for hint in hints):
            return name
    return "other"


def _placed(column: Column, found: Guess, every: Sequence[Column], taken: Mapping[str, Field]) -> Field:
    """A column as a field with its target, under a name that is still free."""
    person = _person(column, found, every)
    if person is not None and person not in taken:
        return Field(person, column, found, "contact")
    if person in _SECOND and f"{person}2" not in taken:
        return Field(f"{person}2", column, found, "contact", _SECOND[person])
    unit = headings.unit(column.title)
    if found.type == "vin" and unit != "vin" and "vin" not in taken:
        unit = "vin"
    if unit is not None and unit not in taken and _suits(unit, column, found):
        return Field(unit, column, found, "vehicle")
    name = headings.name_of(column.title)
    return Field(_free(name, taken), column, found, "activity")


def _person(column: Column, found: Guess, every: Sequence[Column]) -> str | None:
    """The contact field of a column, by its heading and where its values bear that out."""
    named = headings.person(column.title)
    if named is None:
        return None
    values = [str(value).strip() for value in column.values if value not in (None, "")]
    if named in _TYPED:
        return named if found.type == _TYPED[named] else None
    if named == "name" and values and all(" " not in text and any(map(str.isdigit, text)) for text in values):
        return "externalId"  # "Customer" over numbers
    if named == "state":
        others = {headings.person(other.title) for other in every}
        is_short = bool(values) and all(len(text) <= _STATE for text in values)
        return named if is_short or others & _ADDRESS else None
    return named if found.type in ("string", "integer") else None


def _suits(unit: str, column: Column, found: Guess) -> bool:
    values = [value for value in column.values if value not in (None, "") and str(value) not in found.nulls]
    if unit == "year":
        return is_year(values)
    if unit == "odometer":
        return found.type in ("integer", "decimal", "string")
    return found.type in ("string", "integer", "vin")


def _free(name: str, taken: Iterable[str]) -> str:
    wanted, number = name, 2
    while wanted in taken:
        wanted, number = f"{name}{number}", number + 1
    return wanted


def _with_vehicle(fields: Sequence[Field], activity: str) -> list[Field]:
    """Make and model alone are no vehicle that could be found again: they go to the activity."""
    if any(each.target == "vehicle" and each.name in _KNOWN_BY for each in fields):
        return list(fields)
    return [replace(each, target="activity") if each.target == "vehicle" else each for each in fields]


def _apart(field: Field, activity: str, fields: Sequence[Field]) -> Field:
    """A field of the activity under a name that neither contact nor vehicle would take."""
    if field.target != "activity":
        return field
    closed = {
        *CONTACT_FIELDS,
        *_RESERVED,
        *(VEHICLE_FIELDS if any(each.target == "vehicle" for each in fields) else ()),
    }
    if field.name not in closed:
        return field
    name = _free(f"{activity}{field.name[:1].upper()}{field.name[1:]}", {each.name for each in fields})
    return replace(field, name=name)


def _into(
    kind: ActivityType, fields: Sequence[Field], needed: set[str]
) -> tuple[list[Field], list[tuple[Column, str]]]:
    """The fields as an activity type that stands already takes them; what it lacks is left out."""
    kept: list[Field] = []
    left: list[tuple[Column, str]] = []
    free = dict.fromkeys(kind.fields)
    for each in fields:
        target = _target(kind, each, free) if each.target == "activity" else None
        if target is not None:
            del free[target]
            kept.append(replace(each, into="" if target == each.name else target))
        elif each.target != "activity":
            kept.append(each)
        elif each.name in needed:
            kept.append(replace(each, target=""))
        else:
            left.append((each.column, f"`{kind.name}` has no such field"))
    return kept, left


def _target(kind: ActivityType, field: Field, free: Iterable[str]) -> str | None:
    """The field of the type that is called like this column."""
    title = "".join(headings.words(field.column.title))
    for name in free:
        said = {name.casefold(), "".join(headings.words(kind.fields[name].label)), (kind.name + name).casefold()}
        if {title, field.name.casefold()} & said and _holds(kind.fields[name].type, field.guess.type):
            return name
    return None


def _holds(wanted: str, found: str) -> bool:
    return (
        wanted == found
        or {wanted, found} <= {"boolean", "yesNo"}
        or {wanted, found} <= {"money", "decimal", "integer"}
        or wanted == "string"
    )
