"""Writing one delivery: its records, batch by batch, inside the caller's transaction.

Puts together people, vehicles, activities and quarantine, and counts each record once. Never
begins or commits a transaction, never reads a file, never maps a value.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from hashlib import blake2b

from sqlalchemy.exc import IntegrityError

from engine.model import Fault, Field, Issue, MappedBatch, MappedRecord, Stream, Tally
from engine.store.activities import Activities
from engine.store.bulk import Bulk
from engine.store.changes import is_older
from engine.store.clashes import Clashes, Memory, passes
from engine.store.clashes import fault as clash_fault
from engine.store.contacts import Asked, Contacts, Found
from engine.store.employees import Employees
from engine.store.entries import INSERTED, UNCHANGED, UPDATED, Entry, Rows, Settled
from engine.store.happenings import Happenings
from engine.store.origin import Origin
from engine.store.quarantine import Bad, Quarantine
from engine.store.vehicles import Vehicles
from engine.transforms.codes import ELEMENT


def digester(salt: str) -> Callable[[Sequence[str]], list[str]]:
    """A function that gives the digests of raw records under one definition and layout.

    `salt` names the feed, its mapping and the header; never a clock, so that the same row of
    the same definition is the same tomorrow.
    """
    seed = blake2b(salt.encode(), digest_size=16).digest()
    base = blake2b(digest_size=16, salt=seed)

    def digests(raws: Sequence[str]) -> list[str]:
        result = []
        for raw in raws:
            one = base.copy()
            one.update(raw.encode("utf-8", "surrogatepass"))
            result.append(one.hexdigest())
        return result

    return digests


class DeliveryWriter:
    """The store's side of one delivery."""

    def __init__(
        self, bulk: Bulk, origin: Origin, tally: Tally, memory: Memory, happenings: Happenings | None = None
    ) -> None:
        self.tally = tally
        self.happenings = happenings or Happenings()
        self.issues: list[Issue] = []
        self.codes: Counter[str] = Counter()  # why rows went to quarantine, those that waited there already included
        self._bulk = bulk
        self._origin = origin
        self._activities = Activities(bulk, origin, self.happenings)
        self._contacts = Contacts(bulk, origin, tally)
        self._vehicles = Vehicles(bulk, origin)
        self._employees = Employees(bulk, origin)
        self._quarantine = Quarantine(bulk, origin)
        self._clashes = Clashes(self._activities, origin, tally, memory)
        self._memory = memory
        self._empty: dict[str, bool] = {}
        self._damaged: set[int] = set()  # indexes of records that lack an element for a fault of its own
        self._holding = self._activities.has_held()

    @property
    def has_clashes(self) -> bool:
        """Whether rows were taken back, so that the delivery must be looked through once more."""
        return bool(self._memory.taken_back)

    def unchanged(self, digests: Sequence[str], types: Sequence[str]) -> set[int]:
        """Places of the records that are stored already just as they are; counted as unchanged."""
        if all(self._is_empty(kind) for kind in types):
            return set()
        found = self._activities.unchanged(digests)
        for ids in found.values():
            for number in ids:
                self._memory.met.add(number)
        self.tally.unchanged += len(found)
        return set(found)

    def fixes(self, raws: Sequence[str]) -> Mapping[int, Mapping[str, object]]:
        """{place: corrections} of rows that a person has repaired before."""
        return self._quarantine.fixes(raws)

    def keep(self, faults: Sequence[Fault], rows: Rows) -> None:
        """Put rows into quarantine and count them."""
        self.tally.quarantined += len(faults)
        self._kept(faults, rows)

    def keep_taken_back(self, rows: Rows) -> None:
        """On the second look: put the rows of clashes that were taken back into quarantine.

        They were counted when they were taken back.
        """
        self._kept(self._clashes.found_again(rows), rows)

    def _kept(self, faults: Sequence[Fault], rows: Rows) -> None:
        self.codes.update(fault.code for fault in faults)
        self._quarantine.keep([Bad(f.line, f.code, f.message, rows.raws[f.index], f.field, f.value) for f in faults])

    def store(self, stream: Stream, mapped: MappedBatch, rows: Rows) -> None:
        """Write what a batch became: contacts, vehicles, activities; quarantine what clashes."""
        self.tally.filtered += len(mapped.filtered)
        self.keep(mapped.faults, rows)
        elements = [warning for warning in mapped.warnings if warning.code.startswith(ELEMENT)]
        self.tally.elements_quarantined += len(elements)
        self._kept(elements, rows)
        self._damaged = {fault.index for fault in elements}
        groups, repeated = [mapped.records], 0
        if stream.records.on_duplicate == "last":
            types = [spec.type for spec in stream.activities]
            groups, repeated = passes(
                mapped.records, lambda r: frozenset((types[a.spec], a.keys[0]) for a in r.activities), rows
            )
        self.tally.unchanged += repeated
        for group in groups:
            if group:
                self._attempt(stream, group, rows)

    def _is_empty(self, kind: str) -> bool:
        if kind not in self._empty:
            self._empty[kind] = self._activities.is_empty(kind)
        return self._empty[kind]

    def _attempt(self, stream: Stream, records: list[MappedRecord], rows: Rows) -> None:
        """Write a batch; into an empty store without asking for each key whether it is taken.

        The unique index says so where one is: the batch is then undone as a whole and written
        again with look-ups, as are all batches after it.
        """
        types = {spec.type for spec in stream.activities}
        if not any(self._is_empty(kind) for kind in types):
            self._write(stream, records, rows)
            return
        before, codes, mark = copy(self.tally), self.codes.copy(), self.happenings.mark()
        self._bulk.rows("SAVEPOINT batch")
        try:
            self._write(stream, records, rows)
        except IntegrityError:
            self._bulk.rows("ROLLBACK TO SAVEPOINT batch")
            self._empty.update(dict.fromkeys(types, False))
            self._bulk.analyze()
            for name in Tally.__slots__:
                setattr(self.tally, name, getattr(before, name))
            self.codes = codes
            self.happenings.back_to(mark)
            self._write(stream, records, rows)
        self._bulk.rows("RELEASE SAVEPOINT batch")

    def _write(self, stream: Stream, records: list[MappedRecord], rows: Rows) -> None:
        entries = [Entry(p, stream.activities[a.spec], a) for p, r in enumerate(records) for a in r.activities]
        self._look_up(entries)
        if stream.records.on_duplicate != "last":
            records, entries = self._without_clashes(records, entries, rows)
        lines = [rows.lines[record.index] for record in records]
        entries = self._worth_writing(entries, records, lines)
        people = self._people(stream, records, entries, lines)
        vehicles, touched = (
            self._vehicles.settle(stream.vehicle, [r.vehicle for r in records], lines)
            if stream.vehicle is not None
            else ([None] * len(records), [False] * len(records))
        )
        refused = self._await_others(records, entries, people, rows)
        entries = [entry for entry in entries if entry.record not in refused]
        parts = [0] * len(records)
        for entry in entries:
            parts[entry.record] += 1
        settled = Settled(stream, records, rows, people, vehicles, parts, self._origin)
        self._write_activities(settled, entries)
        employed = self._employees.settle(records, lines) if stream.employee is not None else {}
        self._count(settled, entries, employed, touched, refused)
        self._quarantine.resolve([rows.raws[r.index] for p, r in enumerate(records) if p not in refused])

    def _look_up(self, entries: Sequence[Entry]) -> None:
        by_type: dict[str, list[Entry]] = {}
        for entry in entries:
            if not self._is_empty(entry.spec.type):
                by_type.setdefault(entry.spec.type, []).append(entry)
        for kind, group in by_type.items():
            found = self._activities.stored(kind, {key for entry in group for key in entry.activity.keys})
            for entry in group:
                keys = entry.activity.keys
                # A stronger key first looks for itself, then for what an earlier delivery stored
                # under a weaker one, before the stronger was known: that activity is re-keyed.
                weaker = (found[key] for key in keys[1:] if key in found)
                entry.stored = found.get(keys[0]) or next((w for w in weaker if not self._clashes.was_met(w)), None)

    def _without_clashes(
        self, records: list[MappedRecord], entries: list[Entry], rows: Rows
    ) -> tuple[list[MappedRecord], list[Entry]]:
        clashing, repeated = self._clashes.split(records, entries, rows)
        if not clashing and not repeated:
            return records, entries
        self.keep([clash_fault(i, rows.lines[i]) for i in sorted(records[p].index for p in clashing)], rows)
        self.tally.unchanged += len(repeated)
        places = [p for p in range(len(records)) if p not in clashing and p not in repeated]
        renumbered = {old: new for new, old in enumerate(places)}
        entries = [entry for entry in entries if entry.record in renumbered]
        for entry in entries:
            entry.record = renumbered[entry.record]
        return [records[p] for p in places], entries

    def _worth_writing(
        self, entries: list[Entry], records: Sequence[MappedRecord], lines: Sequence[int]
    ) -> list[Entry]:
        """Without those that would put an older version over a newer one, or find nothing to update."""
        kept = []
        for entry in entries:
            record, line = records[entry.record], lines[entry.record]
            if entry.stored is None:
                if entry.spec.on_none != "ignore" and not record.lapsed:
                    kept.append(entry)
            elif is_older(record.version, (self._origin.root, line), entry.stored):
                message = "a newer version of this record is stored already; this one changed nothing"
                self.issues.append(Issue("record.older", message, "info", line=line))
            else:
                kept.append(entry)
        return kept

    def _people(
        self, stream: Stream, records: Sequence[MappedRecord], entries: Sequence[Entry], lines: Sequence[int]
    ) -> list[Found | None]:
        if stream.contact is None:
            return [None] * len(records)
        stored = {e.record: e.stored.contact_id for e in entries if e.stored is not None}
        wanted = [
            Asked(record.contact, lines[place], record.version, stored.get(place))
            if record.contact is not None and not record.lapsed
            else None
            for place, record in enumerate(records)
        ]
        return self._contacts.settle(stream.contact, wanted)

    def _await_others(
        self, records: Sequence[MappedRecord], entries: Sequence[Entry], people: list[Found | None], rows: Rows
    ) -> set[int]:
        """Fill in what depends on other activities; places of the records refused for lack of one."""
        wanted = {e.activity.after for e in entries if e.activity.after is not None}
        wanted |= {r.contact_from for r in records if r.contact_from is not None}
        if not wanted:
            return set()
        standing = self._activities.others(wanted)
        owners = self._contacts.people({c for c in standing.values() if c is not None})
        for place, record in enumerate(records):
            contact = standing.get(record.contact_from) if record.contact_from is not None else None
            if people[place] is None and contact is not None and record.contact_from is not None:
                people[place] = Found(owners[contact], f"of {record.contact_from[0]}")
        here = standing.keys() | {e.name for e in entries if e.activity.after is None}
        refused = set()
        for entry in entries:
            after, spec = entry.activity.after, entry.spec.after
            if after is None or spec is None or after in here:
                continue
            if spec.on_missing == "refuse":
                refused.add(entry.record)
            elif spec.on_missing == "hold":
                entry.waits = True
        message = "the activity this one must come after is not there yet; replay it once that has come"
        indexes = [records[p].index for p in sorted(refused)]
        self.keep([Fault(i, rows.lines[i], "after.missing", message) for i in indexes], rows)
        return refused

    def _write_activities(self, settled: Settled, entries: list[Entry]) -> None:
        fresh: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.stored is None:
                fresh.setdefault(entry.spec.type, []).append(entry)
        known = [entry for entry in entries if entry.stored is not None]
        sources = {id(spec): _sources(settled.stream, spec.values, spec.fields) for spec in settled.stream.activities}
        updates = [(e.stored, settled.after(e, sources[id(e.spec)])) for e in known if e.stored is not None]
        for entry, changed in zip(known, self._activities.update(updates), strict=True):
            entry.grade = UPDATED if changed else UNCHANGED
            self.tally.activities_updated += changed
        for stored, _ in updates:
            self._memory.met.add(stored.id)
        for kind, group in fresh.items():
            self._activities.insert(kind, settled.columns(group), len(group))
            for entry in group:
                entry.grade = INSERTED
            self.tally.activities_inserted += len(group)
        held = sum(entry.waits for entry in entries if entry.stored is None)
        self.tally.held += held
        self._holding = self._holding or bool(held)
        self._close_gone(settled, entries)
        if self._holding and entries:
            self._activities.release({entry.name for entry in entries if not entry.waits})

    def _close_gone(self, settled: Settled, entries: Sequence[Entry]) -> None:
        """Elements that a newer version of their record no longer has change their state."""
        for number, spec in enumerate(settled.stream.activities):
            if spec.gone is None:
                continue
            groups: dict[str, set[str]] = {}
            by_group: dict[str, Entry] = {}
            for entry in entries:
                index = settled.records[entry.record].index
                if entry.spec.each is None and index not in self._damaged and (group := settled.group_name(entry)):
                    activities = settled.records[entry.record].activities
                    groups[group] = {a.keys[0] for a in activities if a.spec == number}
                    by_group[group] = entry
            for stored in self._activities.of_groups(spec.type, groups):
                group = stored.group_key or ""
                if stored.key in groups[group] or stored.state == spec.gone:
                    continue
                owner = by_group[group]
                after = stored.columns() | {
                    "state": spec.gone,
                    "delivery_id": self._origin.delivery_id,
                    "line": settled.rows.lines[settled.records[owner.record].index],
                    "updated_at": self._origin.now,
                }
                self._activities.update([(stored, after)])
                owner.grade = max(owner.grade, UPDATED)

    def _count(
        self,
        settled: Settled,
        entries: Sequence[Entry],
        employed: Mapping[int, int],
        touched: Sequence[bool],
        refused: set[int],
    ) -> None:
        """Each record once: by its activities or its employee, else by its contact and vehicle."""
        grades = dict(employed)
        for entry in entries:
            grades[entry.record] = max(grades.get(entry.record, UNCHANGED), entry.grade)
        tally = self.tally
        for place, record in enumerate(settled.records):
            if place in refused:
                continue
            grade = grades.get(place)
            if grade is None and record.lapsed:
                tally.filtered += 1
                continue
            if grade is None:
                found = settled.people[place]
                is_new = found is not None and found.is_new and not settled.stream.activities
                is_updated = (found is not None and found.is_updated) or touched[place]
                grade = INSERTED if is_new else UPDATED if is_updated and not settled.stream.activities else UNCHANGED
            tally.inserted += grade == INSERTED
            tally.updated += grade == UPDATED
            tally.unchanged += grade == UNCHANGED


def _sources(stream: Stream, values: Sequence[tuple[str, str]], inner: Mapping[str, Field]) -> dict[str, Field]:
    """The mapped field behind each field of an activity."""
    found = {target: inner.get(source) or stream.fields.get(source) for target, source in values}
    return {target: source for target, source in found.items() if source is not None}
