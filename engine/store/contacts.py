"""Finding and writing the people of a dealer, a batch at a time.

Decides in the order of the records, as if they came one by one: the first rule that finds
exactly one compatible contact wins, and a contact made by an earlier record can be found by a
later one. Never merges two contacts; a doubt becomes a new contact and a pair to review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.model import ContactSpec, MappedContact, Tally
from engine.store import matching
from engine.store.bulk import Bulk, Same, Wanted, decoded
from engine.store.matching import EXTERNAL, KEYS, LAST, STORED_KINDS, Known, Person, Rule
from engine.store.origin import Origin
from engine.store.seen import Seen

_MOST_CANDIDATES = 5  # pairs to review per record; a mailbox shared by hundreds is no hint
_BY_KEY = Wanted(
    "w.value, k.contact_id",
    "contact_keys k",
    "k.dealer_id = ? AND k.kind = ? AND k.value = w.value AND k.namespace = ?",
)
_BY_NAME = Wanted("w.value, c.id", "contacts c", "c.dealer_id = ? AND c.last_key = w.value AND c.merged_into IS NULL")
_BY_ID = Wanted(
    "c.id, c.first_name, c.last_name, c.company, c.fields, c.provenance", "contacts c", "c.id = w.value", kind="id"
)


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
class _Fresh:
    """What a batch has to write."""

    people: list[Person] = field(default_factory=list)
    changed: list[Person] = field(default_factory=list)
    keys: dict[str, list[tuple[str, Person]]] = field(default_factory=lambda: {kind: [] for kind in STORED_KINDS})
    reviews: list[tuple[Person, Person, str, int]] = field(default_factory=list)


class Contacts:
    """The people of one dealer during one delivery."""

    def __init__(self, bulk: Bulk, origin: Origin, tally: Tally) -> None:
        self._bulk = bulk
        self._origin = origin
        self._tally = tally
        self._seen = Seen(not bulk.rows("SELECT 1 FROM contacts WHERE dealer_id = ? LIMIT 1", origin.dealer_id))

    def settle(self, spec: ContactSpec, asked: Sequence[Asked | None]) -> list[Found | None]:
        """Match or make the contact of each record, in order, and write what is new or changed."""
        rules = matching.rules(spec.match)
        known = self._known(rules, [one for one in asked if one is not None])
        fresh = _Fresh()
        found = [None if one is None else self._settled(spec, rules, one, known, fresh) for one in asked]
        self._write(fresh)
        return found

    def _known(self, rules: Sequence[Rule], asked: Sequence[Asked]) -> Known:
        """Read every contact the records could match, with one statement per kind of key."""
        kinds = (*STORED_KINDS, LAST) if any(rule.kind == LAST for rule in rules) else STORED_KINDS
        known = Known({kind: {} for kind in kinds})
        links: list[tuple[str, str, int]] = []
        for kind in kinds:
            keys = KEYS[kind]
            values = self._seen.possible({value for one in asked for value in keys(one.contact)})
            if kind == LAST:
                rows = self._bulk.found(_BY_NAME, values, self._origin.dealer_id)
            else:
                namespace = self._origin.namespace if kind == EXTERNAL else ""
                rows = self._bulk.found(_BY_KEY, values, self._origin.dealer_id, kind, namespace)
            links += [(kind, value, contact) for value, contact in rows]
        stored = {one.stored for one in asked if one.stored is not None}
        known.people = self.people({contact for _, _, contact in links} | stored)
        for kind, value, contact in links:
            known.add(kind, value, known.people[contact])
        return known

    def people(self, ids: Iterable[int]) -> dict[int, Person]:
        """The contacts of these ids as they stand."""
        rows = self._bulk.found(_BY_ID, sorted(ids))
        return {row[0]: Person(row[0], row[1], row[2], row[3], decoded(row[4]), row[5], []) for row in rows}

    def _settled(
        self, spec: ContactSpec, rules: Sequence[Rule], one: Asked, known: Known, fresh: _Fresh
    ) -> Found | None:
        person, how, candidates = self._kept(one, known) or matching.matched(rules, one.contact, known)
        if person is not None:
            self._tally.contacts_matched += 1
            return Found(person, how, is_updated=self._absorbed(person, one, known, fresh))
        if candidates and spec.on_many == "each":
            self._tally.contacts_matched += 1
            changed = [self._absorbed(candidate, one, known, fresh) for candidate in candidates]
            return Found(candidates[0], how, is_updated=any(changed))
        if spec.on_none == "ignore":
            return None
        person = self._made(one, known, fresh)
        self._tally.contacts_created += 1
        if candidates and spec.on_many == "review":
            fresh.reviews += [(person, other, how, one.line) for other in candidates[:_MOST_CANDIDATES]]
            self._tally.contacts_review += 1
        return Found(person, "created", is_new=True)

    def _kept(self, one: Asked, known: Known) -> tuple[Person, str, list[Person]] | None:
        """The contact the activity has stays, unless the sender's own number says otherwise."""
        if one.stored is None:
            return None
        number = one.contact.external_id
        if number is None:
            return known.people[one.stored], "stored", []
        if owners := known.by_kind[EXTERNAL].get(number):
            return owners[0], "externalId", []
        others = self._bulk.rows(
            "SELECT 1 FROM contact_keys WHERE contact_id = ? AND dealer_id = ? AND kind = ? AND namespace = ?",
            one.stored,
            self._origin.dealer_id,
            EXTERNAL,
            self._origin.namespace,
        )
        return None if others else (known.people[one.stored], "stored", [])

    def _made(self, one: Asked, known: Known, fresh: _Fresh) -> Person:
        contact = one.contact
        person = Person(None, contact.first, contact.last, contact.company, contact.fields, None, self._mark(one))
        fresh.people.append(person)
        for kind in known.by_kind:
            for value in KEYS[kind](contact):
                known.add(kind, value, person)
                if kind != LAST:
                    fresh.keys[kind].append((value, person))
        return person

    def _absorbed(self, person: Person, one: Asked, known: Known, fresh: _Fresh) -> bool:
        """Take over what the record says of a known contact; a blank takes nothing away."""
        changed = False
        fields = person.fields
        for name, value in one.contact.fields.items():
            if fields.get(name) != value:
                provenance = person.origins()
                if self._is_newer(one, provenance.get(name)):
                    fields[name] = value
                    provenance[name] = self._mark(one)
                    changed = True
        if changed:
            person.first = fields.get("firstName", person.first)
            person.last = fields.get("lastName", person.last)
            person.company = fields.get("company", person.company)
            if person.id is not None and not person.is_changed:
                person.is_changed = True
                fresh.changed.append(person)
                self._tally.contacts_updated += 1
        for kind in STORED_KINDS:
            for value in KEYS[kind](one.contact):
                if known.add(kind, value, person):
                    fresh.keys[kind].append((value, person))
                    changed = True
        return changed

    def _mark(self, one: Asked) -> list[Any]:
        mark: list[Any] = [self._origin.root, one.line]
        return mark if one.version is None else [*mark, one.version]

    def _is_newer(self, one: Asked, old: Sequence[Any] | None) -> bool:
        if old is None:
            return True
        delivery, line, *version = old
        if one.version is not None and version:
            return bool(one.version >= version[0])
        return (self._origin.root, one.line) >= (delivery, line)

    def _write(self, fresh: _Fresh) -> None:
        origin, people, changed = self._origin, fresh.people, fresh.changed
        made, altered = _columns(people), _columns(changed)
        self._seen.add(made["last_key"])
        self._seen.add(altered["last_key"])
        for person, number in zip(people, self._bulk.reserve("contacts", len(people)) if people else (), strict=True):
            person.id = number
        self._bulk.insert(
            "contacts",
            {
                "id": [p.id for p in people],
                "dealer_id": Same(origin.dealer_id),
                **made,
                "created_at": Same(origin.now),
                "updated_at": Same(origin.now),
            },
            len(people),
        )
        self._bulk.update(
            "contacts",
            {"id": [p.id for p in changed], **altered, "updated_at": Same(origin.now)},
            len(changed),
        )
        for kind, keys in fresh.keys.items():
            values = [value for value, _ in keys]
            self._seen.add(values)
            self._bulk.insert(
                "contact_keys",
                {
                    "dealer_id": Same(origin.dealer_id),
                    "kind": Same(kind),
                    "value": values,
                    "namespace": Same(origin.namespace if kind == EXTERNAL else ""),
                    "contact_id": [person.id for _, person in keys],
                },
                len(keys),
            )
        self._write_reviews(fresh.reviews)

    def _write_reviews(self, reviews: Sequence[tuple[Person, Person, str, int]]) -> None:
        for person, other, reason, line in reviews:
            self._bulk.rows(
                "INSERT INTO reviews"
                " (dealer_id, contact_id, candidate_id, reason, delivery_id, line, state, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT DO NOTHING",
                self._origin.dealer_id,
                person.id,
                other.id,
                reason,
                self._origin.delivery_id,
                line,
                self._origin.now,
            )


def _columns(people: Sequence[Person]) -> dict[str, list[str]]:
    return {
        "first_name": [p.first for p in people],
        "last_name": [p.last for p in people],
        "company": [p.company for p in people],
        "last_key": [matching.last_key(p.last, p.company) for p in people],
        "fields": [orjson.dumps(p.fields).decode() for p in people],
        "provenance": [orjson.dumps(p.origins()).decode() for p in people],
    }
