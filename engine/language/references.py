"""`${...}`: references are read into values here, and those left for run time are filled from a context.

A reference names a value and may move or print it; it is never a program, and what it brings in
is never read for references again.
"""

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from engine.deferred import Reference, SecretRef, Template
from engine.errors import RecordError
from engine.language import durations
from engine.model import Value

# What may stand left of the first dot, and what each offers where that is a closed list.
ROOTS: Mapping[str, tuple[str, ...] | None] = {
    "params": None,
    "secret": None,
    "dealer": ("name", "title", "timezone", "region", "features", "contact"),
    "run": ("date", "now"),
    "window": ("from", "to"),
    "page": ("token", "number", "offset", "size"),
    "job": None,
    "file": ("name", "groups", "size", "modified"),
    "trigger": None,
    "parent": None,
    "record": None,
    "field": None,
}

_FARTHEST = 1_200  # months: calendars end, and a typing error should not reach their end
_BODY = re.compile(
    r"(?P<path>[A-Za-z_]\w*(?:\.\w+)*)"
    r"(?:(?P<sign>[+-])(?P<offset>\$\{[^{}]*\}|[^:{}$]+))?"
    r"(?::(?P<format>[^{}]+))?",
    re.ASCII,
)

# A directive of the time of day, and behind it what says that the time is UTC; `}` ends the format.
_UTC = re.compile(r"%[-#]?[HIMSTRXfps][^%A-Za-z]*(?P<word>Z|UTC|GMT|\+00:?00)(?!\w)")

_Day = TypeVar("_Day", date, datetime)

# Gives the value of a reference that is known now; raises Unfilled for one that is left for run time.
Known = Callable[[Reference], Value]


class BadReference(ValueError):
    """Text after `${` that is no reference; `offset` is where in the text it begins."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Unfilled(LookupError):
    """This reference has no value yet: it is left for run time."""


def nothing_known(reference: Reference) -> Value:
    """Leaves every reference for run time."""
    raise Unfilled(".".join(reference.path))


def parsed(text: str, known: Known = nothing_known) -> Value | Template | SecretRef:
    """Read one text: what is known is put in, once; the rest becomes a Template or a SecretRef.

    A text that is one whole reference gives the value itself, its type kept. `$${` stands for a
    literal `${`. Raises BadReference, and whatever `known` raises for a name it refuses.
    """
    if "${" not in text:
        return text
    parts: list[Value | Reference] = [
        _value(piece.text, piece.offset, known) if piece.is_reference else piece.text for piece in _pieces(text)
    ]
    if len(parts) == 1 and not isinstance(parts[0], str | Reference):
        return parts[0]
    return _joined(parts)


def references(text: str) -> tuple[Reference, ...]:
    """Every reference in a text, those inside an offset included. Raises BadReference."""
    found: list[Reference] = []

    def note(reference: Reference) -> Value:
        found.append(reference)
        raise Unfilled

    for piece in _pieces(text):
        if piece.is_reference:
            _value(piece.text, piece.offset, note)
    return tuple(found)


def is_whole(text: str) -> bool:
    """Whether a text is one reference and nothing else. Raises BadReference."""
    pieces = _pieces(text)
    return len(pieces) == 1 and pieces[0].is_reference


def local_as_utc(value: Template) -> Iterator[tuple[Reference, int]]:
    """The references that print a time, which is the dealer's, with a word for UTC behind it.

    Each with the place of that word, counted from where its format begins.
    """
    for part, behind in zip(value.parts, (*value.parts[1:], ""), strict=True):
        if isinstance(part, Reference) and part.format:
            after = f"}}{behind}" if isinstance(behind, str) else ""
            found = _UTC.search(part.format + after)
            if found:
                yield part, found.start("word")


def written(value: Template | SecretRef) -> str:
    """The value as text with its references, as a definition would write it."""
    if isinstance(value, SecretRef):
        return f"${{secret.{value.name}}}"
    return "".join(part if isinstance(part, str) else _written(part) for part in value.parts)


def fill(value: Value | Template | Reference, context: Mapping[str, Value], timezone: ZoneInfo) -> Value:
    """The value with its references filled from `context` (`{"run": {"date": ...}, "field": {...}}`).

    A name the context lacks is None alone and nothing inside a text. Offsets in days and months
    are counted in the calendar of `timezone`, and formats print in it. Raises RecordError
    ("reference.unreadable") where a date is needed and something else stands.
    """
    if isinstance(value, Reference):
        return _filled(value, context, timezone)
    if isinstance(value, Template):
        if len(value.parts) == 1 and isinstance(value.parts[0], Reference):
            return _filled(value.parts[0], context, timezone)
        filled = (part if isinstance(part, str) else _filled(part, context, timezone) for part in value.parts)
        return "".join(_text(part) for part in filled)
    if isinstance(value, Mapping):
        return {key: fill(item, context, timezone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, context, timezone) for item in value]
    return value


def moved(text: str, reference: Reference, timezone: ZoneInfo) -> str:
    """A canonical date or dateTime with the reference's offset added and its format applied."""
    try:
        moment = date.fromisoformat(text) if len(text) == len("2022-01-28") else datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(reference) from None
    if not isinstance(moment, datetime):
        if reference.seconds:
            raise _unreadable(reference)
        day = _later(moment, reference.months) + timedelta(days=reference.days)
        return day.strftime(reference.format) if reference.format else day.isoformat()
    # Wall time for days and months, elapsed time for seconds: tomorrow at nine stays at nine over a change of clocks.
    local = moment.astimezone(timezone)
    local = _later(local, reference.months) + timedelta(days=reference.days)
    point = local.astimezone(UTC) + timedelta(seconds=reference.seconds)
    if reference.format:
        return point.astimezone(timezone).strftime(reference.format)
    return point.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Piece(NamedTuple):
    """Plain text, or what stands between `${` and `}`; `offset` is where it begins."""

    text: str
    offset: int
    is_reference: bool


