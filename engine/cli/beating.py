"""What a process that goes on does beside its work: it says that it lives, and a scheduler tells who is to be told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from engine.alerting import watching
from engine.alerting.watching import Watch
from engine.cli.known import Known
from engine.cli.settings import stamped
from engine.errors import StoreError
from engine.executors.rounds import Executor
from engine.scheduler.following import Following
from engine.store import heartbeats
from engine.world import World


@contextmanager
def beating(role: str, executor: Executor, world: World, details: Mapping[str, object]) -> Iterator[None]:
    """For the length of the block: `feeds scheduler status` and /readyz see it by that."""
    started = stamped()
    executor.beside(
        heartbeats.EACH, lambda: heartbeats.beat(world.engine, world.owner, role, started, stamped(), details)
    )
    try:
        yield
    finally:
        with suppress(StoreError):  # the silence says it as well
            heartbeats.over(world.engine, world.owner)


def watched(executor: Executor, following: Following, known: Known, world: World) -> None:
    """Let the executor make the rounds of alerts, with what it knows of the definitions."""
    watch = Watch(world, known.secrets)

    def rounds() -> None:
        if following.project is not None:
            watch.begin(following.plans, following.project)

    executor.beside(watching.EACH, rounds)
