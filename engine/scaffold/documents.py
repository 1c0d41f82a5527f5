"""Where the records of a document are and what they hold: paths, quoted where JMESPath asks for it. Reads no file."""

import re
from collections.abc import Iterator, Mapping, Sequence

from engine.model import Value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Keys that say little without the one before them.
_VAGUE = frozenset({"value", "name", "id", "@id", "number", "date", "type", "code", "amount", "first", "last"})
_DEEPEST = 8  # levels below a record that are looked at


def records(document: Value) -> tuple[tuple[str, ...], list[Value]]:
    """The path to the largest list of objects, and the list; of a document without one, its only object.

    A list inside an element of a list belongs to its record. Of lists of one size, the one that is
    less deep, then the first.
    """
    found = list(_lists(document, ()))
    if found:
        return max(found, key=lambda each: (len(each[1]), -len(each[0])))
    path: tuple[str, ...] = ()
    while isinstance(document, dict) and len(document) == 1:
        ((name, inner),) = document.items()
        if not isinstance(inner, dict):
            break
        path, document = (*path, name), inner
    return path, [document] if isinstance(document, dict) else []


def _lists(value: Value, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Value]]]:
    if isinstance(value, list):
        if value and sum(isinstance(each, dict) for each in value) * 2 > len(value):
            yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, (*path, name))


def paths(rows: Sequence[Mapping[str, Value]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The paths of every single value in the records, in the order they are met; and those of lists."""
    single: dict[tuple[str, ...], None] = {}
    lists: dict[tuple[str, ...], None] = {}
    for row in rows:
        for keys, value in _leaves(row, ()):
            (lists if isinstance(value, list) else single)[keys] = None
    # What is null in one record may be an object in another: then its parts are read.
    outer = {keys[:depth] for keys in (*single, *lists) for depth in range(1, len(keys))}
    return [keys for keys in single if keys not in lists and keys not in outer], list(lists)


def _leaves(value: Value, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
    for name, inner in value.items():
        path = (*keys, name)
        if isinstance(inner, dict) and len(path) < _DEEPEST:
            yield from _leaves(inner, path)
        elif not isinstance(inner, dict):
            yield path, inner


def value(record: Value, keys: Sequence[str]) -> Value:
    """The value at a path; None where there is none, or no single one."""
    for key in keys:
        record = record.get(key) if isinstance(record, dict) else None
    return None if isinstance(record, dict | list) else record


def expression(keys: Sequence[str]) -> str:
    """The path as JMESPath."""
    return ".".join(key if _PLAIN.fullmatch(key) else _quoted(key) for key in keys)


def _quoted(key: str) -> str:
    escaped = "".join(
        f"\\{character}" if character in '"\\' else character if character.isprintable() else f"\\u{ord(character):04x}"
        for character in key
    )
    return f'"{escaped}"'


def title(keys: Sequence[str], every: Sequence[Sequence[str]]) -> str:
    """What a value is called: its last key, with those before it where others are called the same."""
    if keys[-1] == "#text" and len(keys) > 1:  # the text beside attributes goes by its element
        return title(keys[:-1], [other for other in every if other != keys])
    own = keys[-1]
    is_alone = sum(other[-1] == own for other in every) <= 1
    return own if len(keys) == 1 or (is_alone and own.casefold() not in _VAGUE) else " ".join(keys)
