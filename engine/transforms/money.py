"""Amounts of money as people and spreadsheets write them."""

import re
from collections.abc import Callable
from decimal import Decimal

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.scalars import shown, text_of

_AMOUNT = re.compile(
    r"(?P<open>\()?\s*(?P<sign>-?)\s*\$?\s*(?P<digits>\d{1,3}(?:,\d{3})+|\d+)?(?:\.(?P<cents>\d{0,4}))?\s*(?P<close>\))?",
    re.ASCII,
)
_USUAL = re.compile(r"[1-9]\d{0,14}\.\d\d", re.ASCII).fullmatch
_CENTS = re.compile(r"(-?)(\d+)(?:\.0*)?", re.ASCII)
_LONGEST = 18  # digits before the point


def reader(unit: str = "units") -> Callable[[Value], Value]:
    """The amount in currency units, exact, as text with at least two decimals ("48250.00").

    Parentheses are a negative (accounting notation). A comma is a thousands separator only
    where it stands between groups of three: "1,50" is refused, not read as 150. With unit
    "cents" the number sent is whole cents. Raises RecordError ("money.unreadable").
    """
    return _cents if unit == "cents" else _read


def _read(value: Value) -> Value:
    # Screens the usual form, which already is the canonical one, before the exact parser.
    return value if value.__class__ is str and _USUAL(value) else _parsed(value)


def _parsed(value: Value) -> str:
    text = text_of(value, "money.unreadable", "an amount").strip()
    if isinstance(value, float) and "e" in text:
        text = format(Decimal(text), "f")
    match = _AMOUNT.fullmatch(text)
    if match is None or isinstance(value, bool):
        raise _unreadable(text)
    whole, cents = (match["digits"] or "").replace(",", ""), match["cents"] or ""
    if not (whole or cents) or bool(match["open"]) != bool(match["close"]) or len(whole) > _LONGEST:
        raise _unreadable(text)
    return _canonical(whole, cents, bool(match["sign"] or match["open"]))


def _cents(value: Value) -> str:
    text = text_of(value, "money.unreadable", "an amount in cents").strip()
    match = _CENTS.fullmatch(text)
    if match is None or isinstance(value, bool) or len(match[2]) > _LONGEST:
        raise RecordError("money.unreadable", f"expected whole cents, found {shown(text)}")
    digits = match[2].rjust(3, "0")
    return _canonical(digits[:-2], digits[-2:], bool(match[1]))


def _canonical(whole: str, cents: str, negative: bool) -> str:
    amount = f"{whole.lstrip('0') or '0'}.{cents.rstrip('0').ljust(2, '0')}"
    return f"-{amount}" if negative and amount != "0.00" else amount


def _unreadable(text: str) -> RecordError:
    return RecordError("money.unreadable", f"expected an amount such as 1,284.55, found {shown(text)}")
