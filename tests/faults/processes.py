"""A piece of a test in a process of its own that may die at any line: forked after all imports, so it is cheap.

The parent never opens the database or a connection of its own: nothing is shared with a child but
what was imported.
"""

import gc
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from transports import FILES, PAGES

# What a run loads only when it first needs it, loaded here: each child would do it again.
for _late in (*FILES.values(), *PAGES.values(), "engine.transforms.email", "engine.transforms.phone"):
    import_module(_late)
for _late in ("sqlalchemy.dialects.postgresql.psycopg", "encodings.idna", "bcrypt", "nacl.signing"):
    import_module(_late)

KILLED = 99  # the exit code of a child that ended itself in the middle of its work


class Ended(AssertionError):
    """A child failed; the text is its traceback."""


def die() -> NoReturn:
    """End this process as SIGKILL does: no `finally`, no buffers written, no goodbye to any server."""
    os._exit(KILLED)


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returned in a forked child. Raises Ended with its traceback when it did not return."""
    was_killed, result = _forked(work)
    if was_killed:
        raise Ended("the child was killed where none was to be")
    return result


def killed_in_child(work: Callable[[], Any]) -> bool:
    """Run `work` in a forked child; whether it died by `die`, and did not come to its end."""
    return _forked(work)[0]


def _forked(work: Callable[[], Any]) -> tuple[bool, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(work, writer)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
    except BaseException:  # a timeout: the child must not go on behind our back
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code in (KILLED, -signal.SIGKILL):
        return True, None
    good, result = pickle.loads(said) if said else (False, f"the child ended with {code}")  # noqa: S301  our own child
    if not good:
        raise Ended(f"\n{result}")
    return False, result


def _work(work: Callable[[], Any], writer: int) -> NoReturn:
    try:
        # What was imported stays out of every collection: walking it would copy each page of the parent.
        gc.freeze()
        gc.unfreeze = lambda: None  # type: ignore[assignment]
        try:
            said = (True, work())
        except BaseException:  # noqa: BLE001  whatever it is, the parent must hear of it
            said = (False, traceback.format_exc())
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(said, pipe)
    finally:
        os._exit(0)  # never back into the test that forked us
