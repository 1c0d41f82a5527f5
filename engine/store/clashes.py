"""Rows of one delivery that name the same activity and differ: none of them is believed.

Finds them within a batch and across batches without remembering every key of the file, and
takes back what an earlier one has written. Never touches what an earlier delivery stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.model import Fault, MappedRecord, Tally
from engine.store.activities import Activities
from engine.store.changes import Stored
from engine.store.entries import Entry, Rows
from engine.store.marks import Marks
from engine.store.origin import Origin


@dataclass(slots=True)
class Memory:
    """What a delivery must remember of its earlier rows; small, however long the file is.

    `taken_back` names the rows to look for when the delivery ends, by digest.
    """

    met: Marks = field(default_factory=Marks)  # activities this delivery has confirmed or updated
    taken_back: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)  # (type, key) that no row may have any more

    def packed(self) -> dict[str, Any]:
        """All of it as JSON, for the checkpoint: a row after it must clash with one before it."""
        return {"met": self.met.packed(), "taken_back": sorted(self.taken_back), "names": sorted(self.names)}

    def add_packed(self, progress: Mapping[str, Any]) -> None:
        self.met.add_packed(progress.get("met", {}))
        self.taken_back.update(progress.get("taken_back", ()))
        self.names.update((kind, key) for kind, key in progress.get("names", ()))


@dataclass(frozen=True, slots=True)
class Clashes:
    activities: Activities
    origin: Origin
    tally: Tally
    memory: Memory

    def split(self, records: Sequence[MappedRecord], entries: Sequence[Entry], rows: Rows) -> tuple[set[int], set[int]]:
        """Places of the records that clash with another row, and of those that repeat one exactly."""
        clashing: set[int] = set()
        repeated: set[int] = set()
        first: dict[tuple[str, str], int] = {}
        for entry in entries:
            digest = rows.digests[records[entry.record].index]
            earlier = first.setdefault(entry.name, entry.record)
            if entry.name in self.memory.names:
                clashing.add(entry.record)
            elif earlier != entry.record:
                if rows.digests[records[earlier].index] == digest:
                    repeated.add(entry.record)
                else:
                    clashing |= {earlier, entry.record}
                    self.memory.names.add(entry.name)
            elif entry.stored is not None and self.was_met(entry.stored):
                if entry.stored.digest == digest:
                    repeated.add(entry.record)
                else:
                    self._take_back(entry.stored)
                    clashing.add(entry.record)
        return clashing, repeated - clashing

    def was_met(self, stored: Stored) -> bool:
        """Whether a row of this very delivery has written or confirmed this activity."""
        return stored.delivery_id == self.origin.delivery_id or stored.id in self.memory.met

    def _take_back(self, stored: Stored) -> None:
        self.memory.names.add((stored.type, stored.key))
        if stored.digest in self.memory.taken_back:
            return
        self.memory.taken_back.add(stored.digest)
        grades = []
        for one in self.activities.of_record(stored.digest):
            self.memory.names.add((one.type, one.key))
            is_ours = one.delivery_id == self.origin.delivery_id
            grades.append(self.activities.take_back(one) if is_ours else "unchanged")
        grade = next((g for g in ("inserted", "updated") if g in grades), "unchanged")
        setattr(self.tally, grade, getattr(self.tally, grade) - 1)
        self.tally.quarantined += 1

    def found_again(self, rows: Rows) -> list[Fault]:
        """The rows of a batch that were taken back, on the second look at the delivery."""
        return [
            fault(place, rows.lines[place])
            for place, digest in enumerate(rows.digests)
            if digest in self.memory.taken_back
        ]


def fault(index: int, line: int) -> Fault:
    return Fault(
        index,
        line,
        "key.repeated",
        "another row of this file has the same key and says something else; neither was stored: correct one of them",
    )


def passes(
    records: Sequence[MappedRecord], names_of: Callable[[MappedRecord], frozenset[tuple[str, str]]], rows: Rows
) -> tuple[list[list[MappedRecord]], int]:
    """For sources that repeat ids: the records in groups in which no key comes twice, and how many are left out.

    The later one of two is then an update of the earlier, as if they had come in two deliveries.
    Left out is what says once more, letter for letter, what stood last under its keys.
    """
    made: list[list[MappedRecord]] = []
    repeated = 0
    last: dict[tuple[str, str], tuple[int, frozenset[tuple[str, str]], str]] = {}  # group, keys, digest
    for record in records:
        names, digest = names_of(record), rows.digests[record.index]
        before = [last[name] for name in names if name in last]
        if before and all((keys, text) == (names, digest) for _, keys, text in before):
            repeated += 1
            continue
        group = 1 + max((group for group, _, _ in before), default=-1)
        if group == len(made):
            made.append([])
        made[group].append(record)
        last.update(dict.fromkeys(names, (group, names, digest)))
    return made, repeated
