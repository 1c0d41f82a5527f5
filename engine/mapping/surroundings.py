"""What a record becomes may hang on more than the record: on its file's name, or on who asked for it.

Finds what of that the streams read, so that the same row in another file is another row where
that counts. Never `run` and `window`: those are clocks, and the same row is the same tomorrow.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from engine.deferred import Reference
from engine.model import Stream, Value

_CLOCKS = ("run", "window")


# By the names that are there: which paths below them a feed's streams read.
Paths = dict[tuple[str, ...], list[tuple[str, ...]]]


def surroundings(streams: Sequence[Stream], context: Mapping[str, Value], known: Paths) -> dict[str, Value]:
    """The values beside the record that these streams read, by their path; nothing where they read none.

    `known` are the paths that were found for these streams before.
    """
    names = tuple(sorted(name for name in context if name not in _CLOCKS))
    if names not in known:
        known[names] = _found(streams, names)
    return {".".join(path): _at(context, path) for path in known[names]}


def _found(streams: Sequence[Stream], names: tuple[str, ...]) -> list[tuple[str, ...]]:
    # In the text of a condition. What only looks like one costs a second look at rows that are known.
    named = re.compile(rf"(?<![\w./'\"-])({'|'.join(map(re.escape, names))})\b(?!['\"])")
    return sorted(set(_paths(streams, names, named)))


def _at(value: Value, path: Sequence[str]) -> Value:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _paths(value: object, names: Sequence[str], named: re.Pattern[str]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Reference):
        if value.path[0] in names:
            yield value.path
    elif isinstance(value, str):
        for found in named.finditer(value):
            yield (found[1],)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _paths(getattr(value, each.name), names, named)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item, names, named)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _paths(item, names, named)
