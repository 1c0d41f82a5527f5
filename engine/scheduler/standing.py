"""How every feed of a project stands: its plan, what the store knows, and the word that comes of both. Runs nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine import health as judging
from engine.health import BROKEN, Facts, Health
from engine.scheduler.plans import Planned
from engine.store import health as known
from engine.store.opening import Store
from engine.world import stamp


@dataclass(frozen=True, slots=True)
class Standing:
    """`plan` is None where the definition is broken, `facts` where the store has not met the feed."""

    plan: Planned | None
    facts: Facts | None
    is_running: bool
    health: Health


def standings(
    plans: Mapping[str, Planned], broken: Iterable[str], engine: Store | None, now: datetime
) -> dict[str, Standing]:
    """Of each feed by its name; the worst come first. Without an `engine` there is no store yet."""
    facts = known.facts(engine) if engine is not None else {}
    held = known.running(engine, stamp(now)) if engine is not None else set()
    found = {name: Standing(None, facts.get(name), name in held, BROKEN) for name in broken}
    for name, plan in plans.items():
        is_running = plan.lease in held
        health = judging.health(name, plan.expected, facts.get(name), now, is_running)
        found[name] = Standing(plan, facts.get(name), is_running, health)
    return dict(sorted(found.items(), key=lambda each: (each[1].health.rank, each[0])))
