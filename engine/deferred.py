"""What a definition leaves open until a run: references, texts with references, secrets by their names.

Values only; `engine.language.references` reads and fills them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """`${run.date+30d:%Y-%m-%d}`: path ("run", "date"), what to add, how to print it.

    `months`, `days` and `seconds` are the offset; days and months are those of the dealer's
    calendar. `params.*` and `dealer.*` never get this far: they are filled in when loading.
    """

    path: tuple[str, ...]
    months: int = 0
    days: int = 0
    seconds: int = 0
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """Text with references in it. One part alone, a Reference, keeps the type of its value."""

    parts: tuple[str | Reference, ...]


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`${secret.NAME}` as a whole value; resolved when the transport is opened."""

    name: str
