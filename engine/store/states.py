"""Another state for activities that are known, and nothing else of them: no field, no date, no person moves."""

from collections.abc import Sequence

from engine.store.activities import Activities
from engine.store.bulk import Bulk
from engine.store.changes import HELD
from engine.store.happenings import Happenings
from engine.store.origin import Origin


def set_state(
    bulk: Bulk, origin: Origin, types: Sequence[str], key: str, state: str, happenings: Happenings | None = None
) -> str:
    """What became of it: updated, unchanged where they had it already, filtered where there is none of that key.

    What is known of their records stays as well: the same record, read once more, is no news and undoes nothing,
    and a newer version of it does.
    """
    activities = Activities(bulk, origin, happenings)
    known = [stored for kind in types for stored in activities.stored(kind, [key]).values()]
    name = {True: "held_state", False: "state"}  # one that waits for another has it when that has come
    updates = [
        (
            stored,
            stored.columns()
            | {
                name[stored.state == HELD]: state,
                "delivery_id": origin.delivery_id,
                "line": 1,
                "updated_at": origin.now,
            },
        )
        for stored in known
        if getattr(stored, name[stored.state == HELD]) != state
    ]
    activities.update(updates)
    return "updated" if updates else "unchanged" if known else "filtered"
