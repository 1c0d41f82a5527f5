"""Which names in the data an author may have meant by one that never matched. Pure.

Near in spelling, or the same but for case and punctuation, or of the same last word elsewhere in
the record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from engine.mapping.paths import Tree, parsed, plain_keys
from engine.model import Value

_MOST = 3  # names offered
_RECORDS = 100  # looked through for names
_NAMES = 2_000  # remembered of them
_DEPTH = 6
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALIKE, _ALIKE_WORD, _TIED = 0.75, 0.8, 0.05

_Keys = tuple[str, ...]


def near_paths(expression: str, records: Sequence[Value]) -> list[str]:
    """Paths of the records near to that of an expression; the one it begins with, where it is no plain path."""
    keys = plain_keys(parsed(expression)) or _leading(parsed(expression))
    if not keys:
        return []
    there = list(dict.fromkeys(_names(records[:_RECORDS])))
    if keys in there:
        return []  # its beginning is right: what fails is behind it
    wanted, last = _bare("".join(keys)), _bare(keys[-1])
    bare = {path: _bare("".join(path)) for path in there}
    found = (
        [path for path in there if bare[path] == wanted]
        or [path for path in there if _bare(path[-1]) == last]
        or _alike(wanted, bare, _ALIKE)
        or _alike(last, {path: _bare(path[-1]) for path in there}, _ALIKE_WORD)
    )
    return [_written(path) for path in found[:_MOST]]


def _alike(wanted: str, bare: Mapping[_Keys, str], least: float) -> list[_Keys]:
    """The paths most like it, all but equally."""
    scores = {text: SequenceMatcher(None, wanted, text).ratio() for text in set(bare.values())}
    best = max(scores.values(), default=0.0)
    return [path for path, text in bare.items() if best >= least and scores[text] >= best - _TIED]


def _names(records: Iterable[Value]) -> Iterator[_Keys]:
    count = 0
    for record in records:
        for path in _inside(record, ()):
            yield path
            count += 1
            if count > _NAMES:
                return


def _inside(value: Value, above: _Keys) -> Iterator[_Keys]:
    """Every path of keys; the elements of a list stand for each other."""
    if len(above) >= _DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in list(value.items())[:_NAMES]:
            path = (*above, key)
            yield path
            yield from _inside(inner, path)
    elif isinstance(value, list) and value and above:
        yield from _inside(value[0], (*above[:-1], f"{above[-1]}[]"))


def _leading(tree: Tree) -> _Keys:
    """The keys an expression begins with, such as those of `lines[?kind == 'part'].total`."""
    keys = plain_keys(tree)
    if keys is not None:
        return keys
    children = [child for child in tree["children"] if isinstance(child, dict)]
    return _leading(children[0]) if children and tree["type"] not in _OPAQUE else ()


_OPAQUE = frozenset({"function_expression", "literal", "multi_select_list", "multi_select_dict", "expref"})


def _bare(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _written(path: _Keys) -> str:
    """As a definition would say it."""
    return ".".join(_quoted(key) for key in path)


def _quoted(key: str) -> str:
    name, brackets = (key[:-2], "[]") if key.endswith("[]") else (key, "")
    if _PLAIN.fullmatch(name):
        return key
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"{brackets}'
