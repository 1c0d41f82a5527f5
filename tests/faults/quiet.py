"""Restarting a scene until it is quiet, as a scheduler does, and asking the oracle."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.world import World
from tests.faults import oracle
from tests.faults.oracle import Picture
from tests.faults.processes import in_child, killed_in_child
from tests.faults.scene import LEFT, Scene, Setup, Studio

_MOST_RUNS = 3  # one recovers, one finds nothing left to do; more would be a fault of its own

# Prepares a world in the child that is to die, so that it dies at some point of its run.
Arm = Callable[[Scene, World], World]


def undisturbed(studio: Studio, setup: Setup, files: Mapping[str, str] | None = None) -> Picture:
    """What one run stores when nothing happens to it."""
    with studio.scene(setup, files) as scene:

        def once() -> Picture:
            _checked(scene)
            expected = oracle.picture(scene)
            oracle.check_quiet(scene, expected)
            check_left(scene)
            return expected

        return dict(in_child(once))


def killed(scene: Scene, arm: Arm) -> bool:
    """Run in a child that `arm` has prepared; whether it died there."""
    return killed_in_child(lambda: scene.run(arm(scene, scene.world())))


def restart_and_check(scene: Scene, expected: Picture) -> int:
    """Check what the kill left, restart until quiet, check again; how many runs that took."""
    return int(in_child(lambda: _restarted(scene, expected)))


def _restarted(scene: Scene, expected: Picture) -> int:
    oracle.check_any_moment(scene)
    world = scene.world()
    for number in range(1, _MOST_RUNS + 1):
        if not _checked(scene, world):
            oracle.check_quiet(scene, expected)
            check_left(scene)
            return number
        oracle.check_any_moment(scene)
    raise AssertionError(f"still not quiet after {_MOST_RUNS} runs")


def _checked(scene: Scene, world: World | None = None) -> int:
    """One run that must do what it can; how many deliveries it had in hand."""
    (feed,) = scene.run(world).feeds
    told: Any = [(issue.code, issue.message) for issue in feed.issues]
    assert feed.outcome in ("ok", "partial", "empty", "refused"), f"the run ended as {feed.outcome}: {told}"
    codes = {issue.code for issue in feed.issues}
    assert codes <= {"field.required", "key.repeated", "file.sameContent", "column.missing", "file.notOurs"}, told
    return len(feed.deliveries)


def check_left(scene: Scene) -> None:
    """The sender's folder holds what it should, and nothing else."""
    kept = set(scene.files) & set(LEFT) if scene.setup.disposal != "leave" else set(scene.files)
    found = {path.name for path in scene.place.iterdir() if path.is_file()}
    assert found == kept, f"on the server are {sorted(found)}"
