"""Whether a list has to be read once more, and how many of its records were seen. Pure.

Never counts a record twice, and never reads for ever: `max` ends it.
"""

import hashlib
from collections.abc import Sequence

from transports.base import Settings

_MOST_PASSES = 5
_QUIET = 2  # passes that add nothing
_COUNTED = ("page", "offset")
_TRIES = 3  # passes over a list that changed its total while it was read


class Sweep:
    """The passes over one window of a list.

    With `sweep.until: stable` two passes in a row that add nothing end it, or a pass of one page that holds all that
    is promised: nothing can move between pages there. Without, a list that is read by numbers and
    changed its total meanwhile is read again: records have moved between pages. `totals` and `seen` are of the
    pages that an earlier run has read.
    """

    def __init__(self, settings: Settings, seen: int, passes: int, totals: Sequence[int] = ()) -> None:
        block = settings.get("sweep") or {"until": "once"}
        paging = settings.get("pagination") or {"type": "none"}
        self.is_swept = block["until"] == "stable"
        self._most = int(block.get("max", _MOST_PASSES))
        self._rereads = paging["type"] in _COUNTED
        self._keeps = self.is_swept or "total" in paging
        # What is read of a second pass was seen in the first.
        self._before, self._least = (seen, 0) if passes == 1 and not self.is_swept else (0, seen)
        self._ids: set[bytes] = set()
        self._count = 0
        self._added = self._quiet = 0
        self._passes = passes
        self._totals = set(totals)
        self._pages = 0
        self._is_whole = False

    @property
    def needs_identities(self) -> bool:
        return self._keeps

    @property
    def seen(self) -> int:
        """Distinct records of this window, as far as they can be told apart."""
        return max(self._least, self._before + (len(self._ids) if self._keeps else self._count))

    @property
    def totals(self) -> list[int]:
        """What the pages of this pass have promised; of many, two that tell that they differ."""
        return sorted({min(self._totals), max(self._totals)}) if self._totals else []

    def page(self, identities: Sequence[str], count: int, total: int | None) -> None:
        self._pages += 1
        self._is_whole = self._pages == 1 and total is not None and len(set(identities)) >= total
        before = len(self._ids)
        self._ids.update(hashlib.blake2b(each.encode(), digest_size=12).digest() for each in identities)
        self._added += len(self._ids) - before
        self._count += count
        if total is not None:
            self._totals.add(total)

    def another(self) -> bool:
        """After the last page of a pass: whether there has to be one more."""
        is_quiet = self._added == 0
        has_moved = len(self._totals) > 1
        self._quiet = self._quiet + 1 if is_quiet else 0
        self._added, self._totals, self._pages = 0, set(), 0
        self._passes += 1
        if self.is_swept:
            again = not self._is_whole and self._quiet < _QUIET and self._passes <= self._most
        else:
            again = self._rereads and has_moved and self._passes <= _TRIES
        if again:
            self._before = 0  # all of it is seen again
        return again
