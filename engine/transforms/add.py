"""Numbers that are counted from elsewhere."""

from decimal import Decimal

from engine.transforms.decimal_ import reader

_read = reader()


def transform(value: str, number: int | float | str) -> str:
    """Exact; a negative number is taken away. Raises RecordError ("decimal.unreadable") for what is no number."""
    return _read(format(Decimal(_read(value)) + Decimal(str(number)), "f"))
