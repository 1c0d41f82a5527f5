"""Finding and writing the people of a dealer, a batch at a time.

Decides in the order of the records, as if they came one by one: the first rule that finds
exactly one compatible contact wins, and a contact made by an earlier record can be found by a
later one. Never merges two contacts; a doubt becomes a new contact and a pair to review.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.model import ContactSpec, MappedContact, Tally
from engine.store import names
from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.origin import Origin

EXTERNAL, EMAIL, PHONE, LAST = "external", "email", "phone", "last"
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
_BY_KEY = Wanted(
    "w.value, k.contact_id",
    "contact_keys k",
    "k.dealer_id = ? AND k.kind = ? AND k.value = w.value AND k.namespace = ?",
)
_BY_NAME = Wanted("w.value, c.id", "contacts c", "c.dealer_id = ? AND c.last_key = w.value AND c.merged_into IS NULL")
_BY_ID = Wanted(
    "c.id, c.first_name, c.last_name, c.company, c.fields, c.provenance", "contacts c", "c.id = w.value", kind="id"
)
_MOST_CANDIDATES = 5  # pairs to review per record; a mailbox shared by hundreds is no hint


@dataclass(slots=True, eq=False)
class Person:
    """A contact in hand: read from the store, or new (its id comes when it is written)."""

    id: int | None
    first: str
    last: str
    company: str
    fields: dict[str, Any]
    provenance: dict[str, list[Any]]
    is_changed: bool = False
    created_line: int = 0


@dataclass(slots=True, eq=False)
class Found:
    """What became of one record's contact. `how` is the rule ("email+name") or "created"."""

    person: Person
    how: str
    is_new: bool = False
    is_updated: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One record's contact. `stored` is the contact its activity already has, if any."""

    contact: MappedContact
    line: int
    version: str | None = None
    stored: int | None = None


@dataclass(slots=True)
class _Known:
    """The contacts a batch may meet, by key; grows as the batch makes new ones."""

    people: dict[int, Person] = field(default_factory=dict)
    by_key: dict[tuple[str, str], list[Person]] = field(default_factory=dict)

    def add(self, key: tuple[str, str], person: Person) -> bool:
        """Note that `person` has this key; False when that was known."""
        people = self.by_key.setdefault(key, [])
        if person in people:
            return False
        people.append(person)
        return True


