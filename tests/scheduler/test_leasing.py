"""A run that is busy for longer than a lease lasts keeps it, and one that lost it stores nothing.

The database's clock cannot be moved: instead the time at which the lease runs out is.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from engine.errors import LeaseHeld, LeaseLost
from engine.store import database, leases, shape
from engine.store.leases import Owner
from tests.scheduler.conftest import OWNER, PATIENCE

ELSEWHERE = Owner("elsewhere.example", 1, "1")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = database.connect(database_url)
    shape.prepare(made)
    yield made
    made.dispose()


def run_out(engine: Engine) -> None:
    """A minute later than it was."""
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE leases SET expires_at = '2000'"))


def expires(engine: Engine) -> str:
    with database.reading(engine) as connection:
        return str(connection.execute(text("SELECT expires_at FROM leases")).scalar_one())


def until_renewed(engine: Engine) -> None:
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if expires(engine) != "2000":
            return
        waiting.wait(0.02)  # for another thread, and it says nothing
    raise AssertionError("nobody has renewed it")


def test_one_that_is_in_a_long_transaction_keeps_its_lease(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        one, other = replace(OWNER, held=set()), replace(ELSEWHERE, host=OWNER.host)
        lease = leases.take(engine, "acme/sales", one)
        with leases.kept(engine, lease):
            run_out(engine)
            with pytest.raises(LeaseHeld):  # on one machine a process that lives is asked no more
                leases.take(engine, "acme/sales", other)
        return
    lease = leases.take(engine, "acme/sales", OWNER)
    with leases.kept(engine, lease, each=0.02), database.writing(engine) as connection:
        connection.execute(
            text("INSERT INTO audit (at, actor, action, subject, details) VALUES ('', '', '', '', '{}')")
        )
        run_out(engine)
        until_renewed(engine)
        with pytest.raises(LeaseHeld):
            leases.take(engine, "acme/sales", ELSEWHERE)
        leases.check(connection, lease)
    assert not [each for each in threading.enumerate() if each.name == "lease"]


def test_one_that_has_lost_it_is_not_helped_by_being_renewed(engine: Engine) -> None:
    lease = leases.take(engine, "acme/sales", OWNER)
    run_out(engine)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE leases SET host = 'gone.example'"))
    other = leases.take(engine, "acme/sales", ELSEWHERE)
    run_out(engine)
    with leases.kept(engine, lease, each=0.01):
        for thread in [each for each in threading.enumerate() if each.name == "lease"]:
            thread.join(PATIENCE)  # it gives up by itself
            assert not thread.is_alive()
    assert expires(engine) == "2000"
    with database.writing(engine) as connection:
        leases.check(connection, other)
        with pytest.raises(LeaseLost):
            leases.check(connection, lease)
