"""How much slower this moment of this machine is than a quiet one: what a limit in seconds is multiplied by."""

import time

_LOOPS = 300_000
_QUIET = 0.012  # seconds of CPU for those loops on an idle machine of today


def slowness() -> float:
    """At least 1. A neighbour on the same core makes every second of CPU longer, and a limit has to know."""
    return max(1.0, min(_loops() for _ in range(3)) / _QUIET)


def _loops() -> float:
    began = time.process_time()
    total = 0
    for number in range(_LOOPS):
        total += number
    return time.process_time() - began
