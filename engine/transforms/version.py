"""Versions of programs."""

import re
from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value

_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,7}", re.ASCII)


def reader() -> Callable[[Value], str]:
    """Numbers with dots between them, as text: "3.6.0.44".

    A JSON number with a fraction is refused: 3.10 has become 3.1 before we see it.
    Raises RecordError ("version.unreadable").
    """
    return _read


def numbers(version: str) -> tuple[int, ...]:
    """A version that was read, for comparing: (3, 6, 0, 44)."""
    return tuple(map(int, version.split(".")))


def _read(value: Value) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    if _VERSION.fullmatch(text) is None:
        raise RecordError("version.unreadable", "expected a version such as 3.6.0.44, as text")
    return text
