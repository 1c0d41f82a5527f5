"""Group D: each call to the far side, to our disk and to the database fails once, and then for good.

The run that meets it ends with a report that says so. Runs after it bring about what would have
been without it, in the same process, as a scheduler's are, and with the same open database.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest

from engine.errors import FeedError
from engine.world import World
from tests.faults import oracle
from tests.faults.faulty import Fuse, put_database, put_disk, put_transport
from tests.faults.oracle import Picture
from tests.faults.processes import in_child
from tests.faults.scene import FILES, Scene, Setup, Studio
from transports.base import Refused, TransferCut, Unreachable

Note = Callable[[str, int, int], None]
Put = Callable[[Scene, World, Fuse], None]

# One that is stored, with every kind of row, and one that is refused: each call is made, few are made twice.
TWO = {name: FILES[name] for name in ("02_SALES.csv", "03_SALES.csv")}
MOST_RUNS = 3
SHARES = 4  # of the work, for test processes that run side by side

PUTS: Mapping[str, Put] = {
    "transport": lambda scene, world, fuse: put_transport(scene, fuse, Unreachable),
    "transport that cuts": lambda scene, world, fuse: put_transport(scene, fuse, TransferCut),
    "transport that refuses": lambda scene, world, fuse: put_transport(scene, fuse, Refused),
    "disk": lambda scene, world, fuse: put_disk(scene, fuse),
    "database": lambda scene, world, fuse: put_database(world.engine, fuse),
}
# What a server may refuse, or cut, without being out of reach. Elsewhere these two are no answers.
MEANT = {
    "transport that cuts": ("before fetch",),
    "transport that refuses": ("before claim", "before remove", "before move"),
}


def begun(scene: Scene) -> World:
    return replace(scene.world(), batch_rows=5)  # two batches, and clashes across them


def calls(studio: Studio, setup: Setup, what: str) -> tuple[list[str], Picture]:
    """The names of the calls that an undisturbed run makes, and what it stores."""

    def counted() -> tuple[list[str], Picture]:
        world, fuse = begun(scene), Fuse(only=MEANT.get(what, ()))
        PUTS[what](scene, world, fuse)
        scene.run(world)
        made = list(fuse.names)
        scene.run(world)
        expected = oracle.picture(scene)
        oracle.check_quiet(scene, expected)
        return made, expected

    with studio.scene(setup, TWO) as scene:
        result: tuple[list[str], Picture] = in_child(counted)
        return result


def disturbed(scene: Scene, world: World, fuse: Fuse) -> str:
    """The outcome of a run in which calls fail: in its report, or as the one error that the shell tells."""
    try:
        (feed,) = scene.run(world).feeds
    except FeedError as error:
        assert str(error)
        return "failed"
    faults = [issue for issue in feed.issues if issue.code == "engine.fault"]
    assert not faults, f"what nobody had thought of: {faults}"
    if feed.outcome == "failed":
        assert [issue for issue in feed.issues if issue.severity == "error"], "it failed without a word"
    return feed.outcome


def recovered(scene: Scene, world: World, expected: Picture) -> None:
    for _ in range(MOST_RUNS):
        oracle.check_any_moment(scene)
        (feed,) = scene.run(world).feeds
        assert feed.outcome in ("ok", "partial", "empty", "refused"), (feed.outcome, feed.issues)
        if not feed.deliveries:
            oracle.check_quiet(scene, expected)
            return
    raise AssertionError(f"still not quiet after {MOST_RUNS} runs")


def set_back(scene: Scene, world: World, empty: bytes) -> None:
    """The scene as it was before anything ran in it; the database's engine stays, it is dear to make."""
    world.engine.dispose()
    for path in scene.home.glob("feeds.db*"):
        path.unlink()
    (scene.home / "feeds.db").write_bytes(empty)
    scene.log.write_text("")  # the oracle reads it through for secrets, each time
    shutil.rmtree(scene.home / "state", ignore_errors=True)
    shutil.rmtree(scene.place)
    scene.put()


def case(scene: Scene, world: World, what: str, fuse: Fuse, expected: Picture) -> None:
    outcome = disturbed(scene, world, fuse)
    fuse.mend()
    assert fuse.blown, "it never came to that call"
    oracle.check_any_moment(scene)
    recovered(scene, world, expected)
    # A folder that cannot be made again, and is there, is no fault.
    assert what in MEANT or fuse.blown == "mkdir" or outcome == "failed", f"the run that met it ended as {outcome}"


def cases_of(scene: Scene, what: str, cases: Sequence[tuple[int, bool]], expected: Picture) -> None:
    """One case after the other, in one process and with one engine."""
    world, fuse = begun(scene), Fuse(only=MEANT.get(what, ()))
    PUTS[what](scene, world, fuse)
    empty = (scene.home / "feeds.db").read_bytes() if len(cases) > 1 else b""
    for number, (at, for_good) in enumerate(cases):
        if number:
            set_back(scene, world, empty)
        fuse.set(at, for_good)
        try:
            case(scene, world, what, fuse, expected)
        except AssertionError as error:
            error.add_note(f"{what}, call {at}{' and all after it' if for_good else ''}")
            raise


def all_of(studio: Studio, setup: Setup, what: str, share: int = 0, shares: int = 1, every: int = 1) -> int:
    made, expected = calls(studio, setup, what)
    numbers = range(every // 2 + 1 + share * every, len(made) + 1, shares * every)
    cases = list(product(numbers, (False, True)))
    # A SQLite file is set back in no time; a database on a server is made anew.
    for group in [cases] if setup.store == "sqlite" else [[each] for each in cases]:
        with studio.scene(setup, TWO) as scene:
            in_child(lambda group=group: cases_of(scene, what, group, expected))  # type: ignore[misc]
    return len(cases)


@pytest.mark.parametrize("disposal", ["delete", "archive"])
@pytest.mark.parametrize("what", [what for what in PUTS if what.startswith("transport")])
def test_each_call_to_a_folder_fails(studio: Studio, what: str, disposal: str, counted: Note) -> None:
    setup = Setup("file", disposal, "sqlite")
    count = all_of(studio, setup, what)
    counted("group D, each call fails: far side", count, count)


@pytest.mark.parametrize("what", [what for what in PUTS if what.startswith("transport")])
def test_each_call_to_an_sftp_server_fails(studio: Studio, what: str, counted: Note) -> None:
    count = all_of(studio, Setup("sftp", "delete", "sqlite"), what)
    counted("group D, each call fails: far side", count, count)


def test_each_call_to_our_disk_fails(studio: Studio, counted: Note) -> None:
    count = all_of(studio, Setup("file", "delete", "sqlite"), "disk")
    counted("group D, each call fails: our disk", count, count)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    ("store", "every"),
    [
        pytest.param("sqlite", 1),
        pytest.param("postgresql", 3),
        pytest.param("postgresql", 1, marks=pytest.mark.nightly),
    ],
)
def test_each_call_to_the_database_fails(studio: Studio, store: str, every: int, share: int, counted: Note) -> None:
    count = all_of(studio, Setup("file", "delete", store), "database", share, SHARES, every)
    counted("group D, each call fails: database", count, count)
