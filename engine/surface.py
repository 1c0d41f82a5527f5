"""What scripts and terminals rely on whatever a command does: exit codes, and text that is safe to print.

Knows no run and no feed: a command that needs none of them is not to load what they are made of.
"""

OK, ERROR, USAGE, PARTIAL, UNREACHABLE, STALE, LOCKED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130


def printable(text: str) -> str:
    """One line that a terminal shows as it is: control characters and direction marks are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
