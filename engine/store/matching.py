"""Who a record's contact is, among those that share a key with it. Pure: looks nothing up, writes nothing.

The first rule that finds exactly one compatible contact wins. Many, or one whose name or birth
date contradicts, are remembered as candidates; a sender's own customer number is believed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson

from engine.model import MappedContact
from engine.store import names

EXTERNAL, EMAIL, PHONE, LAST = "external", "email", "phone", "last"
STORED_KINDS = (EXTERNAL, EMAIL, PHONE)  # those that stand in contact_keys
# Which of a rule's words is looked up by index; the others are held against what it finds.
_PROBES = {
    "externalId": EXTERNAL,
    "email": EMAIL,
    "emails": EMAIL,
    "phone": PHONE,
    "phones": PHONE,
    "lastName": LAST,
    "name": LAST,
    "company": LAST,
}
_PROBE_ORDER = (EXTERNAL, EMAIL, PHONE, LAST)


@dataclass(slots=True, eq=False)
class Person:
    """A contact in hand: read from the store, or new (its id comes when it is written).

    `provenance` is {field: mark}, as stored (its text) until it is needed; None while every field
    has the one `mark`.
    """

    id: int | None
    first: str
    last: str
    company: str
    fields: dict[str, Any]
    provenance: dict[str, list[Any]] | str | None
    mark: list[Any]
    is_changed: bool = False

    def origins(self) -> dict[str, list[Any]]:
        if self.provenance is None:
            self.provenance = dict.fromkeys(self.fields, self.mark)
        elif isinstance(self.provenance, str):
            self.provenance = dict(orjson.loads(self.provenance))
        return self.provenance


@dataclass(slots=True)
class Known:
    """The contacts a batch may meet, by kind of key and value; grows as the batch makes new ones."""

    by_kind: dict[str, dict[str, list[Person]]]
    people: dict[int, Person] = field(default_factory=dict)

    def add(self, kind: str, value: str, person: Person) -> bool:
        """Note that `person` has this key; False when that was known."""
        keys = self.by_kind[kind]
        people = keys.get(value)
        if people is None:
            keys[value] = [person]
            return True
        if person in people:
            return False
        people.append(person)
        return True


Test = Callable[[MappedContact, Person, Known], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `match`: look up by `kind`, then hold the `tests` against each hit."""

    how: str
    kind: str
    keys: Callable[[MappedContact], Sequence[str]]  # of that kind
    tests: tuple[Test, ...]
    is_believed: bool  # a customer number needs no second opinion


def _external(contact: MappedContact) -> Sequence[str]:
    return (contact.external_id,) if contact.external_id else ()


def _last(contact: MappedContact) -> Sequence[str]:
    key = last_key(contact.last, contact.company)
    return (key,) if key else ()


# A contact's keys of one kind.
KEYS: dict[str, Callable[[MappedContact], Sequence[str]]] = {
    EXTERNAL: _external,
    EMAIL: attrgetter("emails"),
    PHONE: attrgetter("phones"),
    LAST: _last,
}


@lru_cache(maxsize=256)
def rules(match: tuple[tuple[str, ...], ...]) -> tuple[Rule, ...]:
    """The rules of a definition, ready to run."""
    return tuple(_rule(words) for words in match)


def _rule(words: tuple[str, ...]) -> Rule:
    kinds = {_PROBES[word] for word in words if word in _PROBES}
    kind = next((kind for kind in _PROBE_ORDER if kind in kinds), LAST)
    # "name" asks for nothing here: names that contradict make a candidate, not a miss.
    tests = [_test(word) for word in words if word != "name" and (_PROBES.get(word) != kind or kind == LAST)]
    return Rule("+".join(words), kind, KEYS[kind], tuple(tests), kind == EXTERNAL)


def _test(word: str) -> Test:
    if word == "lastName":
        return lambda contact, person, known: names.same_last(contact.last, person.last)
    if word == "address":
        return lambda contact, person, known: _same_address(contact.fields, person.fields)
    kind = _PROBES.get(word, LAST)
    if kind != LAST:
        return lambda contact, person, known: any(
            person in known.by_kind[kind].get(value, ()) for value in KEYS[kind](contact)
        )
    return lambda contact, person, known: _same_value(contact.fields.get(word), person.fields.get(word))


def matched(of: Sequence[Rule], contact: MappedContact, known: Known) -> tuple[Person | None, str, list[Person]]:
    """The contact and the rule that found it; or None, the first rule that had doubts, and whom it might be."""
    candidates: list[Person] = []
    reason = ""
    for rule in of:
        keys = known.by_kind[rule.kind]
        hits: list[Person] = []
        for value in rule.keys(contact):
            if (people := keys.get(value)) is not None:
                hits += [p for p in people if p not in hits and all(test(contact, p, known) for test in rule.tests)]
        if not hits:
            continue
        good = hits if rule.is_believed else [hit for hit in hits if not _contradicts(contact, hit)]
        if len(good) == 1:
            return good[0], rule.how, []
        reason = reason or rule.how
        candidates += [hit for hit in hits if hit not in candidates]
    return None, reason, candidates


def last_key(last: str, company: str) -> str:
    """The form under which a contact is found by name: "moreau", else the company's words."""
    name = last or company
    if name.isascii() and name.isalpha():
        return name.lower()
    return " ".join(names.folded(name))


def _contradicts(contact: MappedContact, person: Person) -> bool:
    born, other = contact.fields.get("birthDate"), person.fields.get("birthDate")
    if born and other and born != other:
        return True
    if contact.first == person.first and contact.last == person.last and contact.first:
        return False
    return not names.compatible(contact.first, contact.last, contact.company, person.first, person.last, person.company)


def _same_value(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, str) and isinstance(theirs, str):
        return bool(mine) and mine.casefold().strip() == theirs.casefold().strip()
    return mine is not None and bool(mine == theirs)


def _same_address(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """The same street with the same city or the same postal code."""

    def same(name: str) -> bool:
        return bool(mine.get(name)) and _same_value(mine[name], theirs.get(name))

    return same("street") and (same("city") or same("postalCode"))
