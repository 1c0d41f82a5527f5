"""What makes a record the same one when it is sent again, as far as a sample can say. Knows no file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from engine.scaffold import headings
from engine.scaffold.columns import Column, Guess


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field of the draft. `target` is contact, vehicle, activity or "" (only in the key or as the date).

    `into` is the name it has there, where that is another one.
    """

    name: str
    column: Column
    guess: Guess
    target: str
    into: str = ""

    def values(self) -> list[str]:
        """The texts of the sample, blank where there is no value."""
        texts = ("" if value is None else str(value).strip() for value in self.column.values)
        return ["" if text in self.guess.nulls else text for text in texts]


@dataclass(frozen=True, slots=True)
class Key:
    names: tuple[str, ...]
    is_hash: bool
    why: str


_CODES = ("string", "integer")
_LINES = frozenset({"line", "lineno", "item", "seq", "sequence", "row", "pos", "position"})  # of an order, say
_STABLE = ("vin", "externalId", "email", "phone", "lastName", "name", "company")
_ENOUGH = 2  # records, among fewer nothing repeats; and fields of a hash


def found(fields: Sequence[Field], occurred: str | None) -> Key:
    """The key: one field, else two, else a hash of what does not change when a record is sent again."""
    values = {each.name: each.values() for each in fields}
    filled = [each for each in fields if all(values[each.name])]
    rows = len(fields[0].column.values)
    named = sorted(
        (each for each in fields if each.guess.type in _CODES and headings.as_key(each.column.title)),
        key=lambda each: -headings.as_key(each.column.title),
    )
    codes = [each for each in filled if each.target in ("activity", "") and _is_code(each, values[each.name])]
    for each in dict.fromkeys([*(one for one in named if one in filled), *codes]):
        if len(set(values[each.name])) == rows and (each in named or rows >= _ENOUGH):
            how = "in all" if rows > 1 else "in the only one of"
            return Key((each.name,), False, f"different and not blank {how} {rows} records")
    pair = _pair(filled, named, codes, values, occurred)
    return (
        Key(pair, False, f"no single field tells the {rows} records apart; these two do")
        if pair
        else _hash(fields, values, occurred)
    )


def _is_code(field: Field, values: Sequence[str]) -> bool:
    return field.guess.type in _CODES and all(
        " " not in value and any(map(str.isdigit, value)) and len(value) > 1 for value in values
    )


def _pair(
    filled: Sequence[Field],
    named: Sequence[Field],
    codes: Sequence[Field],
    values: dict[str, list[str]],
    occurred: str | None,
) -> tuple[str, ...]:
    names = [each.name for each in filled]
    firsts = [each.name for each in [*named, *codes] if each.name in names]
    firsts += [name for name in _STABLE if name in names]
    pairs = [(first, occurred) for first in dict.fromkeys(firsts) if occurred in names and first != occurred]
    parts = [each.name for each in filled if _LINES.intersection(headings.words(each.column.title))]
    pairs += [(first, part) for first in dict.fromkeys(firsts) for part in parts if first != part]
    pairs += list(combinations(dict.fromkeys(firsts), 2))
    for pair in pairs:
        together = list(zip(*(values[str(name)] for name in pair), strict=True))
        if len(together) >= _ENOUGH and len(set(together)) == len(together):
            return tuple(str(name) for name in pair)
    return ()


def _hash(fields: Sequence[Field], values: dict[str, list[str]], occurred: str | None) -> Key:
    """The fewest fields that tell the records apart: who, what and when; amounts and notes last of all."""
    stable = [each.name for each in fields if each.target in ("contact", "vehicle") or each.name == occurred]
    texts = [each.name for each in fields if each.guess.type in (*_CODES, "date", "dateTime", "vin")]
    every = [each.name for each in fields]
    rows = len(fields[0].column.values)
    for names in (stable, [*stable, *texts], every):
        chosen = tuple(dict.fromkeys(names))
        if len(chosen) < min(_ENOUGH, len(fields)):
            continue
        if len(set(zip(*(values[name] for name in chosen), strict=True))) == rows and rows >= _ENOUGH:
            why = (
                "no number tells the records apart; a record that is sent again with one of these changed is a new one"
            )
            return Key(chosen, True, why)
    return Key(tuple(every), True, "some records are equal in every field: they count as one")


def day(fields: Sequence[Field]) -> Field | None:
    """The date on which it happened, by its heading and by how many records have it; None without a date."""
    dated = [each for each in fields if each.guess.type in ("date", "dateTime") and each.target != "contact"]
    return max(
        dated,
        key=lambda each: (
            headings.as_date(each.column.title) >= 0,
            all(each.values()),
            headings.as_date(each.column.title),
        ),
        default=None,
    )
