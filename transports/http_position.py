"""Where the reading of a list stands, as plain JSON that the next run goes on from. Pure.

Never holds a secret, and never says that something was read before its page was handed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transports.base import Coverage
from transports.http_windows import Cursor, Window
from transports.paging import Place

_POLLS_BETWEEN = 24  # after so many answers "unchanged" a list is read whole again, in case the server is wrong


@dataclass(frozen=True, slots=True)
class Job:
    """A list that is being made on the other side: what is kept of the reply that began it, and when that was."""

    kept: Mapping[str, Any]
    begun: str

    def written(self) -> dict[str, Any]:
        return {"kept": dict(self.kept), "begun": self.begun}


class Progress:
    """A round over all slices of a list, from a saved position on; `written` is the position to save.

    `cursors` by slice survive a round; everything else is gone with its last page.
    """

    def __init__(self, position: Mapping[str, Any], now: str) -> None:
        self.cursors: dict[str, Cursor] = dict(position.get("cursors") or {})
        self.parents: dict[str, str] = dict(position.get("parents") or {})
        self.validators: dict[str, dict[str, Any]] = dict(position.get("validators") or {})
        left: Mapping[str, Any] = position.get("round") or {}
        self.until: str = left.get("until", now)
        self.done: dict[str, None] = dict.fromkeys(left.get("done") or ())
        self.shared: Cursor | None = left.get("shared")
        counted = left.get("counted") or (None, 0)  # of the windows that were left
        self._promised: int | None = counted[0]
        self._seen: int = counted[1]
        self.slice: str | None = left.get("slice")
        self.is_backfill: bool = left.get("backfill", False)  # this slice is read as it is without a cursor
        self.window: Window | None = Window(*left["window"]) if left.get("window") else None
        self.job: Job | None = Job(**left["job"]) if left.get("job") else None
        self.passes: int = left.get("pass", 1)
        self.place: Place = Place(**(left.get("page") or {}))
        self.highest: Cursor | None = left.get("highest")
        self.seen: int = left.get("seen", 0)  # records of this window, before this run
        self.totals: list[int] = list(left.get("totals") or ())  # that the pages of this pass have promised
        self.promised: int | None = None
        self.most_passes = 0
        self._is_over = False

    def renewed(self, now: str) -> "Progress":
        """A new round: the one that was left has nothing more to read."""
        return Progress({"cursors": self.cursors, "parents": self.parents, "validators": self.validators}, now)

    def begins(self, key: str) -> bool:
        """Turn to a slice; True where its reading goes on from the middle."""
        if self.slice == key:
            return True
        self.slice, self.window, self.is_backfill = key, None, False
        self._clears()
        return False

    def enters(self, window: Window | None) -> None:
        self.window = window
        self._clears()

    def leaves_window(self) -> None:
        """The window has been read whole: what it promised and what was seen is counted."""
        if self.promised is not None:
            self._promised = (self._promised or 0) + self.promised
        self._seen += self.seen
        self.job, self.seen, self.promised = None, 0, None

    def leaves_slice(self, is_last: bool, digest: str | None) -> None:
        if self.slice is not None:
            self.done[self.slice] = None
            if digest is not None:
                self.parents[self.slice] = digest
        self.slice = None
        self._is_over = is_last

    def remembers(self, key: str, found: dict[str, Any] | None) -> None:
        """What to ask with the next time, of a slice; None for nothing."""
        if found is None:
            self.validators.pop(key, None)
        else:
            self.validators[key] = found

    @property
    def coverage(self) -> Coverage:
        total = self._promised if self.promised is None else (self._promised or 0) + self.promised
        return Coverage(total, self._seen + self.seen, max(self.most_passes, self.passes))

    def written(self) -> dict[str, Any]:
        kept: dict[str, Mapping[str, Any]] = {
            "cursors": self.cursors,
            "parents": self.parents,
            "validators": self.validators,
        }
        position: dict[str, Any] = {name: dict(value) for name, value in kept.items() if value}
        if self._is_over:
            return position
        left: dict[str, Any] = {"until": self.until}
        if self.done:
            left["done"] = list(self.done)
        if self.shared is not None:
            left["shared"] = self.shared
        if self._promised is not None or self._seen:
            left["counted"] = [self._promised, self._seen]
        if self.slice is not None:
            left |= {"slice": self.slice, "pass": self.passes, "page": self.place.written(), "seen": self.seen}
            left |= {"window": self.window.written()} if self.window else {}
            left |= {"backfill": True} if self.is_backfill else {}
            left |= {"job": self.job.written()} if self.job else {}
            left |= {"highest": self.highest} if self.highest is not None else {}
            left |= {"totals": self.totals} if self.totals else {}
        return {**position, "round": left}

    def told(self, is_hidden: bool) -> str:
        """What tells the page that is read next from the others of its round; `is_hidden`: its address does not."""
        parts = [f"pass {self.passes}"] if self.passes > 1 else []
        if is_hidden:
            begin = self.window.start if self.window else None
            parts = [each for each in (self.slice, begin and f"from {begin}") if each] + parts
            parts.append(f"page {self.place.pages + 1}")
        return f" ({', '.join(parts)})" if parts else ""

    def _clears(self) -> None:
        self.job, self.highest, self.seen, self.promised = None, None, 0, None
        self.begins_pass(1)

    def begins_job(self, job: Job) -> None:
        self.job = job

    def forgets_job(self) -> None:
        """What it has made is read from its beginning, once another one has made it."""
        self._clears()

    def begins_pass(self, number: int) -> None:
        self.passes, self.place, self.totals = number, Place(), []


def validators(
    known: Mapping[str, Any] | None, headers: Mapping[str, str], is_unchanged: bool
) -> dict[str, Any] | None:
    """What to ask with next time: an ETag, else a Last-Modified; None for nothing, which reads the list whole.

    A Last-Modified is to the second; RFC 9110 8.8.2.2 calls it strong where the reply is dated later than that.
    """
    if is_unchanged and known is not None:
        return {**known, "polls": known["polls"] - 1} if known["polls"] > 1 else None
    if "etag" in headers:
        return {"etag": headers["etag"], "polls": _POLLS_BETWEEN}
    if "last-modified" in headers and headers.get("date", headers["last-modified"]) != headers["last-modified"]:
        return {"modified": headers["last-modified"], "polls": _POLLS_BETWEEN}
    return None


def conditions(known: Mapping[str, Any] | None) -> dict[str, str]:
    """The headers that ask only for what has changed."""
    if known is None:
        return {}
    return {"If-None-Match": known["etag"]} if "etag" in known else {"If-Modified-Since": known["modified"]}
