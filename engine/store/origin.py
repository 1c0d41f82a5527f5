"""Where a write comes from: the delivery, its version among others, and the moment of the run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """One delivery as the writers see it.

    `root` is the delivery whose file it reads: itself, or for a replay the one it repeats.
    Without a `version` field, (root, line) is the version: deliveries are numbered in the order
    in which they came, so a replay of an old file never overwrites what a newer one said.
    """

    dealer_id: int
    feed_id: int
    namespace: str
    delivery_id: int
    root: int
    now: str  # of the run, UTC text

    @property
    def is_replay(self) -> bool:
        return self.root != self.delivery_id
