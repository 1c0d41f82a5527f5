"""Vehicle identification numbers (ISO 3779; the check digit is 49 CFR 565.15)."""

from collections.abc import Callable
from functools import partial
from operator import mul

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.memo import Memo
from engine.transforms.scalars import text_of

_LENGTH = 17
_CHARACTERS = b"0123456789ABCDEFGHJKLMNPRSTUVWXYZ"  # without I, O and Q
_TRANSLITERATED = bytes(map(int, "012345678912345678123457923456789"))
_VALUES = bytes.maketrans(_CHARACTERS, _TRANSLITERATED)
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_DIGITS = "0123456789X"
_SERIAL = 11  # from here on, the number of a unit among its like
_UNITS = 14


def reader() -> Callable[[Value], Value]:
    """The 17 characters in upper case, when the check digit in the ninth place fits.

    Raises RecordError ("vin.length", "vin.characters", "vin.checkDigit"), never with the VIN.
    Trailers built before 1981, home-made ones and those from overseas fail here and are good:
    definitions say `onError: warn`.
    """
    # Units of one model share eleven characters: parts are weighed once, whole numbers nearly never repeat.
    model, thousands, units = (Memo(partial(_weighed, start)) for start in (0, _SERIAL, _UNITS))

    def read(value: Value) -> Value:
        text = value if value.__class__ is str and len(value) == _LENGTH and value.isupper() else canonical(value)
        if len(text) != _LENGTH:
            raise RecordError("vin.length", f"expected the 17 characters of a VIN, found {len(text)}")
        weight = model[text[:_SERIAL]] + thousands[text[_SERIAL:_UNITS]] + units[text[_UNITS:]]
        if weight % 11 != _DIGITS.find(text[8]):
            raise RecordError("vin.checkDigit", "the check digit (ninth character) of this VIN does not fit")
        return text

    return read


def canonical(value: Value) -> str:
    """The text of a VIN, good or not: upper case, without blanks and hyphens."""
    return "".join(text_of(value, "vin.characters", "a VIN").upper().replace("-", " ").split())


def _weighed(start: int, text: str) -> int:
    """The weighted sum of some characters from the place `start` on."""
    letters = text.encode("ascii", "replace")
    if letters.translate(None, _CHARACTERS):
        raise RecordError("vin.characters", "expected a VIN of digits and letters without I, O and Q")
    return sum(map(mul, letters.translate(_VALUES), _WEIGHTS[start:]))
