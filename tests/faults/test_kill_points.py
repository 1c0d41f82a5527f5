"""Group A: killed at each of sixteen named points; group C: killed there, and again while recovering."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import combinations, product
from typing import NamedTuple

import pytest

from tests.faults import quiet
from tests.faults.kills import KILLS
from tests.faults.oracle import Picture
from tests.faults.scene import DISPOSALS, Setup, Studio

DELIVERY = "02_SALES.csv"  # the second, with every kind of row, and long enough to be committed in parts
Count = Callable[[str, int], AbstractContextManager[None]]


class Case(NamedTuple):
    kill: str
    place: str
    disposal: str
    store: str
    chunked: bool

    @property
    def setup(self) -> Setup:
        return Setup(self.place, self.disposal, self.store, self.chunked)

    def __str__(self) -> str:
        return f"{self.kill}-{self.setup}"


ALL = [Case(*each) for each in product(KILLS, ("sftp", "ftp"), DISPOSALS, ("sqlite", "postgresql"), (False, True))]


def pairwise(cases: Sequence[Case]) -> Iterator[Case]:
    """As few of the cases as hold every pair of values at least once: always the one with most new pairs."""

    def pairs(case: Case) -> set[tuple[object, ...]]:
        return set(combinations(enumerate(case), 2))

    left = set().union(*map(pairs, cases))
    while left:
        best = max(cases, key=lambda case: len(pairs(case) & left))
        left -= pairs(best)
        yield best


PAIRWISE = list(pairwise(ALL))
MOST_CASES = [pytest.param(c, id=str(c), marks=() if c in PAIRWISE else pytest.mark.nightly) for c in ALL]


@pytest.fixture(scope="session")
def expected(studio: Studio) -> Callable[[Setup], Picture]:
    """What an undisturbed run stores; the same on both databases and at every place, in parts or not."""
    known: dict[Setup, Picture] = {}

    def find(setup: Setup) -> Picture:
        if setup not in known:
            known[setup] = quiet.undisturbed(studio, setup)
        return known[setup]

    return find


def test_all_setups_store_the_same(studio: Studio, expected: Callable[[Setup], Picture]) -> None:
    reference = expected(Setup())
    for setup in sorted({case.setup for case in PAIRWISE}):
        assert expected(setup) == reference, f"{setup} stores something else"


def test_the_named_cases_are_all_and_a_part_of_them_holds_every_pair() -> None:
    assert len(ALL) == 384
    assert len(PAIRWISE) == 48  # sixteen points x three disposals cannot be had for less


@pytest.mark.parametrize("case", MOST_CASES)
def test_a_run_killed_at_a_named_point_loses_and_doubles_nothing(
    studio: Studio, expected: Callable[[Setup], Picture], case: Case, counting: Count
) -> None:
    with counting("group A, kill points", 1), studio.scene(case.setup) as scene:
        assert quiet.killed(scene, lambda scene, world: KILLS[case.kill](scene, world, DELIVERY)), "it was not killed"
        quiet.restart_and_check(scene, expected(Setup()))


def twice(count: int) -> list[tuple[Case, str]]:
    """Cases in which the second kill comes while the first is being recovered from."""
    random_ = random.Random(31)  # noqa: S311  the same cases every time
    unfinished = [case for case in ALL if case.kill != "K16"]  # after that one there is nothing to recover
    return [(random_.choice(unfinished), random_.choice(list(KILLS))) for _ in range(count)]


@pytest.mark.parametrize(
    ("case", "again"),
    [
        pytest.param(case, again, id=f"{case}-then-{again}", marks=() if number < 12 else pytest.mark.nightly)
        for number, (case, again) in enumerate(twice(120))
    ],
)
def test_a_run_killed_again_while_it_recovers_loses_and_doubles_nothing(
    studio: Studio, expected: Callable[[Setup], Picture], case: Case, again: str, counting: Count
) -> None:
    with counting("group C, killed again while recovering", 1), studio.scene(case.setup) as scene:
        assert quiet.killed(scene, lambda scene, world: KILLS[case.kill](scene, world, DELIVERY)), "it was not killed"
        assert quiet.killed(scene, lambda scene, world: KILLS[again](scene, world, None)), "it was not killed again"
        quiet.restart_and_check(scene, expected(Setup()))
