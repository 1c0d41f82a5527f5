"""Amounts in another unit."""

from decimal import Decimal

from engine.transforms.decimal_ import reader

_read = reader()


def transform(value: str, by: int | float | str) -> str:
    """Exact: 128455 times 0.01 is 1284.55. Raises RecordError ("decimal.unreadable") for what is no number."""
    return _read(format(Decimal(_read(value)) * Decimal(str(by)), "f"))