class Contacts:
    """The people of one dealer during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin, tally: Tally) -> None:
        self._bulk = bulk
        self._origin = origin
        self._tally = tally

    def settle(self, spec: ContactSpec, wanted: Sequence[Asked | None]) -> list[Found | None]:
        """Match or make the contact of each record, in order, and write what is new or changed."""
        present = [one for one in wanted if one is not None]
        known = self._known(spec, present)
        fresh = _Fresh()
        results = [self._settled(spec, one, known, fresh) if one is not None else None for one in wanted]
        self._write(fresh)
        return results

    def _known(self, spec: ContactSpec, wanted: Sequence[Asked]) -> _Known:
        """Read every contact the records could match, with one statement per kind of key."""
        known = _Known()
        links: list[tuple[tuple[str, str], int]] = []
        for kind in (EXTERNAL, EMAIL, PHONE):
            values = list({value for one in wanted for value in _values(kind, one.contact)})
            if values:
                namespace = self._origin.namespace if kind == EXTERNAL else ""
                rows = self._bulk.found(_BY_KEY, values, self._origin.dealer_id, kind, namespace)
                links += [((kind, value), contact) for value, contact in rows]
        if any(_probe(rule) == LAST for rule in spec.match):
            values = list({value for one in wanted for value in _values(LAST, one.contact)})
            rows = self._bulk.found(_BY_NAME, values, self._origin.dealer_id)
            links += [((LAST, value), contact) for value, contact in rows]
        stored = [one.stored for one in wanted if one.stored is not None]
        known.people = self.people({contact for _, contact in links} | set(stored))
        for key, contact in links:
            known.add(key, known.people[contact])
        return known

    def people(self, ids: Iterable[int]) -> dict[int, Person]:
        """The contacts of these ids as they stand."""
        rows = self._bulk.found(_BY_ID, sorted(ids))
        return {row[0]: Person(row[0], row[1], row[2], row[3], decoded(row[4]), decoded(row[5])) for row in rows}

    def _settled(self, spec: ContactSpec, one: Asked, known: _Known, fresh: "_Fresh") -> Found | None:
        person, how, candidates = self._matched(spec, one, known)
        if person is None:
            if spec.on_none == "ignore":
                return None
            person = self._made(one, known, fresh)
            if candidates and spec.on_many == "review":
                fresh.reviews += [(person, other, how, one.line) for other in candidates[:_MOST_CANDIDATES]]
                self._tally.contacts_review += 1
            self._tally.contacts_created += 1
            return Found(person, "created", is_new=True)
        self._tally.contacts_matched += 1
        is_updated = self._absorbed(person, one, known, fresh)
        return Found(person, how, is_updated=is_updated)

    def _matched(self, spec: ContactSpec, one: Asked, known: _Known) -> tuple[Person | None, str, list[Person]]:
        """The contact, the rule that found it, and else whom it might be."""
        if one.stored is not None:
            kept = self._kept(one, known)
            if kept is not None:
                return kept
        candidates: list[Person] = []
        reason = ""
        for rule in spec.match:
            hits = _hits(rule, one.contact, known)
            good = hits if "externalId" in rule else [h for h in hits if not _contradicts(one.contact, h)]
            if len(good) == 1:
                return good[0], "+".join(rule), []
            if hits:
                reason = reason or "+".join(rule)
                candidates += [hit for hit in hits if hit not in candidates]
        return None, reason, candidates

    def _kept(self, one: Asked, known: _Known) -> tuple[Person | None, str, list[Person]] | None:
        """The contact the activity has stays, unless the sender's own number says otherwise."""
        assert one.stored is not None  # noqa: S101  (says to the type checker what the caller knows)
        number = one.contact.external_id
        if number is None:
            return known.people[one.stored], "stored", []
        owners = known.by_key.get((EXTERNAL, number))
        if owners:
            return owners[0], "externalId", []
        others = self._bulk.rows(
            "SELECT 1 FROM contact_keys WHERE contact_id = ? AND dealer_id = ? AND kind = ? AND namespace = ?",
            one.stored,
            self._origin.dealer_id,
            EXTERNAL,
            self._origin.namespace,
        )
        return None if others else (known.people[one.stored], "stored", [])

    def _made(self, one: Asked, known: _Known, fresh: "_Fresh") -> Person:
        contact = one.contact
        mark = self._mark(one)
        person = Person(
            None,
            contact.first,
            contact.last,
            contact.company,
            dict(contact.fields),
            dict.fromkeys(contact.fields, mark),
            created_line=one.line,
        )
        fresh.people.append(person)
        for kind in (EXTERNAL, EMAIL, PHONE):
            for value in _values(kind, contact):
                known.add((kind, value), person)
                fresh.keys.append((kind, value, person))
        for value in _values(LAST, contact):
            known.add((LAST, value), person)
        return person

    def _absorbed(self, person: Person, one: Asked, known: _Known, fresh: "_Fresh") -> bool:
        """Take over what the record says of a known contact; a blank takes nothing away."""
        changed = False
        for name, value in one.contact.fields.items():
            if person.fields.get(name) != value and self._is_newer(one, person.provenance.get(name)):
                person.fields[name] = value
                person.provenance[name] = self._mark(one)
                changed = True
        if changed:
            person.first = person.fields.get("firstName", person.first)
            person.last = person.fields.get("lastName", person.last)
            person.company = person.fields.get("company", person.company)
            if person.id is not None and not person.is_changed:
                person.is_changed = True
                fresh.changed.append(person)
                self._tally.contacts_updated += 1
        for kind in (EXTERNAL, EMAIL, PHONE):
            for value in _values(kind, one.contact):
                if known.add((kind, value), person):
                    fresh.keys.append((kind, value, person))
                    changed = True
        return changed

    def _mark(self, one: Asked) -> list[Any]:
        mark: list[Any] = [self._origin.root, one.line]
        return mark if one.version is None else [*mark, one.version]

    def _is_newer(self, one: Asked, old: Sequence[Any] | None) -> bool:
        if old is None:
            return True
        if one.version is not None and len(old) > 2:
            return bool(one.version >= old[2])
        return (self._origin.root, one.line) >= (old[0], old[1])

    def _write(self, fresh: "_Fresh") -> None:
        origin, people = self._origin, fresh.people
        for person, number in zip(people, self._bulk.reserve("contacts", len(people)) if people else (), strict=True):
            person.id = number
        self._bulk.insert(
            "contacts",
            {
                "id": [p.id for p in people],
                "dealer_id": Same(origin.dealer_id),
                **_columns(people),
                "created_at": Same(origin.now),
                "updated_at": Same(origin.now),
            },
            len(people),
        )
        changed = fresh.changed
        self._bulk.update(
            "contacts",
            {"id": [p.id for p in changed], **_columns(changed), "updated_at": Same(origin.now)},
            len(changed),
        )
        self._write_keys(fresh.keys)
        self._write_reviews(fresh.reviews)

    def _write_keys(self, keys: Sequence[tuple[str, str, Person]]) -> None:
        self._bulk.insert(
            "contact_keys",
            {
                "dealer_id": Same(self._origin.dealer_id),
                "kind": [kind for kind, _, _ in keys],
                "value": [value for _, value, _ in keys],
                "namespace": [self._origin.namespace if kind == EXTERNAL else "" for kind, _, _ in keys],
                "contact_id": [person.id for _, _, person in keys],
            },
            len(keys),
        )

    def _write_reviews(self, reviews: Sequence[tuple[Person, Person, str, int]]) -> None:
        for person, other, reason, line in reviews:
            self._bulk.rows(
                "INSERT INTO reviews (dealer_id, contact_id, candidate_id, reason, delivery_id, line, state, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT DO NOTHING",
                self._origin.dealer_id,
                person.id,
                other.id,
                reason,
                self._origin.delivery_id,
                line,
                self._origin.now,
            )


