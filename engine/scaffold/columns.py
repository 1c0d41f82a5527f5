"""What a column holds: its type, how it is written, what stands for no value, and why we think so.

Decides by the readers of the feed language themselves, so that what is written is what can be read.
No reason ever shows a value of the sample: examples are invented.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from engine.errors import RecordError
from engine.model import Value
from engine.scaffold import dates, headings
from engine.transforms import TRANSFORMS, TYPES

EXAMPLE = datetime(2024, 5, 13, 14, 30)  # noqa: DTZ001 - an example on paper; the 13th is no month

_NULLS = frozenset({"n/a", "#n/a", "null", "(null)", "<null>", "\\n", "(blank)", "undefined"})
# Texts that are no value only where all others of the column are of one type.
_MAYBE_NULLS = frozenset(
    {"na", "none", "nil", "-", "--", "---", ".", "?", "tbd", "unknown", "x", "0", "00/00/0000", "0000-00-00", "nan",
     "0000-00-00 00:00:00", "//", "/ /", "__/__/____", "1/1/0001", "01/01/0001", "0001-01-01", "00000000"}
)  # fmt: skip
_TOLERATED = 0.05  # of the values may be misfits: rows to be repaired, not another type
_TOLERATED_ADDRESSES = 0.4  # of e-mails and phones under a heading that says so
_TELLING = 0.8  # of the values have the look of a type whose heading does not say it
_CURRENCY = re.compile(r"\s*(?P<sign>US\$|CA\$|C\$|A\$|NZ\$|[€£¥]|USD|CAD|EUR|GBP|AUD|NZD|MXN|CHF|JPY)\s*")
_AMOUNT = re.compile(r"\(?\s*-?\s*\$?\s*(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d\s*\)?")
_EUROPEAN = re.compile(r"-?(?:\d{1,3}(?:[. ]\d{3})+|\d+),\d{1,2}")
_PHONE = re.compile(
    r"\+?\d?[ .-]?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d+)?|\+\d[\d ().-]{8,}\d"
)
_VIN = re.compile(r"(?=[^a-z]*\d)(?=.*[A-Z])[A-HJ-NPR-Z0-9]{17}", re.I)
_YES = frozenset({"true", "false", "yes", "no", "y", "n"})
_LEADING_ZERO = re.compile(r"[-+]?0\d")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sample with its values, of good rows in order: texts, or what JSON has; None where missing.

    `source` is the verb that reads it, `place` what it reads, `title` what it is called, `keys` its
    path in a document.
    """

    source: str  # column, path
    place: str
    title: str
    values: tuple[Value, ...]
    keys: tuple[str, ...] = ()


