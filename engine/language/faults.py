"""Structural faults, what the validator says of them, and the phrases they are told in. Finds nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine.language.places import Places
from engine.language.words import clipped
from engine.language.yaml import Path
from engine.model import Value

Schema: TypeAlias = dict[str, Any]

_MOST = 16  # words in a list of choices


class Fault(NamedTuple):
    """One structural problem: where it is by its path, at the key or at the value.

    `excuses` are paths: where one of these keys is misspelt, or its value is wrong, that is the
    mistake, and this only follows from it.
    """

    path: Path
    on_key: bool
    code: str
    message: str
    help: str = ""
    excuses: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One error of the validator: what stands at `path` breaks `keyword` of the schema `node`."""

    path: Path
    keyword: str
    detail: Any  # what the validator adds: the keys, the pattern, the choices
    node: Schema  # the schema with that keyword
    block: Schema  # the one around it that tells variants apart, or `node`
    rule: Schema  # the nearest one around it that carries a rule of ours, or {}
    instance: Value  # what stands at `path`
    places: Places  # where else in such a definition keys are legal
    base: int  # so many steps of `path` lead to what the schema describes


def name_of(path: Path) -> str:
    if not path:
        return "the definition"
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{clipped(step)}" if text else clipped(step)
    return f"`{text}`"


def within(path: Path) -> str:
    return f"in {name_of(path)}" if path else "at the top level"


def spoken(names: tuple[str, ...]) -> str:
    """Where a block stands, for a reader: `fields.*.join` is "under `join` of an entry of `fields`"."""
    if not names:
        return "at the top level"
    if names[-1] != "*":
        above = "".join(
            f" of {'an entry of ' if names[i + 1 : i + 2] == ('*',) else ''}`{name}`"
            for i, name in reversed([*enumerate(names[:-1])])
            if name != "*"
        )
        return f"under `{names[-1]}`{above}"
    return f"to an entry of `{next(name for name in reversed(names) if name != '*')}`"


def listed(choices: Sequence[Any]) -> str:
    shown = [str(choice) for choice in choices]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def offer(near: Sequence[str], choices: Sequence[Any], noun: str) -> str:
    """The right word, or where none is near what there is to choose from."""
    if near:
        return f"did you mean {listed([f'`{word}`' for word in near])}?"
    shown = [str(choice) for choice in choices[:_MOST]]
    more = f" and {len(choices) - _MOST} more" if len(choices) > _MOST else ""
    return f"{noun}: {', '.join(shown)}{more}" if shown else ""


def inline(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)
