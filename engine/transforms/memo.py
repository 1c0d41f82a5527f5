"""A function remembered for the values it has seen, within a bound."""

from collections.abc import Callable

from engine.errors import RecordError
from engine.model import Value

LARGEST = 50_000


class Memo(dict[str, Value]):
    """`memo[text]` is `read(text)`, or raises what it raised; forgotten when full, so any file fits in memory.

    What cannot be read is remembered too: a placeholder such as 00/00/0000 may stand in every other row.
    """

    __slots__ = ("largest", "read", "refused")

    def __init__(self, read: Callable[[str], Value], largest: int = LARGEST) -> None:
        super().__init__()
        self.read = read
        self.largest = largest
        self.refused: dict[str, tuple[str, str, str | None]] = {}

    def __missing__(self, text: str) -> Value:
        if text in self.refused:
            raise RecordError(*self.refused[text])
        try:
            value = self.read(text)
        except RecordError as error:
            if len(self.refused) >= self.largest:
                self.refused.clear()
            self.refused[text] = (error.code, error.message, error.field)
            raise
        if len(self) >= self.largest:
            self.clear()
        self[text] = value
        return value