@dataclass(slots=True)
class _Fresh:
    """What a batch has to write."""

    people: list[Person] = field(default_factory=list)
    changed: list[Person] = field(default_factory=list)
    keys: list[tuple[str, str, Person]] = field(default_factory=list)
    reviews: list[tuple[Person, Person, str, int]] = field(default_factory=list)


def _columns(people: Sequence[Person]) -> dict[str, list[str]]:
    return {
        "first_name": [p.first for p in people],
        "last_name": [p.last for p in people],
        "company": [p.company for p in people],
        "last_key": [last_key(p.last, p.company) for p in people],
        "fields": [orjson.dumps(p.fields).decode() for p in people],
        "provenance": [orjson.dumps(p.provenance).decode() for p in people],
    }


def last_key(last: str, company: str) -> str:
    """The form under which a contact is found by name: "moreau", else the company's words."""
    return " ".join(names.folded(last or company))


def _values(kind: str, contact: MappedContact) -> tuple[str, ...]:
    if kind == EMAIL:
        return contact.emails
    if kind == PHONE:
        return contact.phones
    if kind == EXTERNAL:
        return (contact.external_id,) if contact.external_id else ()
    key = last_key(contact.last, contact.company)
    return (key,) if key else ()


def _probe(rule: Sequence[str]) -> str:
    kinds = {_PROBES[word] for word in rule if word in _PROBES}
    return next((kind for kind in _PROBE_ORDER if kind in kinds), LAST)


def _hits(rule: Sequence[str], contact: MappedContact, known: _Known) -> list[Person]:
    """Whom the rule finds, before names are held against each other."""
    kind = _probe(rule)
    hits: list[Person] = []
    for value in _values(kind, contact):
        hits += [person for person in known.by_key.get((kind, value), ()) if person not in hits]
    words = [word for word in rule if _PROBES.get(word) != kind or word in ("lastName", "company")]
    return [hit for hit in hits if all(_holds(word, contact, hit, known) for word in words)] if hits else hits


def _holds(word: str, contact: MappedContact, person: Person, known: _Known) -> bool:
    if word == "name":
        return True  # held against each other later: a contradiction makes a candidate, not a miss
    if word == "lastName":
        return names.same_last(contact.last, person.last)
    if word == "address":
        return _same_address(contact.fields, person.fields)
    if word in _PROBES and word != "company":
        kind = _PROBES[word]
        return any(person in known.by_key.get((kind, value), ()) for value in _values(kind, contact))
    mine, theirs = contact.fields.get(word), person.fields.get(word)
    if isinstance(mine, str) and isinstance(theirs, str):
        return bool(mine) and mine.casefold().strip() == theirs.casefold().strip()
    return mine is not None and mine == theirs


def _same_address(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """The same street with the same city or the same postal code."""

    def same(name: str) -> bool:
        return bool(mine.get(name)) and str(mine[name]).casefold() == str(theirs.get(name, "")).casefold()

    return same("street") and (same("city") or same("postalCode"))


def _contradicts(contact: MappedContact, person: Person) -> bool:
    if contact.first == person.first and contact.last == person.last and contact.first:
        born = contact.fields.get("birthDate")
        return bool(born) and person.fields.get("birthDate", born) != born
    born, other = contact.fields.get("birthDate"), person.fields.get("birthDate")
    if born and other and born != other:
        return True
    return not names.compatible(contact.first, contact.last, contact.company, person.first, person.last, person.company)
