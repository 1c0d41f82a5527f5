"""Counts the distinct lines of the product that a run executes, and calls back at each new one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
PRODUCT = (f"{ROOT}/engine/", f"{ROOT}/transports/")

# The rooms that can touch a disk, a database or a server. The others never see one (test_layers
# holds them to it): a process that dies in them leaves what the line before them left.
HANDS = tuple(
    f"{ROOT}/{room}"
    for room in (
        "engine/runner.py",
        "engine/visits/",
        "engine/importing.py",
        "engine/intake/",
        "engine/store/",
        "transports/",
    )
)


def traced(
    work: Callable[[], Any],
    at_line: Callable[[int], None],
    rooms: tuple[str, ...] = PRODUCT,
    at_any: Callable[[], None] | None = None,
) -> int:
    """Run `work`, and `at_line(n)` before the n-th distinct line of those rooms is executed; how many there were.

    `at_any` is called before a line that was executed before.
    """
    seen: dict[CodeType, set[int]] = {}
    count = 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "line":
            known = seen[frame.f_code]
            if frame.f_lineno not in known:
                known.add(frame.f_lineno)
                count += 1
                at_line(count)
            elif at_any is not None:
                at_any()
        return line

    def call(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(rooms):
            return None
        seen.setdefault(frame.f_code, set())
        return line

    sys.settrace(call)
    try:
        work()
    finally:
        sys.settrace(None)
    return count
