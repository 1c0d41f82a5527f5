"""Which values may stand in a table that held nothing of the dealer when the delivery began.

Spares a first import the look-up of every key that it brings. Says yes too often, never no too often.
"""

from collections.abc import Iterable

_SLOTS = 1 << 22  # one byte each: 4 MiB from the first value on; a million rows fill two thirds


class Seen:
    """`knows_all` is False where rows were there before: then any value may be stored."""

    def __init__(self, knows_all: bool) -> None:
        self._knows_all = knows_all
        self._slots = bytearray()

    def add(self, values: Iterable[str]) -> None:
        if self._knows_all:
            self._slots = slots = self._slots or bytearray(_SLOTS)
            for value in values:
                slots[hash(value) & (_SLOTS - 1)] = 1

    def possible(self, values: Iterable[str]) -> list[str]:
        """Those that may be stored; the others are not, for certain."""
        slots = self._slots
        if not self._knows_all:
            return list(values)
        return [value for value in values if slots[hash(value) & (_SLOTS - 1)]] if slots else []
