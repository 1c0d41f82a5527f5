"""What a trial of a delivery found beyond its counts: it is shown before a run, and never kept.

Values only; holds customers' data, so that no log, ledger or plan may hold one of these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class ActivityChange(NamedTuple):
    """What a delivery changes about one stored activity: {name: (before, after)}."""

    type: str
    key: str
    line: int
    values: Mapping[str, tuple[Any, Any]]


@dataclass(slots=True)
class Effect:
    """What storing a delivery would change, and what would become of its file.

    `size` and `modified` are the remote file's; `action` is what becomes of it: leave, remove,
    removeWhenAllHaveIt, or move (to `folder`); "" for a page of an API, which is no file.
    """

    size: int | None = None
    modified: float | None = None
    action: str = "leave"
    folder: str | None = None
    vehicles_created: int = 0
    activities_changed: int = 0
    activities_unchanged: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)  # of the rows in quarantine
    changes: list[ActivityChange] = field(default_factory=list)  # the first ones
