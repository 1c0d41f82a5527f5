"""Stretches of work without Python's search for circles: they make objects by the hundred thousand and no circles.

The search costs half as much again as such work; what it makes goes when its last name does.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """While the block runs nobody looks for circles; inside another one it changes nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
