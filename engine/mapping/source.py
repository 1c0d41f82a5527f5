"""Python text under construction: fresh names, bound constants and lines, never text of a definition.

What a definition says reaches a line only as a bound constant or through `literal`. Executes
nothing: that is `compiler.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class Source:
    """Lines of one function and the constants its names stand for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bound: dict[str, object] = {}
        self._names: dict[int, str] = {}
        self._count = 0
        self._depth = 0

    def name(self, prefix: str = "v") -> str:
        """A variable that nothing else uses."""
        self._count += 1
        return f"{prefix}{self._count}"

    def bind(self, value: object, prefix: str = "k") -> str:
        """The name of a constant; one name for one object."""
        known = self._names.get(id(value))
        if known is None:
            known = self._names[id(value)] = self.name(prefix.upper())
            self.bound[known] = value
        return known

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines under `head:`; an empty block is `pass`."""
        self.line(f"{head}:")
        before = len(self.lines)
        self._depth += 1
        yield
        if len(self.lines) == before:
            self.line("pass")
        self._depth -= 1

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def literal(value: str | int | bool | None) -> str:
    """A constant as Python writes it; ASCII only, so no character of it can end the line or the text."""
    return ascii(value)
