"""Parts of a definition that are not for every dealer: streams and activities with `requires`.

A dealer that lacks what one needs gets the feed without it, and that is no mistake: it is told where it is asked for.
"""

from collections.abc import Iterator
from typing import NamedTuple

from engine.language import settings, streams
from engine.language.resolution import Resolved
from engine.language.tree import Node
from engine.model import Dealer


class LeftOut(NamedTuple):
    """A part that a dealer's feed goes without, and what the dealer would need for it."""

    stream: str  # "" where the definition is one
    activity: str | None  # its type; None for the whole stream
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        stream = f"the stream `{self.stream}`"
        what = stream if self.activity is None else f"`{self.activity}`" + (f" of {stream}" if self.stream else "")
        return f"{what} needs {' and '.join(self.lacks)}"


def left_out(resolved: Resolved, dealer: Dealer) -> Iterator[LeftOut]:
    """What is not in the feed, in the order of the definition."""
    has_webhook = settings.has_webhook(resolved.tree)

    def lacking(node: Node) -> tuple[str, ...]:
        return settings.lacking(node, dealer, has_webhook)

    for name, node in streams.shapes(resolved.root).items():
        lacks = () if node is resolved.root else lacking(node)
        if lacks:
            yield LeftOut(name, None, lacks)
            continue
        for each in node.elements("activities"):
            if lacks := lacking(each):
                yield LeftOut(name, each.word("type", ""), lacks)
