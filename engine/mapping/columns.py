"""The header of a file and which of its columns the fields read: decided once, all problems at once."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from engine.errors import DeliveryRefused
from engine.model import Column, Field, Join


class Header:
    """Places of columns by name, and which of them somebody reads. Blanks around a name do not count."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._places: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            self._places.setdefault(name.strip(), []).append(place)
        self._read: set[int] = set()

    def place(self, column: Column) -> int | None:
        """Where the column stands; None where the file has none of its names."""
        found = self.found(column.names)
        if not found:
            return None
        self._read.add(found[0])
        return found[0]

    def places(self, join: Join) -> list[int]:
        """Where the columns to be joined stand, without those the file lacks."""
        places = [found[0] for name in join.columns if (found := self.found((name,)))]
        self._read.update(places)
        return places

    def found(self, names: Iterable[str]) -> list[int]:
        return [place for name in dict.fromkeys(names) for place in self._places.get(name.strip(), ())]

    def near(self, name: str) -> list[str]:
        """Headers an author may have meant: near in spelling, or different only in case and punctuation."""
        plain = {_plain(other): other for other in self.names}
        return [plain[match] for match in get_close_matches(_plain(name), list(plain), n=2, cutoff=0.75)]

    def unread(self, unused: Iterable[str]) -> tuple[str, ...]:
        """Columns that no field reads and nobody declared `unused`, in the order of the file."""
        declared = {name.strip() for name in unused}
        return tuple(
            name
            for place, name in enumerate(self.names)
            if place not in self._read and name.strip() and name.strip() not in declared
        )


def check(header: Header, fields: Iterable[Field]) -> None:
    """Raise DeliveryRefused with every column that is missing or that stands twice."""
    missing: list[str] = []
    ambiguous: list[str] = []
    known = False
    for field in fields:
        if isinstance(field.source, Column):
            wanted = [field.source.names]
        elif isinstance(field.source, Join):
            wanted = [(name,) for name in field.source.columns]
        else:
            continue
        for names in wanted:
            found = header.found(names)
            known = known or bool(found)
            if len(found) > 1:
                ambiguous.append(_listed(header.names[place] for place in found))
            elif not found and not field.optional:
                missing.append(_asked(header, names, field))
    if missing:
        told = "; ".join(dict.fromkeys(missing))
        raise DeliveryRefused("column.missing", f"missing columns: {told}. {_description(header, known)}")
    if ambiguous:
        raise DeliveryRefused(
            "column.ambiguous", f"columns that mean the same field: {'; '.join(dict.fromkeys(ambiguous))}"
        )


def _description(header: Header, known: bool) -> str:
    """The header for a message; not where nothing in it is known, for it may be a first record with a person in it."""
    if known:
        return f"The file has {_listed(header.names[:40])}"
    return f"None of the {len(header.names)} columns is known: does the file begin with a header?"


def _asked(header: Header, names: Sequence[str], field: Field) -> str:
    near = [other for name in names for other in header.near(name)]
    hint = f" (near: {_listed(dict.fromkeys(near))})" if near else ""
    where = f" for {field.name}" + (f", {field.where}" if field.where else "")
    return f"{' or '.join(map(repr, names))}{where}{hint}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
