"""A set of ids that stays small: bits by the page, for the activities a delivery has met."""

import zlib
from base64 import b85decode, b85encode
from collections.abc import Mapping

_PAGE = 15  # 32,768 ids, 4 KiB


class Marks:
    """Ids seen so far; a million neighbours take about 130 KB."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> None:
        page = self._pages.get(number >> _PAGE)
        if page is None:
            page = self._pages[number >> _PAGE] = bytearray(1 << (_PAGE - 3))
        page[(number & (1 << _PAGE) - 1) >> 3] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        page = self._pages.get(number >> _PAGE)
        return page is not None and bool(page[(number & (1 << _PAGE) - 1) >> 3] & 1 << (number & 7))

    def __len__(self) -> int:
        return sum(int.from_bytes(bits).bit_count() for bits in self._pages.values())

    def packed(self) -> dict[str, str]:
        """As JSON can keep it: a page of neighbours takes a few dozen characters."""
        return {str(page): b85encode(zlib.compress(bits)).decode() for page, bits in self._pages.items()}

    def add_packed(self, pages: Mapping[str, str]) -> None:
        """Add what `packed` gave to a set that is empty."""
        for page, bits in pages.items():
            self._pages[int(page)] = bytearray(zlib.decompress(b85decode(bits)))