@lru_cache(maxsize=4096)  # ten thousand feeds are made of the same few texts
def _pieces(text: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    at = 0
    while at < len(text):
        start = text.find("${", at)
        if start < 0:
            pieces.append(_Piece(text[at:], at, False))
            break
        if start > 0 and text[start - 1] == "$":
            pieces.append(_Piece(text[at : start - 1] + "${", at, False))
            at = start + 2
            continue
        if start > at:
            pieces.append(_Piece(text[at:start], at, False))
        end = _closing(text, start)
        pieces.append(_Piece(text[start + 2 : end], start, True))
        at = end + 1
    return tuple(pieces)


def _closing(text: str, start: int) -> int:
    """Where the `}` of this `${` stands; one more `${` may stand inside it."""
    at = text.find("}", start)
    inner = text.find("${", start + 2)
    if 0 <= inner < at:
        at = text.find("}", at + 1)
    if at < 0:
        raise BadReference("this `${` is never closed with `}`", start)
    return at


def _value(body: str, offset: int, known: Known) -> Value | Reference | SecretRef:
    match = _BODY.fullmatch(body)
    if match is None:
        raise BadReference(
            f"`${{{body}}}` is no reference: expected a name such as params.folder, "
            "with an offset (+30d) or a format (:%Y-%m-%d) behind it",
            offset,
        )
    reference = Reference(path=tuple(match["path"].split(".")), format=match["format"])
    if match["offset"]:
        reference = _shifted(reference, match["sign"], match["offset"], offset, known)
    try:
        value = known(reference)
    except Unfilled:
        root, *rest = reference.path
        return SecretRef(rest[0]) if root == "secret" and len(rest) == 1 else reference
    return value


def _shifted(reference: Reference, sign: str, amount: str, offset: int, known: Known) -> Reference:
    if amount.startswith("${"):
        try:
            given = _value(amount[2:-1], offset, known)
        except Unfilled:
            given = 0
        # A bare number from a parameter counts days: `${run.date+${params.days}}`.
        amount = f"{given}d" if isinstance(given, int) else "0d" if isinstance(given, Reference) else str(given)
    try:
        months, days, seconds = durations.calendar(amount)
    except ValueError as error:
        raise BadReference(str(error), offset) from None
    if months > _FARTHEST or days > _FARTHEST * 31 or seconds > _FARTHEST * 31 * 86_400:
        raise BadReference(f"an offset of {amount}: a hundred years are the most", offset)
    if reference.path == ("run", "date") and seconds:
        raise BadReference("run.date is a day: add days or months to it, or use run.now", offset)
    factor = -1 if sign == "-" else 1
    return replace(reference, months=factor * months, days=factor * days, seconds=factor * seconds)


def _joined(parts: Sequence[Value | Reference]) -> Value | Template:
    """Known parts become text, neighbouring texts one; what is left open makes a Template."""
    joined: list[str | Reference] = []
    for part in parts:
        if isinstance(part, SecretRef):
            joined.append(Reference(("secret", part.name)))
        elif isinstance(part, Reference):
            joined.append(part)
        elif isinstance(part, Template):
            joined.extend(part.parts)
        elif joined and isinstance(joined[-1], str):
            joined[-1] += _text(part)
        else:
            joined.append(_text(part))
    if all(isinstance(part, str) for part in joined):
        return "".join(str(part) for part in joined)
    return Template(tuple(joined))


def _filled(reference: Reference, context: Mapping[str, Value], timezone: ZoneInfo) -> Value:
    value: Value = context
    for name in reference.path:
        value = value.get(name) if isinstance(value, Mapping) else None
    plain = not (reference.months or reference.days or reference.seconds or reference.format)
    if value is None or plain:
        return value
    if not isinstance(value, str):
        raise _unreadable(reference)
    return moved(value, reference, timezone)


def _later(day: _Day, months: int) -> _Day:
    """The same day of another month, or that month's last day where it is shorter."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def _written(reference: Reference) -> str:
    amounts = ((reference.months, "mo"), (reference.days, "d"), (reference.seconds, "s"))
    offset = "".join(f"{'+' if amount > 0 else '-'}{abs(amount)}{unit}" for amount, unit in amounts if amount)
    printed = f":{reference.format}" if reference.format else ""
    return f"${{{'.'.join(reference.path)}{offset}{printed}}}"


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(item) for item in value)
    return str(value)


def _unreadable(reference: Reference) -> RecordError:
    name = ".".join(reference.path)
    return RecordError("reference.unreadable", f"${{{name}}} is moved or printed as a date, but holds no date")
