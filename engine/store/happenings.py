"""What became of activities in one transaction, of those types that something is sent for. Reads and writes nothing."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from engine.exported import Happening
from engine.store.changes import HELD, Stored

CREATED, CHANGED, DUE = "created", "changed", "due"
_TOLD = ("occurred", "state")  # of an activity's columns; whose it is, and where it waits, is no news to anyone
_FIELDS = "fields."
_Changes: TypeAlias = dict[str, list[Any]]
Mark: TypeAlias = tuple[int, dict[int, _Changes]]


class Happenings:
    """By the id of the activity, in the order in which it was first touched; one that is held is not there yet."""

    def __init__(self, types: frozenset[str] = frozenset()) -> None:
        self.types = types
        self._found: dict[int, _Changes | None] = {}  # None: it is new

    def born(self, ids: Iterable[int], states: Iterable[str | None]) -> None:
        self._found.update({number: None for number, state in zip(ids, states, strict=True) if state != HELD})

    def altered(self, stored: Stored, after: Mapping[str, Any], difference: Mapping[str, list[Any]]) -> None:
        """`difference` is what `changes.difference` gives; that of several updates is put together."""
        if after["state"] == HELD:
            return
        if stored.state == HELD:
            self._found[stored.id] = None
            return
        news = {
            name.removeprefix(_FIELDS): pair
            for name, pair in difference.items()
            if name in _TOLD or name.startswith(_FIELDS)
        }
        earlier = self._found.get(stored.id, {})
        if earlier is None or not news:
            return
        for name, (before, now) in news.items():
            earlier[name] = [earlier[name][0] if name in earlier else before, now]
        self._found[stored.id] = earlier

    def undone(self, number: int) -> None:
        """It is as it was before this transaction, or gone."""
        self._found.pop(number, None)

    def mark(self) -> Mark:
        """What to go back to where a part of the transaction is undone."""
        return len(self._found), {number: dict(pairs) for number, pairs in self._found.items() if pairs is not None}

    def back_to(self, mark: Mark) -> None:
        count, changed = mark
        while len(self._found) > count:
            self._found.popitem()
        self._found.update(changed)

    def all(self) -> Mapping[int, Happening]:
        """What is different now at the end of it."""
        found: dict[int, Happening] = {}
        for number, pairs in self._found.items():
            if pairs is None:
                found[number] = Happening(CREATED)
                continue
            changes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
            if changes:
                found[number] = Happening(CHANGED, changes)
        return found