class Guess(NamedTuple):
    """`options` follow `type` in the field, in their order; `nulls` are texts that stand for no value."""

    type: str
    why: str
    options: Mapping[str, Value] = {}
    transforms: tuple[Value, ...] = ()
    on_error: str = ""
    nulls: tuple[str, ...] = ()
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a column that say something."""

    heading: str
    texts: list[str]
    nulls: tuple[str, ...]
    day_first: bool
    distinct: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.texts)

    def fitting(self, fits: Callable[[str], bool]) -> int:
        """How many values fit; each different one is asked once."""
        good = {text for text in self.distinct if fits(text)}
        return sum(text in good for text in self.texts)

    def told(self, number: int) -> str:
        return f"{number} of {self.count} values"


def guess(column: Column, day_first: bool = False) -> Guess:
    """The type of a column. `day_first`: how 05/02 is read where no value decides it."""
    if any(not isinstance(value, str) for value in column.values if value is not None):
        return _typed(column)
    texts = [value.strip() for value in column.values if isinstance(value, str) and value.strip()]
    nulls = tuple(dict.fromkeys(text for text in texts if text.casefold() in _NULLS))
    plain = _values(column, [text for text in texts if text not in nulls], nulls, day_first)
    if not plain.texts:
        return Guess("string", "no value in the sample: nothing is known of it", nulls=nulls)
    found = _first(plain)
    maybe = tuple(dict.fromkeys(text for text in plain.texts if text.casefold() in _MAYBE_NULLS))
    if maybe and (found is None or found.type in ("date", "dateTime")):
        fewer = _values(column, [text for text in plain.texts if text not in maybe], (*nulls, *maybe), day_first)
        found = (_first(fewer) if fewer.texts else None) or found
    return found or _text(plain, column)


def _values(column: Column, texts: list[str], nulls: tuple[str, ...], day_first: bool) -> _Values:
    return _Values(column.title, texts, nulls, day_first, list(dict.fromkeys(texts)))


def reads(type_: str, options: Mapping[str, Value] | None = None) -> Callable[[Value], bool]:
    """Whether a value can be read as a type."""
    read = TYPES[type_](**(options or {}))

    def fits(value: Value) -> bool:
        try:
            read(value)
        except RecordError:
            return False
        return True

    return fits


def transformed(value: Value, transforms: Sequence[Value]) -> Value:
    """A value after the transforms of its field, as a definition writes them."""
    for each in transforms:
        name, arguments = (each, {}) if isinstance(each, str) else next(iter(each.items()))
        value = TRANSFORMS[name](value, **(arguments if isinstance(arguments, dict) else {"text": arguments}))
    return value


def _first(values: _Values) -> Guess | None:
    """The first type that fits."""
    return next((found for look in _LOOKS if (found := look(values)) is not None), None)


def _email(values: _Values) -> Guess | None:
    good = values.fitting(lambda text: "@" in text and reads("email")(text))
    least = (1 - _TOLERATED_ADDRESSES if headings.says_email(values.heading) else _TELLING) * values.count
    if not good or good < least:
        return None
    return Guess("email", f"{values.told(good)} are e-mail addresses", on_error="blank", nulls=values.nulls)


def _vin(values: _Values) -> Guess | None:
    good = values.fitting(lambda text: _VIN.fullmatch(text) is not None)
    if headings.unit(values.heading) != "vin" and good < _TELLING * values.count:
        return None
    if headings.unit(values.heading) == "vin" and not good:
        return None
    why = f"{values.told(good)} have the 17 characters of a VIN; what has not is kept and flagged"
    return Guess("vin", why, on_error="warn", nulls=values.nulls)


def _boolean(values: _Values) -> Guess | None:
    said = {text.casefold() for text in values.distinct}
    is_digits = said <= {"0", "1"} and headings.says_yes(values.heading)
    if not (said <= _YES or is_digits):
        return None
    return Guess("boolean", f"{values.told(values.count)} say yes or no", nulls=values.nulls)


def _date(values: _Values) -> Guess | None:
    found = dates.found(values.distinct, values.day_first)
    if found is None or found.fitting < (1 - _TOLERATED) * len(values.distinct):
        return None
    is_bare = found.formats == ("%Y%m%d",)  # eight digits are a number as well
    if is_bare and not headings.says_day(values.heading):
        return None
    type_ = "dateTime" if found.has_time else "date"
    options: dict[str, Value] = {"formats": list(found.formats)} if found.formats else {}
    if found.has_time and not found.has_offset:
        options["timezone"] = "${dealer.timezone}"
    example = dates.shown(found.formats, EXAMPLE)
    if not found.formats and not found.has_time:
        example = EXAMPLE.strftime("%Y-%m-%dT00:00:00")
    good = values.fitting(reads(type_, {**options, "timezone": "UTC"}))
    what = "times" if found.has_time else "dates"
    why = f"{values.told(good)} are {what} like {example}"
    if found.is_ambiguous:
        why = f"AMBIGUOUS: {why}, and no value says which number is the month: {found.proof} is assumed. Ask the sender"
    elif found.proof:
        why += f", {found.proof}"
    return Guess(type_, why, options, nulls=values.nulls, is_ambiguous=found.is_ambiguous)


def _phone(values: _Values) -> Guess | None:
    is_said = headings.says_phone(values.heading) or headings.person(values.heading) == "phone"
    if is_said:
        good = values.fitting(reads("phone"))
        is_phone = good >= (1 - _TOLERATED_ADDRESSES) * values.count
    else:
        good = values.fitting(lambda text: _PHONE.fullmatch(text) is not None)
        is_phone = good >= _TELLING * values.count and not headings.says_text(values.heading)
    if not good or not is_phone:
        return None
    return Guess("phone", f"{values.told(good)} are telephone numbers", on_error="blank", nulls=values.nulls)


def _money(values: _Values) -> Guess | None:
    transforms: list[Value] = []
    signs = {match["sign"] for text in values.distinct if (match := _CURRENCY.search(text))}
    if len(signs) > 1:
        return None
    transforms += [{"remove": sign} for sign in signs]
    texts = {text: str(transformed(text, transforms)).strip() for text in values.distinct}
    european = sum(_EUROPEAN.fullmatch(text) is not None for text in texts.values())
    is_european = european and all(_is_european(text) for text in texts.values())
    if is_european:
        groups = " " if any(" " in text for text in texts.values()) else "."
        transforms += [{"remove": groups}, {"replace": {"text": ",", "by": "."}}]
    is_told = bool(signs) or headings.says_money(values.heading) or is_european
    exact = values.fitting(lambda text: _AMOUNT.fullmatch(str(transformed(text, transforms)).strip()) is not None)
    if not is_told and (exact < values.count or not any("$" in text or text.startswith("(") for text in values.texts)):
        return None
    good = values.fitting(lambda text: reads("money")(transformed(text, transforms)))
    if not good or good < (1 - _TOLERATED) * values.count:
        return None
    why = f"{values.told(good)} are amounts"
    if signs:
        why += f" with {next(iter(signs))}, which is taken away: the currency is not kept"
    if is_european:
        why += ", with a decimal comma, such as 1.284,50"
    return Guess("money", why, transforms=tuple(transforms), nulls=values.nulls)


def _is_european(text: str) -> bool:
    """An amount with a decimal comma, or one that has none and could be of that kind."""
    return _EUROPEAN.fullmatch(text) is not None or re.fullmatch(r"-?\d{1,3}(?:[. ]\d{3})*", text) is not None


def _number(values: _Values) -> Guess | None:
    if _is_name(values.heading) or any(_LEADING_ZERO.match(text) for text in values.distinct):
        return None
    if headings.person(values.heading):
        return None
    for type_, noun in (("integer", "whole numbers"), ("decimal", "decimal numbers")):
        if values.fitting(reads(type_)) == values.count:
            return Guess(type_, f"{values.told(values.count)} are {noun}", nulls=values.nulls)
    return None


def _is_name(heading: str) -> bool:
    """Whether digits under this heading name something: a zero at the beginning will count some day."""
    return headings.says_text(heading) or headings.as_key(heading) > 1


def _url(values: _Values) -> Guess | None:
    if values.fitting(reads("url")) < values.count:
        return None
    return Guess("url", f"{values.told(values.count)} are web addresses", on_error="warn", nulls=values.nulls)


_LOOKS = (_email, _vin, _boolean, _date, _phone, _money, _number, _url)


def _text(values: _Values, column: Column) -> Guess:
    """Text, with what is worth knowing of it."""
    why = ""
    if all(text.isdigit() for text in values.distinct):
        why = "digits that name something stay text: a zero at the beginning counts"
    elif headings.says_money(values.heading) and any(any(map(str.isdigit, text)) for text in values.distinct):
        why = "amounts that no type reads; see `feeds schema` for `transforms`, then give it `type: money`"
    has_blanks = any(isinstance(value, str) and value != value.strip() for value in column.values)
    return Guess("string", why, transforms=("trim",) if has_blanks else (), nulls=values.nulls)


def _typed(column: Column) -> Guess:
    """A column of a document in which values are not all text."""
    values = [value for value in column.values if value is not None]
    count = len(values)
    if all(isinstance(value, bool) for value in values):
        return Guess("boolean", f"{count} of {count} values are true or false")
    if any(isinstance(value, bool) for value in values):
        return Guess("string", "values of several kinds are kept as text")
    if all(isinstance(value, int) for value in values) and not headings.says_money(column.title):
        if _is_name(column.title):
            return Guess("string", "a number that names something stays text")
        if reads_all("integer", values):
            return Guess("integer", f"{count} of {count} values are whole numbers")
    is_money = headings.says_money(column.title)
    for type_ in ("money", "decimal") if is_money else ("decimal",):
        if reads_all(type_, values):
            noun = "amounts" if type_ == "money" else "numbers"
            hint = "; if they count cents, say `unit: cents`" if _may_be_cents(type_, values) else ""
            return Guess(type_, f"{count} of {count} values are {noun}{hint}")
    return Guess("string", "values of several kinds are kept as text")


def _may_be_cents(type_: str, values: Sequence[Value]) -> bool:
    return type_ == "money" and all(isinstance(value, int) for value in values)


def reads_all(type_: str, values: Sequence[Value]) -> bool:
    return all(map(reads(type_), values))


def is_year(values: Sequence[Value]) -> bool:
    """Whether all of these are years of our time."""
    return all(_YEAR.fullmatch(str(value).strip()) for value in values)
