"""Group I: many processes at the same feeds, and some of them killed or stopped at any moment.

Four that run fifty feeds by their schedules, on threads of their own or as schedulers and workers with a
queue between them; and workers that are killed again and again. Every row is stored exactly once.
"""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.faults import fleet
from tests.faults.oracle import Picture
from tests.faults.scene import Scene, Setup, Studio

CI, NIGHTLY = 3, 20
FEEDS = 50
FILES, FILES_AT_NIGHT = 1, 4  # of each feed
FLEETS = (
    ("sqlite", ("local",) * 4),
    ("postgresql", ("scheduler", "scheduler", "worker", "worker")),
    ("postgresql", ("local",) * 4),
)
LATEST = 5.0  # seconds to the next disturbance: whoever was hit may be the one that all wait for
Count = Callable[[str, int], AbstractContextManager[None]]


def expected(studio: Studio, feeds: int, each: int) -> Picture:
    with studio.scene(Setup(), fleet.files(feeds, each)) as scene:
        return fleet.undisturbed(scene, fleet.project(scene, feeds, "1h"))


@pytest.fixture(scope="module")
def by_day(studio: Studio) -> Picture:
    return expected(studio, FEEDS, FILES)


@pytest.fixture(scope="module")
def by_night(studio: Studio) -> Picture:
    return expected(studio, FEEDS, FILES_AT_NIGHT)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed < CI else pytest.mark.nightly) for seed in range(NIGHTLY)]
)
def test_four_processes_killed_and_stopped_at_random_store_every_row_once(
    studio: Studio, seed: int, counting: Count, request: pytest.FixtureRequest
) -> None:
    random_ = random.Random(seed)  # noqa: S311  the same disturbances every time
    store, roles = FLEETS[seed % len(FLEETS)]
    each, disturbances, picture = (FILES, 5, "by_day") if seed < CI else (FILES_AT_NIGHT, 40, "by_night")
    files, undisturbed = fleet.files(FEEDS, each), request.getfixturevalue(picture)
    with counting("group I, four processes, fifty feeds", 1), studio.scene(Setup(store=store), files) as scene:
        feeds = fleet.project(scene, FEEDS, "10s")
        with fleet.running(scene, roles) as ships:
            for number in range(disturbances):
                fleet.sail_until(scene, len(files) - number * len(files) // disturbances, LATEST)
                ship = random_.choice(ships)
                if random_.random() < 0.5:
                    ship.freeze(random_.uniform(0, 0.5))
                else:
                    ship.kill()
                    ship.start()
            assert fleet.sail_until(scene, 0), f"{fleet.left(scene)} files are left"
        fleet.check(scene, feeds, undisturbed)


def workers_killed(
    studio: Studio, undisturbed: Picture, feeds: int, every: str, strikes: Callable[[Scene], bool]
) -> int:
    """A scheduler and two workers run so many feeds; at each strike a worker is killed. How many were."""
    kills = 0
    with studio.scene(Setup(store="postgresql"), fleet.files(feeds, 1)) as scene:
        made = fleet.project(scene, feeds, every)
        with fleet.running(scene, ("scheduler", "worker", "worker")) as ships:
            while strikes(scene):
                worker = ships[1 + kills % 2]
                worker.kill()
                kills += 1
                worker.start()
            assert fleet.sail_until(scene, 0), f"{fleet.left(scene)} files are left"
        fleet.check(scene, made, undisturbed)
    return kills


@pytest.mark.timeout(900)
def test_a_worker_killed_after_every_ten_files_loses_and_doubles_nothing(
    studio: Studio, by_day: Picture, counting: Count
) -> None:
    marks = iter((40, 30, 20, 10))

    def strikes(scene: Scene) -> bool:
        mark = next(marks, None)
        return mark is not None and fleet.sail_until(scene, mark)

    with counting("group I, workers killed in a run of 50 feeds", 4):
        assert workers_killed(studio, by_day, FEEDS, "10s", strikes) == 4


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_a_worker_killed_every_five_seconds_in_a_run_of_2000_feeds(
    studio: Studio, counted: Callable[[str, int, int], None]
) -> None:
    undisturbed = expected(studio, 2_000, 1)
    began = time.monotonic()
    kills = workers_killed(studio, undisturbed, 2_000, "60s", lambda scene: not fleet.sail_until(scene, 0, seconds=5))
    print(f"{kills} workers killed in {time.monotonic() - began:.0f} s")
    assert kills > 10
    counted("group I, workers killed in a run of 2,000 feeds", kills, kills)
