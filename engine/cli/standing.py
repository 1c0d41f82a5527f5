"""How feeds stand, for commands: those of a project that pass the filters which these commands have in common."""

from collections.abc import Callable
from typing import Any, TypeAlias

import click

from engine import due
from engine.cli import opening, projects
from engine.cli.settings import Settings, now
from engine.health import STATES
from engine.language.project import Project
from engine.scheduler.plans import planned
from engine.scheduler.standing import Standing, standings
from engine.store.search import printed
from engine.world import stamp

Found: TypeAlias = tuple[Project, dict[str, Standing]]


def filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--dealer`, `--vendor`, `--tag`, `--state`: what is given must all hold."""
    for name, about in (("tag", "With this tag."), ("vendor", "Of this vendor."), ("dealer", "Of this dealer.")):
        function = click.option(f"--{name}", help=about)(function)
    return click.option("--state", type=click.Choice(STATES), multiple=True, help="In this state; may be repeated.")(
        function
    )


def stood(
    where: Settings, dealer: str | None = None, vendor: str | None = None, tag: str | None = None, state: Any = ()
) -> Found:
    """The project, and its feeds that pass; the worst first."""
    found = projects.project(where)
    made = {
        name: each
        for name, each in found.made.items()
        if dealer in (None, each.dealer.name) and vendor in (None, each.source.name.partition("/")[0])
    }
    plans = {name: planned(name, each) for name, each in made.items() if name in found.feeds}
    plans = {name: plan for name, plan in plans.items() if tag is None or tag in plan.tags}
    broken = [name for name in made if name not in found.feeds] if tag is None else []
    store = opening.store(where) if opening.has_store(where) else None
    all_of_them = standings(plans, broken, store, now())
    return found, {name: each for name, each in all_of_them.items() if not state or each.health.state in state}


def next_run(standing: Standing) -> str | None:
    """When its schedule comes next, for programs; None where no time will come."""
    plan, begin = standing.plan, now()
    if plan is None or plan.table is None:
        return None
    pause = standing.facts.paused(begin) if standing.facts is not None else None
    if pause is not None:
        if pause.until is None:
            return None
        begin = pause.until
    at = next(due.times(plan.table, begin), None)
    return None if at is None else printed(stamp(at))
