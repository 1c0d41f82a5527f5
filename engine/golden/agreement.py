"""Whether one value is as expected, and how it is told when it is not. Pure; knows no test and no run."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias

from engine.language.tree import Place
from engine.language.words import nearest
from engine.model import Value

Path: TypeAlias = tuple[str | int, ...]


class Difference(NamedTuple):
    """One thing that is not as expected; `path` leads to it from the head of the expectation.

    Without a message it is a value: what was expected and what was found say it all. `place` is where it
    stands when that is not the expectation: in what is given.
    """

    path: Path
    message: str = ""
    expected: Value = None
    found: Value = None
    place: Place | None = None

    @property
    def text(self) -> str:
        return self.message or f"expected {shown(self.expected)}, found {shown(self.found)}"


def agrees(expected: Value, found: Value) -> bool:
    """Whether a value is as expected: a map has to have what is named, a list all of it, in order.

    A number agrees with the decimal text of the same amount, a time with the same moment in another zone.
    """
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(agrees(value, found.get(name)) for name, value in expected.items())
    if isinstance(expected, list | tuple):
        is_list = isinstance(found, list | tuple) and len(found) == len(expected)
        return is_list and all(agrees(one, other) for one, other in zip(expected, found, strict=True))
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None or found is None:
        return expected is found
    return bool(expected == found) or _same_amount(expected, found) or _same_moment(expected, found)


def _same_amount(expected: Value, found: Value) -> bool:
    if isinstance(expected, str) or not isinstance(found, str):
        return False
    if str(expected) == found:
        return True
    try:
        return "." in found and Decimal(str(expected)) == Decimal(found)
    except InvalidOperation:
        return False


def _same_moment(expected: Value, found: Value) -> bool:
    if not isinstance(expected, str) or not isinstance(found, str) or "T" not in expected or "T" not in found:
        return False
    try:
        moments = [datetime.fromisoformat(text) for text in (expected, found)]
    except ValueError:
        return False
    return all(moment.tzinfo for moment in moments) and moments[0] == moments[1]


def compared(expected: Value, found: Value, path: Path) -> list[Difference]:
    """The same, down to each value that differs."""
    if agrees(expected, found):
        return []
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [each for name in expected for each in _entry(name, expected[name], found, path)]
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [each for place, (one, other) in pairs for each in compared(one, other, (*path, place))]
    return [Difference(path, "", expected, found)]


def _entry(name: str, expected: Value, found: Mapping[str, Value], path: Path) -> list[Difference]:
    if name not in found:
        close = nearest(name, list(found))
        help = f"; did you mean {close}?" if close else ""
        return [Difference((*path, name), f"there is no such name{help}", expected)]
    return compared(expected, found[name], (*path, name))


def shown(value: Value) -> str:
    """A value as a definition writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    words = {None: "nothing", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value) if value == "" else str(value)
