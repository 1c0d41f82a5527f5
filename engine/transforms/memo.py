"""A function remembered for the values it has seen, within a bound."""

from collections.abc import Callable

from engine.model import Value

LARGEST = 50_000


class Memo(dict[str, Value]):
    """`memo[text]` is `read(text)`; emptied when it is full, so a file of any length fits in memory.

    What `read` raises is raised again each time: only good values are kept.
    """

    __slots__ = ("largest", "read")

    def __init__(self, read: Callable[[str], Value], largest: int = LARGEST) -> None:
        super().__init__()
        self.read = read
        self.largest = largest

    def __missing__(self, text: str) -> Value:
        value = self.read(text)
        if len(self) >= self.largest:
            self.clear()
        self[text] = value
        return value
