"""What keeps a whole delivery out: too many bad rows, too few rows. Pure."""

from collections.abc import Sequence
from statistics import median

from engine.errors import DeliveryRefused
from engine.model import Guards, Tally

_ENOUGH_BAD = 20  # percentages of fewer bad rows say nothing
_ALL_OF = 5  # unless all of at least so many are bad
_ENOUGH_FILES = 3  # to know what is usual


def check(guards: Guards, tally: Tally, before: Sequence[int]) -> None:
    """Raise DeliveryRefused when a guard trips. `before` are the rows of the files stored last."""
    bad, read = tally.quarantined, tally.read
    if guards.max_bad_percent is not None and read:
        counts = bad >= _ENOUGH_BAD or (bad == read and read >= _ALL_OF)
        if counts and bad * 100 > guards.max_bad_percent * read:
            raise DeliveryRefused(
                "guard.bad",
                f"{bad} of {read} rows could not be used, at most {guards.max_bad_percent:g} % are allowed "
                "(guards.maxBadPercent); see the reasons in the issues, then mend the definition or ask the sender",
            )
    if guards.min_rows is not None and read < guards.min_rows:
        raise DeliveryRefused("guard.few", f"expected at least {guards.min_rows} rows (guards.minRows), found {read}")
    if guards.max_drop_percent is not None and len(before) >= _ENOUGH_FILES:
        usual = median(before)
        if read * 100 < usual * (100 - guards.max_drop_percent):
            raise DeliveryRefused(
                "guard.drop",
                f"{read} rows, where the last {len(before)} files had {usual:g} (guards.maxDropPercent is "
                f"{guards.max_drop_percent:g}); if that is right, replay this delivery",
            )
