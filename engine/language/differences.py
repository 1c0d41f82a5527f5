"""What has changed between a definition as a feed last ran with it and as it is now, value by value.

Compares plain values and says where each new one is written. Knows no store.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.language.files import File
from engine.language.resolution import MAPPING, Resolved, whole
from engine.language.tree import Node, Step
from engine.model import ActivityType, Dealer, Value

# What is said about a definition, and what it declares: where that has an effect it shows in the sections.
_SILENT = frozenset({"version", "kind", "about", "params", "sealed", "tests", "capabilities"})
_DEALER, _TYPES = "dealer", "activityTypes"
_ABSENT = object()


class Change(NamedTuple):
    """One value that is another now; `before` or `after` is None where there was or is none."""

    path: str  # "fields.term.type"
    kind: str  # added, removed, changed
    before: Value
    after: Value
    steps: tuple[Step, ...]

    @property
    def section(self) -> str:
        return str(self.steps[0])

    @property
    def is_mapping(self) -> bool:
        """Whether it stands where it is said what becomes of a record."""
        return self.section in (*MAPPING, "namespace", _DEALER, _TYPES)


def written(resolved: Resolved, dealer: Dealer, types: Mapping[str, ActivityType]) -> Mapping[str, Value]:
    """A resolved definition by its sections, with what else decides what becomes of a record."""
    sections = {name: node.written for name, node in whole(resolved).entries().items() if name not in _SILENT}
    told = {"timezone": dealer.timezone.key, "region": dealer.region, "features": sorted(dealer.features)}
    kinds = {name: _type(kind) for name, kind in sorted(types.items())}
    return {**sections, _DEALER: told, **({_TYPES: kinds} if kinds else {})}


def changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Change, ...]:
    """Every value that differs, in the order of the definition as it is now; what has gone stands behind."""
    return tuple(_changes(before, after, ()))


def place(change: Change, root: Node, dealer: Node, types: Mapping[str, File]) -> tuple[str, int]:
    """File and line of the new value, or of what it was taken out of.

    `root` is the resolved definition, `dealer` the tree of the dealer's file, `types` are files of activity types.
    """
    if change.section == _DEALER:
        node = dealer.at(change.steps[1:])
    elif change.section == _TYPES and change.steps[1] in types:
        node = types[str(change.steps[1])].tree.at(change.steps[2:])
    else:
        node = root.at(change.steps)
    return node.place.document.path, node.place.mark.line


def _type(kind: ActivityType) -> Value:
    """What of an activity type decides; labels are for readers."""
    fields = {
        name: {
            key: value for key, value in (("type", each.type), ("unit", each.unit), ("greyIf", each.grey_if)) if value
        }
        for name, each in kind.fields.items()
    }
    return {"category": kind.category, "states": list(kind.states), "fields": fields}


def _changes(before: Value, after: Value, steps: tuple[Step, ...]) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*after, *(name for name in before if name not in after)):
            yield from _changes(before.get(name, _ABSENT), after.get(name, _ABSENT), (*steps, name))
    elif _is_paired(before, after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _changes(*pair, (*steps, index))
    elif before is _ABSENT or after is _ABSENT or before != after or type(before) is not type(after):
        kind = "added" if before is _ABSENT else "removed" if after is _ABSENT else "changed"
        old, new = (None if value is _ABSENT else value for value in (before, after))
        yield Change(_path(steps), kind, old, new, steps)


def _is_paired(before: Value, after: Value) -> bool:
    """Lists of as many maps: the maps are compared one by one, other lists as one value."""
    lists = isinstance(before, Sequence) and isinstance(after, Sequence) and not isinstance(before, str)
    return (
        lists
        and not isinstance(after, str)
        and len(before) == len(after)
        and all(isinstance(each, Mapping) for each in (*before, *after))
    )


def _path(steps: Sequence[Step]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
