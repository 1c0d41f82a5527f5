"""The values of `forEach`: a dealer's list, what the API names, and every combination of several.

Knows nothing of the list that is read for each of them.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from transports.base import Settings

_LONGEST_KEY = 80  # characters that an operator still reads

# (a `resource` block, names known so far): its raw records, page by page
Ask = Callable[[Settings, Mapping[str, Any]], Iterator[Sequence[Any]]]
Search = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """One combination. `values` by the names of `forEach`; `key` names it in a position; `digest` tells a change."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    key: str = ""
    digest: str | None = None  # only with `changedOnly`

    @property
    def names(self) -> dict[str, Any]:
        """What references find: each under its name, and all of them together under `parent`."""
        parent: dict[str, Any] = {}
        for value in self.values.values():
            parent |= value
        return {**self.values, "parent": {**parent, **self.values}}


def slices(settings: Settings, ask: Ask, search: Search) -> Iterator[Slice]:
    """Every slice, in the order of the definition; one without values where there is no `forEach`."""
    blocks = list((settings.get("forEach") or {}).items())
    for values, digests in _combined(blocks, {}, (), ask, search):
        yield Slice(values, _key(values), _digest(digests) if digests else None)


def _combined(
    blocks: Sequence[tuple[str, Mapping[str, Any]]],
    known: Mapping[str, Any],
    digests: tuple[str, ...],
    ask: Ask,
    search: Search,
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    if not blocks:
        yield dict(known), digests
        return
    (name, block), *rest = blocks
    for value, digest in _values(block, known, ask, search):
        inner = {**known, name: value} if value is not None else dict(known)
        yield from _combined(rest, inner, (*digests, digest) if digest else digests, ask, search)


def _values(
    block: Mapping[str, Any], known: Mapping[str, Any], ask: Ask, search: Search
) -> Iterator[tuple[dict[str, Any] | None, str | None]]:
    """The values of one name: the list that is given, else what `whenEmpty` says."""
    given = [value for value in block.get("values") or () if value is not None]
    resource = block.get("resource")
    when_empty = block.get("whenEmpty", "resource" if resource else "once")
    if given:
        found: Iterator[dict[str, Any]] = (_named(value) for value in given)
    elif when_empty == "resource" and resource:
        known_names = Slice(known).names
        found = (_kept(record, resource.get("keep"), search) for page in ask(resource, known_names) for record in page)
    elif when_empty == "none":
        return
    else:
        yield None, None
        return
    if "batch" in block:
        found = _batched(found, block["batch"])
    for value in found:
        yield value, _digest(value) if block.get("changedOnly") else None


def _named(value: Any) -> dict[str, Any]:
    """A plain value is an id."""
    return dict(value) if isinstance(value, Mapping) else {"id": value}


def _kept(record: Any, keep: Mapping[str, str] | None, search: Search) -> dict[str, Any]:
    if not keep:
        return _named(record)
    return {name: search(path, record) for name, path in keep.items()}


def _batched(found: Iterator[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
    """So many values in one: each of their members joined by commas, which is how APIs take several."""
    while batch := list(islice(found, size)):
        names = sorted({name for value in batch for name in value})
        yield {name: ",".join(str(value[name]) for value in batch if value.get(name) is not None) for name in names}


def _key(values: Mapping[str, Mapping[str, Any]]) -> str:
    """What tells a slice from the others, readable where that is possible."""
    if not values:
        return ""
    text = "|".join(str(value.get("id", json.dumps(value, sort_keys=True, default=str))) for value in values.values())
    return text if len(text) <= _LONGEST_KEY else f"{text[: _LONGEST_KEY - 17]}~{_digest(text)}"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
