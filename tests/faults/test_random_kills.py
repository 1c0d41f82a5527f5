"""Group B: SIGKILL at a random moment, against a server in another process, and restarts until all is quiet."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import pytest

from tests.faults import quiet
from tests.faults.oracle import Picture
from tests.faults.scene import Scene, Setup, Studio

CI, NIGHTLY = 60, 1_000
BATCH = 20  # kills of one test
AS_PROGRAM = 10  # one in so many is a program started anew, the others are forked from this one after its imports
Count = Callable[[str, int], AbstractContextManager[None]]


class Running(NamedTuple):
    """A run in a process of its own. `pid` is killed, and nothing else."""

    pid: int
    program: "subprocess.Popen[bytes] | None" = None

    def killed_after(self, seconds: float) -> bool:
        """Kill it then; whether it was still alive."""
        ended = self._ended_within(seconds)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()
        return not ended

    def _ended_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                self._wait()
                return True
            time.sleep(0.001)
        return False

    def _wait(self) -> None:
        if self.program is not None:
            self.program.wait()
        else:
            os.waitpid(self.pid, 0)


def forked(scene: Scene) -> Running:
    child = os.fork()
    if child == 0:
        try:
            scene.run()
        finally:
            os._exit(0)
    return Running(child)


def started(scene: Scene) -> Running:
    told = scene.home / "scene.pickle"
    told.write_bytes(pickle.dumps(scene))
    program = subprocess.Popen([sys.executable, "-m", "tests.faults.one_run", str(told)])
    return Running(program.pid, program)


def duration(start: Callable[[Scene], Running], studio: Studio, setup: Setup) -> float:
    """How long an undisturbed run takes here and now."""
    with studio.scene(setup) as scene:
        began = time.monotonic()
        start(scene)._wait()
        return time.monotonic() - began


def setups(random_: random.Random) -> Setup:
    disposal = random_.choice(("delete", "delete", "archive", "leave"))
    return Setup("sftp", disposal, random_.choice(("sqlite", "postgresql")), random_.choice((True, False)))


@pytest.fixture(scope="module")
def expected(studio: Studio) -> Picture:
    return quiet.undisturbed(studio, Setup())


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(number, marks=() if number < CI // BATCH else pytest.mark.nightly)
        for number in range(NIGHTLY // BATCH)
    ],
)
def test_a_process_killed_at_a_random_moment_loses_and_doubles_nothing(
    studio: Studio, expected: Picture, batch: int, counting: Count
) -> None:
    random_ = random.Random(batch)  # noqa: S311  the same setups every time
    lasts = {start: duration(start, studio, Setup("sftp")) for start in (forked, started)}
    kills = 0
    with counting("group B, random kills", BATCH):
        for number in range(10 * BATCH):
            setup = setups(random_)
            start = started if number % AS_PROGRAM == AS_PROGRAM - 1 else forked
            with studio.scene(setup) as scene:
                while kills < BATCH and start(scene).killed_after(random_.uniform(0, lasts[start])):
                    kills += 1
                    if random_.random() < 0.5:  # else once more, while it recovers
                        break
                quiet.restart_and_check(scene, expected)
            if kills == BATCH:
                break
        assert kills == BATCH, f"only {kills} of {BATCH} runs were still alive when they were to be killed"
